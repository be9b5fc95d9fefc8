//! Changes that meet a lookup at each of its points: nobody is shown what is gone, once the change
//! is acknowledged.

use std::fs;
use std::thread;

use frontends_fuse::points::{Point, hold};

use crate::world::{World, is_absent, put, remove};

/// A lookup of `key` is held up at `point` while `change` is under way; afterwards the mount shows
/// `expected`.
fn meet(point: Point, key: &str, before: Option<&[u8]>, change: impl Fn(&World) + Sync) -> World {
    let world = World::new();
    if let Some(before) = before {
        put(&world.bucket, key, before);
    }
    let held = hold(point, key.as_bytes());
    thread::scope(|scope| {
        let looking = scope.spawn(|| {
            let _ = fs::metadata(world.path(key));
            let _ = fs::read(world.path(key));
        });
        held.wait();
        let changing = scope.spawn(|| change(&world));
        // The change may have to wait for the lookup, so it is let go at any moment from here on.
        drop(held);
        assert!(looking.join().is_ok() && changing.join().is_ok());
    });
    world
}

#[test]
fn a_put_that_meets_a_lookup_is_shown() {
    for (point, key) in [(Point::Looked, "looked"), (Point::Noted, "noted")] {
        for before in [None, Some(&b"old"[..])] {
            let world = meet(point, key, before, |world| {
                put(&world.bucket, key, b"brand new");
            });
            assert_eq!(fs::metadata(world.path(key)).unwrap().len(), 9);
            assert_eq!(fs::read(world.path(key)).unwrap(), b"brand new");
        }
    }
}

#[test]
fn a_removal_that_meets_a_lookup_is_shown() {
    for (point, key) in [(Point::Looked, "gone-looked"), (Point::Noted, "gone-noted")] {
        let world = meet(point, key, Some(b"old"), |world| remove(&world.bucket, key));
        assert!(is_absent(&world.path(key)));
    }
}

#[test]
fn a_change_between_look_and_note_is_shown() {
    let key = "between";
    let world = World::new();
    put(&world.bucket, key, b"old");
    let held = hold(Point::Looked, key.as_bytes());
    thread::scope(|scope| {
        let looking = scope.spawn(|| fs::metadata(world.path(key)).unwrap().len());
        held.wait();
        // Its commit is readable before it waits for the kernel, which waits for the lookup.
        let changing = scope.spawn(|| put(&world.bucket, key, b"brand new"));
        while crate::world::get(&world.bucket, key).unwrap() != b"brand new" {
            thread::yield_now();
        }
        drop(held);
        assert!(looking.join().is_ok() && changing.join().is_ok());
    });
    assert_eq!(fs::metadata(world.path(key)).unwrap().len(), 9);
}

#[test]
fn a_put_is_acknowledged_when_the_kernel_knows() {
    let key = "told";
    let world = World::new();
    put(&world.bucket, key, b"old");
    assert_eq!(fs::read(world.path(key)).unwrap(), b"old");
    let held = hold(Point::Telling, key.as_bytes());
    thread::scope(|scope| {
        let changing = scope.spawn(|| put(&world.bucket, key, b"brand new"));
        held.wait();
        assert!(
            !changing.is_finished(),
            "acknowledged before the kernel was told"
        );
        // What answers the kernel goes on meanwhile.
        fs::write(world.path("other"), b"x").unwrap();
        drop(held);
        assert!(changing.join().is_ok());
    });
    assert_eq!(fs::read(world.path(key)).unwrap(), b"brand new");
}
