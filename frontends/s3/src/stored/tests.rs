use super::*;

#[test]
fn what_is_stored_comes_back() {
    let mut stored = Stored::of_one(Some((Algorithm::Crc32c, vec![1, 2, 3, 4])));
    stored.composite = Some(4);
    for bytes in [10, 10, 10, 7] {
        stored.add_part(bytes);
    }
    let text = stored.encode().unwrap();
    assert_eq!(text, b"crc32c=AQIDBA==;composite=4;parts=3x10+1x7");
    assert_eq!(Stored::decode(Some(&text)), stored);
    assert_eq!(stored.parts_count(), 4);
    let parts: Vec<_> = (0..=5).map(|number| stored.part(number)).collect();
    let there = [Some((0, 10)), Some((10, 10)), Some((20, 10)), Some((30, 7))];
    assert_eq!(parts[1..5], there);
    assert_eq!((parts[0], parts[5]), (None, None));
    assert_eq!(
        stored.shown().checksum_crc32c.as_deref(),
        Some("AQIDBA==-4")
    );
}

#[test]
fn parts_of_too_many_sizes_are_left_out() {
    let mut stored = Stored::of_one(Some((Algorithm::Sha256, vec![9; 32])));
    (0..1000).for_each(|bytes| stored.add_part(bytes));
    let text = stored.encode().unwrap();
    assert!(text.len() <= 256 && !text.windows(5).any(|five| five == b"parts"));
    assert_eq!(Stored::decode(Some(&text)).values, stored.values);
}

#[test]
fn anything_may_stand_there() {
    assert_eq!(Stored::default().encode(), None);
    for text in [
        &b""[..],
        b";;;",
        b"crc32=short",
        b"parts=1x;x",
        b"parts=99999x1",
        b"composite=-1",
        b"\xff\xfe",
        b"unknown=1",
    ] {
        assert_eq!(Stored::decode(Some(text)), Stored::default(), "{text:?}");
    }
}
