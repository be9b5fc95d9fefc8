//! One thread of a crew and the connections that it serves.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Waker};

use engine_device::{Reactor, Watched};
use futures_util::stream::FuturesUnordered;

use super::Inbox;
use crate::connection::{Connection, End, Seat, report};
use crate::execute::{Completion, execute};
use crate::export::Export;
use crate::flow::Next;
use crate::limits::DEVICE_READS_MAX;
use crate::shared::Shared;

/// A connection and the reactor's name for its socket.
struct Place<E: Export, F> {
    token: u32,
    connection: Connection<E, F>,
    next: Next,
}

/// The state of one thread.
struct Member<'a, E: Export, F> {
    shared: &'a Shared,
    reactor: &'a Reactor,
    waker: &'a Waker,
    places: Vec<Place<E, F>>,
    start: fn(Seat<E>) -> Connection<E, F>,
    next_token: u32,
}

/// Serves what comes until the inbox is closed and nothing is left.
pub(super) fn run<E: Export>(inbox: &Inbox<E>, shared: &Shared) {
    let reactor = match Reactor::new(DEVICE_READS_MAX) {
        Ok(reactor) => reactor,
        Err(error) => {
            tracing::error!(%error, "cannot wait for connections: they are closed");
            inbox.give_up();
            return;
        }
    };
    let waker = reactor.waker();
    inbox.lock().waker = Some(waker.clone());
    let mut member = Member {
        shared,
        reactor: &reactor,
        waker: &waker,
        places: Vec::new(),
        start: |seat| Connection::new(seat, FuturesUnordered::new(), execute),
        next_token: 0,
    };
    loop {
        let closed = {
            let mut state = inbox.lock();
            state.serving = member.places.len() + state.new.len();
            let new = std::mem::take(&mut state.new);
            let closed = state.closed;
            drop(state);
            new.into_iter().for_each(|seat| member.add(seat));
            closed
        };
        if closed && member.places.is_empty() {
            return;
        }
        if let Err(error) = member.turn() {
            tracing::error!(%error, "cannot wait for connections any more: they are closed");
            inbox.give_up();
            return;
        }
    }
}

impl<E: Export, F: Future<Output = Completion<E::Error>>> Member<'_, E, F> {
    fn add(&mut self, seat: Seat<E>) {
        seat.link.client.add_waker(self.waker.clone());
        let token = self.next_token;
        self.next_token = self.next_token.wrapping_add(1);
        self.places.push(Place {
            token,
            connection: (self.start)(seat),
            next: Next::Look,
        });
    }

    /// Takes what was received, carries it out, sends and receives, and sleeps if there is nothing
    /// to do.
    fn turn(&mut self) -> std::io::Result<()> {
        self.take_and_run()?;
        let waker = self.waker;
        self.each(|connection, next| {
            let in_flight = connection.in_flight.len();
            *next = connection.flow.turn(in_flight, waker)?;
            Ok(())
        })?;
        if self.places.iter().any(|place| place.next == Next::Look) {
            // Device reads that were queued must not wait for the next sleep.
            self.reactor.poll_completions()?;
            return Ok(());
        }
        self.sleep()
    }

    /// All that commits gathers behind one plug.
    fn take_and_run(&mut self) -> std::io::Result<()> {
        let mut commits = 0;
        self.each(|connection, _| {
            commits += connection.take(false)?.commits;
            Ok(())
        })?;
        let mut cx = Context::from_waker(self.waker);
        let mut poll = |connection: &mut Connection<E, F>, _: &mut Next| {
            if !connection.in_flight.is_empty() {
                connection.poll(&mut cx);
            }
            Ok(())
        };
        if commits > 1
            && let Some(place) = self.places.first()
        {
            let export = Arc::clone(&place.connection.export);
            let plug = export.plug();
            self.each(&mut poll)?;
            drop(plug);
        }
        self.each(poll)
    }

    /// Does something with every connection; one that ends, fails or panics is closed.
    fn each(
        &mut self,
        mut with: impl FnMut(&mut Connection<E, F>, &mut Next) -> Result<(), End>,
    ) -> std::io::Result<()> {
        let mut at = 0;
        while let Some(place) = self.places.get_mut(at) {
            let done = catch_unwind(AssertUnwindSafe(|| {
                with(&mut place.connection, &mut place.next)
            }));
            let result = match done {
                Ok(Ok(())) if place.next != Next::End => {
                    at += 1;
                    continue;
                }
                Ok(result) => Some(result),
                Err(_) => None,
            };
            let place = self.places.swap_remove(at);
            self.reactor.release_socket(place.token)?;
            match result {
                Some(result) => report(&place.connection.link.client, self.shared, result),
                None => tracing::error!(peer = %place.connection.link.client.peer,
                    "a request panicked; its client is cut off, others go on"),
            }
        }
        Ok(())
    }

    fn sleep(&mut self) -> std::io::Result<()> {
        let watched: Vec<Watched<'_>> = self
            .places
            .iter()
            .filter_map(|place| {
                let Next::Wait(interest) = place.next else {
                    return None;
                };
                Some(place.connection.flow.watched(place.token, interest))
            })
            .collect();
        let mut ready = Vec::new();
        self.reactor
            .park(&watched, |token, readiness| ready.push((token, readiness)))?;
        for place in &mut self.places {
            place.connection.flow.woken();
        }
        for (token, readiness) in ready {
            let place = self.places.iter_mut().find(|place| place.token == token);
            if let Some(place) = place {
                place.connection.flow.ready(readiness);
            }
        }
        Ok(())
    }
}
