use super::{MIB, SIZE, accepted, bytes, refusal, rules, verdict_of};
use crate::breach::Breach;
use crate::error_code::ErrorCode;
use crate::protocol::{command, command_flag as flag};
use crate::request::{Header, Verdict, check_status_payload};
use crate::session::{Rules, Style};

#[test]
fn ranges_past_the_end_get_the_error_that_the_protocol_asks_for() {
    let rules = rules(Style::Extended);
    let cases = [
        (SIZE, 1),
        (SIZE - 1, 2),
        (u64::MAX, 1),
        (u64::MAX, u64::MAX),
        (0, SIZE + 1),
    ];
    for (offset, length) in cases {
        for (command, code) in [
            (command::READ, ErrorCode::Invalid),
            (command::TRIM, ErrorCode::Invalid),
            (command::CACHE, ErrorCode::Invalid),
            (command::BLOCK_STATUS, ErrorCode::Invalid),
            (command::WRITE_ZEROES, ErrorCode::NoSpace),
        ] {
            assert_eq!(
                refusal(&rules, 0, command, offset, length),
                (code, 0),
                "{command}"
            );
        }
    }
    let refused = refusal(&rules, flag::PAYLOAD_LEN, command::WRITE, SIZE - 1, 2);
    assert_eq!(refused, (ErrorCode::NoSpace, 2));
}

#[test]
fn a_flush_has_no_range() {
    let rules = rules(Style::Simple);
    assert_eq!(
        refusal(&rules, 0, command::FLUSH, 1, 0).0,
        ErrorCode::Invalid
    );
    assert_eq!(
        refusal(&rules, 0, command::FLUSH, 0, 1).0,
        ErrorCode::Invalid
    );
}

#[test]
fn a_read_only_export_refuses_what_changes_it_and_drains_the_payload() {
    let rules = Rules {
        read_only: true,
        ..rules(Style::Structured)
    };
    for (command, payload) in [
        (command::WRITE, 512),
        (command::TRIM, 0),
        (command::WRITE_ZEROES, 0),
    ] {
        let refused = refusal(&rules, 0, command, 0, 512);
        assert_eq!(refused, (ErrorCode::NotPermitted, payload));
    }
    accepted(&rules, 0, command::READ, 0, 512);
    accepted(&rules, 0, command::FLUSH, 0, 0);
}

#[test]
fn payloads_have_a_limit_and_lengths_without_payload_have_none() {
    let rules = Rules {
        size: 1 << 50,
        ..rules(Style::Extended)
    };
    let bytes = bytes(
        Style::Extended,
        flag::PAYLOAD_LEN,
        command::WRITE,
        0,
        32 * MIB + 1,
    );
    let (header, _) = Header::parse(&bytes, Style::Extended).unwrap().unwrap();
    assert!(matches!(
        header.check(&rules, false),
        Err(Breach::TooLarge { .. })
    ));
    accepted(&rules, flag::PAYLOAD_LEN, command::WRITE, 0, 32 * MIB);
    accepted(&rules, 0, command::TRIM, 0, 1 << 50);
    accepted(&rules, 0, command::WRITE_ZEROES, 0, 1 << 50);
    accepted(&rules, 0, command::BLOCK_STATUS, 0, 1 << 50);
    accepted(&rules, 0, command::READ, 0, 32 * MIB);
    assert_eq!(
        refusal(&rules, 0, command::READ, 0, 32 * MIB + 1).0,
        ErrorCode::Overflow
    );
}

#[test]
fn block_status_needs_a_context_and_a_range() {
    let without = Rules {
        contexts: false,
        ..rules(Style::Structured)
    };
    assert_eq!(
        refusal(&without, 0, command::BLOCK_STATUS, 0, 1).0,
        ErrorCode::Invalid
    );
    let with = rules(Style::Structured);
    assert_eq!(
        refusal(&with, 0, command::BLOCK_STATUS, 0, 0).0,
        ErrorCode::Invalid
    );
}

#[test]
fn the_payload_of_block_status_names_the_one_context() {
    let rules = rules(Style::Extended);
    let verdict = verdict_of(&rules, flag::PAYLOAD_LEN, command::BLOCK_STATUS, 4096, 12);
    let Verdict::RunAfterPayload(request, 12) = verdict else {
        panic!("{verdict:?}");
    };
    let payload = |bytes: u64, ids: &[u32]| {
        let ids = ids.iter().flat_map(|id| id.to_be_bytes());
        bytes
            .to_be_bytes()
            .into_iter()
            .chain(ids)
            .collect::<Vec<u8>>()
    };
    let verdict = check_status_payload(&request, &payload(512, &[1]), &rules);
    assert!(matches!(verdict, Verdict::Run(run) if run.bytes == 512 && run.offset == 4096));
    for wrong in [
        payload(512, &[2]),
        payload(512, &[1, 1]),
        payload(0, &[1]),
        payload(SIZE, &[1]),
    ] {
        let verdict = check_status_payload(&request, &wrong, &rules);
        assert!(
            matches!(verdict, Verdict::Refuse(refusal) if refusal.payload == 0),
            "{wrong:?}"
        );
    }
    for length in [1, 8, 11, 13, 4100] {
        let refused = refusal(&rules, flag::PAYLOAD_LEN, command::BLOCK_STATUS, 0, length);
        assert_eq!(refused, (ErrorCode::Invalid, length));
    }
}
