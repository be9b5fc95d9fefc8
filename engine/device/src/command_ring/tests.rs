use std::fs::File;
use std::sync::Arc;

use super::{CommandRing, Registered};

/// What is no FUSE connection refuses, and gives the buffers back.
#[test]
fn a_device_without_a_connection_refuses_the_entry() {
    let Ok(mut ring) = CommandRing::new(1 << 20) else {
        println!("skipped: the kernel gives no io_uring");
        return;
    };
    let null = Arc::new(File::open("/dev/null").unwrap().into());
    let registered = ring.register(null, 0).unwrap();
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
