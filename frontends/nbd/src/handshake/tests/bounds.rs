use super::{End, add, answers, contexts, exports, feed, replies, start};
use crate::breach::Breach;
use crate::limits::{HANDSHAKE_BYTES_MAX, OPTIONS_MAX};
use crate::protocol::{option, option_reply as reply};

#[test]
fn what_cannot_be_answered_is_a_breach() {
    let extended = add(start(), option::EXTENDED_HEADERS, b"");
    let mut huge = add(start(), 99, b"");
    let end = huge.len();
    huge[end - 4..].copy_from_slice(&u32::MAX.to_be_bytes());
    let breaches = [
        4_u32.to_be_bytes().to_vec(),
        add(start(), option::EXPORT_NAME, b"nothing"),
        add(start(), option::EXPORT_NAME, &[b'a'; 5000]),
        add(start(), option::EXPORT_NAME, &[0xff]),
        add(extended, option::EXPORT_NAME, b"disk"),
        [start(), b"GET / HTTP/1.1\r\n\r\n".to_vec()].concat(),
        huge,
    ];
    for stream in breaches {
        let (_, end) = answers(&stream);
        assert!(
            matches!(end, End::Breach(_)),
            "{:?}",
            &stream[..stream.len().min(40)]
        );
    }
}

#[test]
fn long_options_are_refused_and_skipped() {
    let long = contexts("disk", &["x:"; 20_000]);
    let stream = add(start(), option::STRUCTURED_REPLY, b"");
    let stream = add(stream, option::LIST_META_CONTEXT, &long);
    let stream = add(stream, option::ABORT, b"");
    let (out, end) = feed(&exports(), &stream, 10_000);
    assert_eq!(replies(&out)[1].1, reply::ERR_TOO_BIG);
    assert!(matches!(end, End::Closed));
}

#[test]
fn the_number_and_the_bytes_of_options_are_bounded() {
    let many = (0..=OPTIONS_MAX).fold(start(), |stream, _| add(stream, 99, b""));
    assert!(matches!(
        feed(&exports(), &many, usize::MAX).1,
        End::Breach(Breach::TooLarge { .. })
    ));
    let large = (0..=HANDSHAKE_BYTES_MAX >> 20)
        .fold(start(), |stream, _| add(stream, 99, &vec![0; 1 << 20]));
    assert!(matches!(
        feed(&exports(), &large, usize::MAX).1,
        End::Breach(Breach::TooLarge { .. })
    ));
}
