//! Bounds: connections, bytes in flight, and what clients may not send.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use frontends_nbd::Limits;

use crate::gate::Gated;
use crate::wire::{READ, WRITE, Wire, connect, memory, ok, request, start, start_as_told};

#[test]
fn one_connection_too_many_is_closed_and_the_others_go_on() {
    let (_, exports) = memory(1 << 20);
    let server = start(
        exports,
        Limits {
            connections: 2,
            ..Limits::default()
        },
    );
    let mut first = Wire::open(&server);
    let second = Wire::open(&server);
    let mut refused = connect(&server);
    let mut out = Vec::new();
    assert!(refused.read_to_end(&mut out).is_err() || out.is_empty());
    assert_eq!(
        server.metrics().connections_refused.load(Ordering::Relaxed),
        1
    );
    first.send(&request(0, READ, 1, 0, 1));
    assert_eq!(first.reply(), ok(1));
    drop(second);
}

/// A second write waits in the socket while the first, which fills the connection's budget, is in
/// flight.
#[test]
fn a_connection_over_its_budget_is_not_read_further() {
    let export = Gated::new(8 << 20);
    let gate = Arc::clone(&export.gate);
    let server = start(
        export,
        Limits {
            connection_bytes: 1 << 20,
            ..Limits::default()
        },
    );
    let mut wire = Wire::open(&server);
    let write = |cookie| [request(0, WRITE, cookie, 0, 1 << 20), vec![1; 1 << 20]].concat();
    wire.send(&write(1));
    gate.wait_arrived(1);
    let mut sender = wire.stream.try_clone().unwrap();
    let sending = std::thread::spawn(move || {
        std::io::Write::write_all(&mut sender, &write(2)).unwrap();
    });
    // Another connection is not concerned.
    let mut other = Wire::open(&server);
    other.send(&request(0, READ, 9, 0, 4096));
    assert_eq!(other.reply(), ok(9));
    assert_eq!(gate.arrived(), 1);
    gate.open();
    assert_eq!(wire.reply(), ok(1));
    assert_eq!(wire.reply(), ok(2));
    sending.join().unwrap();
    assert_eq!(gate.arrived(), 2);
}

#[test]
fn a_full_common_budget_blocks_large_requests_of_others_but_not_small_ones() {
    let export = Gated::new(8 << 20);
    let gate = Arc::clone(&export.gate);
    let server = start(
        export,
        Limits {
            total_bytes: 1 << 20,
            ..Limits::default()
        },
    );
    let mut holder = Wire::open(&server);
    holder.send(&[request(0, WRITE, 1, 0, 1 << 20), vec![1; 1 << 20]].concat());
    gate.wait_arrived(1);
    let mut other = Wire::open(&server);
    other.send(&request(0, READ, 2, 0, 4096));
    assert_eq!(other.reply(), ok(2));
    other.bytes(4096);
    other.send(&request(0, READ, 3, 0, 2 << 20));
    gate.open();
    assert_eq!(holder.reply(), ok(1));
    assert_eq!(other.reply(), ok(3));
    other.bytes(2 << 20);
    drop((holder, other));
    let _ = server.shutdown(crate::wire::PATIENCE);
}

/// Who holds the budget has not sent everything: the thread that would receive it serves those who
/// wait for the budget, too.
#[test]
fn connections_that_wait_for_the_budget_do_not_keep_its_holder_from_being_received() {
    const LARGE: u32 = 2 << 20;
    let (export, exports) = memory(8 << 20);
    let limits = Limits {
        total_bytes: 1 << 20,
        own_threads: 0,
        ..Limits::default()
    };
    let server = start_as_told(exports, limits);
    let mut holder = Wire::open(&server);
    let write = [request(0, WRITE, 1, 0, LARGE), vec![7; 2 << 20]].concat();
    let (first, rest) = write.split_at(128);
    holder.send(first);
    while server.bytes_in_flight() < LARGE.into() {
        std::thread::yield_now();
    }
    let mut blocked: Vec<Wire> = (0..5).map(|_| Wire::open(&server)).collect();
    for (wire, cookie) in blocked.iter_mut().zip(10..) {
        wire.send(&request(0, READ, cookie, 0, LARGE));
    }
    // Exactly what is admitted always: once it is answered, the others were looked at.
    let mut other = Wire::open(&server);
    for cookie in 20..30 {
        other.send(&request(0, READ, cookie, 0, 256 << 10));
        assert_eq!(other.reply(), ok(cookie));
        other.bytes(256 << 10);
    }
    holder.send(rest);
    assert_eq!(holder.reply(), ok(1));
    for (wire, cookie) in blocked.iter_mut().zip(10..) {
        assert_eq!(wire.reply(), ok(cookie));
        wire.bytes(2 << 20);
    }
    assert!(export.contents(0, 2 << 20) == vec![7; 2 << 20]);
}

#[test]
fn more_requests_than_may_be_in_flight_are_answered_all_the_same() {
    let export = Gated::new(1 << 20);
    let gate = Arc::clone(&export.gate);
    let server = start(export, Limits::default());
    let mut wire = Wire::open(&server);
    let count = 3000;
    let stream: Vec<u8> = (0..count)
        .flat_map(|cookie| [request(0, WRITE, cookie, cookie, 1), vec![7]].concat())
        .collect();
    wire.send(&stream);
    gate.wait_arrived(1024);
    assert_eq!(
        server.metrics().requests_in_flight.load(Ordering::Relaxed),
        1024
    );
    gate.open();
    let mut cookies: Vec<u64> = (0..count).map(|_| wire.reply().cookie).collect();
    cookies.sort_unstable();
    assert_eq!(cookies, (0..count).collect::<Vec<_>>());
}

/// The client sends reads whose replies exceed every buffer, and reads none of them before all are
/// sent.
#[test]
fn replies_that_nobody_reads_stop_the_intake_and_get_through_in_the_end() {
    let (_, exports) = memory(8 << 20);
    let server = start(
        exports,
        Limits {
            connection_bytes: 1 << 20,
            ..Limits::default()
        },
    );
    let mut wire = Wire::open(&server);
    for cookie in 0..40 {
        wire.send(&request(0, READ, cookie, 0, 1 << 20));
    }
    assert!(server.bytes_in_flight() <= 3 << 20);
    for cookie in 0..40 {
        assert_eq!(wire.reply(), ok(cookie));
        wire.bytes(1 << 20);
    }
}

#[test]
fn who_breaks_the_protocol_is_cut_off_and_nobody_else() {
    let (_, exports) = memory(1 << 20);
    let server = start(exports, Limits::default());
    let mut good = Wire::open(&server);
    let breaches = [
        b"GET / HTTP/1.1\r\n".to_vec(),
        request(0, WRITE, 1, 0, (32 << 20) + 1),
        request(0, WRITE, 1, 0, u32::MAX),
    ];
    for (index, breach) in breaches.iter().enumerate() {
        let mut bad = Wire::open(&server);
        bad.send(breach);
        let mut out = Vec::new();
        assert!(bad.stream.read_to_end(&mut out).is_err() || out.is_empty());
        let counted = server.metrics().breaches.load(Ordering::Relaxed);
        assert_eq!(counted, u64::try_from(index).unwrap() + 1);
    }
    good.send(&request(0, READ, 1, 0, 1));
    assert_eq!(good.reply(), ok(1));
}
