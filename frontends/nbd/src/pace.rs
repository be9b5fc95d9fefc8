//! How long a connection's thread looks for the next request before it sleeps.
//!
//! A client with one request at a time sends the next one some ten microseconds after the reply.
//! Going to sleep for that and being woken costs more than the request itself (an idle virtual
//! processor is woken by an interrupt of its host), so a thread whose requests come that fast looks
//! again for a moment, and gives way to every other thread in between. It costs nothing where
//! requests are rare or the machine is busy: waits are long then.

use std::time::Duration;

/// Average waits up to this are worth looking through.
const WORTH: Duration = Duration::from_micros(50);
/// A wait counts as this at most: a pause of the client is forgotten after some requests.
const COUNTED_MAX: Duration = Duration::from_micros(400);
/// The weight of the newest wait in the average is one of so many parts.
const PARTS: u32 = 8;

/// What is known about the waits of one connection.
#[derive(Debug)]
pub(crate) struct Pace {
    average: Duration,
}

impl Pace {
    /// Nothing is known: the first waits sleep.
    pub(crate) const fn new() -> Self {
        Self {
            average: COUNTED_MAX,
        }
    }

    /// How long to look before sleeping; `None`: sleep at once.
    pub(crate) fn look_for(&self) -> Option<Duration> {
        (self.average <= WORTH).then_some(WORTH * 2)
    }

    /// Notes how long the last request was waited for.
    pub(crate) fn waited(&mut self, wait: Duration) {
        self.average = (self.average * (PARTS - 1) + wait.min(COUNTED_MAX)) / PARTS;
    }
}

#[cfg(test)]
mod tests;
