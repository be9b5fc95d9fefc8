use engine_bucket::{
    Ack, BucketError, COOKIE_MIN, NewKind, ObjectMetadata, RenameHow, RootOwner, SetAttributes,
};
use engine_device::Place;
use engine_format::{FEATURE_BUCKETS, SUPERBLOCK_BYTES, Superblock, superblock_offset};
use engine_pool::block_on;

use crate::{OWNER, World, create, get, new, put};

/// Rules 1, 4 and 5: directories come with keys and go with them, unless the mount changes them.
#[test]
fn directories_that_are_there_for_keys_go_with_the_last() {
    let world = World::new();
    let bucket = &world.bucket;
    let root = bucket.root();
    put(bucket, b"a/b/c", b"1");
    put(bucket, b"a/b/d", b"2");
    let (a, info) = block_on(bucket.lookup(&root, b"a")).unwrap();
    assert_eq!(
        (info.mode, info.uid, info.gid, info.explicit),
        (0o755, 7, 8, false)
    );
    assert!(block_on(bucket.head(b"a/")).unwrap().found.is_none());
    for key in [&b"a/b/c"[..], b"a/b/d"] {
        block_on(bucket.remove(key, None, Ack::Durable)).unwrap();
    }
    let gone = block_on(bucket.lookup(&root, b"a"));
    assert!(matches!(gone, Err(BucketError::NotFound { .. })));
    assert!(block_on(bucket.info(&a)).is_err());
    put(bucket, b"a/b/c", b"1");
    let (a, _) = block_on(bucket.lookup(&root, b"a")).unwrap();
    let set = SetAttributes {
        mode: Some(0o700),
        ..SetAttributes::default()
    };
    block_on(bucket.set_attributes(&a, &set, Ack::Written)).unwrap();
    block_on(bucket.remove(b"a/b/c", None, Ack::Durable)).unwrap();
    let head = block_on(bucket.head(b"a/")).unwrap().found.unwrap();
    assert_eq!((head.info.mode, head.info.size), (0o700, 0));
    put(bucket, b"a/", b"body");
    assert_eq!(get(bucket, b"a/").unwrap(), b"body");
    put(bucket, b"a/", &crate::pattern(100_000, 1));
    put(bucket, b"a/x", b"");
    block_on(bucket.remove(b"a/", None, Ack::Durable)).unwrap();
    assert!(block_on(bucket.head(b"a/")).unwrap().found.is_none());
    assert_eq!(block_on(bucket.info(&a)).unwrap().mode, 0o700);
    assert_eq!(world.allocated(), 0);
    block_on(bucket.remove(b"a/x", None, Ack::Durable)).unwrap();
    block_on(world.buckets.delete("b")).unwrap();
}

/// Rules 2 and 3: what a mount cannot name, and a name with a file and a directory.
#[test]
fn what_the_mount_cannot_name_is_there_for_keys() {
    let world = World::new();
    let bucket = &world.bucket;
    let root = bucket.root();
    let long = vec![b'x'; 300];
    let odd: [&[u8]; 5] = [b"d//x", b"/lead", b"d/../y", b".", &long];
    for key in odd {
        put(bucket, key, key);
        assert_eq!(get(bucket, key).unwrap(), key);
    }
    let mut stream = bucket.read_directory(&root).unwrap();
    let entries = block_on(stream.read(0, 100)).unwrap();
    let names: Vec<_> = entries.iter().map(|entry| entry.name.clone()).collect();
    assert_eq!(names, [b"d".to_vec()]);
    assert!(entries[0].cookie >= COOKIE_MIN);
    let refused = block_on(bucket.rmdir(&root, b"d", Ack::Written));
    assert!(matches!(refused, Err(BucketError::NotEmpty)));
    put(bucket, b"p", b"file");
    put(bucket, b"p/q", b"below");
    let (p, _) = block_on(bucket.lookup(&root, b"p")).unwrap();
    assert_eq!(p.kind(), engine_bucket::InodeKind::Directory);
    assert_eq!(get(bucket, b"p").unwrap(), b"file");
    block_on(bucket.rename(
        (&root, b"p"),
        (&root, b"z"),
        RenameHow::Replace,
        Ack::Written,
    ))
    .unwrap();
    let (p, info) = block_on(bucket.lookup(&root, b"p")).unwrap();
    assert_eq!((p.kind(), info.size), (engine_bucket::InodeKind::File, 4));
    assert_eq!(get(bucket, b"z/q").unwrap(), b"below");
    create(bucket, &root, b"l", NewKind::Symlink(b"p"));
    for key in [&b"l"[..], b"l/x"] {
        let upload = bucket.upload();
        let object = ObjectMetadata::default();
        let refused = block_on(upload.finish(key, OWNER, &object, None, Ack::Durable));
        assert!(matches!(refused, Err(BucketError::InTheWay)));
    }
    assert!(
        !block_on(bucket.remove(b"l", None, Ack::Durable))
            .unwrap()
            .existed
    );
}

/// Rule 9: preconditions are those of the committing batch.
#[test]
fn preconditions_hold_at_the_commit() {
    let world = World::new();
    let bucket = &world.bucket;
    let absent = |found: Option<&engine_bucket::Info>| found.is_none();
    let tagged = |found: Option<&engine_bucket::Info>| {
        found.is_some_and(|info| info.entity_tag.as_deref() == Some(b"tag"))
    };
    let try_put = |holds: engine_bucket::Precondition<'_>| {
        let object = ObjectMetadata {
            entity_tag: Some(b"tag".to_vec()),
            ..ObjectMetadata::default()
        };
        let upload = bucket.upload();
        block_on(upload.finish(b"k", OWNER, &object, Some(holds), Ack::Durable)).map(|_| ())
    };
    assert!(matches!(try_put(&tagged), Err(BucketError::Precondition)));
    try_put(&absent).unwrap();
    assert!(matches!(try_put(&absent), Err(BucketError::Precondition)));
    try_put(&tagged).unwrap();
    let refused = block_on(bucket.remove(b"k", Some(&absent), Ack::Durable));
    assert!(matches!(refused, Err(BucketError::Precondition)));
    block_on(bucket.remove(b"k", Some(&tagged), Ack::Durable)).unwrap();
}

#[test]
fn a_directory_passes_its_group_on_and_is_not_moved_below_itself() {
    let world = World::new();
    let bucket = &world.bucket;
    let root = bucket.root();
    let a = create(bucket, &root, b"a", NewKind::Directory);
    let set = SetAttributes {
        mode: Some(0o2770),
        gid: Some(55),
        ..SetAttributes::default()
    };
    block_on(bucket.set_attributes(&a, &set, Ack::Written)).unwrap();
    let below = new(NewKind::Directory);
    let (b, info) = block_on(bucket.create(&a, b"b", &below, Ack::Written)).unwrap();
    assert_eq!((info.gid, info.mode), (55, 0o2755));
    put(bucket, b"a/b/k", b"");
    let (_, info) = block_on(bucket.lookup(&b, b"k")).unwrap();
    assert_eq!((info.gid, info.mode), (55, 0o644));
    let moved = bucket.rename((&root, b"a"), (&b, b"c"), RenameHow::Replace, Ack::Written);
    assert!(matches!(block_on(moved), Err(BucketError::Below)));
    let c = create(bucket, &root, b"c", NewKind::Directory);
    let moved = bucket.rename((&a, b"b"), (&c, b"b"), RenameHow::NoReplace, Ack::Written);
    block_on(moved).unwrap();
    let moved = bucket.rename((&root, b"c"), (&b, b"x"), RenameHow::Replace, Ack::Written);
    assert!(matches!(block_on(moved), Err(BucketError::Below)));
    let counts = |node| block_on(bucket.info(node)).unwrap().links;
    assert_eq!((counts(&root), counts(&a), counts(&c)), (4, 2, 3));
}

/// Rule 6a: positions stay what they were while entries come and go.
#[test]
fn positions_in_a_directory_survive_changes() {
    let world = World::new();
    let bucket = &world.bucket;
    let root = bucket.root();
    for index in 0..200 {
        let name = format!("n{index:03}").into_bytes();
        create(bucket, &root, &name, NewKind::File);
    }
    let mut stream = bucket.read_directory(&root).unwrap();
    let (mut seen, mut cookie) = (Vec::new(), 0);
    let mut positions = Vec::new();
    loop {
        let entries = block_on(stream.read(cookie, 7)).unwrap();
        let Some(last) = entries.last() else { break };
        cookie = last.cookie;
        for entry in entries {
            // Half of them go right after they were read; others come behind.
            if seen.len() % 2 == 0 {
                block_on(bucket.unlink(&root, &entry.name, Ack::Written)).unwrap();
                let name = [b"a", &entry.name[..]].concat();
                create(bucket, &root, &name, NewKind::File);
            }
            positions.push((entry.cookie, entry.name.clone()));
            seen.push(entry.name);
        }
    }
    let expected: Vec<_> = (0..200).map(|i| format!("n{i:03}").into_bytes()).collect();
    assert_eq!(seen, expected);
    for window in positions.windows(3).step_by(20) {
        let kept = if window[1].1[3] % 2 == 1 { 1 } else { 2 };
        let next = block_on(stream.read(window[kept - 1].0, 1)).unwrap();
        assert_eq!(next[0].name, window[kept].1);
    }
}

/// A build that does not know buckets refuses the pool, whichever superblock it believes.
#[test]
fn both_superblocks_say_that_there_is_a_bucket() {
    let image = World::new().image();
    for copy in [0, 1] {
        let mut bytes = [0; SUPERBLOCK_BYTES];
        assert!(image.read(Place::label(superblock_offset(copy)), &mut bytes));
        let superblock = Superblock::decode(&bytes, copy).unwrap();
        assert_eq!(superblock.features_incompatible, FEATURE_BUCKETS);
    }
}

#[test]
fn buckets_have_names_of_their_own() {
    let world = World::new();
    let taken = block_on(world.buckets.create("b", RootOwner::default()));
    assert!(matches!(taken, Err(BucketError::Exists { .. })));
    create(&world.bucket, &world.bucket.root(), b"f", NewKind::File);
    let refused = block_on(world.buckets.delete("b"));
    assert!(matches!(refused, Err(BucketError::NotEmpty)));
    block_on(
        world
            .bucket
            .unlink(&world.bucket.root(), b"f", Ack::Written),
    )
    .unwrap();
    block_on(world.buckets.delete("b")).unwrap();
    let used = block_on(world.bucket.lookup(&world.bucket.root(), b"f"));
    assert!(used.is_err());
    assert!(matches!(
        world.buckets.show("b"),
        Err(BucketError::NotFound { .. })
    ));
}

/// Rule 4: a PUT over a directory's key is a change of its object.
#[test]
fn a_put_over_the_key_of_a_directory_is_its_last_change() {
    let world = World::new();
    let bucket = &world.bucket;
    let old = SetAttributes {
        modified: Some(-5),
        ..SetAttributes::default()
    };
    put(bucket, b"d/", b"1");
    put(bucket, b"d/k", b"");
    let node = block_on(bucket.node_of(b"d/")).unwrap();
    block_on(bucket.set_attributes(&node, &old, Ack::Written)).unwrap();
    let modified = || {
        let head = block_on(bucket.head(b"d/")).unwrap().found.unwrap();
        head.info.modified
    };
    assert_eq!(modified(), -5);
    put(bucket, b"d/", b"2");
    assert!(modified() >= 0);
    // Its entries did not change.
    assert_eq!(block_on(bucket.info(&node)).unwrap().modified, -5);
}
