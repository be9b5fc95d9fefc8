use engine_device::PageBuf;

use super::{Encoder, Pieces};
use crate::error_code::ErrorCode;
use crate::export::{ExtentKind, MapExtent, ReadData, Run};
use crate::output::Output;
use crate::request::Tag;
use crate::session::Style;

const TAG: Tag = Tag {
    cookie: 0x0102_0304_0506_0708,
    offset: 4096,
};
const STYLES: [Style; 3] = [Style::Simple, Style::Structured, Style::Extended];

/// One reply message, taken apart: `None` for simple ones, else the chunk type.
#[derive(Debug, PartialEq, Eq)]
struct Message {
    kind: Option<u16>,
    last: bool,
    error: u32,
    payload: Vec<u8>,
}

fn encode(style: Style, encode: impl FnOnce(&mut Encoder<'_>)) -> Vec<u8> {
    let mut out = Output::default();
    encode(&mut Encoder {
        out: &mut out,
        style,
        tag: TAG,
    });
    out.parts()
        .slices
        .iter()
        .flat_map(|part| part.to_vec())
        .collect()
}

fn word<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().unwrap()
}

/// Takes replies apart as a client does; what follows a simple header is its payload.
fn parse(style: Style, mut bytes: &[u8]) -> Vec<Message> {
    let mut messages = Vec::new();
    while !bytes.is_empty() {
        let magic = u32::from_be_bytes(word(bytes, 0));
        if magic == 0x6744_6698 {
            assert_ne!(style, Style::Extended);
            assert_eq!(word(bytes, 8), TAG.cookie.to_be_bytes());
            messages.push(Message {
                kind: None,
                last: true,
                error: u32::from_be_bytes(word(bytes, 4)),
                payload: bytes[16..].to_vec(),
            });
            break;
        }
        let (header, length) = if style == Style::Extended {
            assert_eq!(magic, 0x6e8a_278c);
            assert_eq!(word(bytes, 16), TAG.offset.to_be_bytes());
            (32, u64::from_be_bytes(word(bytes, 24)))
        } else {
            assert_eq!(magic, 0x668e_33ef);
            (20, u32::from_be_bytes(word(bytes, 16)).into())
        };
        assert_eq!(word(bytes, 8), TAG.cookie.to_be_bytes());
        let end = header + usize::try_from(length).unwrap();
        let kind = u16::from_be_bytes(word(bytes, 6));
        let payload = bytes[header..end].to_vec();
        messages.push(Message {
            kind: Some(kind),
            last: u16::from_be_bytes(word(bytes, 4)) == 1,
            error: if kind >= 1 << 15 {
                u32::from_be_bytes(word(&payload, 0))
            } else {
                0
            },
            payload,
        });
        bytes = &bytes[end..];
    }
    messages
}

fn piece(runs: &[(u32, bool)], fill: u8) -> ReadData {
    let bytes = runs.iter().map(|run| usize::try_from(run.0).unwrap()).sum();
    let mut all = vec![0xee; 3];
    for (bytes, hole) in runs {
        all.extend(std::iter::repeat_n(
            if *hole { 0 } else { fill },
            *bytes as usize,
        ));
    }
    let any = runs.iter().any(|run| !run.1);
    ReadData {
        buf: any.then(|| PageBuf::copy_of(&all)),
        start: if any { 3 } else { 0 },
        bytes,
        runs: runs
            .iter()
            .map(|(bytes, hole)| Run {
                bytes: *bytes,
                hole: *hole,
            })
            .collect(),
    }
}

/// Three pieces: data and a hole; a hole; a short hole and data.
fn pieces() -> (Pieces, Vec<u8>) {
    let pieces = Pieces::from_vec(vec![
        piece(&[(4096, false), (8192, true)], 1),
        piece(&[(4096, true)], 2),
        piece(&[(512, true), (4096, false), (4096, false)], 3),
    ]);
    let expected = [vec![1; 4096], vec![0; 8192 + 4096 + 512], vec![3; 8192]].concat();
    (pieces, expected)
}

/// What a client makes of content chunks.
fn assemble(messages: &[Message], bytes: usize) -> Vec<u8> {
    let mut all = vec![0xdd; bytes];
    for message in messages {
        let at = u64::from_be_bytes(word(&message.payload, 0)) - 4096;
        let at = usize::try_from(at).unwrap();
        match message.kind {
            Some(1) => {
                let data = &message.payload[8..];
                all[at..at + data.len()].copy_from_slice(data);
            }
            Some(2) => {
                let bytes = u32::from_be_bytes(word(&message.payload, 8));
                all[at..at + bytes as usize].fill(0);
            }
            other => panic!("{other:?}"),
        }
    }
    all
}

#[test]
fn success_without_data_is_one_message_in_every_style() {
    for style in STYLES {
        let messages = parse(style, &encode(style, |encoder| encoder.done()));
        let kind = (style == Style::Extended).then_some(0);
        assert_eq!(
            messages,
            [Message {
                kind,
                last: true,
                error: 0,
                payload: vec![]
            }]
        );
    }
}

#[test]
fn errors_carry_their_number_and_where_they_can_their_message() {
    for style in STYLES {
        let bytes = encode(style, |encoder| encoder.error(ErrorCode::NoSpace, "full"));
        let messages = parse(style, &bytes);
        assert_eq!(messages.len(), 1);
        assert_eq!(messages[0].error, 28);
        if style != Style::Simple {
            assert_eq!(messages[0].payload[4..], *b"\0\x04full");
            assert_eq!(messages[0].kind, Some(0x8001));
            assert!(messages[0].last);
        }
    }
}

#[test]
fn a_simple_read_has_every_byte() {
    let (pieces, expected) = pieces();
    let bytes = encode(Style::Simple, |encoder| {
        encoder.read(4096, pieces, false, 0)
    });
    assert_eq!(parse(Style::Simple, &bytes)[0].payload, expected);
}

#[test]
fn a_chunked_read_leaves_holes_out_and_joins_neighbours() {
    for style in [Style::Structured, Style::Extended] {
        let (pieces, expected) = pieces();
        let bytes = encode(style, |encoder| encoder.read(4096, pieces, false, 0));
        let messages = parse(style, &bytes);
        let kinds: Vec<_> = messages.iter().map(|message| message.kind).collect();
        assert_eq!(kinds, [Some(1), Some(2), Some(1)], "the short hole is data");
        let last: Vec<_> = messages.iter().map(|message| message.last).collect();
        assert_eq!(last, [false, false, true]);
        assert_eq!(assemble(&messages, expected.len()), expected);
    }
}

#[test]
fn an_unfragmented_read_is_one_chunk() {
    let (pieces, expected) = pieces();
    let bytes = encode(Style::Structured, |encoder| {
        encoder.read(4096, pieces, true, 0)
    });
    let messages = parse(Style::Structured, &bytes);
    assert_eq!(messages.len(), 1);
    assert_eq!(assemble(&messages, expected.len()), expected);
    let pieces = Pieces::from_vec(vec![piece(&[(512, true)], 0), piece(&[(100, true)], 0)]);
    let bytes = encode(Style::Structured, |encoder| {
        encoder.read(4096, pieces, true, 0)
    });
    let messages = parse(Style::Structured, &bytes);
    assert_eq!(messages[0].kind, Some(2));
    assert_eq!(assemble(&messages, 612), [0; 612]);
}

#[test]
fn a_read_of_nothing_is_answered() {
    for style in STYLES {
        let bytes = encode(style, |encoder| encoder.read(4096, Pieces::new(), false, 0));
        let messages = parse(style, &bytes);
        assert_eq!(messages.len(), 1);
        assert!(messages[0].payload.is_empty() && messages[0].last);
    }
}

#[test]
fn extents_are_cut_to_the_range_and_joined() {
    let extent = |bytes, kind| MapExtent { bytes, kind };
    let extents = [
        extent(10, ExtentKind::Data),
        extent(10, ExtentKind::Data),
        extent(5, ExtentKind::Zero),
        extent(100, ExtentKind::Hole),
        extent(100, ExtentKind::Data),
    ];
    let status = |style, one| {
        let bytes = encode(style, |encoder| encoder.status(&extents, 50, one, 0));
        parse(style, &bytes).remove(0)
    };
    let compact = status(Style::Structured, false);
    assert_eq!(compact.kind, Some(5));
    let words = [1, 20, 0, 5, 2, 25, 3_u32].map(u32::to_be_bytes);
    assert_eq!(compact.payload, words.concat());
    let extended = status(Style::Extended, false);
    assert_eq!(extended.kind, Some(6));
    let head = [1, 3_u32].map(u32::to_be_bytes).concat();
    let words = [20, 0, 5, 2, 25, 3_u64].map(u64::to_be_bytes).concat();
    assert_eq!(extended.payload, [head, words].concat());
    let one = status(Style::Structured, true);
    assert_eq!(one.payload, [1, 20, 0_u32].map(u32::to_be_bytes).concat());
}

#[test]
fn a_compact_extent_ends_at_32_bits() {
    let extents = [
        MapExtent {
            bytes: 1 << 40,
            kind: ExtentKind::Hole,
        },
        MapExtent {
            bytes: 1,
            kind: ExtentKind::Data,
        },
    ];
    let bytes = encode(Style::Structured, |encoder| {
        encoder.status(&extents, 1 << 41, false, 0)
    });
    let payload = &parse(Style::Structured, &bytes)[0].payload;
    assert_eq!(
        *payload,
        [1, 0xffff_f000, 3_u32].map(u32::to_be_bytes).concat()
    );
    let bytes = encode(Style::Extended, |encoder| {
        encoder.status(&extents, 1 << 41, false, 0)
    });
    assert_eq!(parse(Style::Extended, &bytes)[0].payload.len(), 8 + 32);
}

#[test]
fn an_engine_that_knows_no_extent_still_gets_one() {
    let bytes = encode(Style::Structured, |encoder| {
        encoder.status(&[], 7, false, 0)
    });
    let payload = &parse(Style::Structured, &bytes)[0].payload;
    assert_eq!(*payload, [1, 7, 0_u32].map(u32::to_be_bytes).concat());
}
