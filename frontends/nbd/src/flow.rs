//! The transmission phase of one connection without its futures: what comes in, what goes out, and
//! when to wait for what.

mod alone;
mod together;
mod transfer;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use engine_base::ErrorKind;
use smallvec::SmallVec;

use crate::admission::Admission;
use crate::answer::{Cost, encode};
use crate::breach::Breach;
use crate::connection::End;
use crate::execute::{Answer, Completion, is_logged};
use crate::export::Failure;
use crate::intake::{Intake, Job, Taken};
use crate::limits::OUTPUT_HEAD_BYTES_MAX;
use crate::metrics::add;
use crate::output::Output;
use crate::pace::Pace;
use crate::read_ahead::ReadAhead;
use crate::reply::Encoder;
use crate::request::{Kind, Refusal, Request};
use crate::session::{Session, Style};
use crate::shared::{Client, Shared};

pub(crate) use alone::Wait;
pub(crate) use together::Next;

/// What one look at the received bytes started.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// Requests.
    pub(crate) started: usize,
    /// Batches of the journal that they make.
    pub(crate) commits: usize,
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
    client: Arc<Client>,
    shared: Arc<Shared>,
    export: String,
    style: Style,
    input: ReadAhead,
    intake: Intake,
    output: Output,
    admission: Admission,
    pace: Pace,
    pause: Pause,
    /// Whether the socket may have bytes now; else the reactor is asked first.
    readable: bool,
    /// Requests that were started and not answered.
    in_flight: u64,
    /// Whether a request that the common budget does not admit was tried again since a waker was
    /// left there.
    looked_again: bool,
    /// Receives since the server began to stop.
    reads_after_stop: u32,
    /// The stream ended within a message. What came before it is answered first.
    cut_short: Option<Breach>,
    /// Kinds of failure that were logged: the first of each is, so that a full pool does not fill
    /// the log too.
    logged: SmallVec<[ErrorKind; 4]>,
}

impl Flow {
    pub(crate) fn new<E>(
        client: Arc<Client>,
        session: &Session<E>,
        input: ReadAhead,
        shared: Arc<Shared>,
    ) -> Self {
        Self {
            client,
            admission: Admission::new(Arc::clone(&shared)),
            shared,
            export: session.info.name.clone(),
            style: session.rules.style,
            input,
            intake: Intake::new(session.rules),
            output: Output::default(),
            pace: Pace::new(),
            pause: Pause::NeedMore,
            readable: true,
            in_flight: 0,
            looked_again: false,
            reads_after_stop: 0,
            cut_short: None,
            logged: SmallVec::new(),
        }
    }

    /// Starts every request that is whole and that the budgets admit.
    ///
    /// # Errors
    /// [`End::Breach`].
    pub(crate) fn take_all(
        &mut self,
        in_flight: usize,
        mut start: impl FnMut(Job),
    ) -> Result<Batch, End> {
        let mut batch = Batch::default();
        while self.pause != Pause::Finished {
            if self.output.head_bytes() >= OUTPUT_HEAD_BYTES_MAX {
                self.pause = Pause::Unread;
                break;
            }
            let stopping = self.shared.stopping.load(Ordering::Acquire);
            let requests = in_flight + batch.started;
            let admission = &mut self.admission;
            let admit = |cost| admission.admit(cost, requests);
            match self.intake.take(&mut self.input, stopping, admit)? {
                Taken::Job(job) => {
                    self.started(&job);
                    batch.started += 1;
                    if job.request.operation.commits() {
                        batch.commits += job.payload.len().max(1);
                    }
                    start(job);
                }
                Taken::Refused(refusal) => self.refuse(&refusal),
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

    fn started(&mut self, job: &Job) {
        let kind = job.request.operation.kind();
        self.in_flight += 1;
        self.shared.metrics.started(kind);
        if kind == Kind::Write {
            add(&self.shared.metrics.written_bytes, job.request.bytes);
        }
    }

    fn refuse(&mut self, refusal: &Refusal) {
        add(&self.shared.metrics.errors, 1);
        let mut encoder = Encoder {
            out: &mut self.output,
            style: self.style,
            tag: refusal.tag,
        };
        encoder.error(refusal.code, refusal.why);
    }

    /// Queues the reply to a request that is over.
    pub(crate) fn answer<F: Failure>(&mut self, completion: Completion<F>) {
        self.in_flight -= 1;
        self.shared.metrics.ended(1);
        let request = completion.request;
        match &completion.answer {
            Answer::Read(_) => add(&self.shared.metrics.read_bytes, request.bytes),
            Answer::Done | Answer::Status(_) => {}
            Answer::Refused(..) => add(&self.shared.metrics.errors, 1),
            Answer::Failed(failure) => {
                add(&self.shared.metrics.errors, 1);
                self.log(failure, &request);
            }
        }
        if encode(&mut self.output, self.style, completion) == Cost::Free {
            self.admission.release(request.cost());
        }
    }

    fn log<F: Failure>(&mut self, failure: &F, request: &Request) {
        let (offset_bytes, len_bytes) = (request.offset, request.bytes);
        let (peer, export) = (&self.client.peer, &self.export);
        let request = request.operation.kind().name();
        let first = is_logged(failure.kind()) && !self.logged.contains(&failure.kind());
        if first {
            self.logged.push(failure.kind());
            tracing::warn!(
                %peer, export, request, offset_bytes, len_bytes, error = %failure,
                "a request failed; others like it on this connection are logged as debug messages"
            );
        } else {
            tracing::debug!(
                %peer, export, request, offset_bytes, len_bytes, error = %failure,
                "a request failed"
            );
        }
    }
}

impl Drop for Flow {
    /// Requests whose client is gone are given up.
    fn drop(&mut self) {
        self.shared.metrics.ended(self.in_flight);
    }
}
