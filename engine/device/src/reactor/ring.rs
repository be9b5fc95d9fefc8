//! The io_uring of one thread.

use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::sync::Arc;

use io_uring::{IoUring, opcode, squeue, types};

use super::in_flight::{Done, InFlight, ReadRequest};
use super::wakeup::Wakeup;
use super::{Interest, Readiness, poll, setup};
use crate::read_op::Pending;

/// Kinds of completions, in the upper half of `user_data`; the lower half is an index or a
/// generation.
const READ: u64 = 0;
const SOCKET: u64 = 1;
const BELL: u64 = 2;
const CANCEL: u64 = 3;

/// Submissions besides reads: the socket's poll, its removal, the eventfd's read.
const OTHER_SUBMISSIONS: u32 = 8;

/// How often a full submission queue is handed over for one more entry. The kernel may be short of
/// memory for a moment; the queue has room for all that can be outstanding, so this is the rare
/// case of a rare case.
const PUSH_ATTEMPTS: u32 = 1000;

/// What one look at the completion queue found.
#[derive(Default)]
pub(super) struct Turn {
    pub(super) readiness: Readiness,
    pub(super) done: Vec<Done>,
    /// Whether the eventfd was rung.
    woken: bool,
}

impl Turn {
    /// Only a socket was looked at.
    pub(super) fn ready(readiness: Readiness) -> Self {
        Self {
            readiness,
            ..Self::default()
        }
    }
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
    socket: Option<Armed>,
    /// Distinguishes the polls of sockets.
    generation: u32,
    /// An empty vector, kept for its memory.
    spare: Vec<Done>,
}

/// A one-shot poll that the kernel has.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Armed {
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
            socket: None,
            generation: 0,
            spare: Vec::new(),
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
    pub(super) fn wait(
        &mut self,
        socket: Option<(BorrowedFd<'_>, Interest)>,
        may_sleep: bool,
    ) -> io::Result<Turn> {
        let mut turn = self.new_turn();
        self.arm_bell();
        if let Some((socket, interest)) = socket {
            self.arm_socket(socket, interest);
        }
        loop {
            if may_sleep && self.uring.completion().is_empty() {
                self.enter(1)?;
            } else {
                self.submit()?;
            }
            self.reap(&mut turn);
            let idle =
                !turn.woken && turn.done.is_empty() && turn.readiness == Readiness::default();
            if !(idle && may_sleep) {
                return Ok(turn);
            }
        }
    }

    /// Takes the poll of the socket back from the kernel.
    pub(super) fn release_socket(&mut self) -> io::Result<Turn> {
        let mut turn = self.new_turn();
        self.cancel_socket();
        while self.socket.is_some() {
            self.enter(1)?;
            self.reap(&mut turn);
        }
        Ok(turn)
    }

    /// Waits until the kernel refers to nothing of ours any more; on failure [`Drop`] leaks.
    pub(super) fn drain(&mut self) -> Turn {
        let mut turn = self.new_turn();
        self.cancel_socket();
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

    /// Takes a turn's vector back for its memory.
    pub(super) fn give_back(&mut self, turn: Turn) {
        self.spare = turn.done;
    }

    fn new_turn(&mut self) -> Turn {
        Turn {
            done: std::mem::take(&mut self.spare),
            ..Turn::default()
        }
    }

    fn is_drained(&self) -> bool {
        self.reads.is_empty() && !self.bell_armed && self.socket.is_none()
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

    /// Lets the kernel watch the socket, unless it does.
    fn arm_socket(&mut self, socket: BorrowedFd<'_>, interest: Interest) {
        let events = poll::events(interest);
        let fd = socket.as_raw_fd();
        let same = |armed: &Armed| armed.fd == fd && armed.events == events;
        if self.socket.as_ref().is_some_and(same) {
            return;
        }
        self.cancel_socket();
        self.socket = None;
        if events == 0 {
            return;
        }
        self.generation = self.generation.wrapping_add(1);
        let generation = self.generation;
        self.socket = Some(Armed {
            fd,
            events,
            generation,
        });
        let entry = opcode::PollAdd::new(types::Fd(fd), events).build();
        self.push(entry.user_data(SOCKET << 32 | u64::from(generation)));
    }

    /// Queues the removal of the socket's poll, which then completes as cancelled.
    fn cancel_socket(&mut self) {
        if let Some(armed) = self.socket {
            let target = SOCKET << 32 | u64::from(armed.generation);
            let entry = opcode::PollRemove::new(target).build();
            self.push(entry.user_data(CANCEL << 32));
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
        if !self.socket.as_ref().is_some_and(current) {
            return;
        }
        self.socket = None;
        match u32::try_from(result) {
            Ok(events) => turn.readiness = poll::readiness(events),
            Err(_) if result == -libc::ECANCELED => {}
            // The socket cannot be polled: let its owner find out why.
            Err(_) => turn.readiness.hangup = true,
        }
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
