use std::fs;
use std::path::Path;

use crate::server::Served;
use crate::{failure, success, trefoil};

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

fn new_key(directory: &Path, name: &str) -> String {
    let made = success(&trefoil(directory, &["master-key", "create", name]));
    let (id, file) = made.trim().split_once(' ').unwrap();
    assert_eq!(file, name);
    id.to_owned()
}

#[test]
fn an_encrypted_volume_is_opened_with_its_key_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let (old, new) = (new_key(path, "old.key"), new_key(path, "new.key"));
    assert_ne!(old, new);
    let again = failure(&trefoil(path, &["master-key", "create", "old.key"]));
    assert!(again.contains("old.key"), "{again}");
    let secret: Vec<u8> = b"a secret of this volume"
        .iter()
        .copied()
        .cycle()
        .take(1 << 20)
        .collect();
    fs::write(path.join("image"), &secret).unwrap();

    let served = Served::start(path, &["--key-file", "old.key"]);
    let made = ["volume", "create", "v", "1M", "--encrypt", "--json"];
    let made = json(&success(&served.run(&made)));
    assert_eq!(made["encryption"], "aes-256-gcm");
    assert_eq!(made.get("locked_by"), None);
    success(&served.run(&["volume", "import", "v", "image"]));
    success(&served.run(&["volume", "create", "w", "1M"]));
    success(&served.run(&["volume", "import", "w", "image"]));
    success(&served.run(&["snapshot", "create", "s", "volume/v"]));
    served.stop("KILL");

    // Without a key the rest goes on.
    let served = Served::start(path, &[]);
    let text = failure(&served.run(&["volume", "export", "v", "out"]));
    assert!(text.contains(&old) && text.contains("key file"), "{text}");
    let listed = success(&served.run(&["volume", "list"]));
    assert!(
        listed.contains(&format!("aes-256-gcm, locked by {old}")),
        "{listed}"
    );
    success(&served.run(&["volume", "export", "w", "out"]));
    assert!(fs::read(path.join("out")).unwrap() == secret);
    success(&served.run(&["scrub", "--wait"]));
    let text = failure(&served.run(&["volume", "create", "x", "1M", "--encrypt"]));
    assert!(text.contains("master key"), "{text}");
    served.stop("TERM");
    success(&trefoil(path, &["check"]));

    // The new key takes the place of the old one.
    let served = Served::start(path, &["--key-file", "old.key"]);
    let rotated = ["master-key", "rotate", "new.key", "--json"];
    let rotated = json(&success(&served.run(&rotated)));
    assert_eq!(rotated["master_key"], new.as_str());
    assert_eq!(
        (&rotated["wrapped"], &rotated["locked"]),
        (&1.into(), &0.into())
    );
    success(&served.run(&["volume", "export", "v", "rotated"]));
    served.stop("KILL");
    let served = Served::start(path, &["--key-file", "new.key"]);
    success(&served.run(&["volume", "export", "v@s", "kept"]));
    for file in ["rotated", "kept"] {
        assert!(fs::read(path.join(file)).unwrap() == secret, "{file}");
    }
    served.stop("TERM");

    let copy = |to: &str, keys: &[&str]| {
        let words = [&["check", "--repair-to", to][..], keys].concat();
        trefoil(path, &words)
    };
    let text = failure(&copy("left", &["--key-file", "old.key"]));
    assert!(text.contains("1 ranges are missing"), "{text}");
    assert!(!path.join("left/volumes/v").exists());
    assert!(fs::read(path.join("left/volumes/w")).unwrap() == secret);
    success(&copy(
        "whole",
        &["--key-file", "old.key", "--key-file", "new.key"],
    ));
    assert!(fs::read(path.join("whole/volumes/v")).unwrap() == secret);
}

#[test]
fn a_file_that_is_no_key_is_told_of_at_once() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("bad.key"), "1234").unwrap();
    for file in ["bad.key", "missing.key"] {
        let text = failure(&trefoil(directory.path(), &["serve", "--key-file", file]));
        assert!(text.contains(file), "{text}");
    }
    let wrong = ["volume", "create", "v", "--from", "w", "--encrypt"];
    assert_eq!(trefoil(directory.path(), &wrong).status.code(), Some(2));
}
