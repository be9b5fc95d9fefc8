use std::fs::File;
use std::sync::Arc;

use super::{CommandRing, Registered};

/// A file takes no commands at all (some devices that are no connection do, and say yes).
#[test]
fn what_takes_no_commands_refuses_the_entry() {
    let Ok(mut ring) = CommandRing::new(1 << 20) else {
        println!("skipped: the kernel gives no io_uring");
        return;
    };
    let file = File::open(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).unwrap();
    let registered = ring.register(Arc::new(file.into()), 0).unwrap();
    assert!(
        matches!(registered, Registered::Refused(_)),
        "{registered:?}"
    );
}

#[test]
#[should_panic(expected = "a request is waited for")]
fn there_is_no_request_before_one_came() {
    let ring = CommandRing::new(4096);
    ring.expect("a request is waited for").request();
}
