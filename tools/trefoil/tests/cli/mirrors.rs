use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::server::Served;
use crate::{failure, stderr, success, trefoil};

const BOTH: [&str; 2] = ["--data", "a,b"];

fn start(directory: &Path, words: &[&str]) -> Served {
    Served::start(directory, words)
}

fn rows(text: &str) -> Vec<Value> {
    serde_json::from_str(text).unwrap()
}

fn devices(served: &Served) -> Vec<Value> {
    rows(&success(
        &served.run(&["device", "list", "--data", "a,b", "--json"]),
    ))
}

/// Waits until the devices are as they should be.
fn wait_for(served: &Served, what: &str, is: impl Fn(&[Value]) -> bool) {
    // Each look starts a process, so this takes minutes before it is given up.
    for _ in 0..20_000 {
        if is(&devices(served)) {
            return;
        }
    }
    panic!("{what}: {:#?}", devices(served));
}

fn healthy(rows: &[Value]) -> bool {
    rows.iter().all(|row| row["health"] == "healthy")
}

fn healthz(served: &Served) -> String {
    let output = Command::new("curl")
        .args(["-s", &format!("http://{}/healthz", served.console())])
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn import(served: &Served, name: &str, byte: u8) {
    fs::write(served.directory.join("in.img"), vec![byte; 3 << 20]).unwrap();
    success(&served.run(&["volume", "import", name, "in.img", "--data", "a,b"]));
}

fn is_stored(served: &Served, name: &str, byte: u8) {
    let words = [
        "volume", "export", name, "out.img", "--force", "--data", "a,b",
    ];
    success(&served.run(&words));
    let bytes = fs::read(served.directory.join("out.img")).unwrap();
    assert!(bytes == vec![byte; 3 << 20], "{name}");
}

#[test]
fn a_pool_goes_on_without_a_device_and_takes_another_one_in() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    let served = start(at, &BOTH);
    import(&served, "v", 1);
    assert_eq!(healthz(&served), "ok\n");
    assert!(healthy(&devices(&served)));

    // A device vanishes: noticed within a second or with the next write.
    fs::rename(at.join("b"), at.join("gone")).unwrap();
    import(&served, "w", 2);
    wait_for(&served, "b is gone", |rows| {
        rows[0]["health"] == "healthy" && rows[1]["health"] == "missing"
    });
    assert!(healthz(&served).starts_with("degraded: 1 of 2 devices"));
    let status = success(&served.run(&["status", "--data", "a,b"]));
    assert!(status.contains("missing"), "{status}");

    // It comes back, and catches up.
    fs::rename(at.join("gone"), at.join("b")).unwrap();
    wait_for(&served, "b is back", healthy);
    assert_eq!(healthz(&served), "ok\n");

    // Another one takes its place.
    let words = ["device", "replace", "b", "c", "--data", "a,b"];
    success(&served.run(&words));
    wait_for(&served, "c has everything", healthy);
    import(&served, "x", 3);
    let refused = failure(&served.run(&["device", "replace", "nobody", "d", "--data", "a,b"]));
    assert!(refused.contains("there is no device nobody"), "{refused}");
    assert!(served.stop("TERM").0.success());

    // The one that was replaced is no member any more; each of the others holds everything.
    let old = trefoil(at, &["serve", "--data", "a,b", "--nbd", "unix:n.sock"]);
    assert!(failure(&old).contains("was replaced"), "{}", stderr(&old));
    for device in ["a", "c"] {
        let alone = trefoil(at, &["serve", "--data", device, "--nbd", "unix:n.sock"]);
        assert!(failure(&alone).contains("--degraded"), "{}", stderr(&alone));
        success(&trefoil(at, &["check", "--data", device]));
    }
    success(&trefoil(at, &["check", "--data", "a,c"]));
}

/// The files of a device's segments, in order.
fn segments(directory: &Path, device: &str) -> Vec<PathBuf> {
    let names = fs::read_dir(directory.join(device).join("segments")).unwrap();
    let mut names: Vec<_> = names.map(|entry| entry.unwrap().path()).collect();
    names.sort();
    names
}

/// A pool with some volumes, after its server was killed.
fn killed(directory: &Path) {
    let served = start(directory, &BOTH);
    for byte in 1..5 {
        import(&served, &format!("v{byte}"), byte);
    }
    served.signal("KILL");
}

#[test]
fn what_rots_on_one_device_is_answered_by_the_other() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    killed(at);
    for path in segments(at, "b") {
        let file = fs::File::options().write(true).open(path).unwrap();
        for offset in (8192..4 << 20).step_by(65_536) {
            file.write_all_at(&[0xab; 700], offset).unwrap();
        }
    }
    let served = start(at, &BOTH);
    for byte in 1..5 {
        is_stored(&served, &format!("v{byte}"), byte);
        import(&served, &format!("w{byte}"), byte);
    }
    let repaired = devices(&served)[1]["repaired"].as_u64();
    assert!(repaired > Some(0), "{repaired:?}");
    assert!(healthy(&devices(&served)));
    assert!(served.stop("TERM").0.success());
}

#[test]
fn a_file_that_was_deleted_on_one_device_is_made_again() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    killed(at);
    let deleted = segments(at, "b");
    for path in &deleted {
        fs::remove_file(path).unwrap();
    }
    let served = start(at, &BOTH);
    for byte in 1..5 {
        is_stored(&served, &format!("v{byte}"), byte);
        import(&served, &format!("w{byte}"), byte);
    }
    wait_for(&served, "the files are back", healthy);
    assert!(served.stop("TERM").0.success());
    assert!(deleted.iter().any(|path| path.exists()));
}

#[test]
fn two_that_were_used_alone_never_come_together() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    assert!(start(at, &BOTH).stop("TERM").0.success());
    for (device, other) in [("a", "b"), ("b", "a")] {
        // Where the other one is found it comes back, whatever was given.
        fs::rename(at.join(other), at.join("away")).unwrap();
        let served = start(at, &["--data", device, "--degraded"]);
        assert!(served.stop("TERM").0.success());
        fs::rename(at.join("away"), at.join(other)).unwrap();
    }
    let both = trefoil(at, &["serve", "--data", "a,b", "--degraded"]);
    assert!(
        failure(&both).contains("two histories"),
        "{}",
        stderr(&both)
    );
    // One of them opens by itself, as it knows that it has gone on alone.
    assert!(start(at, &["--data", "b"]).stop("TERM").0.success());
}

#[test]
fn a_directory_and_a_file_are_mirrors_of_each_other() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    fs::File::create(at.join("b")).unwrap();
    let served = start(at, &BOTH);
    import(&served, "v", 7);
    assert!(served.stop("TERM").0.success());
    success(&trefoil(at, &["check", "--data", "b"]));
    success(&trefoil(at, &["inspect", "superblock", "--data", "a,b"]));
    let served = start(at, &["--data", "b", "--degraded"]);
    let words = ["volume", "export", "v", "out.img", "--data", "b"];
    success(&served.run(&words));
    assert!(fs::read(at.join("out.img")).unwrap() == vec![7; 3 << 20]);
}

#[test]
fn the_one_device_of_a_pool_is_listed_with_its_size() {
    let directory = tempfile::tempdir().unwrap();
    let served = start(directory.path(), &[]);
    let listed = rows(&success(&served.run(&["device", "list", "--json"])));
    let status: Value = serde_json::from_str(&success(&served.run(&["status", "--json"]))).unwrap();
    assert_eq!(listed.len(), 1);
    let label = engine_base::limits::LABEL_BYTES;
    let capacity = status["capacity"].as_u64().unwrap();
    assert_eq!(listed[0]["size"].as_u64(), Some(capacity + label));
}
