//! A thread that serves one connection and no other.
//!
//! It waits in exactly one system call at a time: a plain receive when it has nothing in flight,
//! else the reactor, which watches the socket, device reads and wake-ups together. While anything
//! is in flight it never waits for the client alone: others may depend on its work (it may lead a
//! group of commits).

use std::task::Context;

use engine_device::{Reactor, set_may_block};

use crate::connection::{Connection, End, Seat};
use crate::execute::{Completion, execute};
use crate::export::Export;
use crate::flow::{Batch, Wait};
use crate::limits::DEVICE_READS_MAX;

/// Carries out requests until the client leaves and everything is answered.
///
/// # Errors
/// [`End`].
pub(crate) fn serve<E: Export>(seat: Seat<E>) -> Result<(), End> {
    let reactor = Reactor::new(DEVICE_READS_MAX)?;
    let waker = reactor.waker();
    seat.client.set_waker(waker.clone());
    let mut cx = Context::from_waker(&waker);
    let mut connection = Connection::new(seat, execute);
    loop {
        let batch = connection.take()?;
        run(&mut connection, &batch, &mut cx);
        connection.look_ahead()?;
        let in_flight = connection.in_flight.len();
        match connection.flow.wait(in_flight, &reactor)? {
            Wait::Over => {}
            Wait::Ended => return Ok(()),
        }
    }
}

/// Polls what is in flight. Commits of one batch gather behind a plug; a request that is alone may
/// block the thread, because nothing else waits for it.
fn run<E, F>(connection: &mut Connection<E, F>, batch: &Batch, cx: &mut Context<'_>)
where
    E: Export,
    F: Future<Output = Completion<E::Error>>,
{
    if batch.commits > 1 {
        let export = std::sync::Arc::clone(&connection.export);
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
