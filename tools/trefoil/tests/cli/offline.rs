use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::server::Served;
use crate::{failure, success, trefoil};

const TEXT: &[u8] = b"the bytes that this test looks for on the device";

/// A pool whose server was ended by `signal`, with a volume that holds [`TEXT`] in every block.
fn pool_after(signal: &str, directory: &Path) {
    let mut block = vec![0; 4096];
    block[..TEXT.len()].copy_from_slice(TEXT);
    fs::write(directory.join("disk.img"), block.repeat(64)).unwrap();
    let served = Served::start(directory, &[]);
    success(&served.run(&["volume", "import", "a", "disk.img"]));
    served.stop(signal);
}

fn files(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            found.extend(files(&entry.path()));
        } else if kind.is_file() {
            found.insert(entry.path(), fs::read(entry.path()).unwrap());
        }
    }
    found
}

#[test]
fn a_pool_that_was_killed_is_clean_and_a_check_writes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    pool_after("KILL", directory.path());
    let pool = directory.path().join("trefoil-data");
    let before = files(&pool);
    let text = success(&trefoil(directory.path(), &["check"]));
    assert!(text.contains("clean"), "{text}");
    let json = success(&trefoil(directory.path(), &["check", "--json"]));
    let report: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(report["clean"], true);
    assert_eq!(report["extents"], 1);
    assert!(files(&pool) == before);
}

#[test]
fn damage_is_found_and_ends_with_status_1() {
    let directory = tempfile::tempdir().unwrap();
    pool_after("TERM", directory.path());
    let pool = directory.path().join("trefoil-data");
    let (path, mut bytes, at) = files(&pool)
        .into_iter()
        .find_map(|(path, bytes)| {
            let at = bytes
                .windows(TEXT.len())
                .position(|window| window == TEXT)?;
            Some((path, bytes, at))
        })
        .unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
    let output = trefoil(directory.path(), &["check"]);
    let line = failure(&output);
    assert!(line.contains("is damaged"), "{line}");
    assert!(
        crate::stdout(&output).contains("damage"),
        "{}",
        crate::stdout(&output)
    );
}

#[test]
fn a_pool_in_use_or_absent_cannot_be_checked() {
    let directory = tempfile::tempdir().unwrap();
    let line = failure(&trefoil(directory.path(), &["check"]));
    assert!(line.contains("cannot check ./trefoil-data"), "{line}");
    assert!(!directory.path().join("trefoil-data").exists());
    let served = Served::start(directory.path(), &[]);
    let line = failure(&served.run(&["check"]));
    assert!(line.contains("stop the server"), "{line}");
}

#[test]
fn structures_are_printed_by_name_and_place() {
    let directory = tempfile::tempdir().unwrap();
    pool_after("TERM", directory.path());
    let inspect = |words: &[&str]| trefoil(directory.path(), &[&["inspect"], words].concat());
    let header = success(&inspect(&["segment", "0"]));
    let mut lines = header
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    let id = lines.find_map(|words| match words[..] {
        [_offset, "segment", id] => Some(id),
        _ => None,
    });
    let id = id.unwrap_or_else(|| panic!("no id in {header}"));
    let commands: [&[&str]; 4] = [
        &["superblock"],
        &["segment", "0"],
        &["segment", "--id", id],
        &["record", "0", "0x1000"],
    ];
    for words in commands {
        assert!(!success(&inspect(words)).is_empty(), "{words:?}");
        let json = success(&inspect(&[words, &["--json"]].concat()));
        serde_json::from_str::<serde_json::Value>(&json).unwrap();
    }
    let line = failure(&inspect(&["page", "4000000000", "0"]));
    assert!(line.contains("slot 4000000000"), "{line}");
    let wrong: [&[&str]; 4] = [
        &["segment"],
        &["segment", "x"],
        &["segment", "0", "--id", "1"],
        &["page", "1"],
    ];
    for words in wrong {
        assert_eq!(inspect(words).status.code(), Some(2), "{words:?}");
    }
}
