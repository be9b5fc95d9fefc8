//! Each test runs with a ring (where the kernel has one) and without.

mod many;
mod reads;

use std::cell::RefCell;
use std::future::poll_fn;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::Poll;
use std::thread;

use super::ring::Ring;
use super::wakeup::Wakeup;
use super::{Interest, Reactor, Readiness, Watched, may_block, set_may_block};

const READ: Interest = Interest {
    read: true,
    write: false,
};
const NOTHING: Interest = Interest {
    read: false,
    write: false,
};

fn without_ring() -> Reactor {
    Reactor::with(Arc::new(Wakeup::new().unwrap()), None)
}

fn with_ring() -> Option<Reactor> {
    let wakeup = Arc::new(Wakeup::new().unwrap());
    match Ring::new(8, Arc::clone(&wakeup)) {
        Ok(ring) => Some(Reactor::with(wakeup, Some(Rc::new(RefCell::new(ring))))),
        Err(error) => {
            eprintln!("skipping io_uring: the kernel gives no ring: {error}");
            None
        }
    }
}

fn on_both(body: impl Fn(&Reactor)) {
    body(&without_ring());
    if let Some(reactor) = with_ring() {
        body(&reactor);
    }
}

/// Parks once with one socket.
fn park(reactor: &Reactor, socket: &UnixStream, interest: Interest) -> Readiness {
    let watched = Watched {
        token: 7,
        socket: socket.as_fd(),
        interest,
    };
    let mut seen = Readiness::default();
    let ready = |token, readiness| {
        assert_eq!(token, 7);
        seen = readiness;
    };
    reactor.park(&[watched], ready).unwrap();
    seen
}

/// Parks until the socket is ready in some way: a park may return for other reasons.
fn park_until_ready(reactor: &Reactor, socket: &UnixStream, interest: Interest) -> Readiness {
    loop {
        let readiness = park(reactor, socket, interest);
        if readiness != Readiness::default() {
            return readiness;
        }
    }
}

#[test]
fn a_socket_with_bytes_is_readable_each_time_until_they_are_read() {
    on_both(|reactor| {
        let (mut ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.write_all(b"ab").unwrap();
        for _ in 0..3 {
            assert!(park_until_ready(reactor, &ours, READ).readable);
        }
        ours.read_exact(&mut [0; 2]).unwrap();
        let ready = park_until_ready(
            reactor,
            &ours,
            Interest {
                read: true,
                write: true,
            },
        );
        assert!(ready.writable && !ready.hangup);
    });
}

#[test]
fn bytes_that_come_later_end_the_sleep() {
    on_both(|reactor| {
        let (mut ours, mut theirs) = UnixStream::pair().unwrap();
        let writer = thread::spawn(move || {
            for byte in 0..200 {
                theirs.write_all(&[byte]).unwrap();
                theirs.read_exact(&mut [0]).unwrap();
            }
        });
        for expected in 0..200 {
            assert!(park_until_ready(reactor, &ours, READ).readable);
            let mut byte = [0];
            ours.read_exact(&mut byte).unwrap();
            assert_eq!(byte, [expected]);
            ours.write_all(&byte).unwrap();
        }
        writer.join().unwrap();
    });
}

#[test]
fn a_peer_that_is_gone_is_seen() {
    on_both(|reactor| {
        let (ours, theirs) = UnixStream::pair().unwrap();
        drop(theirs);
        let ready = park_until_ready(reactor, &ours, READ);
        assert!(ready.readable && ready.hangup);
    });
}

#[test]
fn interest_may_change_while_the_kernel_watches() {
    on_both(|reactor| {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        // Nothing to read: the waker ends the park, and the kernel goes on watching.
        for _ in 0..3 {
            reactor.waker().wake();
            assert!(!park(reactor, &ours, READ).readable);
        }
        let ready = park_until_ready(
            reactor,
            &ours,
            Interest {
                read: false,
                write: true,
            },
        );
        assert!(ready.writable && !ready.readable);
        theirs.write_all(b"x").unwrap();
        reactor.waker().wake();
        assert_eq!(park(reactor, &ours, NOTHING), Readiness::default());
        assert!(park_until_ready(reactor, &ours, READ).readable);
    });
}

#[test]
fn a_released_socket_is_closed_for_the_peer() {
    on_both(|reactor| {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        reactor.waker().wake();
        park(reactor, &ours, READ);
        reactor.release_socket(7).unwrap();
        drop(ours);
        assert_eq!(theirs.read(&mut [0]).unwrap(), 0, "the peer sees the end");
        reactor.release_socket(7).unwrap();
    });
}

#[test]
fn a_wake_before_the_park_is_not_lost() {
    on_both(|reactor| {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let waker = reactor.waker();
        for _ in 0..100 {
            waker.wake_by_ref();
            park(reactor, &ours, READ);
        }
        waker.wake_by_ref();
        assert!(reactor.take_notified());
        assert!(!reactor.take_notified());
    });
}

/// The protocol of `Wakeup` under two real threads: a lost wake-up would hang the test.
#[test]
fn no_wake_from_another_thread_is_lost() {
    const ROUNDS: u32 = 20_000;
    on_both(|reactor| {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let (ball, stop) = (
            Arc::new(AtomicU32::new(0)),
            Arc::new(AtomicBool::new(false)),
        );
        let waker = reactor.waker();
        let player = {
            let (ball, stop) = (Arc::clone(&ball), Arc::clone(&stop));
            thread::spawn(move || {
                while !stop.load(Ordering::Acquire) {
                    let seen = ball.load(Ordering::Acquire);
                    if seen % 2 == 0 {
                        ball.store(seen + 1, Ordering::Release);
                        waker.wake_by_ref();
                    } else {
                        thread::yield_now();
                    }
                }
            })
        };
        for round in 0..ROUNDS {
            while ball.load(Ordering::Acquire) != 2 * round + 1 {
                park(reactor, &ours, READ);
            }
            ball.store(2 * round + 2, Ordering::Release);
        }
        stop.store(true, Ordering::Release);
        player.join().unwrap();
    });
}

#[test]
fn block_on_sleeps_until_the_future_is_woken() {
    on_both(|reactor| {
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        let mut polls = 0;
        let value = reactor.block_on(poll_fn(|cx| {
            polls += 1;
            if polls == 1 {
                let (waker, sender) = (cx.waker().clone(), sender.clone());
                thread::spawn(move || {
                    sender.send(42).unwrap();
                    waker.wake();
                });
            }
            receiver.try_recv().map_or(Poll::Pending, Poll::Ready)
        }));
        assert_eq!(value.unwrap(), 42);
    });
}

#[test]
fn a_thread_with_a_reactor_minds_being_blocked() {
    assert!(may_block());
    on_both(|_| {
        assert!(!may_block());
        set_may_block(true);
        assert!(may_block());
    });
    assert!(may_block());
}

#[test]
fn a_second_reactor_of_a_thread_is_refused() {
    let _first = without_ring();
    let second = std::panic::catch_unwind(|| drop(without_ring()));
    assert!(second.is_err());
}

#[test]
fn a_half_closed_socket_does_not_disturb_a_writer() {
    on_both(|reactor| {
        let (ours, theirs) = UnixStream::pair().unwrap();
        theirs.shutdown(Shutdown::Write).unwrap();
        let ready = park_until_ready(
            reactor,
            &ours,
            Interest {
                read: false,
                write: true,
            },
        );
        assert!(ready.writable && !ready.hangup);
    });
}
