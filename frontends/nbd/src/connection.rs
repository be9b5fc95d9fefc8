//! One connection, from the greeting to its end, on a thread of its own.
//!
//! The thread waits in exactly one system call at a time: a plain receive when it has nothing in
//! flight, else the reactor, which watches the socket, device reads and wake-ups together. While
//! anything is in flight it never waits for the client alone: others may depend on its work (it
//! may lead a group of commits).

use std::io;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use engine_device::{Reactor, set_may_block};
use futures_util::stream::{FuturesUnordered, Stream};

use crate::breach::Breach;
use crate::execute::{Completion, execute};
use crate::export::{Export, Exports};
use crate::flow::{Batch, Flow, Wait};
use crate::handshake::{Handshake, Progress};
use crate::limits::{DEVICE_READS_MAX, HANDSHAKE_TIMEOUT, READ_AHEAD_BYTES};
use crate::read_ahead::ReadAhead;
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

/// Serves one client until it leaves, breaks the protocol, or the server stops.
pub(crate) fn serve<X: Exports>(client: &Client, exports: &X, shared: &Shared) {
    let result = converse(client, exports, shared);
    match result {
        Ok(()) => tracing::debug!(peer = %client.peer, "the client left"),
        Err(End::Breach(breach)) => {
            crate::metrics::add(&shared.metrics.breaches, 1);
            tracing::warn!(peer = %client.peer, %breach, "closed: the client broke the protocol");
        }
        Err(End::Io(error)) => tracing::debug!(peer = %client.peer, %error, "the client is gone"),
    }
}

fn converse<X: Exports>(client: &Client, exports: &X, shared: &Shared) -> Result<(), End> {
    let socket = &client.socket;
    socket.prepare()?;
    socket.set_timeout(Some(HANDSHAKE_TIMEOUT))?;
    let mut input = ReadAhead::new();
    let Some(session) = shake_hands(client, exports, shared, &mut input)? else {
        return Ok(());
    };
    socket.set_timeout(None)?;
    tracing::debug!(
        peer = %client.peer,
        export = %session.info.name,
        style = ?session.rules.style,
        "transmission begins"
    );
    transmit(client, &session, input, shared)
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

/// Carries out requests until the client leaves and everything is answered.
fn transmit<E: Export>(
    client: &Client,
    session: &Session<E>,
    input: ReadAhead,
    shared: &Shared,
) -> Result<(), End> {
    let export = &session.export;
    let reactor = Reactor::new(DEVICE_READS_MAX)?;
    let waker = reactor.waker();
    client.set_waker(waker.clone());
    let mut cx = Context::from_waker(&waker);
    let mut flow = Flow::new(client, session, input, shared);
    let mut in_flight = FuturesUnordered::new();
    loop {
        let batch = flow.take_all(in_flight.len(), |job| in_flight.push(execute(export, job)))?;
        run(export, &mut in_flight, &batch, &mut flow, &mut cx);
        match flow.wait(in_flight.len(), &reactor)? {
            Wait::Over => {}
            Wait::Ended => return Ok(()),
        }
    }
}

/// Polls what is in flight. Commits of one batch gather behind a plug; a request that is alone may
/// block the thread, because nothing else of this connection waits.
fn run<E: Export, F: Future<Output = Completion<E::Error>>>(
    export: &E,
    in_flight: &mut FuturesUnordered<F>,
    batch: &Batch,
    flow: &mut Flow<'_>,
    cx: &mut Context<'_>,
) {
    if batch.commits > 1 {
        let plug = export.plug();
        poll(in_flight, flow, cx);
        drop(plug);
    } else if batch.started == 1 && in_flight.len() == 1 {
        set_may_block(true);
        poll(in_flight, flow, cx);
        set_may_block(false);
        return;
    }
    poll(in_flight, flow, cx);
}

fn poll<F, T>(in_flight: &mut FuturesUnordered<F>, flow: &mut Flow<'_>, cx: &mut Context<'_>)
where
    F: Future<Output = Completion<T>>,
    T: crate::export::Failure,
{
    let mut in_flight = pin!(in_flight);
    while let Poll::Ready(Some(completion)) = in_flight.as_mut().poll_next(cx) {
        flow.answer(completion);
    }
}
