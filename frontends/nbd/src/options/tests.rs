use super::{ContextQuery, ExportQuery, OptionError, encode_reply, parse_name};
use crate::protocol::option_reply;

fn string(text: &[u8]) -> Vec<u8> {
    let mut out = u32::try_from(text.len()).unwrap().to_be_bytes().to_vec();
    out.extend_from_slice(text);
    out
}

fn query(name: &[u8], infos: &[u16]) -> Vec<u8> {
    let mut data = string(name);
    data.extend(u16::try_from(infos.len()).unwrap().to_be_bytes());
    data.extend(infos.iter().flat_map(|info| info.to_be_bytes()));
    data
}

#[test]
fn an_export_query_tells_what_is_asked_for() {
    let data = query(b"disk", &[3, 0, 77, 3]);
    let parsed = ExportQuery::parse(&data).unwrap();
    assert_eq!(parsed.name, "disk");
    assert!(parsed.wants_block_size && !parsed.wants_name && !parsed.wants_description);
    let data = query(b"", &[1, 2]);
    let parsed = ExportQuery::parse(&data).unwrap();
    assert!(parsed.wants_name && parsed.wants_description && !parsed.wants_block_size);
}

#[test]
fn every_truncation_and_every_surplus_of_a_query_is_refused() {
    let data = query(b"disk", &[1, 3]);
    for end in 0..data.len() {
        assert_eq!(
            ExportQuery::parse(&data[..end]),
            Err(OptionError::Length),
            "{end} bytes"
        );
    }
    let longer = [&data[..], &[0]].concat();
    assert_eq!(ExportQuery::parse(&longer), Err(OptionError::Length));
    let contexts = [
        string(b"disk"),
        2_u32.to_be_bytes().to_vec(),
        string(b"a:"),
        string(b"b:c"),
    ];
    let data = contexts.concat();
    assert_eq!(ContextQuery::parse(&data).unwrap().queries, ["a:", "b:c"]);
    for end in 0..data.len() {
        assert_eq!(
            ContextQuery::parse(&data[..end]),
            Err(OptionError::Length),
            "{end} bytes"
        );
    }
    let longer = [&data[..], &[0]].concat();
    assert_eq!(ContextQuery::parse(&longer), Err(OptionError::Length));
}

#[test]
fn announced_counts_and_lengths_are_not_believed() {
    let data = [string(b"disk"), u32::MAX.to_be_bytes().to_vec()].concat();
    assert_eq!(ContextQuery::parse(&data), Err(OptionError::Length));
    assert_eq!(
        ExportQuery::parse(&u32::MAX.to_be_bytes()),
        Err(OptionError::Length)
    );
}

#[test]
fn names_are_short_and_utf8() {
    assert_eq!(parse_name(&[b'a'; 4096]).unwrap().len(), 4096);
    assert_eq!(parse_name(&[b'a'; 4097]), Err(OptionError::NameTooLong));
    assert_eq!(parse_name(&[0xff]), Err(OptionError::NotUtf8));
    let data = query(&[b'a'; 4097], &[]);
    let error = ExportQuery::parse(&data).unwrap_err();
    assert_eq!(error.reply_type(), option_reply::ERR_TOO_BIG);
}

#[test]
fn a_reply_has_its_length() {
    let mut out = Vec::new();
    encode_reply(&mut out, 3, 2, &[b"ab", b"", b"c"]);
    let expected = b"\x00\x03\xe8\x89\x04\x55\x65\xa9\0\0\0\x03\0\0\0\x02\0\0\0\x03abc";
    assert_eq!(out, expected);
}
