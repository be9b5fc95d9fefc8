//! Rule 15: copies refer to what is stored already, and it is given back with the last of them.

use engine_bucket::{
    Ack, Allocate, Bucket, Completion, NewKind, Node, ObjectHead, ObjectMetadata, WriteAt,
};
use engine_pool::block_on;

use crate::{OWNER, World, create, get, pattern, put};

fn copy(bucket: &Bucket, from: &[u8], to: &[u8]) {
    let plain = |_: &ObjectHead| Ok(Vec::new());
    block_on(bucket.copy_object(from, to, OWNER, &plain, None)).unwrap();
}

fn live(world: &World) -> u64 {
    world.buckets.pool().status().live_data.get()
}

fn file(bucket: &Bucket, name: &[u8], data: &[u8]) -> Node {
    let file = create(bucket, &bucket.root(), name, NewKind::File);
    block_on(bucket.write(&file, WriteAt::Byte(0), data, Ack::Written)).unwrap();
    file
}

#[test]
fn a_copy_of_a_large_object_writes_almost_nothing() {
    let world = World::new();
    let bucket = &world.bucket;
    let data = pattern(40 << 20, 1);
    put(bucket, b"a", &data);
    copy(bucket, b"a", b"b");
    let pool = world.buckets.pool();
    let bytes = || {
        let written = pool.metrics().journal;
        written.head_bytes + written.data_bytes
    };
    let before = bytes();
    copy(bucket, b"a", b"c");
    let written = bytes() - before;
    assert!(written < 64 << 10, "{written} bytes");
    assert_eq!(live(&world), 40 << 20);
    assert_eq!(world.allocated(), 3 * (40 << 20));
    let world = world.kill();
    let bucket = &world.bucket;
    for key in [b"a", b"b", b"c"] {
        assert!(get(bucket, key).unwrap() == data);
        assert_eq!(live(&world), 40 << 20);
        block_on(bucket.remove(key, None, Ack::Durable)).unwrap();
    }
    assert_eq!((live(&world), world.allocated()), (0, 0));
    let world = world.kill();
    block_on(world.buckets.delete("b")).unwrap();
}

/// A copy takes what the file had when it began, not what it makes of it.
#[test]
fn a_file_that_is_copied_behind_its_own_end_is_copied_once() {
    const MIB: usize = 1 << 20;
    let world = World::new();
    let bucket = &world.bucket;
    // Small contents, extents, and more than one step takes.
    for (name, (bytes, from, to)) in [
        (&b"small"[..], (1, 0, 4_096)),
        (b"cut", (2_000, 500, 1_600)),
        (b"extents", (9_000, 1, 20_000)),
        (b"steps", (6 * MIB, MIB, 9 * MIB)),
    ] {
        let mut content = pattern(bytes, 3);
        let node = file(bucket, name, &content);
        let ends = ((&node, from as u64), (&node, to as u64));
        let asked = to - from;
        let copied = bucket.copy_range(ends.0, ends.1, asked as u64, Ack::Written);
        let part = content[from..bytes.min(from + asked)].to_vec();
        assert_eq!(block_on(copied).unwrap(), part.len() as u64);
        content.resize(bytes.max(to + part.len()), 0);
        content[to..to + part.len()].copy_from_slice(&part);
        assert!(get(bucket, name).unwrap() == content, "{name:?}");
    }
}

/// A block of which a part is replaced stays with one extent, or all who have a part share it.
#[test]
fn a_copy_into_the_middle_of_a_block_leaves_it_whole() {
    for (from, to, bytes) in [
        (0, 100, 100),
        (5_000, 8_200, 4_000),
        (5_000, 8_200, 4_096),
        (1, 12_287, 4_095),
    ] {
        let world = World::new();
        let bucket = &world.bucket;
        let (source, mut content) = (pattern(20_000, 1), pattern(20_000, 2));
        let a = file(bucket, b"a", &source);
        let b = file(bucket, b"b", &content);
        let ends = ((&a, from as u64), (&b, to as u64));
        let copied = bucket.copy_range(ends.0, ends.1, bytes as u64, Ack::Written);
        assert_eq!(block_on(copied).unwrap(), bytes as u64);
        content[to..to + bytes].copy_from_slice(&source[from..from + bytes]);
        // What is left on both sides is shared by one copy more each.
        let world = world.kill();
        let bucket = &world.bucket;
        let (b, _) = block_on(bucket.lookup(&bucket.root(), b"b")).unwrap();
        let c = file(bucket, b"c", b"");
        for at in [0, (to + bytes) as u64] {
            let copied = bucket.copy_range((&b, at), (&c, at), 20_000 - at, Ack::Written);
            block_on(copied).unwrap();
        }
        let world = world.kill();
        for key in [b"b", b"c"] {
            assert!(get(&world.bucket, key).unwrap() == content, "{key:?}");
        }
        for key in [b"a", b"b", b"c"] {
            block_on(world.bucket.remove(key, None, Ack::Written)).unwrap();
        }
        assert_eq!((live(&world), world.allocated()), (0, 0));
        world.kill();
    }
}

/// Parts of shared extents are overwritten, cut and punched on both sides, in any order.
#[test]
fn both_sides_of_a_copy_change_apart() {
    for order in 0..6 {
        let world = World::new();
        let bucket = &world.bucket;
        let mut contents = [pattern(2_500_000, order), vec![0; 10]];
        let a = file(bucket, b"a", &contents[0]);
        let b = file(bucket, b"b", &contents[1]);
        let ends = ((&a, 777), (&b, 5_001));
        let copied = bucket.copy_range(ends.0, ends.1, 2_000_000, Ack::Written);
        assert_eq!(block_on(copied).unwrap(), 2_000_000);
        contents[1].resize(2_005_001, 0);
        let part = contents[0][777..2_000_777].to_vec();
        contents[1][5_001..].copy_from_slice(&part);
        let files = [&a, &b];
        for step in 0..12 {
            let side = (order + step) % 2;
            let (node, content) = (files[side], &mut contents[side]);
            let at = (step * 311_113 + order * 7_919) % 1_900_000;
            match (order + step) % 3 {
                0 => {
                    let data = pattern(9_000 + step * 997, step);
                    let how = WriteAt::Byte(at as u64);
                    block_on(bucket.write(node, how, &data, Ack::Written)).unwrap();
                    content[at..at + data.len()].copy_from_slice(&data);
                }
                1 => {
                    let range = at as u64..at as u64 + 50_001;
                    let punch = bucket.allocate(node, range, Allocate::Punch, Ack::Written);
                    block_on(punch).unwrap();
                    content[at..at + 50_001].fill(0);
                }
                _ => {
                    let (other, there) = (files[1 - side], (at + 400_000) % 1_900_000);
                    let ends = ((node, at as u64), (other, there as u64));
                    let copied = bucket.copy_range(ends.0, ends.1, 70_003, Ack::Written);
                    block_on(copied).unwrap();
                    let data = contents[side][at..at + 70_003].to_vec();
                    contents[1 - side][there..there + data.len()].copy_from_slice(&data);
                }
            }
        }
        let world = world.kill();
        let bucket = &world.bucket;
        for (key, content) in [b"a", b"b"].into_iter().zip(&contents) {
            assert!(get(bucket, key).unwrap() == *content, "{order}");
        }
        let keys = if order % 2 == 0 {
            [b"a", b"b"]
        } else {
            [b"b", b"a"]
        };
        let (node, _) = block_on(bucket.lookup(&bucket.root(), keys[0])).unwrap();
        block_on(bucket.truncate(&node, 1_000_003, Ack::Written)).unwrap();
        let world = world.kill();
        for key in keys {
            block_on(world.bucket.remove(key, None, Ack::Written)).unwrap();
        }
        assert_eq!((live(&world), world.allocated()), (0, 0), "{order}");
        world.kill();
    }
}

#[test]
fn copies_of_pieces_holes_and_small_files_are_whole() {
    let world = World::new();
    let bucket = &world.bucket;
    let object = ObjectMetadata::default();
    let id = block_on(bucket.create_upload(b"m", OWNER, &object, Ack::Written)).unwrap();
    let mut whole = Vec::new();
    let mut parts = Vec::new();
    for (number, bytes) in [(1, 5_000), (2, 1), (3, 1_300_001), (4, 77)] {
        let data = pattern(bytes, bytes);
        let mut upload = bucket.upload();
        block_on(upload.write(&data)).unwrap();
        block_on(upload.finish_part(id, number, b"t", b"", Ack::Written)).unwrap();
        whole.extend_from_slice(&data);
        parts.push((number, b"t".to_vec()));
    }
    let completion = Completion {
        parts: &parts,
        owner: OWNER,
        object: &object,
    };
    block_on(bucket.complete_upload(id, &completion, None, Ack::Written)).unwrap();
    copy(bucket, b"m", b"copy/of/m");
    copy(bucket, b"copy/of/m", b"again");
    copy(bucket, b"again", b"again");
    put(bucket, b"d/", &whole[..100_000]);
    copy(bucket, b"d/", b"e/");
    put(bucket, b"small", b"abc");
    let (small, _) = block_on(bucket.lookup(&bucket.root(), b"small")).unwrap();
    block_on(bucket.truncate(&small, 1 << 40, Ack::Written)).unwrap();
    copy(bucket, b"small", b"sparse");
    let (sparse, info) = block_on(bucket.lookup(&bucket.root(), b"sparse")).unwrap();
    assert_eq!(info.size, 1 << 40);
    assert_eq!(block_on(bucket.read(&sparse, 0, 5)).unwrap(), b"abc\0\0");
    let ends = ((&small, 0), (&sparse, 1 << 41));
    let copied = bucket.copy_range(ends.0, ends.1, 1 << 22, Ack::Written);
    assert_eq!(block_on(copied).unwrap(), 1 << 22);
    assert_eq!(
        block_on(bucket.read(&sparse, 1 << 41, 4)).unwrap(),
        b"abc\0"
    );
    let world = world.kill();
    for key in [&b"m"[..], b"copy/of/m", b"again"] {
        assert!(get(&world.bucket, key).unwrap() == whole);
    }
    assert!(get(&world.bucket, b"e/").unwrap() == whole[..100_000]);
    for key in [
        &b"m"[..],
        b"again",
        b"d/",
        b"copy/of/m",
        b"small",
        b"e/",
        b"sparse",
    ] {
        block_on(world.bucket.remove(key, None, Ack::Written)).unwrap();
    }
    assert_eq!((live(&world), world.allocated()), (0, 0));
}

/// Many copies in little memory, changed and removed by several threads.
#[test]
fn copies_come_and_go_under_many_hands() {
    let world = World::with(256 << 20, 512 << 10);
    world.buckets.pool().start_background().unwrap();
    let bucket = &world.bucket;
    let data = pattern(1_500_000, 3);
    put(bucket, b"source", &data);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let data = &data;
            scope.spawn(move || {
                for round in 0..40 {
                    let key = format!("k{thread}-{}", round % 5).into_bytes();
                    copy(bucket, b"source", &key);
                    let node = block_on(bucket.node_of(&key)).unwrap();
                    let at = WriteAt::Byte(round * 30_011);
                    block_on(bucket.write(&node, at, b"other", Ack::Written)).unwrap();
                    let read = get(bucket, &key).unwrap();
                    let from = usize::try_from(round * 30_011).unwrap();
                    assert!(read[..from] == data[..from] && read[from + 5..] == data[from + 5..]);
                    if round % 3 == 0 {
                        block_on(bucket.remove(&key, None, Ack::Written)).unwrap();
                    }
                }
            });
        }
    });
    world.buckets.pool().close().unwrap();
    let world = world.kill();
    for thread in 0..4 {
        for index in 0..5 {
            let key = format!("k{thread}-{index}").into_bytes();
            block_on(world.bucket.remove(&key, None, Ack::Written)).unwrap();
        }
    }
    assert!(get(&world.bucket, b"source").unwrap() == data);
    assert_eq!(live(&world), 1_500_000);
}
