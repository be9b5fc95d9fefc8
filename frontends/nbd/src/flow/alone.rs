//! Waiting on a thread that serves this connection and no other.

use std::os::fd::AsFd;
use std::sync::atomic::Ordering;
use std::task::Waker;

use engine_base::{Clock, SystemClock};
use engine_device::{Interest, Reactor, Readiness, Watched};

use super::{Flow, Pause};
use crate::connection::End;
use crate::limits::OUTPUT_HEAD_BYTES_MAX;
use crate::socket::Patience;

/// How waiting ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// There may be something to do.
    Over,
    /// Everything is answered and the client sends nothing any more.
    Ended,
}

impl Flow {
    /// Sends what waits and waits for what there is to wait for. `in_flight`: futures that are not
    /// done; `waker`: the reactor's.
    ///
    /// # Errors
    /// [`End::Io`] if the client is gone: nothing can be answered any more. [`End::Breach`] if it
    /// left within a message, once everything before that is answered or nothing can be.
    pub(crate) fn wait(
        &mut self,
        in_flight: usize,
        reactor: &Reactor,
        waker: &Waker,
    ) -> Result<Wait, End> {
        let waited = self.send_and_wait(in_flight, reactor, waker);
        if !matches!(waited, Ok(Wait::Over))
            && let Some(breach) = self.cut_short.take()
        {
            return Err(breach.into());
        }
        waited
    }

    /// While nothing is in flight: sends what waits if nothing but the client's next request is
    /// waited for then, and says whether that is so.
    ///
    /// # Errors
    /// [`End::Io`] if the client is gone.
    pub(crate) fn send_before_waiting(&mut self) -> Result<bool, End> {
        if self.pause != Pause::NeedMore {
            return Ok(false);
        }
        self.outbox.send_all()?;
        Ok(true)
    }

    fn send_and_wait(
        &mut self,
        in_flight: usize,
        reactor: &Reactor,
        waker: &Waker,
    ) -> Result<Wait, End> {
        if in_flight == 0 {
            self.outbox.send_all()?;
            match self.pause {
                Pause::Finished => return Ok(Wait::Ended),
                Pause::Blocked(cost) => {
                    // Whether there is room now or the server stops: either way the request is
                    // looked at again.
                    let admitted = self.admission.wait(cost);
                    tracing::trace!(admitted, "waited for the budget of all connections");
                }
                Pause::Unread => {}
                Pause::NeedMore => self.receive_next()?,
            }
            return Ok(Wait::Over);
        }
        self.outbox.send_some(waker)?;
        if self.link.is_aborting() {
            return Ok(Wait::Ended);
        }
        let reading = self.pause == Pause::NeedMore;
        if reading && self.readable && self.receive(Patience::Never)? {
            // Device reads that were queued must not wait for the next sleep.
            reactor.poll_completions()?;
            return Ok(Wait::Over);
        }
        if self.pause == Pause::Unread && self.outbox.head_bytes() < OUTPUT_HEAD_BYTES_MAX {
            return Ok(Wait::Over);
        }
        let interest = Interest {
            read: reading,
            write: self.outbox.waits_for_socket(),
        };
        let watched = Watched {
            token: 0,
            socket: self.link.client.socket.as_fd(),
            interest,
        };
        let mut readiness = Readiness::default();
        reactor.park(&[watched], |_, seen| readiness = seen)?;
        self.ready(readiness);
        Ok(Wait::Over)
    }

    /// Waits for the next request while nothing is in flight.
    fn receive_next(&mut self) -> Result<(), End> {
        let start = SystemClock.monotonic();
        let mut received = false;
        let stopping = self.link.shared.stopping.load(Ordering::Acquire);
        if let Some(time) = self
            .pace
            .look_for()
            .filter(|_| !stopping && !self.passed_on)
        {
            let end = start + time;
            received = self.receive(Patience::Never)?;
            while !received && SystemClock.monotonic() < end {
                std::thread::yield_now();
                received = self.receive(Patience::Never)?;
            }
        }
        if !received {
            self.receive(Patience::Wait)?;
        }
        self.pace.waited(SystemClock.monotonic() - start);
        Ok(())
    }
}
