//! Replies of one thread of a connection, sent in turn with those of the others.

use std::io;
use std::sync::Arc;
use std::task::Waker;

use crate::execute::Completion;
use crate::export::Failure;
use crate::link::Link;
use crate::output::Output;
use crate::reply::Encoder;
use crate::request::Refusal;
use crate::socket::Patience;

/// What waits to be sent.
#[derive(Debug)]
pub(crate) struct Outbox {
    link: Arc<Link>,
    output: Output,
    /// Whether this has the turn to send: it may have sent a part of a reply.
    has_turn: bool,
}

impl Outbox {
    pub(crate) fn new(link: Arc<Link>) -> Self {
        Self {
            link,
            output: Output::default(),
            has_turn: false,
        }
    }

    /// Whether everything was sent.
    pub(crate) fn is_empty(&self) -> bool {
        self.output.is_empty()
    }

    /// Bytes of headers and of other small things that wait.
    pub(crate) fn head_bytes(&self) -> usize {
        self.output.head_bytes()
    }

    /// Whether it waits for the socket to take more.
    pub(crate) const fn waits_for_socket(&self) -> bool {
        self.has_turn
    }

    /// Queues the reply to a request that is over.
    pub(crate) fn answer<F: Failure>(&mut self, completion: Completion<F>) {
        self.link.answer(completion, &mut self.output);
    }

    /// Queues the reply to a request that is refused.
    pub(crate) fn refuse(&mut self, refusal: &Refusal) {
        let mut encoder = Encoder {
            out: &mut self.output,
            style: self.link.style,
            tag: refusal.tag,
        };
        encoder.error(refusal.code, refusal.why);
    }

    /// Sends everything, waiting for the client and for whoever sends now.
    ///
    /// # Errors
    /// If the client is gone.
    pub(crate) fn send_all(&mut self) -> io::Result<()> {
        if self.is_empty() {
            return Ok(());
        }
        if !self.has_turn {
            self.link.turn.take();
            self.has_turn = true;
        }
        self.send(Patience::Wait)
    }

    /// Sends what goes without waiting. `waker` is woken when another thread has sent its reply, if
    /// that is in the way.
    ///
    /// # Errors
    /// If the client is gone.
    pub(crate) fn send_some(&mut self, waker: &Waker) -> io::Result<()> {
        if self.is_empty() {
            return Ok(());
        }
        self.has_turn = self.has_turn || self.link.turn.take_or_wake(waker);
        if !self.has_turn {
            return Ok(());
        }
        self.send(Patience::Never)
    }

    /// What was sent in part keeps the turn.
    fn send(&mut self, patience: Patience) -> io::Result<()> {
        let sent = self.link.send(&mut self.output, patience);
        if self.output.is_empty() {
            self.leave();
        }
        sent
    }

    /// Nothing more is sent, not even the rest of a reply.
    pub(crate) fn leave(&mut self) {
        if std::mem::take(&mut self.has_turn) {
            self.link.turn.give();
        }
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        self.leave();
    }
}
