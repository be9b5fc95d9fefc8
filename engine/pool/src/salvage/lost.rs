//! Pages that nobody can read any more.

use std::collections::BTreeMap;

use engine_base::{DatasetId, Location};
use engine_tree::Missing;
use parking_lot::Mutex;

/// Keys of a tree that are lost with a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostKeys {
    /// The first dataset of the family that the page belongs to: its other members may have it,
    /// too.
    pub family: DatasetId,
    /// The first key.
    pub low: Vec<u8>,
    /// Above the last key; empty: there is no bound.
    pub high: Vec<u8>,
}

/// What is passed over while a damaged pool is read.
#[derive(Debug, Default)]
pub(crate) struct LostPages {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    pages: BTreeMap<(Location, Vec<u8>), LostKeys>,
    notes: Vec<String>,
}

impl Default for State {
    fn default() -> Self {
        Self::new()
    }
}

impl State {
    const fn new() -> Self {
        Self {
            pages: BTreeMap::new(),
            notes: Vec::new(),
        }
    }
}

impl LostPages {
    pub(crate) const fn new() -> Self {
        Self {
            state: Mutex::new(State::new()),
        }
    }

    /// No copy of a page is good.
    pub(crate) fn add(&self, missing: &Missing) {
        let keys = LostKeys {
            family: missing.tree,
            low: missing.low.to_vec(),
            high: missing.high.to_vec(),
        };
        let place = (missing.pointer.base, missing.low.to_vec());
        self.state.lock().pages.insert(place, keys);
    }

    pub(crate) fn note(&self, what: String) {
        self.state.lock().notes.push(what);
    }

    pub(super) fn pages(&self) -> Vec<LostKeys> {
        self.state.lock().pages.values().cloned().collect()
    }

    pub(super) fn notes(&self) -> Vec<String> {
        self.state.lock().notes.clone()
    }
}
