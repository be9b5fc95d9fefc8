//! The future of a device read.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

use crate::{DeviceError, PageBuf};

/// A read that was started: completes with the buffer, full.
///
/// Dropping it while the read is in flight is safe: the ring owns the buffer until the kernel is
/// done with it. It may be awaited on any thread, but completes only while the thread that started
/// it runs its [`crate::Reactor`].
#[derive(Debug)]
#[must_use = "a read does nothing for anybody who does not await it"]
pub struct ReadOp(State);

#[derive(Debug)]
enum State {
    /// `None` after the result was taken.
    Ready(Option<Result<PageBuf, DeviceError>>),
    InFlight(Arc<Pending>),
    /// Done, but not before it was polled once.
    Yielding(Option<Result<PageBuf, DeviceError>>),
}

impl ReadOp {
    /// A read that is already done.
    pub const fn ready(result: Result<PageBuf, DeviceError>) -> Self {
        Self(State::Ready(Some(result)))
    }

    /// A read that is done, but pretends not to be when it is polled for the first time: so that
    /// tests see what happens around reads that wait.
    pub(crate) const fn yielding(result: Result<PageBuf, DeviceError>) -> Self {
        Self(State::Yielding(Some(result)))
    }

    /// A read whose result `pending` will get.
    pub(crate) const fn in_flight(pending: Arc<Pending>) -> Self {
        Self(State::InFlight(pending))
    }

    /// Whether polling would return the result at once, without a context.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        match &self.0 {
            State::Ready(_) => true,
            State::Yielding(_) => false,
            State::InFlight(pending) => pending.0.lock().result.is_some(),
        }
    }
}

impl Future for ReadOp {
    type Output = Result<PageBuf, DeviceError>;

    /// # Panics
    /// If polled again after it was ready (programmer error).
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let result = match &mut self.0 {
            State::Ready(result) => result
                .take()
                .expect("a ReadOp is not polled after it was ready"),
            State::Yielding(result) => {
                self.0 = State::Ready(result.take());
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            State::InFlight(pending) => match pending.take(cx.waker()) {
                Some(result) => result,
                None => return Poll::Pending,
            },
        };
        self.0 = State::Ready(None);
        Poll::Ready(result)
    }
}

/// What a read in flight and its future share.
#[derive(Debug, Default)]
pub(crate) struct Pending(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    result: Option<Result<PageBuf, DeviceError>>,
    waker: Option<Waker>,
}

impl Pending {
    /// Hands over the result and wakes the future. Called once, by the ring.
    pub(crate) fn complete(&self, result: Result<PageBuf, DeviceError>) {
        let waker = {
            let mut inner = self.0.lock();
            assert!(inner.result.is_none(), "a read completes once");
            inner.result = Some(result);
            inner.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// The result, or `None` after storing `waker` for [`Self::complete`].
    fn take(&self, waker: &Waker) -> Option<Result<PageBuf, DeviceError>> {
        let mut inner = self.0.lock();
        if inner.result.is_some() {
            return inner.result.take();
        }
        match &mut inner.waker {
            Some(stored) => stored.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
        None
    }
}

#[cfg(test)]
mod tests;
