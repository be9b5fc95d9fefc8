use std::fs::{self, File};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;

use crate::server::Served;
use crate::{failure, success};

/// A sparse file with something at its start, within, and in its last, odd block.
fn disk(path: &Path) -> Vec<u8> {
    let file = File::create(path).unwrap();
    file.set_len((40 << 20) + 100).unwrap();
    file.write_all_at(b"boot", 0).unwrap();
    let noise: Vec<u8> = (0..750_000_u32)
        .flat_map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect();
    file.write_all_at(&noise, 10 << 20).unwrap();
    file.write_all_at(b"end", (40 << 20) + 97).unwrap();
    fs::read(path).unwrap()
}

#[test]
fn what_was_imported_is_exported_and_stays_sparse() {
    let directory = tempfile::tempdir().unwrap();
    let mut bytes = disk(&directory.path().join("disk.img"));
    let served = Served::start(directory.path(), &[]);
    let text = success(&served.run(&["volume", "import", "a", "disk.img"]));
    assert!(text.contains("a (created)"), "{text}");
    let text = success(&served.run(&["volume", "export", "a", "copy.img", "--json"]));
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["bytes"], (40 << 20) + 4096);
    bytes.resize((40 << 20) + 4096, 0);
    let copy = directory.path().join("copy.img");
    assert!(fs::read(&copy).unwrap() == bytes);
    assert!(fs::metadata(&copy).unwrap().blocks() * 512 < 8 << 20);
}

#[test]
fn an_existing_file_and_a_small_volume_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    disk(&directory.path().join("disk.img"));
    let served = Served::start(directory.path(), &[]);
    success(&served.run(&["volume", "create", "small", "1M"]));
    let line = failure(&served.run(&["volume", "import", "small", "disk.img"]));
    assert!(line.contains("volume resize"), "{line}");
    let line = failure(&served.run(&["volume", "export", "small", "disk.img"]));
    assert!(line.contains("--force"), "{line}");
    success(&served.run(&["volume", "export", "small", "disk.img", "--force"]));
    assert_eq!(
        fs::metadata(directory.path().join("disk.img"))
            .unwrap()
            .len(),
        1 << 20
    );
    let line = failure(&served.run(&["volume", "import", "b", "absent.img"]));
    assert!(line.contains("absent.img"), "{line}");
    let list = success(&served.run(&["volume", "list"]));
    assert_eq!(
        list.lines().count(),
        2,
        "a failed import leaves no volume: {list}"
    );
}
