//! What one connection has in flight, counted against its own bounds and the common one.

use crate::budget::Budget;
use crate::limits::{Limits, REQUESTS_IN_FLIGHT_MAX};

/// The account of one connection. What it holds is given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Admission<'a> {
    budget: &'a Budget,
    limit: u64,
    /// Cost of what was admitted and not released.
    own: u64,
    /// Cost that [`Admission::wait`] took for the request that is admitted next.
    reserved: u64,
}

impl<'a> Admission<'a> {
    pub(crate) const fn new(budget: &'a Budget, limits: &Limits) -> Self {
        Self {
            budget,
            limit: limits.connection_bytes,
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
            && self.own < self.limit
            && self.budget.try_take(cost, self.own);
        if admitted {
            self.own += cost;
        }
        admitted
    }

    /// Waits until a request of this cost could be admitted; `false` if the server stops. Nothing
    /// is in flight.
    pub(crate) fn wait(&mut self, cost: u64) -> bool {
        assert_eq!(self.own, 0, "who waits holds nothing that others wait for");
        self.budget.give(std::mem::take(&mut self.reserved));
        let taken = self.budget.wait(cost);
        if taken {
            self.reserved = cost;
        }
        taken
    }

    /// Gives back what requests cost that are answered now.
    pub(crate) fn release(&mut self, cost: u64) {
        self.own -= cost;
        self.budget.give(cost);
    }
}

impl Drop for Admission<'_> {
    fn drop(&mut self) {
        self.budget.give(self.own + self.reserved);
    }
}
