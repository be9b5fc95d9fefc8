use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

use engine_base::{ByteCount, ErrorKind};

use super::import;
use crate::backend::Backend as _;
use crate::transfer::memory::{Counting, MemoryPool};

struct Fixture {
    directory: tempfile::TempDir,
    pool: MemoryPool,
}

impl Fixture {
    fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            pool: MemoryPool::default(),
        }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("disk.img")
    }

    /// A file of `size` bytes, holes but for `data` at each offset.
    fn sparse(&self, size: u64, data: &[(u64, &[u8])]) -> Vec<u8> {
        let file = File::create(self.path()).unwrap();
        file.set_len(size).unwrap();
        for &(at, bytes) in data {
            file.write_all_at(bytes, at).unwrap();
        }
        fs::read(self.path()).unwrap()
    }
}

#[test]
fn an_absent_volume_is_created_with_the_size_of_the_file_in_blocks() {
    let fixture = Fixture::new();
    let mut expected = fixture.sparse(5_000_001, &[(0, b"start"), (3_000_000, b"middle")]);
    let mut counting = Counting::default();
    let report = import(&fixture.pool, "a", &fixture.path(), &mut counting).unwrap();
    expected.resize(5_001_216, 0);
    assert!(report.created);
    assert_eq!(report.bytes, 5_000_001);
    assert_eq!(report.data_bytes, 8192, "two blocks hold data");
    assert_eq!(report.volume.size, 5_001_216);
    assert_eq!(report.volume.allocated, 8192);
    assert!(fixture.pool.bytes("a") == expected);
    let last = counting.reports.last().unwrap();
    assert_eq!((last.done, last.total), (5_000_001, 5_000_001));
    assert!(counting.reports.is_sorted_by_key(|report| report.done));
}

#[test]
fn what_an_existing_volume_held_is_overwritten_up_to_the_end_of_the_file() {
    let fixture = Fixture::new();
    let pool = &fixture.pool;
    pool.volume_create("a", ByteCount::new(4 << 20)).unwrap();
    let io = pool.volume_open("a").unwrap();
    io.write(engine_base::VolumeOffset::new(0), &vec![7; 4 << 20])
        .unwrap();
    let mut expected = fixture.sparse(3 << 20, &[(1 << 20, b"x"), ((3 << 20) - 1, b"y")]);
    let report = import(pool, "a", &fixture.path(), &mut Counting::default()).unwrap();
    expected.resize(4 << 20, 7);
    assert!(!report.created);
    assert!(pool.bytes("a") == expected);
    assert_eq!(
        report.volume.allocated,
        (1 << 20) + 8192,
        "zeroes take no space"
    );
}

#[test]
fn zeroes_that_are_no_holes_take_no_space_either() {
    let fixture = Fixture::new();
    fs::write(fixture.path(), vec![0; 3 << 20]).unwrap();
    let report = import(
        &fixture.pool,
        "a",
        &fixture.path(),
        &mut Counting::default(),
    )
    .unwrap();
    assert_eq!((report.data_bytes, report.volume.allocated), (0, 0));
}

#[test]
fn a_volume_that_is_too_small_is_left_alone() {
    let fixture = Fixture::new();
    fixture.sparse(8193, &[(0, b"x")]);
    fixture
        .pool
        .volume_create("a", ByteCount::new(8192))
        .unwrap();
    let error = import(
        &fixture.pool,
        "a",
        &fixture.path(),
        &mut Counting::default(),
    )
    .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Invalid);
    assert!(
        error.message.contains("8192") && error.message.contains("8193"),
        "{error}"
    );
    assert_eq!(fixture.pool.volume_show("a").unwrap().allocated, 0);
}

#[test]
fn a_failed_import_takes_back_the_volume_it_made_and_no_other() {
    let fixture = Fixture::new();
    fs::write(fixture.path(), vec![1; 4 << 20]).unwrap();
    *fixture.pool.writes_left.lock().unwrap() = Some(2);
    let mut counting = Counting::default();
    let error = import(&fixture.pool, "a", &fixture.path(), &mut counting).unwrap_err();
    assert_eq!(error.kind, ErrorKind::NoSpace);
    assert!(!fixture.pool.exists("a"));

    fixture
        .pool
        .volume_create("b", ByteCount::new(4 << 20))
        .unwrap();
    import(&fixture.pool, "b", &fixture.path(), &mut counting).unwrap_err();
    assert!(fixture.pool.exists("b"));
}

#[test]
fn a_monitor_can_end_it() {
    let fixture = Fixture::new();
    fs::write(fixture.path(), vec![1; 4 << 20]).unwrap();
    let mut ending = Counting {
        end_after: Some(1),
        ..Counting::default()
    };
    let error = import(&fixture.pool, "a", &fixture.path(), &mut ending).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Closed);
    assert!(!fixture.pool.exists("a"));
}

#[test]
fn what_has_no_size_is_refused() {
    let fixture = Fixture::new();
    let mut counting = Counting::default();
    let mut refused = |path: &std::path::Path| {
        import(&fixture.pool, "a", path, &mut counting)
            .unwrap_err()
            .kind
    };
    assert_eq!(refused(&fixture.path()), ErrorKind::NotFound);
    assert_eq!(refused(fixture.directory.path()), ErrorKind::Invalid);
    assert_eq!(
        refused(std::path::Path::new("/dev/zero")),
        ErrorKind::Invalid
    );
    fs::write(fixture.path(), b"").unwrap();
    assert_eq!(refused(&fixture.path()), ErrorKind::Invalid);
    assert!(!fixture.pool.exists("a"));
}
