//! Shutdown: graceful where it can be, bounded where it cannot.

use std::io::Read;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use frontends_nbd::{Limits, Shutdown};

use crate::gate::Gated;
use crate::wire::{PATIENCE, READ, WRITE, Wire, connect, memory, ok, request, start};

const CLEAN: Shutdown = Shutdown {
    cut_off: 0,
    stuck: 0,
};

#[test]
fn what_is_in_flight_is_finished_and_answered() {
    let export = Gated::new(1 << 20);
    let (gate, inner) = (Arc::clone(&export.gate), export.inner.clone());
    let server = start(export, Limits::default());
    let mut wire = Wire::open(&server);
    wire.send(&[request(0, WRITE, 1, 0, 4), b"data".to_vec()].concat());
    gate.wait_arrived(1);
    let stopping = thread::spawn(move || server.shutdown(PATIENCE));
    gate.open();
    assert_eq!(wire.reply(), ok(1));
    assert!(wire.rest().is_empty());
    assert_eq!(stopping.join().unwrap(), CLEAN);
    assert_eq!(inner.contents(0, 4), b"data");
}

#[test]
fn idle_clients_and_silent_ones_are_closed_at_once() {
    let (_, exports) = memory(1 << 20);
    let server = start(exports, Limits::default());
    let mut idle = Wire::open(&server);
    let mut silent = connect(&server);
    silent.read_exact(&mut [0; 18]).unwrap();
    assert_eq!(server.shutdown(PATIENCE), CLEAN);
    assert!(idle.rest().is_empty());
    assert_eq!(silent.read(&mut [0]).unwrap(), 0);
}

/// The requests lie in the socket when the server stops: it waits for a budget that the gate holds.
#[test]
fn requests_that_come_too_late_are_told_so() {
    let export = Gated::new(8 << 20);
    let gate = Arc::clone(&export.gate);
    let server = start(
        export,
        Limits {
            connection_bytes: 4096,
            ..Limits::default()
        },
    );
    let mut wire = Wire::open(&server);
    let first = [request(0, WRITE, 1, 0, 4096), vec![1; 4096]].concat();
    let second = [request(0, WRITE, 2, 0, 4096), vec![2; 4096]].concat();
    wire.send(&[first, second, request(0, READ, 3, 0, 4096)].concat());
    gate.wait_arrived(1);
    let stopping = thread::spawn(move || server.shutdown(PATIENCE));
    // The refusals overtake the write, which is still in flight: they come only once the server is
    // stopping.
    for cookie in [2, 3] {
        let reply = wire.reply();
        assert_eq!((reply.error, reply.cookie), (108, cookie));
    }
    gate.open();
    assert_eq!(wire.reply(), ok(1));
    assert!(wire.rest().is_empty());
    assert_eq!(stopping.join().unwrap(), CLEAN);
}

#[test]
fn what_does_not_finish_in_time_is_cut_off() {
    let export = Gated::new(1 << 20);
    let gate = Arc::clone(&export.gate);
    let server = start(export, Limits::default());
    let mut wire = Wire::open(&server);
    wire.send(&[request(0, WRITE, 1, 0, 4), b"data".to_vec()].concat());
    gate.wait_arrived(1);
    assert_eq!(
        server.shutdown(Duration::ZERO),
        Shutdown {
            cut_off: 1,
            stuck: 0
        }
    );
    assert!(wire.rest().is_empty());
}

#[test]
fn a_client_that_does_not_read_its_replies_is_cut_off() {
    let (_, exports) = memory(64 << 20);
    let server = start(exports, Limits::default());
    let mut wire = Wire::open(&server);
    for cookie in 0..2 {
        wire.send(&request(0, READ, cookie, 0, 32 << 20));
    }
    // The reply has begun, and is larger than what the sockets hold.
    assert_eq!(wire.reply(), ok(0));
    assert_eq!(
        server.shutdown(Duration::ZERO),
        Shutdown {
            cut_off: 1,
            stuck: 0
        }
    );
}

#[test]
fn a_dropped_server_stops_too() {
    let (_, exports) = memory(1 << 20);
    let server = start(exports, Limits::default());
    let mut wire = Wire::open(&server);
    drop(server);
    assert!(wire.rest().is_empty());
}
