//! Damaged streams against a running server: it answers or closes, never hangs, and goes on
//! serving others.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::sync::atomic::Ordering;
use std::thread;

use frontends_nbd::{Limits, fuzzing};

use crate::wire::{PATIENCE, READ, Wire, connect, memory, ok, request, start};

#[test]
fn every_damaged_stream_comes_to_an_end() {
    let server = start(fuzzing::exports(), Limits::default());
    for seed in 1000..1400 {
        let stream = fuzzing::random_stream(seed);
        let mut socket = connect(&server);
        let mut sender = socket.try_clone().unwrap();
        // Failing is fine: the server may have closed.
        let sending = thread::spawn(move || {
            let sent = sender.write_all(&stream);
            sent.and_then(|()| sender.shutdown(Shutdown::Write)).is_ok()
        });
        let mut out = Vec::new();
        if let Err(error) = socket.read_to_end(&mut out) {
            let kind = error.kind();
            assert_eq!(
                kind,
                std::io::ErrorKind::ConnectionReset,
                "seed {seed}: {error}"
            );
        }
        assert!(sending.join().is_ok(), "seed {seed}");
    }
    let metrics = server.metrics();
    assert_eq!(metrics.connections_total.load(Ordering::Relaxed), 400);
    let end = server.shutdown(PATIENCE);
    assert_eq!((end.cut_off, end.stuck), (0, 0));
    assert_eq!(metrics.requests_in_flight.load(Ordering::Relaxed), 0);
    assert_eq!(metrics.connections_open.load(Ordering::Relaxed), 0);
}

#[test]
fn a_stream_that_ends_anywhere_leaves_nothing_behind() {
    let (_, exports) = memory(1 << 20);
    let server = start(exports, Limits::default());
    let whole = [
        request(0, 1, 1, 0, 600),
        vec![1; 600],
        request(0, READ, 2, 0, 600),
    ]
    .concat();
    for end in (0..whole.len()).step_by(37) {
        let mut wire = Wire::open(&server);
        wire.send(&whole[..end]);
        wire.stream.shutdown(Shutdown::Write).unwrap();
        let answered = wire.rest().len();
        assert_eq!(answered, if end < 628 { 0 } else { 16 }, "{end} bytes");
    }
    let mut wire = Wire::open(&server);
    wire.send(&whole);
    assert_eq!(wire.reply(), ok(1));
    assert_eq!(wire.reply(), ok(2));
    assert_eq!(wire.bytes(600), [1; 600]);
    drop(wire);
    let end = server.shutdown(PATIENCE);
    assert_eq!((end.cut_off, end.stuck), (0, 0));
}
