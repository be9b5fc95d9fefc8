//! Pins on keys: what an operation is about to change stays in memory from when its leaves were
//! fetched until it is applied.

use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

/// Keys from the first to the second, both included.
pub(crate) type Span = (Vec<u8>, Vec<u8>);

/// The pins of one dataset.
#[derive(Debug, Default)]
pub(crate) struct KeyPins {
    /// How many are held: eviction looks here first, so that datasets without pins pay one load.
    held: AtomicUsize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    next_ticket: u64,
    pins: Vec<(u64, Vec<Span>)>,
}

/// Held pins; dropping them lets the leaves go.
#[derive(Debug)]
pub struct KeyPin<'a> {
    pins: &'a KeyPins,
    ticket: u64,
}

impl KeyPins {
    /// Keeps every leaf that can hold a key of `spans` from now on. What is not in memory yet has
    /// to be fetched after this.
    pub(crate) fn pin(&self, spans: Vec<Span>) -> KeyPin<'_> {
        let mut state = self.state.lock();
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        state.pins.push((ticket, spans));
        self.held.store(state.pins.len(), Ordering::Release);
        KeyPin { pins: self, ticket }
    }

    /// Whether there are any.
    pub(crate) fn is_held(&self) -> bool {
        self.held.load(Ordering::Acquire) > 0
    }

    /// Whether a pin wants the leaf of the keys from `low` up to `high` (empty: no bound).
    pub(crate) fn touches(&self, low: &[u8], high: &[u8]) -> bool {
        if self.held.load(Ordering::Acquire) == 0 {
            return false;
        }
        let wanted = |(first, last): &Span| {
            last.as_slice() >= low && (high.is_empty() || first.as_slice() < high)
        };
        let state = self.state.lock();
        state.pins.iter().any(|(_, spans)| spans.iter().any(wanted))
    }
}

impl Drop for KeyPin<'_> {
    fn drop(&mut self) {
        let mut state = self.pins.state.lock();
        state.pins.retain(|(ticket, _)| *ticket != self.ticket);
        self.pins.held.store(state.pins.len(), Ordering::Release);
    }
}
