//! What the kernel holds costs no request, and what it does not hold no notification.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::sync::atomic::Ordering;

use crate::world::{World, is_absent, pattern, put, remove};

fn requests_of(world: &World, what: impl FnOnce()) -> u64 {
    let before = world.requests();
    what();
    world.requests() - before
}

#[test]
fn a_warm_stat_or_read_costs_no_request() {
    let world = World::new();
    put(&world.bucket, "d/f", &pattern(100_000, 1));
    let path = world.path("d/f");
    let file = File::open(&path).unwrap();
    let mut data = vec![0; 100_000];
    file.read_exact_at(&mut data, 0).unwrap();
    fs::metadata(&path).unwrap();
    let cost = requests_of(&world, || {
        for _ in 0..100 {
            assert_eq!(fs::metadata(&path).unwrap().len(), 100_000);
            file.read_exact_at(&mut data, 0).unwrap();
        }
    });
    assert_eq!(cost, 0);
    assert!(data == pattern(100_000, 1));
}

#[test]
fn a_name_that_leads_nowhere_is_asked_for_once() {
    let world = World::new();
    let path = world.path("absent");
    assert!(is_absent(&path));
    let cost = requests_of(&world, || assert!((0..100).all(|_| is_absent(&path))));
    assert_eq!(cost, 0);
    put(&world.bucket, "absent", b"now");
    assert_eq!(fs::read(&path).unwrap(), b"now");
    remove(&world.bucket, "absent");
    assert!(is_absent(&path));
}

#[test]
fn pages_stay_from_one_opening_to_the_next() {
    let world = World::new();
    put(&world.bucket, "f", &pattern(50_000, 2));
    let path = world.path("f");
    fs::read(&path).unwrap();
    let metrics = world.mounts().metrics();
    let before = metrics.requests(frontends_fuse::Kind::Read);
    assert!(fs::read(&path).unwrap() == pattern(50_000, 2));
    assert_eq!(metrics.requests(frontends_fuse::Kind::Read), before);
}

#[test]
fn what_the_kernel_does_not_hold_is_not_notified() {
    let world = World::new();
    put(&world.bucket, "cold/f0", b"x");
    let metrics = world.mounts().metrics();
    let before = metrics.notifications.load(Ordering::Relaxed);
    for index in 0..50 {
        put(&world.bucket, &format!("cold/f{index}"), b"y");
    }
    assert_eq!(metrics.notifications.load(Ordering::Relaxed), before);
}

#[test]
fn a_working_directory_outlives_changes_of_its_key() {
    let world = World::new();
    put(&world.bucket, "d/f", b"1");
    let directory = File::open(world.path("d")).unwrap();
    fs::metadata(world.path("d/f")).unwrap();
    put(&world.bucket, "d/", b"");
    put(&world.bucket, "d/f", b"22");
    let by_handle = rustix::fs::openat(
        &directory,
        "f",
        rustix::fs::OFlags::RDONLY,
        rustix::fs::Mode::empty(),
    );
    assert_eq!(File::from(by_handle.unwrap()).metadata().unwrap().len(), 2);
    let target = fs::read_link(format!("/proc/self/fd/{}", raw(&directory))).unwrap();
    assert!(!target.to_string_lossy().contains("deleted"), "{target:?}");
}

fn raw(file: &File) -> i32 {
    std::os::fd::AsRawFd::as_raw_fd(file)
}

#[test]
fn many_absent_names_are_still_coherent() {
    let world = World::new();
    for index in 0..6000 {
        assert!(is_absent(&world.path(&format!("n{index}"))));
    }
    for index in [0, 3000, 5999, 7000] {
        let key = format!("n{index}");
        put(&world.bucket, &key, b"here");
        assert_eq!(fs::read(world.path(&key)).unwrap(), b"here");
    }
}
