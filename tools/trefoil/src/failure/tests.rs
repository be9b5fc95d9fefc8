use std::io;

use super::{Failure, chain};

#[derive(Debug, thiserror::Error)]
#[error("cannot open the pool")]
struct Outer(#[source] Inner);

#[derive(Debug, thiserror::Error)]
#[error("superblock: {source}")]
struct Inner {
    source: io::Error,
}

#[test]
fn the_chain_names_each_cause_once() {
    let error = Outer(Inner {
        source: io::Error::other("disk gone"),
    });
    assert_eq!(chain(&error), "cannot open the pool: superblock: disk gone");
}

#[test]
fn a_failure_is_one_line_whatever_it_quotes() {
    let failure = Failure::usage("config.toml\n  |\n1 | x\n");
    assert_eq!(failure.to_string(), "config.toml; |; 1 | x");
}

#[test]
fn a_failure_shows_control_characters_and_does_not_send_them() {
    let failure = Failure::error("no volume \u{1b}[2Jx\u{7}\u{9b}\u{e9}");
    assert_eq!(
        failure.to_string(),
        "no volume \\u{1b}[2Jx\\u{7}\\u{9b}\u{e9}"
    );
}
