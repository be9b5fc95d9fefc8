use super::{Header, Kind, Operation, Verdict};
use crate::breach::Breach;
use crate::error_code::ErrorCode;
use crate::protocol::{command, command_flag as flag};
use crate::session::{Rules, Style};

mod ranges;

const SIZE: u64 = 1 << 20;
const MIB: u64 = 1 << 20;

fn rules(style: Style) -> Rules {
    Rules {
        size: SIZE,
        read_only: false,
        style,
        contexts: style != Style::Simple,
    }
}

/// Bytes of a request.
fn bytes(style: Style, flags: u16, command: u16, offset: u64, length: u64) -> Vec<u8> {
    let mut out = match style {
        Style::Extended => 0x21e4_1c71_u32.to_be_bytes(),
        Style::Simple | Style::Structured => 0x2560_9513_u32.to_be_bytes(),
    }
    .to_vec();
    out.extend(flags.to_be_bytes());
    out.extend(command.to_be_bytes());
    out.extend(0x1122_3344_5566_7788_u64.to_be_bytes());
    out.extend(offset.to_be_bytes());
    match style {
        Style::Extended => out.extend(length.to_be_bytes()),
        _ => out.extend(u32::try_from(length).unwrap().to_be_bytes()),
    }
    out
}

fn verdict_of(rules: &Rules, flags: u16, command: u16, offset: u64, length: u64) -> Verdict {
    let bytes = bytes(rules.style, flags, command, offset, length);
    let (header, taken) = Header::parse(&bytes, rules.style).unwrap().unwrap();
    assert_eq!(taken, bytes.len());
    header.check(rules, false).unwrap()
}

fn refusal(rules: &Rules, flags: u16, command: u16, offset: u64, length: u64) -> (ErrorCode, u64) {
    match verdict_of(rules, flags, command, offset, length) {
        Verdict::Refuse(refusal) => (refusal.code, refusal.payload),
        other => panic!("{flags:#x} {command} {offset} {length}: {other:?}"),
    }
}

fn accepted(rules: &Rules, flags: u16, command: u16, offset: u64, length: u64) -> Operation {
    match verdict_of(rules, flags, command, offset, length) {
        Verdict::Run(request) => {
            assert_eq!((request.offset, request.bytes), (offset, length));
            assert_eq!(request.tag.cookie, 0x1122_3344_5566_7788);
            request.operation
        }
        other => panic!("{flags:#x} {command} {offset} {length}: {other:?}"),
    }
}

#[test]
fn every_truncation_of_a_header_waits_for_more() {
    for style in [Style::Simple, Style::Structured, Style::Extended] {
        let bytes = bytes(style, 0, command::READ, 0, 4096);
        for end in 0..bytes.len() {
            assert_eq!(
                Header::parse(&bytes[..end], style).unwrap(),
                None,
                "{end} of {style:?}"
            );
        }
    }
}

#[test]
fn a_wrong_magic_is_a_breach_before_the_rest_is_there() {
    for style in [Style::Simple, Style::Extended] {
        let breach = Header::parse(b"GET ", style).unwrap_err();
        assert_eq!(
            breach,
            Breach::Magic {
                what: "a request",
                found: 0x4745_5420
            }
        );
    }
    let compact = bytes(Style::Simple, 0, command::READ, 0, 1);
    assert!(Header::parse(&compact, Style::Extended).is_err());
}

#[test]
fn every_command_is_known_with_its_flags() {
    let rules = rules(Style::Extended);
    let both = flag::NO_HOLE | flag::FAST_ZERO | flag::FUA;
    let payload = flag::PAYLOAD_LEN;
    assert_eq!(
        accepted(&rules, flag::DF, command::READ, 1, 2),
        Operation::Read { one_chunk: true }
    );
    assert_eq!(
        accepted(&rules, payload | flag::FUA, command::WRITE, 1, 2),
        Operation::Write { fua: true }
    );
    assert_eq!(accepted(&rules, 0, command::FLUSH, 0, 0), Operation::Flush);
    assert_eq!(
        accepted(&rules, 0, command::TRIM, 0, SIZE),
        Operation::Trim { fua: false }
    );
    assert_eq!(
        accepted(&rules, 0, command::CACHE, SIZE, 0),
        Operation::Cache
    );
    assert_eq!(
        accepted(&rules, both, command::WRITE_ZEROES, 0, SIZE),
        Operation::WriteZeroes {
            fua: true,
            no_hole: true,
            fast: true
        }
    );
    assert_eq!(
        accepted(&rules, flag::REQ_ONE, command::BLOCK_STATUS, 0, 1),
        Operation::BlockStatus { one: true }
    );
    assert_eq!(
        verdict_of(&rules, 0xffff, command::DISC, 7, 7),
        Verdict::Disconnect
    );
}

#[test]
fn fua_is_accepted_on_every_command() {
    for style in [Style::Structured, Style::Extended] {
        let rules = rules(style);
        for command in [0, 1, 4, 5, 6, 7] {
            accepted(&rules, flag::FUA, command, 0, 1);
        }
        accepted(&rules, flag::FUA, command::FLUSH, 0, 0);
    }
}

#[test]
fn flags_of_other_commands_and_unknown_ones_are_invalid() {
    let valid = [
        (command::READ, flag::DF),
        (command::WRITE, flag::PAYLOAD_LEN),
        (command::FLUSH, 0),
        (command::TRIM, 0),
        (command::CACHE, 0),
        (command::WRITE_ZEROES, flag::NO_HOLE | flag::FAST_ZERO),
        (command::BLOCK_STATUS, flag::REQ_ONE | flag::PAYLOAD_LEN),
    ];
    let rules = rules(Style::Extended);
    for (command, own) in valid {
        let length = u64::from(command != command::FLUSH) * 16;
        for bit in 1..16 {
            let flags = 1 << bit;
            if own & flags != 0 {
                continue;
            }
            let (code, payload) = refusal(&rules, flags, command, 0, length);
            assert_eq!(code, ErrorCode::Invalid, "{command} {flags:#x}");
            let carries = command == command::WRITE || flags == flag::PAYLOAD_LEN;
            assert_eq!(
                payload,
                if carries { length } else { 0 },
                "{command} {flags:#x}"
            );
        }
    }
}

#[test]
fn compact_requests_have_no_payload_flag_and_simple_ones_no_df() {
    let simple = rules(Style::Simple);
    assert_eq!(
        refusal(&simple, flag::DF, command::READ, 0, 1).0,
        ErrorCode::Invalid
    );
    let both = [simple, rules(Style::Structured)];
    for rules in both {
        let refused = refusal(&rules, flag::PAYLOAD_LEN, command::WRITE, 0, 8);
        assert_eq!(refused, (ErrorCode::Invalid, 8));
        let refused = refusal(&rules, flag::PAYLOAD_LEN, command::READ, 0, 8);
        assert_eq!(refused, (ErrorCode::Invalid, 0));
    }
}

#[test]
fn unknown_commands_are_invalid() {
    for command in [8, 9, 255, 0xffff] {
        let refused = refusal(&rules(Style::Structured), 0, command, 0, 0);
        assert_eq!(refused, (ErrorCode::Invalid, 0));
    }
}

#[test]
fn while_stopping_everything_but_the_end_is_refused() {
    let rules = rules(Style::Simple);
    for command in 0..9 {
        let bytes = bytes(Style::Simple, 0, command, 0, 0);
        let (header, _) = Header::parse(&bytes, Style::Simple).unwrap().unwrap();
        match header.check(&rules, true).unwrap() {
            Verdict::Disconnect => assert_eq!(command, command::DISC),
            Verdict::Refuse(refusal) => assert_eq!(refusal.code, ErrorCode::Shutdown),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_write_under_extended_headers_has_its_payload_with_or_without_the_flag() {
    let rules = rules(Style::Extended);
    for flags in [0, flag::PAYLOAD_LEN] {
        accepted(&rules, flags, command::WRITE, 0, 512);
    }
    assert_eq!(
        refusal(&rules, 0, command::WRITE, SIZE, 512),
        (ErrorCode::NoSpace, 512)
    );
}

#[test]
fn kinds_are_numbered_in_order() {
    for (index, kind) in Kind::ALL.into_iter().enumerate() {
        assert_eq!(kind.index(), index);
    }
}
