//! Quotas as system calls see them.

use std::fs;
use std::io::Write as _;

use engine_bucket::QuotaLimits;
use engine_pool::block_on;
use rustix::io::Errno;

use crate::world::{World, put};

fn limit(world: &World, path: &str, bytes: u64, inodes: u64) {
    let limits = QuotaLimits {
        bytes: Some(bytes),
        inodes: Some(inodes),
    };
    block_on(world.bucket.set_quota(path.as_bytes(), limits)).unwrap();
}

fn number<T: std::fmt::Debug>(result: std::io::Result<T>) -> i32 {
    result.unwrap_err().raw_os_error().unwrap()
}

#[test]
fn rule_19_what_passes_a_quota_is_edquot_and_statfs_shows_it() {
    let world = World::new();
    limit(&world, "", 1 << 20, 4);
    let mut file = fs::File::create(world.path("f")).unwrap();
    file.write_all(&vec![1; 1 << 20]).unwrap();
    let more = file.write_all(b"x");
    assert_eq!(number(more), Errno::DQUOT.raw_os_error());
    fs::create_dir(world.path("d")).unwrap();
    fs::create_dir(world.path("d/e")).unwrap();
    let more = fs::create_dir(world.path("d/e/f"));
    assert_eq!(number(more), Errno::DQUOT.raw_os_error());
    let space = rustix::fs::statvfs(&world.root).unwrap();
    assert_eq!((space.f_blocks, space.f_bfree, space.f_bavail), (256, 0, 0));
    assert_eq!((space.f_files, space.f_ffree), (4, 0));
    fs::remove_file(world.path("f")).unwrap();
    drop(file);
    // The kernel says a little later that nobody has it open any more.
    while let Err(error) = fs::write(world.path("g"), b"x") {
        assert_eq!(number(Err::<(), _>(error)), Errno::DQUOT.raw_os_error());
        std::thread::yield_now();
    }
}

#[test]
fn rule_19_names_do_not_cross_and_files_are_copied() {
    let world = World::new();
    put(&world.bucket, "d/a", b"data");
    put(&world.bucket, "b", b"data");
    limit(&world, "d", 1 << 20, 0);
    let crossed = fs::rename(world.path("b"), world.path("d/b"));
    assert_eq!(number(crossed), Errno::XDEV.raw_os_error());
    let crossed = fs::hard_link(world.path("d/a"), world.path("a"));
    assert_eq!(number(crossed), Errno::XDEV.raw_os_error());
    fs::copy(world.path("b"), world.path("d/b")).unwrap();
    fs::rename(world.path("d/b"), world.path("d/c")).unwrap();
    let space = rustix::fs::statvfs(world.path("d")).unwrap();
    assert_eq!(space.f_blocks, 256);
    let space = rustix::fs::statvfs(&world.root).unwrap();
    assert!(space.f_blocks > 256);
}
