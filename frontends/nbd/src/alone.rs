//! Threads that serve one connection and no other: most often one, see [`Relay`].
//!
//! The one that holds the connection waits in exactly one system call at a time: a plain receive
//! when it has nothing in flight, else the reactor, which watches the socket, device reads and
//! wake-ups together. While anything is in flight it never waits for the client alone: others may
//! depend on its work (it may lead a group of commits). Who carries out a single request waits for
//! the client only with its reply, when nobody depends on it any more.

use std::os::fd::AsFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread::{self, Scope};

use engine_device::{Interest, Reactor, Watched, set_may_block};
use futures_util::stream::{FuturesUnordered, Stream};

use crate::connection::{Connection, End, Seat, Start};
use crate::execute::{Completion, execute};
use crate::export::Export;
use crate::flow::{Batch, Wait};
use crate::intake::Job;
use crate::limits::DEVICE_READS_MAX;
use crate::outbox::Outbox;
use crate::relay::Relay;

/// Carries out requests until the client leaves and everything is answered.
///
/// # Errors
/// [`End`].
pub(crate) fn serve<E: Export>(seat: Seat<E>) -> Result<(), End> {
    let relay = Relay::new(seat);
    thread::scope(|scope| bear(&relay, scope));
    relay.into_end()
}

/// One thread's share of a connection.
pub(crate) fn bear<'s, E: Export>(relay: &'s Relay<E>, scope: &'s Scope<'s, '_>) {
    let _cut_off = CutOff(relay);
    let reactor = match Reactor::new(DEVICE_READS_MAX) {
        Ok(reactor) => reactor,
        Err(error) => return relay.fail(Err(error.into())),
    };
    let waker = reactor.waker();
    relay.link.client.add_waker(waker.clone());
    let bearer = Bearer {
        relay,
        scope,
        reactor,
        waker,
        outbox: Outbox::new(Arc::clone(&relay.link)),
        in_flight: FuturesUnordered::new(),
        start: execute,
    };
    if let Err(end) = bearer.run() {
        relay.fail(Err(end));
    }
}

/// Ends the connection if its thread panics: the others would wait for ever.
struct CutOff<'a, E: Export>(&'a Relay<E>);

impl<E: Export> Drop for CutOff<'_, E> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.fail(Ok(()));
        }
    }
}

/// One of the threads. `F`: the future of a request.
struct Bearer<'s, 'e, E: Export, F> {
    relay: &'s Relay<E>,
    scope: &'s Scope<'s, 'e>,
    reactor: Reactor,
    waker: Waker,
    /// Replies to what was carried out without holding the connection.
    outbox: Outbox,
    /// What is carried out without holding the connection.
    in_flight: FuturesUnordered<F>,
    start: Start<E, F>,
}

impl<E: Export, F: Future<Output = Completion<E::Error>>> Bearer<'_, '_, E, F> {
    fn run(mut self) -> Result<(), End> {
        while let Some(seat) = self.next()? {
            self.hold(seat)?;
        }
        Ok(())
    }

    /// Goes on with what is in flight until the connection is there; `None` when it has ended and
    /// all is answered.
    fn next(&mut self) -> Result<Option<Seat<E>>, End> {
        loop {
            let mut context = Context::from_waker(&self.waker);
            while let Poll::Ready(Some(completion)) =
                Pin::new(&mut self.in_flight).poll_next(&mut context)
            {
                self.outbox.answer(completion);
            }
            if self.in_flight.is_empty() {
                self.outbox.send_all()?;
                return Ok(self.relay.take());
            }
            self.outbox.send_some(&self.waker)?;
            if self.relay.link.is_aborting() {
                return Ok(None);
            }
            if self.outbox.is_empty()
                && let Some(seat) = self.relay.try_take(&self.waker)
            {
                return Ok(Some(seat));
            }
            let interest = Interest {
                read: false,
                write: self.outbox.waits_for_socket(),
            };
            let watched = Watched {
                token: 0,
                socket: self.relay.link.client.socket.as_fd(),
                interest,
            };
            let watched = interest.write.then_some(watched);
            self.reactor.park(watched.as_slice(), |_, _| {})?;
        }
    }

    /// Holds the connection until it ends, or is left to another thread.
    fn hold(&mut self, seat: Seat<E>) -> Result<(), End> {
        let in_flight = std::mem::take(&mut self.in_flight);
        let mut connection = Connection::new(seat, in_flight, self.start);
        let result = loop {
            match self.turn(&mut connection) {
                Ok(Turned::On) => {}
                Ok(Turned::Over(job)) => {
                    let (seat, in_flight) = connection.into_seat();
                    self.relay.pass(seat);
                    let export = Arc::clone(&self.relay.export);
                    in_flight.push((self.start)(export, job, None));
                    self.in_flight = in_flight;
                    return Ok(());
                }
                Ok(Turned::Ended) => break Ok(()),
                Err(end) => break Err(end),
            }
        };
        let (seat, _) = connection.into_seat();
        self.relay.finish(seat, result);
        Ok(())
    }

    fn turn(&self, connection: &mut Connection<E, F>) -> Result<Turned, End> {
        let mut batch = connection.take(true)?;
        if let Some(job) = batch.large.take() {
            if connection.flow.has_more() && self.relay.may_pass(self.scope) {
                connection.flow.outbox.send_some(&self.waker)?;
                if connection.flow.outbox.is_empty() {
                    return Ok(Turned::Over(job));
                }
            }
            connection.start(job);
            // Behind it whole requests may be there, for which nobody would wait.
            batch.add(connection.take(false)?);
        }
        run(connection, &batch, &mut Context::from_waker(&self.waker));
        connection.look_ahead()?;
        let in_flight = connection.in_flight.len();
        let waited = connection
            .flow
            .wait(in_flight, &self.reactor, &self.waker)?;
        Ok(match waited {
            Wait::Over => Turned::On,
            Wait::Ended => Turned::Ended,
        })
    }
}

/// What one turn of the holder came to.
enum Turned {
    /// It holds the connection.
    On,
    /// It leaves the connection to others for this.
    Over(Job),
    /// Everything is answered and the client sends nothing any more.
    Ended,
}

/// Polls what is in flight. Commits of one batch gather behind a plug; a request that is alone may
/// block the thread, because nothing else waits for it.
fn run<E, F>(connection: &mut Connection<E, F>, batch: &Batch, cx: &mut Context<'_>)
where
    E: Export,
    F: Future<Output = Completion<E::Error>>,
{
    if batch.commits > 1 {
        let export = Arc::clone(&connection.export);
        let plug = export.plug();
        connection.poll(cx);
        drop(plug);
    } else if batch.started == 1 && connection.in_flight.len() == 1 {
        set_may_block(true);
        connection.poll(cx);
        set_may_block(false);
        return;
    }
    connection.poll(cx);
}
