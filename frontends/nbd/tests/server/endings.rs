//! Streams that end: between two messages silently, within one as a breach.

use std::io::Write;
use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use frontends_nbd::{Limits, Server};

use crate::gate::Gated;
use crate::wire::{PATIENCE, READ, WRITE, Wire, connect, memory, ok, request, start};

fn breaches(server: &Server) -> u64 {
    server.metrics().breaches.load(Ordering::Relaxed)
}

/// An unknown option that announces `announced` bytes and brings `sent`.
fn option(announced: u32, sent: usize) -> Vec<u8> {
    let mut out = b"\0\0\0\x03IHAVEOPT\0\0\x12\x67".to_vec();
    out.extend(announced.to_be_bytes());
    out.resize(out.len() + sent, 7);
    out
}

#[test]
fn a_handshake_that_ends_within_a_message_is_a_breach() {
    let (_, exports) = memory(1 << 20);
    let server = start(exports, Limits::default());
    let go_cut_short = b"\0\0\0\x03IHAVEOPT\0\0\0\x07\0\0\0\x64\0\0".to_vec();
    let streams = [
        (Vec::new(), 0),
        (b"\0\0\0\x03".to_vec(), 0),
        (option(0, 0), 0),
        (option(100_000, 100_000), 0),
        (b"\0\0".to_vec(), 1),
        (option(0, 0)[..16].to_vec(), 1),
        (option(100_000, 0), 1),
        (option(100_000, 99_999), 1),
        (go_cut_short, 1),
    ];
    for (stream, expected) in streams {
        let before = breaches(&server);
        let mut socket = connect(&server);
        socket.write_all(&stream).unwrap();
        socket.shutdown(Shutdown::Write).unwrap();
        Wire { stream: socket }.rest();
        let bytes = stream.len();
        assert_eq!(breaches(&server) - before, expected, "{bytes} bytes");
    }
}

#[test]
fn a_transmission_that_ends_within_a_message_is_a_breach() {
    let (_, exports) = memory(8 << 20);
    let server = start(exports, Limits::default());
    let write = |length, sent| [request(0, WRITE, 1, 0, length), vec![1; sent]].concat();
    let refused = [request(0, WRITE, 1, 8 << 20, 600), vec![1; 599]].concat();
    let streams = [
        (Vec::new(), 0, 0),
        (request(0, READ, 1, 0, 1), 17, 0),
        (write(600, 600), 16, 0),
        (request(0, READ, 1, 0, 1)[..8].to_vec(), 0, 1),
        (write(600, 0), 0, 1),
        (write(600, 599), 0, 1),
        (write(4 << 20, (1 << 20) + 17), 0, 1),
        (refused, 0, 1),
        ([write(600, 600), write(600, 1)].concat(), 16, 1),
    ];
    for (index, (stream, answered, expected)) in streams.into_iter().enumerate() {
        let before = breaches(&server);
        let mut wire = Wire::open(&server);
        wire.send(&stream);
        wire.stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(wire.rest().len(), answered, "stream {index}");
        assert_eq!(breaches(&server) - before, expected, "stream {index}");
    }
}

#[test]
fn what_was_in_flight_when_the_stream_was_cut_short_is_answered() {
    let export = Gated::new(1 << 20);
    let (gate, inner) = (Arc::clone(&export.gate), export.inner.clone());
    let server = start(export, Limits::default());
    let mut wire = Wire::open(&server);
    wire.send(&[request(0, WRITE, 1, 0, 4), b"data".to_vec(), vec![0x25]].concat());
    wire.stream.shutdown(Shutdown::Write).unwrap();
    gate.wait_arrived(1);
    gate.open();
    assert_eq!(wire.reply(), ok(1));
    assert!(wire.rest().is_empty());
    assert_eq!(inner.contents(0, 4), b"data");
    assert_eq!(breaches(&server), 1);
}

#[test]
fn a_server_that_stops_within_a_message_does_not_blame_the_client() {
    let (_, exports) = memory(1 << 20);
    let server = start(exports, Limits::default());
    let mut wire = Wire::open(&server);
    wire.send(&request(0, WRITE, 1, 0, 600));
    let mut socket = connect(&server);
    socket.write_all(&option(600, 1)).unwrap();
    let metrics = server.metrics();
    let _ = server.shutdown(PATIENCE);
    assert_eq!(metrics.breaches.load(Ordering::Relaxed), 0);
}
