use super::*;

#[test]
fn rule_19_what_is_there_when_a_quota_begins_is_counted() {
    let world = World::new();
    let bucket = &world.bucket;
    let root = bucket.root();
    for index in 0..150 {
        let key = format!("d/{}/{index}", index % 4);
        put(bucket, key.as_bytes(), &[1; 10]);
        put(bucket, format!("o{index}").as_bytes(), &[1; 10]);
    }
    // What the mount does not show, a file that a directory hides, and one with two names.
    put(bucket, b"d//..", &[1; 10]);
    put(bucket, b"d/0", &[1; 10]);
    let (d, _) = block_on(bucket.lookup(&root, b"d")).unwrap();
    create(bucket, &d, b"s", NewKind::Symlink(b"0123456789"));
    let file = create(bucket, &d, b"f", NewKind::File);
    block_on(bucket.link(&file, (&d, b"g"), Ack::Written)).unwrap();
    // 1,540 bytes and one of the link; directories: `d`, four, and the one without a name.
    let info = limit(bucket, "d", 100, 0);
    assert_eq!((info.bytes_used, info.inodes_used), (1530, 160));
    assert_eq!(info.bytes, Some(100));
    recount(&world);
    // Over the limit from the start: what is there stays, and can only become less.
    assert_eq!(refused(try_put(bucket, "d/new", b"1")), "bytes");
    try_put(bucket, "d/1/1", b"1").unwrap();
    create(bucket, &d, b"empty", NewKind::File);
    assert_eq!(used(bucket, "d"), (1521, 161));
    let only = QuotaLimits {
        bytes: None,
        inodes: Some(161),
    };
    let info = block_on(bucket.set_quota(b"d", only)).unwrap();
    assert_eq!((info.bytes, info.inodes), (Some(100), Some(161)));
    assert_eq!(refused(try_put(bucket, "d/new", b"")), "inodes");
    let world = world.kill();
    assert_eq!(used(&world.bucket, "d"), (1521, 161));
    assert_eq!(refused(try_put(&world.bucket, "d/new", b"")), "inodes");
    try_put(&world.bucket, "other", b"1").unwrap();
}
