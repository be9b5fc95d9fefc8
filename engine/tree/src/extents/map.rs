//! What extents need of the tree that they live in.

use std::ops::ControlFlow;

use crate::{Missing, Tree};

/// An ordered map from byte keys to byte values.
pub trait EntryMap {
    /// Why an entry cannot be reached.
    type Error;

    /// Calls `found` with the entry of the largest key in `low..=key`, `None` if there is none.
    ///
    /// # Errors
    /// Where a page that can hold such a key is not in memory; never for the sake of keys below
    /// `low`.
    fn floor<R>(
        &self,
        low: &[u8],
        key: &[u8],
        found: impl FnOnce(Option<(&[u8], &[u8])>) -> R,
    ) -> Result<R, Self::Error>;

    /// Calls `visit` for the entries with keys from `from` on, in key order, until it breaks.
    ///
    /// # Errors
    /// Where a page is not in memory. The entries before it were visited.
    fn scan(
        &self,
        from: &[u8],
        visit: impl FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), Self::Error>;

    /// Gives `key` this value.
    ///
    /// # Errors
    /// Where the page of `key` is not in memory; nothing has changed.
    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), Self::Error>;

    /// Removes `key`; `false` if there was none.
    ///
    /// # Errors
    /// Where the page of `key` is not in memory; nothing has changed.
    fn delete(&mut self, key: &[u8]) -> Result<bool, Self::Error>;
}

impl EntryMap for Tree {
    type Error = Missing;

    fn floor<R>(
        &self,
        low: &[u8],
        key: &[u8],
        found: impl FnOnce(Option<(&[u8], &[u8])>) -> R,
    ) -> Result<R, Missing> {
        let mut found = Some(found);
        let result = Self::floor(self, key, |entry| {
            let entry = entry.filter(|entry| entry.0 >= low);
            found.take().map(|found| found(entry))
        });
        let result = match result {
            // All pages that can hold keys from `low` on were looked at, and the search went on
            // below them.
            Err(missing) if !missing.high.is_empty() && *missing.high <= *low => {
                found.take().map(|found| found(None))
            }
            other => other?,
        };
        Ok(result.expect("the tree calls at most once, and not if a page is missing"))
    }

    fn scan(
        &self,
        from: &[u8],
        visit: impl FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), Missing> {
        Self::scan(self, from, visit)
    }

    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), Missing> {
        Self::put(self, key, value)
    }

    fn delete(&mut self, key: &[u8]) -> Result<bool, Missing> {
        Self::delete(self, key)
    }
}
