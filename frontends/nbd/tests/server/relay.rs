//! Large requests of one connection on several threads.

use std::collections::HashMap;
use std::sync::{Arc, Barrier};
use std::thread;

use frontends_nbd::{Limits, Shutdown};

use crate::gate::Gated;
use crate::wire::{FLUSH, PATIENCE, READ, WRITE, Wire, memory, ok, request, start, start_as_told};

/// One fits into the smallest window of a socket, with the header behind it.
const LARGE: u32 = 40 << 10;
/// A write here keeps its thread, from when the test knows of it until it has sent everything: what
/// comes behind it is there at once.
const HELD: u64 = 0;

fn write(cookie: u64, offset: u64, byte: u8, bytes: u32) -> Vec<u8> {
    let mut out = request(0, WRITE, cookie, offset, bytes);
    out.extend(vec![byte; usize::try_from(bytes).unwrap()]);
    out
}

/// An export whose writes call `hook`, and nothing else holds them up.
fn hooked(hook: impl Fn(u64, usize) + Send + Sync + 'static) -> Gated {
    let gated = Gated::new(1 << 20);
    gated.gate.open();
    let set = gated.gate.hook.set(Box::new(hook));
    assert!(set.is_ok(), "it is new");
    gated
}

fn replies(wire: &mut Wire, count: u64) {
    let mut cookies: Vec<u64> = (0..count)
        .map(|_| {
            let reply = wire.reply();
            assert_eq!(reply.error, 0);
            reply.cookie
        })
        .collect();
    cookies.sort_unstable();
    assert_eq!(cookies, (0..count).collect::<Vec<_>>());
}

/// Each of the two waits on its thread for the other one.
#[test]
fn two_large_writes_are_carried_out_at_once() {
    let (sent, meeting) = (Arc::new(Barrier::new(2)), Barrier::new(2));
    let all_sent = Arc::clone(&sent);
    let export = hooked(move |offset, _| {
        if offset == HELD {
            all_sent.wait();
            all_sent.wait();
        } else {
            meeting.wait();
        }
    });
    let inner = export.inner.clone();
    let server = start(export, Limits::default());
    let mut wire = Wire::open(&server);
    let (one, two) = (u64::from(LARGE), u64::from(2 * LARGE));
    wire.send(&write(0, HELD, 1, 4));
    sent.wait();
    wire.send(&[write(1, one, 2, LARGE), write(2, two, 3, LARGE)].concat());
    wire.send(&request(0, FLUSH, 3, 0, 0));
    sent.wait();
    replies(&mut wire, 4);
    let bytes = usize::try_from(LARGE).unwrap();
    assert!(inner.contents(one, bytes) == vec![2; bytes]);
    assert!(inner.contents(two, bytes) == vec![3; bytes]);
}

/// Reads and writes of many lengths, large and small, all sent before the first reply is read.
#[test]
fn replies_of_several_threads_are_whole() {
    for own_threads in [1, 2, 8] {
        many_at_once(own_threads);
    }
}

fn many_at_once(own_threads: usize) {
    let (export, exports) = memory(64 << 20);
    let limits = Limits {
        own_threads,
        ..Limits::default()
    };
    let server = start_as_told(exports, limits);
    let mut wire = Wire::open(&server);
    let content = |offset: u64, bytes: usize| -> Vec<u8> {
        let at = offset..offset + u64::try_from(bytes).unwrap();
        at.map(|at| (at / 4_099 % 251).to_le_bytes()[0]).collect()
    };
    let whole = content(0, 8 << 20);
    wire.send(&request(0, WRITE, 1, 0, 8 << 20));
    wire.send(&whole);
    assert_eq!(wire.reply(), ok(1));
    let (mut requests, mut reads) = (Vec::new(), HashMap::new());
    for cookie in 2..402_u64 {
        let bytes = [70_000, 33_000, 512, 131_072][usize::try_from(cookie % 4).unwrap()];
        let offset = cookie * 7_919 % (7 << 20);
        if cookie % 3 == 0 {
            let there = (8 << 20) + cookie * (128 << 10);
            requests.extend(write(cookie, there, cookie.to_le_bytes()[0], bytes));
        } else {
            requests.extend(request(0, READ, cookie, offset, bytes));
            reads.insert(cookie, (offset, usize::try_from(bytes).unwrap()));
        }
    }
    let mut stream = wire.stream.try_clone().unwrap();
    let sender = thread::spawn(move || std::io::Write::write_all(&mut stream, &requests));
    for _ in 2..402 {
        let reply = wire.reply();
        assert_eq!(reply.error, 0);
        if let Some((offset, bytes)) = reads.remove(&reply.cookie) {
            assert!(
                wire.bytes(bytes) == content(offset, bytes),
                "{}",
                reply.cookie
            );
        }
    }
    sender.join().unwrap().unwrap();
    assert!(reads.is_empty());
    for cookie in (3..402).step_by(3) {
        let bytes = [70_000, 33_000, 512, 131_072][usize::try_from(cookie % 4).unwrap()];
        let there = (8 << 20) + cookie * (128 << 10);
        assert!(export.contents(there, bytes) == vec![cookie.to_le_bytes()[0]; bytes]);
    }
    assert_eq!(server.bytes_in_flight(), 0);
}

/// The client is gone while several threads answer it: nothing of it is left.
#[test]
fn a_client_that_leaves_takes_all_its_threads_along() {
    let (_, exports) = memory(8 << 20);
    let server = start(exports, Limits::default());
    for round in 0..20 {
        let mut wire = Wire::open(&server);
        for cookie in 0..40 + round {
            wire.send(&request(0, READ, cookie, 4_096 * cookie, 128 << 10));
        }
        drop(wire);
    }
    let metrics = server.metrics();
    let clean = Shutdown {
        cut_off: 0,
        stuck: 0,
    };
    assert_eq!(server.shutdown(PATIENCE), clean);
    let in_flight = &metrics.requests_in_flight;
    assert_eq!(in_flight.load(std::sync::atomic::Ordering::Relaxed), 0);
}

/// A request that panics costs its own client the connection, whichever thread it is on.
#[test]
fn a_panic_on_any_thread_cuts_off_that_client_alone() {
    for bad in [u64::from(LARGE), u64::from(2 * LARGE)] {
        let sent = Arc::new(Barrier::new(2));
        let all_sent = Arc::clone(&sent);
        let export = hooked(move |offset, _| {
            if offset == HELD {
                all_sent.wait();
                all_sent.wait();
            }
            assert_ne!(offset, bad, "on purpose");
        });
        let server = start(export, Limits::default());
        let (mut wire, mut other) = (Wire::open(&server), Wire::open(&server));
        wire.send(&write(0, HELD, 1, 4));
        sent.wait();
        for cookie in 1..4 {
            wire.send(&write(cookie, cookie * u64::from(LARGE), 1, LARGE));
        }
        sent.wait();
        let _ = wire.rest();
        other.send(&write(7, 512, 1, 4));
        assert_eq!(other.reply(), ok(7));
        drop((wire, other));
        assert_eq!(server.shutdown(PATIENCE).cut_off, 0);
    }
}
