use super::{Handshake, Progress};
use crate::breach::Breach;
use crate::export::ExportInfo;
use crate::memory::{MemoryExport, MemoryExports};
use crate::protocol::{info, option, option_reply as reply, transmission_flag};
use crate::session::{Session, Style};

mod bounds;
mod contexts;

const SIZE: u64 = 1 << 30;

fn exports() -> MemoryExports {
    let read_only = ExportInfo {
        name: "frozen".to_owned(),
        size: 4096,
        read_only: true,
        description: String::new(),
    };
    MemoryExports {
        exports: vec![
            MemoryExport::new("disk", SIZE),
            MemoryExport::with(read_only),
        ],
    }
}

/// How a handshake ended.
enum End {
    Waiting,
    Closed,
    Transmission(Session<MemoryExport>),
    Breach(Breach),
}

/// Feeds a stream in portions; returns the replies behind the greeting.
fn feed(exports: &MemoryExports, stream: &[u8], portion: usize) -> (Vec<u8>, End) {
    let mut out = Vec::new();
    let mut handshake = Handshake::new(exports, &mut out);
    assert_eq!(out, b"NBDMAGICIHAVEOPT\0\x03");
    out.clear();
    let mut there = 0;
    let mut taken = 0;
    loop {
        match handshake.advance(&stream[taken..there], &mut out) {
            Err(breach) => return (out, End::Breach(breach)),
            Ok((now, progress)) => {
                taken += now;
                match progress {
                    Progress::Advanced => {}
                    Progress::Closed => return (out, End::Closed),
                    Progress::Transmission(session) => {
                        assert_eq!(taken, stream.len(), "nothing behind GO was taken");
                        return (out, End::Transmission(session));
                    }
                    Progress::NeedMore if there == stream.len() => return (out, End::Waiting),
                    Progress::NeedMore => there = stream.len().min(there + portion),
                }
            }
        }
    }
}

/// Feeds a stream whole and byte by byte; both must come to the same.
fn answers(stream: &[u8]) -> (Vec<(u32, u32, Vec<u8>)>, End) {
    let exports = exports();
    let (out, end) = feed(&exports, stream, usize::MAX);
    let (slow, _) = feed(&exports, stream, 1);
    assert_eq!(out, slow);
    (replies(&out), end)
}

fn replies(mut out: &[u8]) -> Vec<(u32, u32, Vec<u8>)> {
    let mut found = Vec::new();
    while !out.is_empty() {
        assert_eq!(out[..8], 0x0003_e889_0455_65a9_u64.to_be_bytes());
        let word = |at: usize| u32::from_be_bytes(out[at..at + 4].try_into().unwrap());
        let bytes = usize::try_from(word(16)).unwrap();
        found.push((word(8), word(12), out[20..20 + bytes].to_vec()));
        out = &out[20 + bytes..];
    }
    found
}

fn types(replies: &[(u32, u32, Vec<u8>)]) -> Vec<(u32, u32)> {
    replies
        .iter()
        .map(|(option, reply, _)| (*option, *reply))
        .collect()
}

fn start() -> Vec<u8> {
    3_u32.to_be_bytes().to_vec()
}

fn add(mut stream: Vec<u8>, option: u32, data: &[u8]) -> Vec<u8> {
    stream.extend(b"IHAVEOPT");
    stream.extend(option.to_be_bytes());
    stream.extend(u32::try_from(data.len()).unwrap().to_be_bytes());
    stream.extend(data);
    stream
}

fn string(text: &str) -> Vec<u8> {
    let mut out = u32::try_from(text.len()).unwrap().to_be_bytes().to_vec();
    out.extend(text.as_bytes());
    out
}

fn query(name: &str, infos: &[u16]) -> Vec<u8> {
    let mut data = string(name);
    data.extend(u16::try_from(infos.len()).unwrap().to_be_bytes());
    data.extend(infos.iter().flat_map(|info| info.to_be_bytes()));
    data
}

fn contexts(name: &str, queries: &[&str]) -> Vec<u8> {
    let mut data = string(name);
    data.extend(u32::try_from(queries.len()).unwrap().to_be_bytes());
    data.extend(queries.iter().flat_map(|query| string(query)));
    data
}

#[test]
fn list_names_every_export_and_takes_no_data() {
    let stream = add(add(start(), option::LIST, b""), option::LIST, b"x");
    let (replies, _) = answers(&stream);
    let expected = [reply::SERVER, reply::SERVER, reply::ACK, reply::ERR_INVALID];
    assert_eq!(types(&replies), expected.map(|reply| (option::LIST, reply)));
    assert_eq!(
        replies[0].2,
        [&string("disk")[..], b"1073741824 bytes in memory"].concat()
    );
}

#[test]
fn info_tells_what_was_asked_and_go_begins() {
    let data = query(
        "disk",
        &[info::BLOCK_SIZE, info::NAME, info::DESCRIPTION, 99],
    );
    let stream = add(add(start(), option::INFO, &data), option::GO, &data);
    let (replies, end) = answers(&stream);
    let one = [
        reply::INFO,
        reply::INFO,
        reply::INFO,
        reply::INFO,
        reply::ACK,
    ];
    let both = one
        .map(|r| (option::INFO, r))
        .into_iter()
        .chain(one.map(|r| (option::GO, r)));
    assert_eq!(types(&replies), both.collect::<Vec<_>>());
    assert_eq!(
        replies[0].2[..10],
        [&[0, 0][..], &SIZE.to_be_bytes()].concat()
    );
    assert_eq!(replies[1].2, b"\0\x01disk");
    assert_eq!(replies[3].2, b"\0\x03\0\0\0\x01\0\0\x10\0\x02\0\0\0");
    let End::Transmission(session) = end else {
        panic!("GO begins transmission")
    };
    assert_eq!(
        (session.rules.style, session.rules.contexts),
        (Style::Simple, false)
    );
}

#[test]
fn a_name_that_is_not_there_is_unknown_and_the_client_may_try_another() {
    let stream = add(start(), option::GO, &query("nothing", &[]));
    let stream = add(stream, option::GO, &query("", &[]));
    let stream = add(stream, option::GO, &query("frozen", &[]));
    let (replies, end) = answers(&stream);
    assert_eq!(replies[0].1, reply::ERR_UNKNOWN);
    assert_eq!(replies[0].2, b"no such export; list them");
    // Two exports: none of them is the default.
    assert_eq!(replies[1].1, reply::ERR_UNKNOWN);
    let End::Transmission(session) = end else {
        panic!("GO begins transmission")
    };
    let flags = session.rules.transmission_flags();
    assert_ne!(flags & transmission_flag::READ_ONLY, 0);
    assert_eq!(flags & transmission_flag::SEND_TRIM, 0);
}

#[test]
fn unknown_options_and_tls_are_unsupported_and_their_data_is_skipped() {
    let mut stream = start();
    for unknown in [4, 5, 12, 0, u32::MAX] {
        stream = add(stream, unknown, &vec![7; 100_000]);
    }
    stream = add(stream, option::ABORT, b"bye");
    let (out, end) = feed(&exports(), &stream, 5000);
    let expected = [4, 5, 12, 0, u32::MAX].map(|option| (option, reply::ERR_UNSUP));
    assert_eq!(types(&replies(&out))[..5], expected);
    // Data of ABORT is ignored; the end follows when the client closes.
    assert_eq!(replies(&out)[5].1, reply::ACK);
    assert!(matches!(end, End::Waiting));
    let (replies, end) = answers(&add(start(), option::ABORT, b""));
    assert_eq!(types(&replies), [(option::ABORT, reply::ACK)]);
    assert!(matches!(end, End::Closed));
}

#[test]
fn reply_styles_are_negotiated_in_any_order_and_once() {
    let s = option::STRUCTURED_REPLY;
    let e = option::EXTENDED_HEADERS;
    let cases: [(&[u32], &[u32]); 4] = [
        (&[s, s], &[reply::ACK, reply::ERR_INVALID]),
        (&[s, e], &[reply::ACK, reply::ACK]),
        (&[e, s], &[reply::ACK, reply::ERR_EXT_HEADER_REQD]),
        (&[e, e], &[reply::ACK, reply::ERR_INVALID]),
    ];
    for (options, expected) in cases {
        let stream = options
            .iter()
            .fold(start(), |stream, option| add(stream, *option, b""));
        let (replies, _) = answers(&stream);
        assert_eq!(
            replies.iter().map(|reply| reply.1).collect::<Vec<_>>(),
            expected
        );
    }
    for option in [s, e] {
        let (replies, _) = answers(&add(start(), option, b"data"));
        assert_eq!(types(&replies), [(option, reply::ERR_INVALID)]);
    }
}

#[test]
fn export_name_is_answered_with_or_without_padding() {
    for (flags, padding) in [(0_u32, 124), (1, 124), (2, 0), (3, 0)] {
        let stream = add(flags.to_be_bytes().to_vec(), option::EXPORT_NAME, b"disk");
        let (out, end) = feed(&exports(), &stream, 3);
        assert_eq!(out.len(), 10 + padding);
        assert_eq!(out[..8], SIZE.to_be_bytes());
        assert!(matches!(end, End::Transmission(_)));
    }
}
