//! The io_uring of one thread.

use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;

use io_uring::{IoUring, opcode, squeue, types};

use super::in_flight::{Done, InFlight, ReadRequest};
use super::wakeup::Wakeup;
use super::{Readiness, Watched, poll, setup};
use crate::read_op::Pending;

/// Kinds of completions, in the upper half of `user_data`; the lower half is an index or, for
/// sockets, a generation.
const READ: u64 = 0;
const SOCKET: u64 = 1;
const BELL: u64 = 2;
const CANCEL: u64 = 3;

/// Submissions besides reads that fit the queue at once: polls of sockets, their removals, the
/// eventfd's read. More are handed over in between.
const OTHER_SUBMISSIONS: u32 = 64;

/// How often a full submission queue is handed over for one more entry. The kernel may be short of
/// memory for a moment; the queue has room for all that can be outstanding, so this is the rare
/// case of a rare case.
const PUSH_ATTEMPTS: u32 = 1000;

/// What one look at the completion queue found.
#[derive(Default)]
pub(super) struct Turn {
    /// Sockets that are ready, by their tokens.
    pub(super) ready: Vec<(u32, Readiness)>,
    pub(super) done: Vec<Done>,
    /// Whether the eventfd was rung.
    woken: bool,
}

/// A ring and all that the kernel may still refer to through it.
pub(super) struct Ring {
    uring: ManuallyDrop<IoUring>,
    reads: ManuallyDrop<InFlight>,
    wakeup: ManuallyDrop<Arc<Wakeup>>,
    /// Where the kernel puts the eventfd's count.
    bell: ManuallyDrop<Box<[u8; 8]>>,
    /// Whether the kernel has a read of the eventfd.
    bell_armed: bool,
    sockets: Vec<Armed>,
    /// Distinguishes the polls of sockets.
    generation: u32,
    /// Empty vectors, kept for their memory.
    spare: Turn,
}

/// A one-shot poll that the kernel has.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Armed {
    token: u32,
    fd: RawFd,
    events: u32,
    generation: u32,
}

impl Ring {
    /// # Errors
    /// If the kernel has no io_uring for us, or one that is too old.
    pub(super) fn new(entries: u32, wakeup: Arc<Wakeup>) -> io::Result<Self> {
        let entries = entries.max(1);
        let uring = setup::build(entries + OTHER_SUBMISSIONS)?;
        Ok(Self {
            uring: ManuallyDrop::new(uring),
            reads: ManuallyDrop::new(InFlight::new(entries)),
            wakeup: ManuallyDrop::new(wakeup),
            bell: ManuallyDrop::new(Box::new([0; 8])),
            bell_armed: false,
            sockets: Vec::new(),
            generation: 0,
            spare: Turn::default(),
        })
    }

    /// Queues a read; gives it back when too many are in flight.
    pub(super) fn start(
        &mut self,
        request: ReadRequest,
        pending: Arc<Pending>,
    ) -> Result<(), ReadRequest> {
        let index = self.reads.insert(request, pending)?;
        self.submit_read(index);
        Ok(())
    }

    /// Submits what is queued and looks at what is done, without sleeping.
    pub(super) fn turn(&mut self) -> io::Result<Turn> {
        let mut turn = self.new_turn();
        self.submit()?;
        self.reap(&mut turn);
        Ok(turn)
    }

    /// As [`Self::turn`], but if `may_sleep` sleeps until there is something to report.
    pub(super) fn wait(&mut self, sockets: &[Watched<'_>], may_sleep: bool) -> io::Result<Turn> {
        let mut turn = self.new_turn();
        self.arm_bell();
        for socket in sockets {
            self.arm_socket(socket);
        }
        loop {
            if may_sleep && self.uring.completion().is_empty() {
                self.enter(1)?;
            } else {
                self.submit()?;
            }
            self.reap(&mut turn);
            let idle = !turn.woken && turn.done.is_empty() && turn.ready.is_empty();
            if !(idle && may_sleep) {
                return Ok(turn);
            }
        }
    }

    /// Takes the poll of a socket back from the kernel.
    pub(super) fn release_socket(&mut self, token: u32) -> io::Result<Turn> {
        let mut turn = self.new_turn();
        let is_watched = |ring: &Self| ring.sockets.iter().any(|armed| armed.token == token);
        self.cancel_sockets(|armed| armed.token == token);
        while is_watched(self) {
            self.enter(1)?;
            self.reap(&mut turn);
        }
        Ok(turn)
    }

    /// Waits until the kernel refers to nothing of ours any more; on failure [`Drop`] leaks.
    pub(super) fn drain(&mut self) -> Turn {
        let mut turn = self.new_turn();
        self.cancel_sockets(|_| true);
        if self.bell_armed {
            self.wakeup.ring_bell();
        }
        while !self.is_drained() {
            if let Err(error) = self.enter(1) {
                tracing::error!(%error, "cannot wait for reads in flight; their memory is lost");
                break;
            }
            self.reap(&mut turn);
        }
        turn
    }

    /// Takes a turn back for the memory of its vectors.
    pub(super) fn give_back(&mut self, mut turn: Turn) {
        turn.done.clear();
        turn.ready.clear();
        turn.woken = false;
        self.spare = turn;
    }

    fn new_turn(&mut self) -> Turn {
        std::mem::take(&mut self.spare)
    }

    fn is_drained(&self) -> bool {
        self.reads.is_empty() && !self.bell_armed && self.sockets.is_empty()
    }

    fn submit_read(&mut self, index: u32) {
        let entry = self.reads.submission(index);
        self.push(entry.user_data(READ << 32 | u64::from(index)));
    }

    /// Lets the kernel read the eventfd when it is rung.
    fn arm_bell(&mut self) {
        if self.bell_armed {
            return;
        }
        self.bell_armed = true;
        let fd = types::Fd(self.wakeup.eventfd().as_raw_fd());
        let entry = opcode::Read::new(fd, self.bell.as_mut_ptr(), 8).build();
        self.push(entry.user_data(BELL << 32));
    }

    /// Lets the kernel watch a socket, unless it does.
    fn arm_socket(&mut self, watched: &Watched<'_>) {
        let (token, fd) = (watched.token, watched.socket.as_raw_fd());
        let events = poll::events(watched.interest);
        if let Some(at) = self.sockets.iter().position(|armed| armed.token == token) {
            let armed = self.sockets[at];
            if armed.fd == fd && armed.events == events {
                return;
            }
            self.cancel_sockets(|armed| armed.token == token);
            // Its completion is of a generation that nobody waits for.
            self.sockets.swap_remove(at);
        }
        if events == 0 {
            return;
        }
        self.generation = self.generation.wrapping_add(1);
        let generation = self.generation;
        self.sockets.push(Armed {
            token,
            fd,
            events,
            generation,
        });
        let entry = opcode::PollAdd::new(types::Fd(fd), events).build();
        self.push(entry.user_data(SOCKET << 32 | u64::from(generation)));
    }

    /// Queues the removal of sockets' polls, which then complete as cancelled.
    fn cancel_sockets(&mut self, which: impl Fn(&Armed) -> bool) {
        for at in 0..self.sockets.len() {
            let armed = self.sockets[at];
            if which(&armed) {
                let target = SOCKET << 32 | u64::from(armed.generation);
                let entry = opcode::PollRemove::new(target).build();
                self.push(entry.user_data(CANCEL << 32));
            }
        }
    }

    #[expect(unsafe_code, reason = "submissions refer to memory and descriptors")]
    fn push(&mut self, entry: squeue::Entry) {
        for _ in 0..PUSH_ATTEMPTS {
            // SAFETY: the memory a submission points to is a buffer in `reads` or `bell`; both are
            // kept until its completion was reaped, or for ever (`Drop`). Descriptors carry no
            // obligation.
            if unsafe { self.uring.submission().push(&entry) }.is_ok() {
                return;
            }
            self.enter(0)
                .expect("a ring that was set up takes submissions");
        }
        panic!("the kernel does not take submissions from a ring that is not full of completions");
    }

    /// Hands queued submissions over, if there are any, and lets the kernel finish what it
    /// deferred.
    fn submit(&mut self) -> io::Result<()> {
        let queue = self.uring.submission();
        let needed = !queue.is_empty() || queue.taskrun() || queue.cq_overflow();
        drop(queue);
        if needed { self.enter(0) } else { Ok(()) }
    }

    /// Hands queued submissions over and waits for `want` completions.
    fn enter(&self, want: usize) -> io::Result<()> {
        match self.uring.submit_and_wait(want) {
            Ok(_) => Ok(()),
            // Signals, and a kernel short of memory or of room for completions: who called reaps
            // what there is and comes again.
            Err(error) => match error.raw_os_error() {
                Some(libc::EINTR | libc::EAGAIN | libc::EBUSY) => Ok(()),
                _ => Err(error),
            },
        }
    }

    /// Takes all completions there are.
    fn reap(&mut self, turn: &mut Turn) {
        loop {
            let Some(entry) = self.uring.completion().next() else {
                return;
            };
            let (kind, low) = (
                entry.user_data() >> 32,
                entry.user_data() & u64::from(u32::MAX),
            );
            match kind {
                READ => {
                    let index = u32::try_from(low).expect("masked above");
                    match self.reads.complete(index, entry.result()) {
                        Some(done) => turn.done.push(done),
                        None => self.submit_read(index),
                    }
                }
                SOCKET => self.reap_socket(low, entry.result(), turn),
                BELL => {
                    self.bell_armed = false;
                    turn.woken = true;
                }
                // A removal: the poll itself tells how it ended.
                _ => debug_assert_eq!(kind, CANCEL),
            }
        }
    }

    fn reap_socket(&mut self, generation: u64, result: i32, turn: &mut Turn) {
        let current = |armed: &Armed| u64::from(armed.generation) == generation;
        let Some(at) = self.sockets.iter().position(current) else {
            return;
        };
        let token = self.sockets.swap_remove(at).token;
        let readiness = match u32::try_from(result) {
            Ok(events) => poll::readiness(events),
            Err(_) if result == -libc::ECANCELED => return,
            // The socket cannot be polled: let its owner find out why.
            Err(_) => Readiness {
                hangup: true,
                ..Readiness::default()
            },
        };
        turn.ready.push((token, readiness));
    }
}

impl Drop for Ring {
    #[expect(
        unsafe_code,
        reason = "what the kernel still refers to must not be freed"
    )]
    fn drop(&mut self) {
        if !self.is_drained() {
            return;
        }
        // SAFETY: the kernel refers to none of them (all completions were reaped), they are dropped
        // only here, and nothing uses them afterwards.
        unsafe {
            ManuallyDrop::drop(&mut self.uring);
            ManuallyDrop::drop(&mut self.reads);
            ManuallyDrop::drop(&mut self.wakeup);
            ManuallyDrop::drop(&mut self.bell);
        }
    }
}
