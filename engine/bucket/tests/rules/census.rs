//! Rule 2a: what a bucket holds is counted, with what either view cannot show.

use engine_bucket::{Ack, Census, NewKind, ObjectMetadata, Staged};
use engine_pool::block_on;

use crate::{OWNER, World, create, pattern, put};

#[test]
fn what_one_view_cannot_show_is_counted() {
    let world = World::with(256 << 20, 1 << 20);
    let bucket = &world.bucket;
    let root = bucket.root();
    assert_eq!(block_on(bucket.census()).unwrap(), Census::default());
    for index in 0..1_000 {
        put(bucket, format!("many/{index:04}").as_bytes(), b"12345");
    }
    // A file that a directory hides; names that a mount does not have, and one below such a name.
    put(bucket, b"a", b"1");
    put(bucket, b"a/b", b"2");
    put(bucket, b"x//y", b"3");
    put(bucket, b"x/.", b"4");
    // Names that are no text, and one below such a name.
    let odd = create(bucket, &root, b"\xff", NewKind::Directory);
    create(bucket, &odd, b"f", NewKind::File);
    create(bucket, &root, b"\xfe", NewKind::File);
    // Not objects at all.
    create(bucket, &root, b"s", NewKind::Symlink(b"x"));
    let (a, _) = block_on(bucket.lookup(&root, b"a")).unwrap();
    let (b, _) = block_on(bucket.lookup(&a, b"b")).unwrap();
    block_on(bucket.link(&b, (&root, b"other"), Ack::Written)).unwrap();
    let census = block_on(bucket.census()).unwrap();
    let expected = Census {
        // many/ and a thousand; a, a/, b; x/, x//, y, x/.; the odd three; s; other.
        entries: 1_001 + 3 + 4 + 3 + 1 + 1,
        unmountable: 1 + 3,
        objects: 1_000 + 2 + 2 + 1,
        bytes: 5_000 + 4 + 1,
        keyless: 3,
    };
    assert_eq!(census, expected);
}

#[test]
fn uploads_on_their_way_are_counted() {
    let world = World::new();
    let bucket = &world.bucket;
    assert_eq!(block_on(bucket.staged()).unwrap(), Staged::default());
    let object = ObjectMetadata::default();
    for (upload, parts) in [(0_u32, 0), (1, 300), (2, 5)] {
        let key = format!("k{upload}").into_bytes();
        let id = block_on(bucket.create_upload(&key, OWNER, &object, Ack::Written)).unwrap();
        for part in 1..=parts {
            let mut upload = bucket.upload();
            block_on(upload.write(&pattern(1_000, 1))).unwrap();
            block_on(upload.finish_part(id, part, b"t", b"", Ack::Written)).unwrap();
        }
    }
    let expected = Staged {
        uploads: 3,
        parts: 305,
        bytes: 305_000,
    };
    assert_eq!(block_on(bucket.staged()).unwrap(), expected);
}
