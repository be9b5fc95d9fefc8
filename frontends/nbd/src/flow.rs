//! The transmission phase of one connection without its futures: what comes in, what goes out, and
//! when to wait for what.

use std::os::fd::AsFd;
use std::sync::atomic::Ordering;

use engine_base::ErrorKind;
use engine_device::{Interest, Reactor};
use smallvec::SmallVec;

use crate::admission::Admission;
use crate::answer::{Cost, encode};
use crate::breach::Breach;
use crate::connection::End;
use crate::execute::{Answer, Completion, is_logged};
use crate::export::Failure;
use crate::intake::{Intake, Job, Taken};
use crate::limits::{OUTPUT_HEAD_BYTES_MAX, READS_AFTER_SHUTDOWN};
use crate::metrics::{Metrics, add};
use crate::output::Output;
use crate::read_ahead::ReadAhead;
use crate::reply::Encoder;
use crate::request::{Kind, Refusal, Request};
use crate::session::{Session, Style};
use crate::shared::{Client, Shared};
use crate::socket::Patience;

/// What one look at the received bytes started.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// Requests.
    pub(crate) started: usize,
    /// Batches of the journal that they make.
    pub(crate) commits: usize,
}

/// How waiting ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// There may be something to do.
    Over,
    /// Everything is answered and the client sends nothing any more.
    Ended,
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
pub(crate) struct Flow<'a> {
    client: &'a Client,
    shared: &'a Shared,
    metrics: &'a Metrics,
    export: &'a str,
    style: Style,
    input: ReadAhead,
    intake: Intake,
    output: Output,
    admission: Admission<'a>,
    pause: Pause,
    /// Whether the socket may have bytes now; else the reactor is asked first.
    readable: bool,
    /// Requests that were started and not answered.
    in_flight: u64,
    /// Receives since the server began to stop.
    reads_after_stop: u32,
    /// The stream ended within a message. What came before it is answered first.
    cut_short: Option<Breach>,
    /// Kinds of failure that were logged: the first of each is, so that a full pool does not fill
    /// the log too.
    logged: SmallVec<[ErrorKind; 4]>,
}

impl<'a> Flow<'a> {
    pub(crate) fn new<E>(
        client: &'a Client,
        session: &'a Session<E>,
        input: ReadAhead,
        shared: &'a Shared,
    ) -> Self {
        Self {
            client,
            shared,
            metrics: &shared.metrics,
            export: &session.info.name,
            style: session.rules.style,
            input,
            intake: Intake::new(session.rules),
            output: Output::default(),
            admission: Admission::new(&shared.budget, &shared.limits),
            pause: Pause::NeedMore,
            readable: true,
            in_flight: 0,
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
        self.metrics.started(kind);
        if kind == Kind::Write {
            add(&self.metrics.written_bytes, job.request.bytes);
        }
    }

    fn refuse(&mut self, refusal: &Refusal) {
        add(&self.metrics.errors, 1);
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
        self.metrics.ended(1);
        let request = completion.request;
        match &completion.answer {
            Answer::Read(_) => add(&self.metrics.read_bytes, request.bytes),
            Answer::Done | Answer::Status(_) => {}
            Answer::Refused(..) => add(&self.metrics.errors, 1),
            Answer::Failed(failure) => {
                add(&self.metrics.errors, 1);
                self.log(failure, &request);
            }
        }
        if encode(&mut self.output, self.style, completion) == Cost::Free {
            self.admission.release(request.cost());
        }
    }

    fn log<F: Failure>(&mut self, failure: &F, request: &Request) {
        let (offset_bytes, len_bytes) = (request.offset, request.bytes);
        let (peer, export) = (&self.client.peer, self.export);
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

    /// Sends what waits and waits for what there is to wait for. `in_flight`: futures that are not
    /// done.
    ///
    /// # Errors
    /// [`End::Io`] if the client is gone: nothing can be answered any more. [`End::Breach`] if it
    /// left within a message, once everything before that is answered or nothing can be.
    pub(crate) fn wait(&mut self, in_flight: usize, reactor: &Reactor) -> Result<Wait, End> {
        let waited = self.send_and_wait(in_flight, reactor);
        if !matches!(waited, Ok(Wait::Over))
            && let Some(breach) = self.cut_short.take()
        {
            return Err(breach.into());
        }
        waited
    }

    fn send_and_wait(&mut self, in_flight: usize, reactor: &Reactor) -> Result<Wait, End> {
        if in_flight == 0 {
            self.send(Patience::Wait)?;
            match self.pause {
                Pause::Finished => return Ok(Wait::Ended),
                Pause::Blocked(cost) => {
                    // Whether there is room now or the server stops: either way the request is
                    // looked at again.
                    let admitted = self.admission.wait(cost);
                    tracing::trace!(admitted, "waited for the budget of all connections");
                }
                Pause::Unread => {}
                Pause::NeedMore => {
                    self.receive(Patience::Wait)?;
                }
            }
            return Ok(Wait::Over);
        }
        self.send(Patience::Never)?;
        if self.shared.aborting.load(Ordering::Acquire) {
            return Ok(Wait::Ended);
        }
        let reading = self.pause == Pause::NeedMore;
        if reading && self.readable && self.receive(Patience::Never)? {
            // Device reads that were queued must not wait for the next sleep.
            reactor.poll_completions()?;
            return Ok(Wait::Over);
        }
        if self.pause == Pause::Unread && self.output.head_bytes() < OUTPUT_HEAD_BYTES_MAX {
            return Ok(Wait::Over);
        }
        let interest = Interest {
            read: reading,
            write: !self.output.is_empty(),
        };
        let readiness = reactor.park(self.client.socket.as_fd(), interest)?;
        self.readable = readiness.readable || readiness.hangup;
        Ok(Wait::Over)
    }

    fn send(&mut self, patience: Patience) -> Result<(), End> {
        while !self.output.is_empty() {
            let parts = self.output.parts();
            let sent = if parts.is_empty() {
                Some(0)
            } else {
                self.client.socket.send(&parts, patience)?
            };
            drop(parts);
            let Some(sent) = sent else {
                break;
            };
            self.output.advance(sent);
            let freed = self.output.take_freed();
            self.admission.release(freed);
        }
        Ok(())
    }

    /// Receives once, as much as there is room for; `false` if it would have to wait.
    fn receive(&mut self, patience: Patience) -> Result<bool, End> {
        if self.shared.stopping.load(Ordering::Acquire) {
            self.reads_after_stop += 1;
            if self.reads_after_stop > READS_AFTER_SHUTDOWN {
                self.pause = Pause::Finished;
                return Ok(true);
            }
        }
        let (payload, ahead) = self.intake.room(&mut self.input);
        let room = payload.len() + ahead.len();
        let received = self.client.socket.receive(payload, ahead, patience)?;
        match received {
            Some(0) => self.end_of_stream(),
            Some(bytes) => self.intake.received(&mut self.input, bytes),
            None => {}
        }
        // After less than there was room for, the socket is most likely empty: asking again costs
        // more than waiting.
        self.readable = received == Some(room);
        Ok(received.is_some())
    }

    fn end_of_stream(&mut self) {
        self.pause = Pause::Finished;
        // A server that stops ends the stream itself, wherever it is.
        if !self.shared.stopping.load(Ordering::Acquire) {
            let within = self.intake.within(&self.input);
            self.cut_short = within.map(|what| Breach::CutShort { what });
        }
    }
}

impl Drop for Flow<'_> {
    /// Requests whose client is gone are given up.
    fn drop(&mut self) {
        self.metrics.ended(self.in_flight);
    }
}
