//! What a connection waits for on a thread that serves others too: nothing here blocks.

use std::os::fd::AsFd;
use std::task::Waker;

use engine_device::{Interest, Readiness, Watched};

use super::{Flow, Pause};
use crate::connection::End;
use crate::limits::OUTPUT_HEAD_BYTES_MAX;
use crate::socket::Patience;

/// What a connection needs next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// A look at what was received.
    Look,
    /// Its socket to be ready, or a future to be done.
    Wait(Interest),
    /// Nothing: everything is answered and the client sends nothing any more.
    End,
}

impl Flow {
    /// Sends and receives what goes without waiting. `in_flight`: futures that are not done;
    /// `waker`: woken when the budget of all connections has room again, if that is waited for.
    ///
    /// # Errors
    /// As [`Flow::wait`].
    pub(crate) fn turn(&mut self, in_flight: usize, waker: &Waker) -> Result<Next, End> {
        let next = self.send_and_receive(in_flight, waker);
        if !matches!(next, Ok(Next::Look | Next::Wait(_)))
            && let Some(breach) = self.cut_short.take()
        {
            return Err(breach.into());
        }
        next
    }

    fn send_and_receive(&mut self, in_flight: usize, waker: &Waker) -> Result<Next, End> {
        self.outbox.send_some(waker)?;
        if self.link.is_aborting() {
            return Ok(Next::End);
        }
        let sent = self.outbox.is_empty();
        match self.pause {
            Pause::Finished if in_flight == 0 && sent => return Ok(Next::End),
            Pause::Finished => {}
            Pause::Unread if self.outbox.head_bytes() < OUTPUT_HEAD_BYTES_MAX => {
                return Ok(Next::Look);
            }
            Pause::Unread => {}
            Pause::Blocked(_) if in_flight == 0 && !self.looked_again => {
                self.looked_again = true;
                self.admission.wake_when_given(waker);
                return Ok(Next::Look);
            }
            Pause::Blocked(_) => {}
            Pause::NeedMore => {
                if self.readable && self.receive(Patience::Never)? {
                    return Ok(Next::Look);
                }
            }
        }
        Ok(Next::Wait(Interest {
            read: self.pause == Pause::NeedMore,
            write: !sent,
        }))
    }

    /// What to wait for.
    pub(crate) fn watched(&self, token: u32, interest: Interest) -> Watched<'_> {
        Watched {
            token,
            socket: self.link.client.socket.as_fd(),
            interest,
        }
    }

    /// The thread has slept: what a waker was left for may have happened.
    pub(crate) const fn woken(&mut self) {
        self.looked_again = false;
    }

    /// What the socket was seen to be.
    pub(crate) fn ready(&mut self, readiness: Readiness) {
        self.readable = readiness.readable || readiness.hangup;
    }
}
