//! Which entries of a leaf differ from its base page: what a delta has to say.

use engine_format::{DELTA_BYTES_MIN, DELTA_CHANGE_BYTES};

/// A delta longer than this costs reads more than it saves writes: the page is written instead.
const DELTA_BYTES_WORTH: usize = 2048;

/// The entries that were put since the base page, by index, and the keys that were deleted.
///
/// Given up for good once the delta would be too long, so what is kept per leaf is bounded.
#[derive(Debug, Clone)]
pub(crate) struct Changes {
    /// Ascending indices of entries that were put.
    put: Vec<u16>,
    /// Ascending whole keys that were deleted.
    deleted: Vec<Box<[u8]>>,
    /// Length of the delta that says all this; `None` if it was given up.
    delta_bytes: Option<usize>,
}

impl Changes {
    /// Nothing is known about the difference to a base page, or there is none.
    pub(crate) const fn given_up() -> Self {
        Self {
            put: Vec::new(),
            deleted: Vec::new(),
            delta_bytes: None,
        }
    }

    /// The leaf equals its base page.
    pub(crate) const fn none() -> Self {
        Self {
            put: Vec::new(),
            deleted: Vec::new(),
            delta_bytes: Some(DELTA_BYTES_MIN),
        }
    }

    /// As [`Changes::none`], keeping the allocations.
    pub(crate) fn clear(&mut self) {
        self.put.clear();
        self.deleted.clear();
        self.delta_bytes = Some(DELTA_BYTES_MIN);
    }

    /// The leaf is to be written whole.
    pub(crate) fn give_up(&mut self) {
        *self = Self::given_up();
    }

    /// Whether there are changes and a delta can say them.
    pub(crate) fn fit_a_delta(&self) -> bool {
        self.delta_bytes
            .is_some_and(|bytes| bytes > DELTA_BYTES_MIN)
    }

    /// The changed entries, ascending.
    pub(crate) fn put(&self) -> &[u16] {
        &self.put
    }

    /// The deleted keys, ascending.
    pub(crate) fn deleted(&self) -> &[Box<[u8]>] {
        &self.deleted
    }

    /// Entry `index` has got another value.
    pub(crate) fn replaced(&mut self, index: usize, key_bytes: usize, old: usize, new: usize) {
        let Some(bytes) = self.delta_bytes else {
            return;
        };
        let index = narrow(index);
        match self.put.binary_search(&index) {
            Ok(_) => self.resize(bytes + new - old),
            Err(at) => {
                self.put.insert(at, index);
                self.resize(bytes + DELTA_CHANGE_BYTES + key_bytes + new);
            }
        }
    }

    /// An entry was inserted before entry `index`.
    pub(crate) fn inserted(&mut self, index: usize, key: &[u8], value_bytes: usize) {
        let Some(mut bytes) = self.delta_bytes else {
            return;
        };
        if let Ok(at) = self
            .deleted
            .binary_search_by(|deleted| (**deleted).cmp(key))
        {
            self.deleted.remove(at);
            bytes -= DELTA_CHANGE_BYTES + key.len();
        }
        let index = narrow(index);
        let at = self.put.partition_point(|put| *put < index);
        for put in self.put.iter_mut().skip(at) {
            *put += 1;
        }
        self.put.insert(at, index);
        self.resize(bytes + DELTA_CHANGE_BYTES + key.len() + value_bytes);
    }

    /// Entry `index` was removed.
    pub(crate) fn removed(&mut self, index: usize, key: &[u8], value_bytes: usize) {
        let Some(mut bytes) = self.delta_bytes else {
            return;
        };
        let index = narrow(index);
        let at = self.put.partition_point(|put| *put < index);
        if self.put.get(at) == Some(&index) {
            self.put.remove(at);
            bytes -= DELTA_CHANGE_BYTES + key.len() + value_bytes;
        }
        for put in self.put.iter_mut().skip(at) {
            *put -= 1;
        }
        // The key may be unknown to the base page: deleting it there again does no harm.
        if let Err(at) = self
            .deleted
            .binary_search_by(|deleted| (**deleted).cmp(key))
        {
            self.deleted.insert(at, key.into());
        }
        self.resize(bytes + DELTA_CHANGE_BYTES + key.len());
    }

    fn resize(&mut self, delta_bytes: usize) {
        if delta_bytes <= DELTA_BYTES_WORTH {
            self.delta_bytes = Some(delta_bytes);
        } else {
            self.give_up();
        }
    }
}

/// # Panics
/// Never: a page has fewer than 2^16 entries.
fn narrow(index: usize) -> u16 {
    u16::try_from(index).expect("a page has fewer than 2^16 entries")
}
