//! Many requests at once, and the order of their replies.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use frontends_nbd::{Kind, Limits};

use crate::gate::Gated;
use crate::wire::{DISC, FLUSH, READ, WRITE, WRITE_ZEROES, Wire, memory, ok, request, start};

#[test]
fn all_requests_of_one_send_are_answered() {
    let (export, exports) = memory(1 << 20);
    let server = start(exports, Limits::default());
    let mut wire = Wire::open(&server);
    let mut stream = Vec::new();
    for index in 0..200_u64 {
        stream.extend(request(0, WRITE, index, index * 512, 512));
        stream.extend([u8::try_from(index).unwrap(); 512]);
    }
    wire.send(&stream);
    let cookies: HashSet<u64> = (0..200)
        .map(|_| {
            let reply = wire.reply();
            assert_eq!(reply.error, 0);
            reply.cookie
        })
        .collect();
    assert_eq!(cookies, (0..200).collect());
    for index in 0..200_u64 {
        assert_eq!(
            export.contents(index * 512, 512),
            [u8::try_from(index).unwrap(); 512]
        );
    }
    let reads: Vec<u8> = (0..200)
        .flat_map(|index| request(0, READ, index, index * 512, 512))
        .collect();
    wire.send(&reads);
    for _ in 0..200 {
        let reply = wire.reply();
        let data = wire.bytes(512);
        assert_eq!(data, [u8::try_from(reply.cookie).unwrap(); 512]);
    }
    let metrics = server.metrics();
    assert_eq!(metrics.requests(Kind::Write), 200);
    assert_eq!(metrics.requests(Kind::Read), 200);
    assert_eq!(metrics.written_bytes.load(Ordering::Relaxed), 200 * 512);
    assert_eq!(metrics.read_bytes.load(Ordering::Relaxed), 200 * 512);
}

#[test]
fn a_slow_request_does_not_hold_up_the_others() {
    let export = Gated::new(1 << 20);
    let gate = Arc::clone(&export.gate);
    let server = start(export, Limits::default());
    let mut wire = Wire::open(&server);
    let write = [request(0, WRITE, 1, 0, 4), b"data".to_vec()].concat();
    wire.send(&[write, request(0, READ, 2, 0, 4)].concat());
    assert_eq!(wire.reply(), ok(2));
    assert_eq!(wire.bytes(4), [0; 4]);
    wire.send(&request(0, FLUSH, 3, 0, 0));
    assert_eq!(wire.reply(), ok(3));
    gate.open();
    assert_eq!(wire.reply(), ok(1));
}

#[test]
fn a_half_received_write_does_not_hold_up_what_is_in_flight() {
    let export = Gated::new(1 << 20);
    let gate = Arc::clone(&export.gate);
    let server = start(export, Limits::default());
    let mut wire = Wire::open(&server);
    wire.send(&[request(0, WRITE, 1, 0, 4), b"data".to_vec()].concat());
    wire.send(&[request(0, WRITE, 2, 4096, 200_000), vec![1; 100]].concat());
    gate.wait_arrived(1);
    gate.open();
    assert_eq!(wire.reply(), ok(1));
    wire.send(&vec![1; 199_900]);
    assert_eq!(wire.reply(), ok(2));
}

#[test]
fn disconnecting_finishes_what_is_in_flight_first() {
    let export = Gated::new(1 << 20);
    let (gate, inner) = (Arc::clone(&export.gate), export.inner.clone());
    let server = start(export, Limits::default());
    let mut wire = Wire::open(&server);
    let write = [request(1, WRITE, 1, 0, 4), b"data".to_vec()].concat();
    wire.send(&[write, request(0, DISC, 2, 0, 0)].concat());
    gate.wait_arrived(1);
    gate.open();
    assert_eq!(wire.reply(), ok(1));
    assert!(wire.rest().is_empty());
    assert_eq!(inner.contents(0, 4), b"data");
    assert_eq!(inner.durable_writes(), 1);
}

#[test]
fn a_flush_reaches_the_export_after_the_writes_that_were_answered() {
    let (export, exports) = memory(1 << 20);
    let server = start(exports, Limits::default());
    let mut one = Wire::open(&server);
    let mut other = Wire::open(&server);
    one.send(&[request(0, WRITE, 1, 0, 4), b"data".to_vec()].concat());
    assert_eq!(one.reply(), ok(1));
    assert_eq!(export.flushes(), 0);
    other.send(&request(0, FLUSH, 2, 0, 0));
    assert_eq!(other.reply(), ok(2));
    assert_eq!(export.flushes(), 1);
}

#[test]
fn a_refused_write_leaves_the_stream_intact() {
    let (_, exports) = memory(1 << 20);
    let server = start(exports, Limits::default());
    let mut wire = Wire::open(&server);
    let refused = [request(0, WRITE, 1, 1 << 20, 300_000), vec![0x25; 300_000]].concat();
    wire.send(&[refused, request(0, READ, 2, 5, 3)].concat());
    assert_eq!(wire.reply().error, 28);
    assert_eq!(wire.reply(), ok(2));
    assert_eq!(wire.bytes(3), [0; 3]);
}

#[test]
fn the_largest_requests_come_through_whole() {
    let (export, exports) = memory(64 << 20);
    let server = start(exports, Limits::default());
    let mut wire = Wire::open(&server);
    let data: Vec<u8> = (0..32 << 20)
        .map(|at: u32| at.to_le_bytes()[1] ^ at.to_le_bytes()[2])
        .collect();
    wire.send(&request(0, WRITE, 1, 12_345, 32 << 20));
    wire.send(&data);
    assert_eq!(wire.reply(), ok(1));
    assert!(export.contents(12_345, 32 << 20) == data);
    wire.send(&request(0, READ, 2, 12_345, 32 << 20));
    assert_eq!(wire.reply(), ok(2));
    assert!(wire.bytes(32 << 20) == data);
}

/// Zeroing that keeps its space is done in steps; the requests behind it get their turn.
#[test]
fn a_long_request_is_worked_off_in_steps() {
    let size = 200 << 20;
    let (export, exports) = memory(size);
    let server = start(exports, Limits::default());
    let mut wire = Wire::open(&server);
    wire.send(&[request(0, WRITE, 1, size - 4, 4), b"data".to_vec()].concat());
    assert_eq!(wire.reply(), ok(1));
    let no_hole = 2;
    let zeroes = request(no_hole, WRITE_ZEROES, 2, 0, u32::try_from(size).unwrap());
    wire.send(&[zeroes, request(0, READ, 3, 0, 4)].concat());
    assert_eq!(wire.reply(), ok(3));
    assert_eq!(wire.bytes(4), [0; 4]);
    assert_eq!(wire.reply(), ok(2));
    assert_eq!(export.contents(size - 4, 4), [0; 4]);
}
