use std::fs;
use std::path::Path;

use crate::server::Served;
use crate::{failure, success};

/// A file of `blocks` blocks full of one byte.
fn disk(directory: &Path, name: &str, byte: u8, blocks: usize) {
    fs::write(directory.join(name), vec![byte; blocks * 4096]).unwrap();
}

fn rows(text: &str) -> Vec<serde_json::Value> {
    serde_json::from_str(text).unwrap()
}

fn exported(served: &Served, name: &str) -> Vec<u8> {
    success(&served.run(&["volume", "export", name, "out.img", "--force"]));
    fs::read(served.directory.join("out.img")).unwrap()
}

#[test]
fn a_snapshot_is_taken_read_compared_copied_and_gone_back_to() {
    let directory = tempfile::tempdir().unwrap();
    let served = Served::start(directory.path(), &[]);
    disk(directory.path(), "one.img", 1, 64);
    disk(directory.path(), "two.img", 2, 16);
    success(&served.run(&["volume", "import", "a", "one.img"]));
    success(&served.run(&["volume", "create", "b", "1M"]));
    let taken = success(&served.run(&["snapshot", "create", "first", "volume/a", "volume/b"]));
    assert!(
        taken.contains("volume/a@first") && taken.contains("volume/b@first"),
        "{taken}"
    );
    success(&served.run(&["volume", "import", "a", "two.img"]));

    assert_eq!(exported(&served, "a@first"), vec![1; 64 * 4096]);
    let diff = success(&served.run(&["volume", "diff", "a@first", "a"]));
    assert_eq!(diff, format!("0 {}\n", 16 * 4096));
    let text = success(&served.run(&["snapshot", "list", "volume/a", "--json"]));
    let rows_of = rows(&text);
    assert_eq!(rows_of.len(), 1);
    assert_eq!(rows_of[0]["exclusive"], 16 * 4096);
    assert_eq!(rows_of[0]["shared"], 48 * 4096);

    success(&served.run(&["volume", "create", "c", "--from", "a@first"]));
    success(&served.run(&["volume", "create", "d", "2M", "--from", "a"]));
    assert_eq!(exported(&served, "c"), vec![1; 64 * 4096]);
    assert_eq!(exported(&served, "d").len(), 2 << 20);
    let line = failure(&served.run(&["volume", "delete", "a"]));
    assert!(line.contains("first"), "{line}");
    success(&served.run(&["snapshot", "revert", "volume/a@first"]));
    assert_eq!(exported(&served, "a"), vec![1; 64 * 4096]);
    success(&served.run(&["snapshot", "delete", "volume/a@first"]));
    success(&served.run(&["snapshot", "delete", "volume/b@first"]));
    assert_eq!(
        rows(&success(&served.run(&["snapshot", "list", "--json"]))).len(),
        0
    );
    success(&served.run(&["volume", "delete", "a"]));
    assert_eq!(exported(&served, "c"), vec![1; 64 * 4096]);
}

#[test]
fn a_snapshot_of_volumes_and_buckets_is_of_one_moment() {
    let directory = tempfile::tempdir().unwrap();
    let served = Served::start(directory.path(), &[]);
    success(&served.run(&["volume", "create", "a", "1M"]));
    success(&served.run(&["bucket", "create", "files"]));
    let taken = &["snapshot", "create", "x", "volume/a", "bucket/files"];
    let taken = success(&served.run(taken));
    assert!(
        taken.contains("volume/a@x") && taken.contains("bucket/files@x"),
        "{taken}"
    );
    let all = rows(&success(&served.run(&["snapshot", "list", "--json"])));
    let names: Vec<&str> = all.iter().filter_map(|row| row["name"].as_str()).collect();
    assert_eq!(names, ["volume/a@x", "bucket/files@x"]);
    let of_bucket = &["snapshot", "list", "bucket/files", "--json"];
    let of_bucket = rows(&success(&served.run(of_bucket)));
    assert_eq!(of_bucket.len(), 1);
    assert_eq!(of_bucket[0]["exclusive"], 0);

    success(&served.run(&["bucket", "create", "then", "--from", "files@x"]));
    success(&served.run(&["bucket", "create", "now", "--from", "files"]));
    let line = failure(&served.run(&["bucket", "delete", "files", "--force"]));
    assert!(line.contains("snapshots"), "{line}");
    success(&served.run(&["snapshot", "revert", "bucket/files@x"]));
    success(&served.run(&["snapshot", "delete", "bucket/files@x"]));
    success(&served.run(&["bucket", "delete", "files"]));
    let line = failure(&served.run(&["snapshot", "list", "bucket/files"]));
    assert!(line.contains("files"), "{line}");
}

#[test]
fn what_is_not_a_snapshot_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let served = Served::start(directory.path(), &[]);
    success(&served.run(&["volume", "create", "a", "1M"]));
    success(&served.run(&["bucket", "create", "files"]));
    for (words, says) in [
        (&["snapshot", "create", "x", "bucket/absent"][..], "absent"),
        (&["snapshot", "create", "x", "a"], "volume/NAME"),
        (&["snapshot", "delete", "bucket/files@x"], "snapshot"),
        (&["snapshot", "delete", "bucket/files"], "@LABEL"),
        (
            &["bucket", "create", "more", "--from", "files@x"],
            "snapshot",
        ),
        (&["bucket", "create", "files--at--x"], "--at--"),
        (&["snapshot", "create", "X", "volume/a"], "lower-case"),
        (&["snapshot", "create", "x", "volume/absent"], "absent"),
        (&["snapshot", "delete", "volume/a@x"], "a@x"),
        (&["snapshot", "delete", "volume/a"], "@LABEL"),
        (&["volume", "create", "b", "--from", "a@x"], "a@x"),
    ] {
        let line = failure(&served.run(words));
        assert!(line.contains(says), "{line}");
    }
}
