//! One connection: its handshake, on a thread of its own, and what it has in flight afterwards.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use futures_util::stream::{FuturesUnordered, Stream};

use crate::breach::Breach;
use crate::execute::Completion;
use crate::export::{Export, Exports};
use crate::flow::{Batch, Flow};
use crate::handshake::{Handshake, Progress};
use crate::intake::Job;
use crate::limits::{HANDSHAKE_TIMEOUT, READ_AHEAD_BYTES};
use crate::link::Link;
use crate::metrics::{Metrics, Open};
use crate::order::Order;
use crate::read_ahead::ReadAhead;
use crate::registry::Membership;
use crate::session::Session;
use crate::shared::{Client, Shared};
use crate::socket::Patience;

/// Why a connection ended before its time.
#[derive(Debug, thiserror::Error)]
pub(crate) enum End {
    /// The client cannot be understood.
    #[error(transparent)]
    Breach(#[from] Breach),
    /// The network, or the client went away.
    #[error("the connection failed: {0}")]
    Io(#[from] io::Error),
}

/// A connection that has its export, without what is in flight: it may go on on any thread.
pub(crate) struct Seat<E> {
    pub(crate) link: Arc<Link>,
    pub(crate) export: Arc<E>,
    flow: Flow,
    presence: Presence,
}

impl<E> Seat<E> {
    /// The connection ended: nothing more is sent for it.
    pub(crate) fn leave(&mut self) {
        self.flow.outbox.leave();
    }
}

/// Lives as long as the connection, which is registered and counted meanwhile.
pub(crate) struct Presence {
    _membership: Membership,
    _open: Open,
}

impl Presence {
    pub(crate) fn new(membership: Membership, metrics: &Arc<Metrics>) -> Self {
        Self {
            _membership: membership,
            _open: Open::new(Arc::clone(metrics)),
        }
    }
}

/// A connection on the thread that serves it. `F`: the future of a request.
pub(crate) struct Connection<E: Export, F> {
    pub(crate) link: Arc<Link>,
    pub(crate) export: Arc<E>,
    pub(crate) flow: Flow,
    pub(crate) in_flight: FuturesUnordered<F>,
    order: Order<E::Ahead>,
    start: Start<E, F>,
    presence: Presence,
}

/// Carries a request out, with what was read of it before.
pub(crate) type Start<E, F> = fn(Arc<E>, Job, Option<<E as Export>::Ahead>) -> F;

impl<E: Export, F: Future<Output = Completion<E::Error>>> Connection<E, F> {
    /// `start` carries a request out; `in_flight`: what the thread has in flight already.
    pub(crate) fn new(seat: Seat<E>, in_flight: FuturesUnordered<F>, start: Start<E, F>) -> Self {
        Self {
            link: seat.link,
            export: seat.export,
            flow: seat.flow,
            in_flight,
            order: Order::new(),
            start,
            presence: seat.presence,
        }
    }

    /// Starts what was received; nothing is polled yet. `set_aside`: as in [`Flow::take_all`].
    ///
    /// # Errors
    /// [`End::Breach`].
    pub(crate) fn take(&mut self, set_aside: bool) -> Result<Batch, End> {
        let (export, in_flight, start) = (&self.export, &self.in_flight, self.start);
        let order = &mut self.order;
        let batch = self.flow.take_all(in_flight.len(), set_aside, |job| {
            let ahead = order.started(&job.request);
            in_flight.push(start(Arc::clone(export), job, ahead));
        })?;
        if batch.started > 1 {
            order.pipelined();
        }
        Ok(batch)
    }

    /// Starts what was set aside.
    pub(crate) fn start(&mut self, job: Job) {
        let ahead = self.order.started(&job.request);
        let future = (self.start)(Arc::clone(&self.export), job, ahead);
        self.in_flight.push(future);
    }

    /// The connection, and what stays with the thread that served it.
    pub(crate) fn into_seat(self) -> (Seat<E>, FuturesUnordered<F>) {
        let seat = Seat {
            link: self.link,
            export: self.export,
            flow: self.flow,
            presence: self.presence,
        };
        (seat, self.in_flight)
    }

    /// While nothing is in flight: sends what waits, and reads what will probably be asked for next
    /// while the client looks at it.
    ///
    /// # Errors
    /// [`End::Io`] if the client is gone.
    pub(crate) fn look_ahead(&mut self) -> Result<(), End> {
        if self.in_flight.is_empty() && self.flow.send_before_waiting()? {
            let export = &self.export;
            self.order
                .look_ahead(|offset, bytes| export.read_ahead(offset, bytes));
        }
        Ok(())
    }

    /// Goes on with what is in flight and queues the replies to what is done.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) {
        let mut in_flight = Pin::new(&mut self.in_flight);
        while let Poll::Ready(Some(completion)) = in_flight.as_mut().poll_next(cx) {
            self.flow.outbox.answer(completion);
        }
    }
}

/// Says how a connection ended.
pub(crate) fn report(client: &Client, shared: &Shared, result: Result<(), End>) {
    match result {
        Ok(()) => tracing::debug!(peer = %client.peer, "the client left"),
        Err(End::Breach(breach)) => {
            crate::metrics::add(&shared.metrics.breaches, 1);
            tracing::warn!(peer = %client.peer, %breach, "closed: the client broke the protocol");
        }
        Err(End::Io(error)) => tracing::debug!(peer = %client.peer, %error, "the client is gone"),
    }
}

/// Shakes hands with a new client; `None` if it left instead.
///
/// # Errors
/// [`End`].
pub(crate) fn welcome<X: Exports>(
    client: &Arc<Client>,
    exports: &X,
    shared: &Arc<Shared>,
    presence: Presence,
) -> Result<Option<Seat<X::Export>>, End> {
    let socket = &client.socket;
    socket.prepare()?;
    socket.set_timeout(Some(HANDSHAKE_TIMEOUT))?;
    let mut input = ReadAhead::new();
    let Some(session) = shake_hands(client, exports, shared, &mut input)? else {
        return Ok(None);
    };
    socket.set_timeout(None)?;
    tracing::debug!(
        peer = %client.peer,
        export = %session.info.name,
        style = ?session.rules.style,
        "transmission begins"
    );
    let link = Arc::new(Link::new(Arc::clone(client), &session, Arc::clone(shared)));
    let flow = Flow::new(Arc::clone(&link), &session, input);
    Ok(Some(Seat {
        link,
        export: Arc::new(session.export),
        flow,
        presence,
    }))
}

/// Answers options until the client chose an export; `None` if it left instead, between two
/// messages or before the first.
fn shake_hands<X: Exports>(
    client: &Client,
    exports: &X,
    shared: &Shared,
    input: &mut ReadAhead,
) -> Result<Option<Session<X::Export>>, End> {
    let mut out = Vec::new();
    let mut handshake = Handshake::new(exports, &mut out);
    loop {
        let step = handshake.advance(input.unread(), &mut out);
        let more = matches!(step, Ok((_, Progress::Advanced))) && out.len() < READ_AHEAD_BYTES;
        if !more {
            // Also before a breach: what was answered before it is the client's.
            client.socket.send_all(&out)?;
            out.clear();
        }
        let (taken, progress) = step?;
        input.consume(taken);
        match progress {
            Progress::Advanced => {}
            Progress::Transmission(session) => return Ok(Some(session)),
            Progress::Closed => return Ok(None),
            Progress::NeedMore => {
                let room = input.room(READ_AHEAD_BYTES);
                let received = client
                    .socket
                    .receive(&mut [], room, Patience::Wait)?
                    .unwrap_or(0);
                if received == 0 {
                    let within = handshake.within(input.unread());
                    // A server that stops ends the stream itself, wherever it is.
                    return match within {
                        Some(what) if !shared.stopping.load(Ordering::Acquire) => {
                            Err(Breach::CutShort { what }.into())
                        }
                        _ => Ok(None),
                    };
                }
                input.received(received);
            }
        }
    }
}
