//! What one connection has in flight, counted against its own bounds and the common one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Waker;

use crate::limits::REQUESTS_IN_FLIGHT_MAX;
use crate::link::Link;
use crate::shared::Shared;

/// Cost of what one connection was admitted and has not released. It is given back when this is
/// dropped.
#[derive(Debug)]
pub(crate) struct Account {
    shared: Arc<Shared>,
    own: AtomicU64,
}

impl Account {
    pub(crate) const fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            own: AtomicU64::new(0),
        }
    }

    /// Gives back what requests cost that are answered now.
    pub(crate) fn release(&self, cost: u64) {
        self.own.fetch_sub(cost, Ordering::SeqCst);
        self.shared.budget.give(cost);
    }

    fn own(&self) -> u64 {
        self.own.load(Ordering::SeqCst)
    }

    /// Takes a cost as far as the connection's own bound and the common one go.
    fn try_take(&self, cost: u64) -> bool {
        let own = self.own();
        own < self.shared.limits.connection_bytes && self.shared.budget.try_take(cost, own)
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        self.shared.budget.give(self.own());
    }
}

/// Admits the requests of a connection, on the thread that holds it.
#[derive(Debug)]
pub(crate) struct Admission {
    link: Arc<Link>,
    /// Cost that [`Admission::wait`] took for the request that is admitted next.
    reserved: u64,
}

impl Admission {
    pub(crate) const fn new(link: Arc<Link>) -> Self {
        Self { link, reserved: 0 }
    }

    /// Admits a request of this cost, unless it has to wait. `requests`: how many are in flight.
    pub(crate) fn admit(&mut self, cost: u64, requests: usize) -> bool {
        let account = &self.link.account;
        if self.reserved > 0 && self.reserved == cost {
            self.reserved = 0;
            account.own.fetch_add(cost, Ordering::SeqCst);
            return true;
        }
        let admitted = requests < REQUESTS_IN_FLIGHT_MAX && account.try_take(cost);
        if admitted {
            account.own.fetch_add(cost, Ordering::SeqCst);
        }
        admitted
    }

    /// Waits until a request of this cost could be admitted; `false` if the server stops. This
    /// thread has nothing in flight that others wait for; what other threads have ends by itself.
    pub(crate) fn wait(&mut self, cost: u64) -> bool {
        let account = &self.link.account;
        let budget = &account.shared.budget;
        budget.give(std::mem::take(&mut self.reserved));
        let taken = budget.wait(|| account.try_take(cost));
        if taken {
            self.reserved = cost;
        }
        taken
    }

    /// Has `waker` woken when something is given back, so that what was not admitted is tried
    /// again.
    pub(crate) fn wake_when_given(&self, waker: &Waker) {
        self.link.account.shared.budget.wake_when_given(waker);
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.link.account.shared.budget.give(self.reserved);
    }
}
