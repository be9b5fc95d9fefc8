//! Threads that serve many connections each.
//!
//! Where there are more connections than processors, a thread for each would be woken for each
//! request; a thread that serves many finds several ready at once, commits their writes as one
//! group, and is woken once for all that a sync has made durable. Nothing here blocks but a device
//! write and what the kernel's page cache makes it wait for.

mod member;

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::thread::{self, JoinHandle};

use crate::connection::{End, Seat};
use crate::export::Export;
use crate::limits::processors;
use crate::shared::Shared;

/// The threads of one server.
pub(crate) struct Crew<E> {
    shared: Arc<Shared>,
    /// Connections that have a thread of their own.
    alone: AtomicUsize,
    members: Vec<Arc<Inbox<E>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// What a thread is given to serve.
struct Inbox<E> {
    state: Mutex<InboxState<E>>,
}

struct InboxState<E> {
    new: Vec<Seat<E>>,
    /// Connections that the thread has or is about to take.
    serving: usize,
    /// Of the running thread.
    waker: Option<Waker>,
    started: bool,
    closed: bool,
}

/// A connection's claim to a thread of its own.
pub(crate) struct Alone<'a>(&'a AtomicUsize);

impl Drop for Alone<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl<E> Inbox<E> {
    fn lock(&self) -> MutexGuard<'_, InboxState<E>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The thread ends before its time: what it was given is closed, and the next connection
    /// starts another.
    fn give_up(&self) {
        let mut state = self.lock();
        state.started = false;
        state.waker = None;
        state.serving = 0;
        state.new.clear();
    }
}

impl<E: Export> Crew<E> {
    /// No thread is started before it is needed.
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        // Clients on this machine need the other half.
        let threads = (processors() / 2).max(1);
        let inbox = || {
            Arc::new(Inbox {
                state: Mutex::new(InboxState {
                    new: Vec::new(),
                    serving: 0,
                    waker: None,
                    started: false,
                    closed: false,
                }),
            })
        };
        Self {
            shared,
            alone: AtomicUsize::new(0),
            members: (0..threads).map(|_| inbox()).collect(),
            threads: Mutex::default(),
        }
    }

    /// A claim to a thread of one's own, while there are not too many of these.
    pub(crate) fn alone(&self) -> Option<Alone<'_>> {
        let claimed = self
            .alone
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |alone| {
                (alone < self.shared.limits.own_threads).then_some(alone + 1)
            });
        claimed.is_ok().then(|| Alone(&self.alone))
    }

    /// Hands a connection to the thread that serves the fewest.
    ///
    /// # Errors
    /// [`End::Io`] if that thread cannot be started: the connection is closed.
    pub(crate) fn serve(&self, seat: Seat<E>) -> Result<(), End> {
        let fewest = self.members.iter().min_by_key(|inbox| inbox.lock().serving);
        let inbox = fewest.expect("there is a processor");
        let mut state = inbox.lock();
        if !state.started {
            let (mine, shared) = (Arc::clone(inbox), Arc::clone(&self.shared));
            let thread = thread::Builder::new()
                .name("nbd-shared".to_owned())
                .spawn(move || member::run(&mine, &shared))?;
            let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
            threads.push(thread);
            state.started = true;
        }
        state.serving += 1;
        state.new.push(seat);
        if let Some(waker) = &state.waker {
            waker.wake_by_ref();
        }
        Ok(())
    }
}

/// What a server needs of its crew, whatever it serves.
pub(crate) trait Team: fmt::Debug + Send + Sync {
    /// Ends the threads. All connections have ended, or are stuck: those are not waited for.
    fn stop(&self, stuck: bool);
}

impl<E> fmt::Debug for Crew<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Crew")
            .field("alone", &self.alone)
            .finish_non_exhaustive()
    }
}

impl<E: Export> Team for Crew<E> {
    fn stop(&self, stuck: bool) {
        for inbox in &self.members {
            let mut state = inbox.lock();
            state.closed = true;
            if let Some(waker) = &state.waker {
                waker.wake_by_ref();
            }
        }
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        for thread in threads.drain(..) {
            if !stuck && thread.join().is_err() {
                tracing::error!("a thread that served connections panicked");
            }
        }
    }
}
