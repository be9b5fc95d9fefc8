//! Both doors at the same file at the same time.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use engine_pool::block_on;

use crate::world::{Random, World, get, put};

const SEED: u64 = 0xc0de;

#[test]
fn appends_of_both_doors_all_stay() {
    const EACH: u64 = 300;
    let world = World::new();
    put(&world.bucket, "log", b"");
    thread::scope(|scope| {
        for writer in 0..2_u8 {
            let path = world.path("log");
            scope.spawn(move || {
                let mut file = OpenOptions::new().append(true).open(path).unwrap();
                for _ in 0..EACH {
                    file.write_all(&[b'a' + writer; 10]).unwrap();
                }
            });
        }
        scope.spawn(|| {
            for _ in 0..EACH {
                let node = block_on(world.bucket.node_of(b"log")).unwrap();
                let at = engine_bucket::WriteAt::End;
                let ack = engine_bucket::Ack::Written;
                block_on(world.bucket.write(&node, at, b"cccccccccc", ack)).unwrap();
            }
        });
    });
    let all = fs::read(world.path("log")).unwrap();
    assert_eq!(Some(&all), get(&world.bucket, "log").as_ref());
    for letter in [b'a', b'b', b'c'] {
        let pieces = all.chunks(10).filter(|piece| **piece == [letter; 10]);
        assert_eq!(pieces.count() as u64, EACH);
    }
}

/// The content of version `version` of a key that is never absent.
fn version(version: u8) -> Vec<u8> {
    vec![version; 1000 + 613 * usize::from(version)]
}

#[test]
fn who_reads_a_key_while_it_is_replaced_reads_one_or_the_other() {
    println!("seed {SEED:#x}");
    let world = World::new();
    put(&world.bucket, "d/steady", &version(0));
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let (world, done) = (&world, &done);
        let reading = [(); 2].map(|()| {
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    let seen = fs::metadata(world.path("d/steady")).unwrap().len();
                    assert_eq!((seen - 1000) % 613, 0);
                    let read = fs::read(world.path("d/steady")).unwrap();
                    assert!(read == version(read[0]), "a mix of versions");
                }
            })
        });
        let writing = [0, 1, 2, 3].map(|writer| {
            scope.spawn(move || {
                let mut random = Random(SEED + writer);
                for _ in 0..150 {
                    let next = u8::try_from(random.below(100)).unwrap();
                    put(&world.bucket, "d/steady", &version(next));
                }
            })
        });
        let written = writing.map(thread::ScopedJoinHandle::join);
        done.store(true, Ordering::Relaxed);
        let read = reading.map(thread::ScopedJoinHandle::join);
        assert!(
            written.iter().chain(&read).all(Result::is_ok),
            "a thread failed"
        );
    });
}
