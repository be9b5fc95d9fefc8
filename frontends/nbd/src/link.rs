//! What all threads that serve one connection share.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use engine_base::ErrorKind;
use smallvec::SmallVec;

use crate::admission::Account;
use crate::answer::{Cost, encode};
use crate::execute::{Answer, Completion, is_logged};
use crate::export::Failure;
use crate::metrics::{add, sub};
use crate::output::Output;
use crate::request::{Kind, Request};
use crate::session::{Session, Style};
use crate::shared::{Client, Shared};
use crate::socket::Patience;
use crate::turn::Turn;

/// The connection as whoever answers one of its requests sees it.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) client: Arc<Client>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) style: Style,
    pub(crate) account: Account,
    /// Who sends takes it before the first byte of a reply and gives it after the last one.
    pub(crate) turn: Turn,
    export: String,
    /// Requests that were started and not answered.
    in_flight: AtomicU64,
    /// Kinds of failure that were logged: the first of each is, so that a full pool does not fill
    /// the log too.
    logged: Mutex<SmallVec<[ErrorKind; 4]>>,
}

impl Link {
    pub(crate) fn new<E>(client: Arc<Client>, session: &Session<E>, shared: Arc<Shared>) -> Self {
        Self {
            client,
            account: Account::new(Arc::clone(&shared)),
            shared,
            style: session.rules.style,
            turn: Turn::default(),
            export: session.info.name.clone(),
            in_flight: AtomicU64::new(0),
            logged: Mutex::default(),
        }
    }

    /// Counts a request that starts.
    pub(crate) fn started(&self, request: &Request) {
        let (kind, metrics) = (request.operation.kind(), &self.shared.metrics);
        add(&self.in_flight, 1);
        metrics.started(kind);
        if kind == Kind::Write {
            add(&metrics.written_bytes, request.bytes);
        }
    }

    /// Appends the reply to a request that is over to `out`.
    pub(crate) fn answer<F: Failure>(&self, completion: Completion<F>, out: &mut Output) {
        let metrics = &self.shared.metrics;
        sub(&self.in_flight, 1);
        metrics.ended(1);
        let request = completion.request;
        match &completion.answer {
            Answer::Read(_) => add(&metrics.read_bytes, request.bytes),
            Answer::Done | Answer::Status(_) => {}
            Answer::Refused(..) => add(&metrics.errors, 1),
            Answer::Failed(failure) => {
                add(&metrics.errors, 1);
                self.log(failure, &request);
            }
        }
        if encode(out, self.style, completion) == Cost::Free {
            self.account.release(request.cost());
        }
    }

    /// Sends of `out` what `patience` allows. The caller has the turn.
    ///
    /// # Errors
    /// If the client is gone.
    pub(crate) fn send(&self, out: &mut Output, patience: Patience) -> io::Result<()> {
        while !out.is_empty() {
            let parts = out.parts();
            let sent = if parts.slices.is_empty() {
                Some(0)
            } else {
                let (slices, more) = (&parts.slices, parts.more);
                self.client.socket.send(slices, more, patience)?
            };
            drop(parts);
            let Some(sent) = sent else {
                break;
            };
            out.advance(sent);
            self.account.release(out.take_freed());
        }
        Ok(())
    }

    /// Whether what is in flight is given up.
    pub(crate) fn is_aborting(&self) -> bool {
        self.shared.aborting.load(Ordering::Acquire)
    }

    fn log<F: Failure>(&self, failure: &F, request: &Request) {
        let (offset_bytes, len_bytes) = (request.offset, request.bytes);
        let (peer, export) = (&self.client.peer, &self.export);
        let request = request.operation.kind().name();
        if self.is_first(failure.kind()) {
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

    /// Whether a failure is the first of its kind here and worth a line.
    fn is_first(&self, kind: ErrorKind) -> bool {
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        let first = is_logged(kind) && !logged.contains(&kind);
        if first {
            logged.push(kind);
        }
        first
    }
}

impl Drop for Link {
    /// Requests whose client is gone are given up.
    fn drop(&mut self) {
        self.shared.metrics.ended(*self.in_flight.get_mut());
    }
}
