use std::sync::atomic::{AtomicU64, Ordering};

use engine_bucket::{RenameHow, RenamePreconditions};

use super::*;

/// Many add at once, as long as there is room: all of the room is used and no byte more.
#[test]
fn rule_19_many_hands_use_all_of_the_room_and_no_more() {
    let world = World::new();
    world.buckets.pool().start_background().unwrap();
    let bucket = &world.bucket;
    let (size, most) = (3000, 200);
    limit(bucket, "", size * most, 0);
    let (made, refusals) = (AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for thread in 0..4_u64 {
            let (made, refusals) = (&made, &refusals);
            scope.spawn(move || {
                for index in 0..100 {
                    let key = format!("{}/{thread}-{index}", index % 7);
                    let data = pattern(usize::try_from(size).unwrap(), 1);
                    match try_put(bucket, &key, &data) {
                        Ok(_) => made.fetch_add(1, Ordering::Relaxed),
                        Err(BucketError::Quota { .. }) => refusals.fetch_add(1, Ordering::Relaxed),
                        Err(error) => panic!("{error:?}"),
                    };
                    let (used, _) = used(bucket, "");
                    assert!(used <= size * most);
                }
            });
        }
    });
    assert_eq!((made.into_inner(), refusals.into_inner()), (most, 200));
    assert_eq!(used(bucket, "").0, size * most);
    recount(&world);
    world.buckets.pool().close().unwrap();
}

fn work(bucket: &Bucket, thread: usize, rounds: usize) {
    let root = bucket.root();
    for round in 0..rounds {
        let key = format!("d/e{}/k{}", round % 3, (round + thread) % 5);
        let data = pattern(1 + (round * 977) % 9000, round);
        let _ = try_put(bucket, &key, &data);
        let Ok((d, _)) = block_on(bucket.lookup(&root, b"d")) else {
            continue;
        };
        let name = format!("n{}", round % 4).into_bytes();
        let made = block_on(bucket.create(&d, &name, &new(NewKind::File), Ack::Written));
        if let Ok((node, _)) = made.or_else(|_| block_on(bucket.lookup(&d, &name))) {
            let at = WriteAt::Byte((round * 331 % 20_000) as u64);
            let _ = block_on(bucket.write(&node, at, &data, Ack::Written));
            let _ = block_on(bucket.truncate(&node, (round * 57 % 9000) as u64, Ack::Written));
            let _ = block_on(bucket.link(&node, (&d, b"l"), Ack::Written));
        }
        let ends = ((&d, &name[..]), (&d, &b"m"[..]));
        let _ = block_on(bucket.rename(ends.0, ends.1, RenameHow::Replace, Ack::Written));
        let _ = block_on(bucket.rename(ends.0, (&root, b"out"), RenameHow::Replace, Ack::Written));
        let other = format!("d/e{}/k{}", round % 3, round % 5);
        let moved = (other.as_bytes(), &b"d/e9/moved"[..]);
        let _ = block_on(bucket.rename_object(
            moved.0,
            moved.1,
            OWNER,
            RenamePreconditions::default(),
            Ack::Written,
        ));
        if round % 3 == 0 {
            let _ = block_on(bucket.remove(key.as_bytes(), None, Ack::Written));
            let _ = block_on(bucket.unlink(&d, b"m", Ack::Written));
        }
    }
}

/// Quotas begin and end while others change what is below them: what counts is exact throughout.
#[test]
fn rule_19_quotas_begin_and_end_under_many_hands() {
    let world = World::new();
    world.buckets.pool().start_background().unwrap();
    let bucket = &world.bucket;
    for index in 0..300 {
        put(
            bucket,
            format!("d/f{}/{index}", index % 20).as_bytes(),
            &[1; 50],
        );
    }
    std::thread::scope(|scope| {
        for thread in 0..3 {
            scope.spawn(move || work(bucket, thread, 120));
        }
        scope.spawn(move || {
            for round in 0..6_u64 {
                limit(bucket, "", 1_000_000 * (round % 2), 0);
                limit(bucket, "d", 90_000 * (1 + round), 400);
                let _ = block_on(bucket.set_quota(
                    b"d/f3",
                    QuotaLimits {
                        bytes: Some(100_000 * ((round + 1) % 2)),
                        inodes: None,
                    },
                ));
                if round % 3 == 2 {
                    limit(bucket, "d", 0, 0);
                }
            }
        });
    });
    recount(&world);
    limit(bucket, "d", 1 << 30, 0);
    limit(bucket, "d/f3", 0, 0);
    limit(bucket, "", 1 << 30, 0);
    recount(&world);
    world.buckets.pool().close().unwrap();
    let world = world.kill();
    let before = (used(&world.bucket, ""), used(&world.bucket, "d"));
    // Begun anew, everything is counted anew.
    limit(&world.bucket, "", 0, 0);
    limit(&world.bucket, "d", 0, 0);
    limit(&world.bucket, "", 1 << 30, 0);
    limit(&world.bucket, "d", 1 << 30, 0);
    assert_eq!((used(&world.bucket, ""), used(&world.bucket, "d")), before);
}
