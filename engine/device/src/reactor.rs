//! How a frontend's own thread sleeps: one system call that waits for its sockets, for its device
//! reads and for wake-ups from other threads.
//!
//! * A [`Reactor`] belongs to one thread; its ring is what [`crate::Device::read_async`] uses
//!   there.
//! * Reads are queued without a system call and handed to the kernel by [`Reactor::park`] or
//!   [`Reactor::poll_completions`], so that one call carries many.
//! * A kernel without io_uring is no error: the thread then sleeps in poll(2) and its reads block
//!   it.
//!
//! The ring's memory safety: a buffer that the kernel may write into is owned by the ring from
//! before the kernel learns of it until the kernel said that it is done, whatever becomes of the
//! future.

mod in_flight;
mod poll;
mod ring;
mod setup;
mod thread;
mod wakeup;

use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::os::fd::BorrowedFd;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

pub(crate) use self::in_flight::ReadRequest;
use self::ring::Ring;
pub(crate) use self::thread::{has_ring, start_read};
pub use self::thread::{may_block, set_may_block, without_blocking};
use self::wakeup::Wakeup;

/// What a thread waits for on a socket. With neither, the socket is not looked at at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interest {
    /// Bytes (or the end) to read.
    pub read: bool,
    /// Room to write.
    pub write: bool,
}

/// What a socket was seen to be. A hint: an operation on it may still find nothing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Readiness {
    /// A read would not block.
    pub readable: bool,
    /// A write would not block.
    pub writable: bool,
    /// The peer is gone, or the socket failed.
    pub hangup: bool,
}

/// A socket to wait for.
#[derive(Debug, Clone, Copy)]
pub struct Watched<'a> {
    /// The caller's name for it, another one for each socket of the reactor.
    pub token: u32,
    /// The socket.
    pub socket: BorrowedFd<'a>,
    /// What for.
    pub interest: Interest,
}

/// The place where one thread waits; see the module. Not [`Send`].
///
/// Dropping it waits for the reads in flight, whose futures then complete.
pub struct Reactor {
    wakeup: Arc<Wakeup>,
    waker: Waker,
    /// Shared with the thread's [`crate::Device::read_async`]. The `Rc` also keeps this type on its
    /// thread.
    ring: Option<Rc<RefCell<Ring>>>,
}

impl Reactor {
    /// A reactor for the calling thread with room for `entries` reads in flight; further ones
    /// block. [`may_block`] becomes false for the thread.
    ///
    /// # Errors
    /// If the process is out of file descriptors. A missing ring is no error: see
    /// [`Self::has_ring`].
    ///
    /// # Panics
    /// If the thread has a reactor already (programmer error).
    pub fn new(entries: u32) -> io::Result<Self> {
        let wakeup = Arc::new(Wakeup::new()?);
        let ring = match Ring::new(entries, Arc::clone(&wakeup)) {
            Ok(ring) => Some(Rc::new(RefCell::new(ring))),
            Err(error) => {
                say_once_that_reads_block(&error);
                None
            }
        };
        Ok(Self::with(wakeup, ring))
    }

    fn with(wakeup: Arc<Wakeup>, ring: Option<Rc<RefCell<Ring>>>) -> Self {
        thread::install(ring.clone());
        let waker = Waker::from(Arc::clone(&wakeup));
        Self {
            wakeup,
            waker,
            ring,
        }
    }

    /// Whether the kernel gave a ring: if not, reads block the thread.
    #[must_use]
    pub const fn has_ring(&self) -> bool {
        self.ring.is_some()
    }

    /// A waker that ends the thread's [`Self::park`], or keeps the next one from sleeping. Costs a
    /// system call only while the thread sleeps.
    #[must_use]
    pub fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// Whether the waker was used since the last call or the last [`Self::park`]; forgets it. Who
    /// asks must then poll what the waker was given to.
    #[must_use]
    pub fn take_notified(&self) -> bool {
        self.wakeup.take_notified()
    }

    /// Hands queued reads to the kernel and sleeps until one of `sockets` is ready as its interest
    /// says, a read completed, or the waker was used; does not sleep if one of these happened
    /// before. After it, poll every future that may have been woken. Returns without any reason at
    /// times. Calls `ready` for each socket that is ready.
    ///
    /// The kernel may keep a socket referenced afterwards: see [`Self::release_socket`]. What was
    /// once watched and is not among `sockets` now may still be reported.
    ///
    /// # Errors
    /// If the host cannot wait: neither the sockets nor the ring can be used any more.
    pub fn park(
        &self,
        sockets: &[Watched<'_>],
        ready: impl FnMut(u32, Readiness),
    ) -> io::Result<()> {
        self.sleep(sockets, ready)
    }

    /// Hands queued reads to the kernel, and completes those that are done, without sleeping.
    /// Returns how many completed.
    ///
    /// # Errors
    /// As [`Self::park`].
    pub fn poll_completions(&self) -> io::Result<usize> {
        let Some(ring) = &self.ring else { return Ok(0) };
        let turn = ring.borrow_mut().turn();
        Ok(deliver(ring, turn?))
    }

    /// Makes the kernel forget a socket that was given to [`Self::park`]. To be called before that
    /// socket is closed if the reactor lives on: until then the peer would not see the end.
    ///
    /// # Errors
    /// As [`Self::park`].
    pub fn release_socket(&self, token: u32) -> io::Result<()> {
        let Some(ring) = &self.ring else {
            return Ok(());
        };
        let turn = ring.borrow_mut().release_socket(token);
        deliver(ring, turn?);
        Ok(())
    }

    /// Runs `future` on this thread until it is done.
    ///
    /// # Errors
    /// As [`Self::park`].
    pub fn block_on<F: Future>(&self, future: F) -> io::Result<F::Output> {
        let mut future = pin!(future);
        let mut context = Context::from_waker(&self.waker);
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return Ok(output);
            }
            self.sleep(&[], |_, _| {})?;
        }
    }

    /// One wait. The order matters: who uses the waker after `begin_sleep` writes the eventfd.
    fn sleep(
        &self,
        sockets: &[Watched<'_>],
        mut ready: impl FnMut(u32, Readiness),
    ) -> io::Result<()> {
        let may_sleep = self.wakeup.begin_sleep();
        let Some(ring) = &self.ring else {
            let found = poll::wait(&self.wakeup, sockets, may_sleep);
            self.wakeup.end_sleep();
            found?
                .into_iter()
                .for_each(|(token, readiness)| ready(token, readiness));
            return Ok(());
        };
        let turn = ring.borrow_mut().wait(sockets, may_sleep);
        self.wakeup.end_sleep();
        let turn = turn?;
        turn.ready
            .iter()
            .for_each(|(token, readiness)| ready(*token, *readiness));
        deliver(ring, turn);
        // Who called polls its futures now anyhow: the next sleep need not be cut short for them.
        let _ = self.take_notified();
        Ok(())
    }
}

/// Completes futures. The ring is not borrowed while their wakers run: those may start new reads.
fn deliver(ring: &RefCell<Ring>, mut turn: ring::Turn) -> usize {
    let completed = turn.done.len();
    for (pending, result) in turn.done.drain(..) {
        pending.complete(result);
    }
    ring.borrow_mut().give_back(turn);
    completed
}

/// Every connection has a reactor; the host's answer is the same for all.
fn say_once_that_reads_block(error: &io::Error) {
    static SAID: std::sync::Once = std::sync::Once::new();
    SAID.call_once(|| {
        tracing::info!(%error, "the kernel gives no io_uring: device reads block threads");
    });
}

impl Drop for Reactor {
    fn drop(&mut self) {
        thread::uninstall();
        if let Some(ring) = &self.ring {
            let turn = ring.borrow_mut().drain();
            deliver(ring, turn);
        }
    }
}

#[cfg(test)]
mod tests;
