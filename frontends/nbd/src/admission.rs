//! What one connection has in flight, counted against its own bounds and the common one.

use std::sync::Arc;
use std::task::Waker;

use crate::limits::REQUESTS_IN_FLIGHT_MAX;
use crate::shared::Shared;

/// The account of one connection. What it holds is given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Admission {
    shared: Arc<Shared>,
    /// Cost of what was admitted and not released.
    own: u64,
    /// Cost that [`Admission::wait`] took for the request that is admitted next.
    reserved: u64,
}

impl Admission {
    pub(crate) const fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            own: 0,
            reserved: 0,
        }
    }

    /// Admits a request of this cost, unless it has to wait. `requests`: how many are in flight.
    pub(crate) fn admit(&mut self, cost: u64, requests: usize) -> bool {
        if self.reserved > 0 && self.reserved == cost {
            self.reserved = 0;
            self.own += cost;
            return true;
        }
        let admitted = requests < REQUESTS_IN_FLIGHT_MAX
            && self.own < self.shared.limits.connection_bytes
            && self.shared.budget.try_take(cost, self.own);
        if admitted {
            self.own += cost;
        }
        admitted
    }

    /// Waits until a request of this cost could be admitted; `false` if the server stops. Nothing
    /// is in flight.
    pub(crate) fn wait(&mut self, cost: u64) -> bool {
        assert_eq!(self.own, 0, "who waits holds nothing that others wait for");
        self.shared.budget.give(std::mem::take(&mut self.reserved));
        let taken = self.shared.budget.wait(cost);
        if taken {
            self.reserved = cost;
        }
        taken
    }

    /// Has `waker` woken when something is given back, so that what was not admitted is tried
    /// again.
    pub(crate) fn wake_when_given(&self, waker: &Waker) {
        self.shared.budget.wake_when_given(waker);
    }

    /// Gives back what requests cost that are answered now.
    pub(crate) fn release(&mut self, cost: u64) {
        self.own -= cost;
        self.shared.budget.give(cost);
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.shared.budget.give(self.own + self.reserved);
    }
}
