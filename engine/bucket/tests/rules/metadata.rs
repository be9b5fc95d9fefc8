//! Rule 14a: what the metadata of an object can be.

use engine_bucket::{
    Ack, BucketError, NewKind, OBJECT_METADATA_BYTES_MAX, OBJECT_PREFIX, SetHow,
    check_object_attribute, check_object_metadata,
};
use engine_pool::block_on;

use crate::{World, create};

#[test]
fn names_are_known_or_tokens_and_values_are_printable() {
    let good: [(&[u8], &[u8]); 6] = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"expires", b""),
        (b"meta.a", "gr\u{fc}n".as_bytes()),
        (b"meta.x-9_!~", b" "),
        (b"tags", b"a=b&c=d"),
        (b"website-redirect-location", b"/x"),
    ];
    for (name, value) in good {
        check_object_attribute(name, value).unwrap();
    }
    let bad: [(&[u8], &[u8]); 9] = [
        (b"content-length", b"1"),
        (b"Content-Type", b"x"),
        (b"meta.", b"x"),
        (b"meta.A", b"x"),
        (b"meta.a b", b"x"),
        (b"meta.\xc3\xbc", b"x"),
        (b"", b"x"),
        (b"meta.a", b"a\nb"),
        (b"meta.a", b"\xff"),
    ];
    for (name, value) in bad {
        let refused = check_object_attribute(name, value);
        let invalid = matches!(refused, Err(BucketError::Invalid { .. }));
        assert!(invalid, "{}", String::from_utf8_lossy(name));
    }
    let half = |name: &str| (name.as_bytes().to_vec(), vec![b'x'; 1018]);
    check_object_metadata(&[half("meta.a"), half("meta.b")]).unwrap();
    let three = check_object_metadata(&[half("meta.a"), half("meta.b"), half("meta.c")]);
    assert!(matches!(three, Err(BucketError::TooLarge { .. })));
}

#[test]
fn pieces_are_set_as_long_as_there_is_room() {
    let world = World::new();
    let bucket = &world.bucket;
    let root = bucket.root();
    let file = create(bucket, &root, b"f", NewKind::File);
    let set = |name: &[u8], bytes: usize| {
        let value = vec![b'v'; bytes];
        let set = bucket.set_object_attribute(&file, name, &value, SetHow::Any, Ack::Written);
        block_on(set)
    };
    set(b"meta.a", 1000).unwrap();
    set(b"tags", 3000).unwrap();
    let rest = OBJECT_METADATA_BYTES_MAX - 1006 - 6;
    assert!(matches!(
        set(b"meta.b", rest + 1),
        Err(BucketError::TooLarge { .. })
    ));
    set(b"meta.b", rest).unwrap();
    // In the place of what is there.
    set(b"meta.b", rest - 1).unwrap();
    set(b"meta.a", 1001).unwrap();
    assert!(matches!(set(b"size", 1), Err(BucketError::Invalid { .. })));
    let stored = [OBJECT_PREFIX, b"meta.a"].concat();
    assert_eq!(
        block_on(bucket.attribute(&file, &stored)).unwrap().len(),
        1001
    );
    let pipe = create(bucket, &root, b"p", NewKind::Fifo);
    let set = bucket.set_object_attribute(&pipe, b"meta.a", b"x", SetHow::Any, Ack::Written);
    assert!(matches!(block_on(set), Err(BucketError::NotRegular)));
}
