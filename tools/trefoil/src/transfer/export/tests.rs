use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

use engine_base::{ByteCount, ErrorKind, VolumeOffset};

use super::{Target, export};
use crate::backend::Backend as _;
use crate::transfer::memory::{Counting, MemoryPool};

/// A volume of 64 MiB and a bit with data at its start, within, and at its end.
fn pool() -> MemoryPool {
    let pool = MemoryPool::default();
    let size = (64 << 20) + 512;
    pool.volume_create("a", ByteCount::new(size)).unwrap();
    let io = pool.volume_open("a").unwrap();
    for (at, length, byte) in [(0, 4096, 1), (5 << 20, 3 << 20, 2), (64 << 20, 512, 3)] {
        io.write(VolumeOffset::new(at), &vec![byte; length])
            .unwrap();
    }
    io.write(VolumeOffset::new(32 << 20), &vec![0; 1 << 20])
        .unwrap();
    io.flush().unwrap();
    pool
}

#[test]
fn a_file_is_equal_to_the_volume_private_and_sparse() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("disk.img");
    let pool = pool();
    let target = Target {
        file: &file,
        force: false,
    };
    let mut counting = Counting::default();
    let report = export(&pool, "a", target, &mut counting).unwrap();
    assert!(fs::read(&file).unwrap() == pool.bytes("a"));
    let metadata = fs::metadata(&file).unwrap();
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    assert!(
        metadata.blocks() * 512 < 8 << 20,
        "{} blocks",
        metadata.blocks()
    );
    assert_eq!(report.bytes, (64 << 20) + 512);
    assert_eq!(report.data_bytes, 4096 + (3 << 20) + 512);
    assert_eq!(counting.reports.last().unwrap().done, report.bytes);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn an_existing_file_is_replaced_only_by_force() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("disk.img");
    fs::write(&file, b"precious").unwrap();
    let pool = pool();
    let run = |force| {
        export(
            &pool,
            "a",
            Target { file: &file, force },
            &mut Counting::default(),
        )
    };
    let error = run(false).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Exists);
    assert!(error.message.contains("--force"), "{error}");
    assert_eq!(fs::read(&file).unwrap(), b"precious");
    run(true).unwrap();
    assert!(fs::read(&file).unwrap() == pool.bytes("a"));
}

#[test]
fn only_regular_files_are_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let link = directory.path().join("link");
    symlink("nowhere", &link).unwrap();
    for file in [directory.path(), &link, std::path::Path::new("/dev/null")] {
        let target = Target { file, force: true };
        let error = export(&pool(), "a", target, &mut Counting::default()).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Exists, "{error}");
    }
}

#[test]
fn an_export_that_ends_early_leaves_no_trace() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("disk.img");
    let target = Target {
        file: &file,
        force: false,
    };
    let mut ending = Counting {
        end_after: Some(2),
        ..Counting::default()
    };
    let error = export(&pool(), "a", target, &mut ending).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Closed);
    let error = export(&pool(), "absent", target, &mut Counting::default()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}
