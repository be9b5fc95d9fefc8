//! Waking a thread that may be asleep, with a system call only if it is.
//!
//! One atomic word, and every step of either side is a read-modify-write of it: so for each
//! wake-up, either the sleeper sees `NOTIFIED` before it sleeps, or the waker sees `ASLEEP` and
//! writes the eventfd.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::Wake;

use rustix::event::{EventfdFlags, eventfd};

/// The thread runs, and nothing happened.
const IDLE: u8 = 0;
/// Something happened that the thread has not looked at.
const NOTIFIED: u8 = 1;
/// The thread sleeps or is about to.
const ASLEEP: u8 = 2;

/// What the waker of a [`crate::Reactor`] refers to.
#[derive(Debug)]
pub(super) struct Wakeup {
    state: AtomicU8,
    /// Blocking, because io_uring reads it: a non-blocking one would fail at once instead of
    /// waiting.
    eventfd: File,
}

impl Wakeup {
    pub(super) fn new() -> io::Result<Self> {
        let eventfd = File::from(eventfd(0, EventfdFlags::CLOEXEC)?);
        Ok(Self {
            state: AtomicU8::new(IDLE),
            eventfd,
        })
    }

    /// Readable when the thread was woken from its sleep.
    pub(super) fn eventfd(&self) -> BorrowedFd<'_> {
        self.eventfd.as_fd()
    }

    /// Announces that the thread is going to sleep. False if it must not: it was notified.
    pub(super) fn begin_sleep(&self) -> bool {
        let swapped =
            self.state
                .compare_exchange(IDLE, ASLEEP, Ordering::AcqRel, Ordering::Acquire);
        swapped.is_ok()
    }

    /// Announces that the thread runs. What happened until now it is going to look at.
    pub(super) fn end_sleep(&self) {
        self.state.swap(IDLE, Ordering::AcqRel);
    }

    /// Whether the thread, which is awake, was notified; forgets it.
    pub(super) fn take_notified(&self) -> bool {
        self.state.swap(IDLE, Ordering::AcqRel) == NOTIFIED
    }

    /// Takes the eventfd's count after it was seen readable.
    pub(super) fn clear(&self) -> io::Result<()> {
        (&self.eventfd).read_exact(&mut [0; 8])
    }

    /// Makes the eventfd readable.
    pub(super) fn ring_bell(&self) {
        // Any count will do. Cannot block: counts do not pile up, each is read before the next
        // sleep. Cannot fail: the descriptor is ours.
        let written = (&self.eventfd).write_all(&1_u64.to_le_bytes());
        written.expect("an eventfd that is open takes a count");
    }
}

impl Wake for Wakeup {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.state.swap(NOTIFIED, Ordering::AcqRel) == ASLEEP {
            self.ring_bell();
        }
    }
}
