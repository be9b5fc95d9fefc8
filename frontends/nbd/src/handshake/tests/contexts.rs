use super::{End, add, answers, contexts, query, start, types};
use crate::protocol::{option, option_reply as reply, transmission_flag};

#[test]
fn contexts_are_listed_and_selected() {
    let begin = add(start(), option::STRUCTURED_REPLY, b"");
    let lists = [
        (vec![], true),
        (vec!["base:"], true),
        (vec!["base:allocation", "base:"], true),
        (vec!["qemu:", "nonsense"], false),
    ];
    for (queries, found) in lists {
        let data = contexts("disk", &queries);
        let (replies, _) = answers(&add(begin.clone(), option::LIST_META_CONTEXT, &data));
        assert_eq!(replies.len(), 2 + usize::from(found), "{queries:?}");
        assert_eq!(replies.last().unwrap().1, reply::ACK);
    }
    let selections = [
        (vec![], false),
        (vec!["base:"], false),
        (vec!["base:nothing"], false),
        (vec!["x-a:b", "base:allocation"], true),
    ];
    for (queries, found) in selections {
        let data = contexts("disk", &queries);
        let stream = add(begin.clone(), option::SET_META_CONTEXT, &data);
        let stream = add(stream, option::GO, &query("disk", &[]));
        let (replies, end) = answers(&stream);
        assert_eq!(replies[1].1 == reply::META_CONTEXT, found, "{queries:?}");
        let End::Transmission(session) = end else {
            panic!("GO begins transmission")
        };
        assert_eq!(session.rules.contexts, found, "{queries:?}");
    }
}

#[test]
fn contexts_hold_for_the_export_they_were_selected_for_and_until_the_next_attempt() {
    let begin = add(start(), option::EXTENDED_HEADERS, b"");
    let set = |stream, name: &str| {
        add(
            stream,
            option::SET_META_CONTEXT,
            &contexts(name, &["base:allocation"]),
        )
    };
    let go = |stream, name: &str| match answers(&add(stream, option::GO, &query(name, &[]))).1 {
        End::Transmission(session) => session.rules,
        _ => panic!("GO begins transmission"),
    };
    let rules = go(set(begin.clone(), "disk"), "disk");
    assert!(rules.contexts);
    assert_ne!(
        rules.transmission_flags() & transmission_flag::BLOCK_STATUS_PAYLOAD,
        0
    );
    assert!(!go(set(begin.clone(), "disk"), "frozen").contexts);
    assert!(!go(set(set(begin.clone(), "disk"), "nothing"), "disk").contexts);
    let broken = add(set(begin, "disk"), option::SET_META_CONTEXT, b"broken");
    assert!(!go(broken, "disk").contexts);
}

#[test]
fn contexts_need_replies_that_can_carry_them() {
    let data = contexts("disk", &["base:allocation"]);
    let stream = add(start(), option::SET_META_CONTEXT, &data);
    let (replies, _) = answers(&stream);
    assert_eq!(
        types(&replies),
        [(option::SET_META_CONTEXT, reply::ERR_INVALID)]
    );
}
