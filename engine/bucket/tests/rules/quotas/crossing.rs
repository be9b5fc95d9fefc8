use engine_bucket::{RenameHow, RenamePreconditions};

use super::*;

fn crossing<T: std::fmt::Debug>(result: Result<T, BucketError>) {
    assert!(
        matches!(result, Err(BucketError::OtherProject)),
        "{result:?}"
    );
}

#[test]
fn rule_19_names_do_not_move_from_below_one_quota_to_below_another() {
    let world = World::new();
    let bucket = &world.bucket;
    let root = bucket.root();
    for key in [&b"d/e/a"[..], b"x", b"y/b"] {
        put(bucket, key, b"data");
    }
    limit(bucket, "d", 0, 100);
    let at = |path: &[&[u8]]| {
        path.iter().fold(root.clone(), |node, name| {
            block_on(bucket.lookup(&node, name)).unwrap().0
        })
    };
    let (d, e, y) = (at(&[b"d"]), at(&[b"d", b"e"]), at(&[b"y"]));
    let how = RenameHow::Replace;
    let moved = |from, to| block_on(bucket.rename(from, to, how, Ack::Written));
    crossing(moved((&root, b"x"), (&d, b"x")));
    crossing(moved((&e, b"a"), (&root, b"a")));
    crossing(moved((&d, b"e"), (&root, b"e")));
    crossing(moved((&root, b"y"), (&d, b"y")));
    let both = bucket.rename((&root, b"x"), (&e, b"a"), RenameHow::Exchange, Ack::Written);
    crossing(block_on(both));
    let x = at(&[b"x"]);
    crossing(block_on(bucket.link(&x, (&d, b"x"), Ack::Written)));
    let object = |from: &[u8], to: &[u8]| {
        block_on(bucket.rename_object(
            from,
            to,
            OWNER,
            RenamePreconditions::default(),
            Ack::Written,
        ))
    };
    crossing(object(b"x", b"d/new/x"));
    crossing(object(b"d/e/a", b"a"));
    crossing(object(b"d/e/", b"e/"));
    // Within one, and the directory itself with all that counts for it, all of it goes on.
    moved((&e, b"a"), (&d, b"a")).unwrap();
    object(b"d/a", b"d/new/a").unwrap();
    object(b"d/e/", b"d/f/").unwrap();
    moved((&root, b"d"), (&y, b"d")).unwrap();
    object(b"y/d/", b"d/").unwrap();
    assert_eq!(used(bucket, "d"), (4, 4));
    let lists = block_on(bucket.head(b"d/new/a")).unwrap();
    assert!(lists.found.is_some());
    recount(&world);
}

#[test]
fn rule_19_a_quota_below_another_one_counts_alone() {
    let world = World::new();
    let bucket = &world.bucket;
    put(bucket, b"a/b/c", &[1; 100]);
    put(bucket, b"a/d", &[1; 30]);
    limit(bucket, "a/b", 150, 0);
    limit(bucket, "", 150, 0);
    limit(bucket, "a", 40, 0);
    assert_eq!(used(bucket, ""), (0, 1));
    assert_eq!(used(bucket, "a"), (30, 2));
    assert_eq!(used(bucket, "a/b"), (100, 2));
    assert_eq!(refused(try_put(bucket, "a/x", &[1; 11])), "bytes");
    try_put(bucket, "a/b/x", &[1; 50]).unwrap();
    assert_eq!(refused(try_put(bucket, "a/b/y", &[1; 1])), "bytes");
    try_put(bucket, "x", &[1; 150]).unwrap();
    recount(&world);
    // One that ends leaves what it counted to the nearest one above, whatever the limit there.
    limit(bucket, "a", 0, 0);
    assert_eq!(used(bucket, ""), (180, 4));
    limit(bucket, "a/b", 0, 0);
    assert_eq!(used(bucket, ""), (330, 7));
    let gone = block_on(bucket.quota(b"a/b"));
    assert!(matches!(gone, Err(BucketError::NotFound { what: "quota" })));
    recount(&world);
    limit(bucket, "", 0, 0);
    block_on(bucket.rename_object(
        b"x",
        b"a/b/y",
        OWNER,
        RenamePreconditions::default(),
        Ack::Written,
    ))
    .unwrap();
    recount(&world);
}

#[test]
fn rule_19_a_quota_goes_with_its_directory() {
    let world = World::new();
    let bucket = &world.bucket;
    let root = bucket.root();
    let missing = block_on(bucket.set_quota(b"d", QuotaLimits::default()));
    assert!(matches!(missing, Err(BucketError::NotFound { .. })));
    create(bucket, &root, b"d", NewKind::Directory);
    limit(bucket, "d", 10, 0);
    put(bucket, b"d/a", b"0123456789");
    let (d, _) = block_on(bucket.lookup(&root, b"d")).unwrap();
    let (a, _) = block_on(bucket.lookup(&d, b"a")).unwrap();
    let held = block_on(bucket.open(&a)).unwrap();
    block_on(bucket.unlink(&d, b"a", Ack::Written)).unwrap();
    block_on(bucket.rmdir(&root, b"d", Ack::Written)).unwrap();
    create(bucket, &root, b"d", NewKind::Directory);
    put(bucket, b"d/a", &[1; 100]);
    // What counted for it and is left counts for none.
    block_on(bucket.write(&a, WriteAt::End, &[1; 100], Ack::Written)).unwrap();
    block_on(held.close()).unwrap();
    recount(&world);
    let world = world.kill();
    let gone = block_on(world.bucket.quota(b"d"));
    assert!(matches!(gone, Err(BucketError::NotFound { what: "quota" })));
}

#[test]
fn rule_19_a_file_with_names_on_both_sides_stays_with_one() {
    let world = World::new();
    let bucket = &world.bucket;
    let root = bucket.root();
    let d = create(bucket, &root, b"d", NewKind::Directory);
    put(bucket, b"d/a", &[1; 100]);
    let (a, _) = block_on(bucket.lookup(&d, b"a")).unwrap();
    block_on(bucket.link(&a, (&root, b"b"), Ack::Written)).unwrap();
    limit(bucket, "d", 1000, 0);
    assert_eq!(used(bucket, "d"), (100, 2));
    block_on(bucket.unlink(&d, b"a", Ack::Written)).unwrap();
    assert_eq!(used(bucket, "d"), (100, 2));
    limit(bucket, "d", 0, 0);
    // Its quota has ended without it: it counts for none, until one takes it over.
    block_on(bucket.write(&a, WriteAt::End, &[1; 100], Ack::Written)).unwrap();
    limit(bucket, "d", 1000, 0);
    assert_eq!(used(bucket, "d"), (0, 1));
    limit(bucket, "", 1000, 0);
    assert_eq!(used(bucket, ""), (200, 2));
    recount(&world);
}
