//! The transmission phase of one connection without its futures: what comes in, what goes out, and
//! when to wait for what.

mod alone;
mod together;
mod transfer;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::admission::Admission;
use crate::breach::Breach;
use crate::connection::End;
use crate::intake::{Intake, Job, Taken};
use crate::limits::OUTPUT_HEAD_BYTES_MAX;
use crate::link::Link;
use crate::metrics::add;
use crate::outbox::Outbox;
use crate::pace::Pace;
use crate::read_ahead::ReadAhead;
use crate::session::Session;

pub(crate) use alone::Wait;
pub(crate) use together::Next;

/// What one look at the received bytes started.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// Requests.
    pub(crate) started: usize,
    /// Batches of the journal that they make.
    pub(crate) commits: usize,
    /// A large request that was not started: the first of all, and nothing was taken behind it.
    pub(crate) large: Option<Job>,
}

impl Batch {
    /// Counts what was set aside and started after all, and what was taken behind it.
    pub(crate) fn add(&mut self, behind: Self) {
        self.started += behind.started;
        self.commits += behind.commits;
    }
}

/// Why no more bytes are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pause {
    /// The next request is not whole.
    NeedMore,
    /// The next request waits for a budget; its cost.
    Blocked(u64),
    /// Replies wait that the client does not read.
    Unread,
    /// Nothing will come.
    Finished,
}

/// The state of one connection's transmission.
#[derive(Debug)]
pub(crate) struct Flow {
    link: Arc<Link>,
    input: ReadAhead,
    intake: Intake,
    pub(crate) outbox: Outbox,
    admission: Admission,
    pace: Pace,
    pause: Pause,
    /// Whether others carry out what was received last: then the processor is theirs while this
    /// waits.
    passed_on: bool,
    /// Whether the socket may have bytes now; else the reactor is asked first.
    readable: bool,
    /// Whether a request that the common budget does not admit was tried again since a waker was
    /// left there. Until the thread has slept it is not tried any more: connections that took turns
    /// with that would keep the thread awake, and only who sleeps learns what others receive.
    looked_again: bool,
    /// Receives since the server began to stop.
    reads_after_stop: u32,
    /// The stream ended within a message. What came before it is answered first.
    cut_short: Option<Breach>,
}

impl Flow {
    pub(crate) fn new<E>(link: Arc<Link>, session: &Session<E>, input: ReadAhead) -> Self {
        Self {
            admission: Admission::new(Arc::clone(&link)),
            outbox: Outbox::new(Arc::clone(&link)),
            link,
            input,
            intake: Intake::new(session.rules),
            pace: Pace::new(),
            pause: Pause::NeedMore,
            passed_on: false,
            readable: true,
            looked_again: false,
            reads_after_stop: 0,
            cut_short: None,
        }
    }

    /// Starts every request that is whole and that the budgets admit. `set_aside`: a large one that
    /// is the only one is not, and ends this.
    ///
    /// # Errors
    /// [`End::Breach`].
    pub(crate) fn take_all(
        &mut self,
        in_flight: usize,
        set_aside: bool,
        mut start: impl FnMut(Job),
    ) -> Result<Batch, End> {
        let mut batch = Batch::default();
        while self.pause != Pause::Finished {
            if self.outbox.head_bytes() >= OUTPUT_HEAD_BYTES_MAX {
                self.pause = Pause::Unread;
                break;
            }
            let stopping = self.link.shared.stopping.load(Ordering::Acquire);
            let requests = in_flight + batch.started;
            let admission = &mut self.admission;
            let admit = |cost| admission.admit(cost, requests);
            match self.intake.take(&mut self.input, stopping, admit)? {
                Taken::Job(job) => {
                    self.link.started(&job.request);
                    batch.started += 1;
                    if job.request.operation.commits() {
                        batch.commits += job.payload.len().max(1);
                    }
                    if set_aside && batch.started == 1 && job.is_large() {
                        batch.large = Some(job);
                        return Ok(batch);
                    }
                    self.passed_on = false;
                    start(job);
                }
                Taken::Refused(refusal) => {
                    add(&self.link.shared.metrics.errors, 1);
                    self.outbox.refuse(&refusal);
                }
                Taken::NeedMore => {
                    self.pause = Pause::NeedMore;
                    break;
                }
                Taken::Blocked(cost) => {
                    self.pause = Pause::Blocked(cost);
                    break;
                }
                Taken::Disconnect => self.pause = Pause::Finished,
            }
        }
        Ok(batch)
    }

    /// Whether bytes of another request are there already: then the one that was set aside may be
    /// carried out by another thread than goes on here.
    pub(crate) fn has_more(&mut self) -> bool {
        self.passed_on = !self.input.unread().is_empty();
        self.passed_on
    }
}
