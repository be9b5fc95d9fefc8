//! Leaves: slotted pages as they lie on the device, and what has changed in them.

mod changes;
mod hints;

#[cfg(test)]
mod tests;

use std::ops::{Bound, RangeBounds};

use engine_base::{Checksum, DatasetId};
use engine_format::{
    DeltaBuilder, DeltaChange, DeltaRef, PAGE_ENTRY_BYTES, PAGE_SPACE_BYTES, Page, PageFull,
    shared_prefix,
};

pub(crate) use changes::Changes;
use hints::Hints;

use crate::split::{Separated, split_point};

/// A leaf in memory.
#[derive(Debug, Clone)]
pub(crate) struct Leaf {
    pub(crate) page: Page,
    pub(crate) changes: Changes,
    hints: Hints,
}

impl Leaf {
    /// An empty leaf for the keys `low <= key < high`.
    pub(crate) fn empty(tree: DatasetId, low: &[u8], high: &[u8]) -> Self {
        Self::of(Page::new(tree, 0, low, high), Changes::given_up())
    }

    pub(crate) fn of(page: Page, changes: Changes) -> Self {
        let hints = Hints::of(&page);
        Self {
            page,
            changes,
            hints,
        }
    }

    /// Finds `key`, which must be inside the fences: as [`Page::search`].
    #[inline]
    pub(crate) fn search(&self, key: &[u8]) -> Result<usize, usize> {
        let suffix = &key[self.page.prefix().len()..];
        self.page
            .search_in(self.hints.range(suffix, self.page.count()), key)
    }

    /// Whether a put of this would change nothing.
    pub(crate) fn holds(&self, found: Result<usize, usize>, value: &[u8]) -> bool {
        found.is_ok_and(|index| self.page.value(index) == value)
    }

    /// Puts an entry at the place that a search for `key` gave.
    ///
    /// # Errors
    /// [`PageFull`]: nothing has changed, [`Leaf::split`] puts it.
    pub(crate) fn put(
        &mut self,
        found: Result<usize, usize>,
        key: &[u8],
        value: &[u8],
    ) -> Result<(), PageFull> {
        match found {
            Ok(index) => {
                let old = self.page.value(index).len();
                self.page.replace(index, value)?;
                self.changes.replaced(index, key.len(), old, value.len());
            }
            Err(index) => {
                self.page.insert(index, key, value)?;
                self.hints.inserted(index, &self.page);
                self.changes.inserted(index, key, value.len());
            }
        }
        Ok(())
    }

    /// Removes entry `index`, whose key is `key`.
    pub(crate) fn remove(&mut self, index: usize, key: &[u8]) {
        self.changes
            .removed(index, key, self.page.value(index).len());
        self.remove_entry(index);
    }

    fn remove_entry(&mut self, index: usize) {
        self.page.remove(index);
        self.hints.removed(index);
    }

    /// Applies a delta to its base page. The delta's changes are then the leaf's.
    ///
    /// # Errors
    /// The key for which this leaf has no place: the delta is not of this page.
    pub(crate) fn apply<'a>(&mut self, delta: &DeltaRef<'a>) -> Result<(), &'a [u8]> {
        // All keys go first: the result fits the page, but it may not on the way if puts and
        // deletes mix.
        for DeltaChange { key, value } in delta.changes() {
            let (low, high) = (self.page.low(), self.page.high());
            if key < low || (!high.is_empty() && key >= high) {
                return Err(key);
            }
            match (self.search(key), value) {
                (Ok(index), Some(_)) => self.remove_entry(index),
                (Ok(index), None) => self.remove(index, key),
                // New, or put and deleted since the base page was written.
                (Err(_), _) => {}
            }
        }
        for DeltaChange { key, value } in delta.changes() {
            let Some(value) = value else { continue };
            let found = self.search(key);
            self.put(found, key, value).or(Err(key))?;
        }
        Ok(())
    }

    /// Writes the changes since the base page into `to`.
    pub(crate) fn write_delta(&self, base: Checksum, to: &mut DeltaBuilder) {
        let page = &self.page;
        to.start(page.tree(), base);
        let mut key = Vec::new();
        let mut deleted = self.changes.deleted().iter().peekable();
        for index in self.changes.put() {
            let index = usize::from(*index);
            key.clear();
            page.append_key(index, &mut key);
            while let Some(before) = deleted.next_if(|deleted| ***deleted < *key) {
                to.push(DeltaChange {
                    key: before,
                    value: None,
                });
            }
            to.push(DeltaChange {
                key: &key,
                value: Some(page.value(index)),
            });
        }
        for key in deleted {
            to.push(DeltaChange { key, value: None });
        }
    }

    /// Puts an entry that does not fit: keeps the lower entries and gives the upper ones to a new
    /// leaf.
    pub(crate) fn split(
        &mut self,
        found: Result<usize, usize>,
        key: &[u8],
        value: &[u8],
    ) -> Separated<Leaf> {
        let page = &self.page;
        let (tree, low, high) = (page.tree(), page.low(), page.high());
        let mut entries = Entries::of(page);
        match found {
            Ok(index) => entries.list[index].1 = value,
            Err(index) => entries
                .list
                .insert(index, (&key[entries.prefix.len()..], value)),
        }
        let sizes: Vec<_> = entries
            .list
            .iter()
            .map(|(key, value)| key.len() + value.len())
            .collect();
        let append = found == Err(page.count());
        let at = split_point(&sizes, append, |at| {
            let separator = entries.separator(at);
            entries.used_bytes(..at, low, &separator) <= PAGE_SPACE_BYTES
                && entries.used_bytes(at.., &separator, high) <= PAGE_SPACE_BYTES
        });
        let separator = entries.separator(at);
        let mut left = Page::new(tree, 0, low, &separator);
        entries.push_to(..at, &mut left);
        let mut right = Page::new(tree, 0, &separator, high);
        entries.push_to(at.., &mut right);
        *self = Self::of(left, Changes::given_up());
        let right = Self::of(right, Changes::given_up());
        Separated {
            separator: separator.into(),
            right,
        }
    }

    /// This leaf and the one above it as one, if that uses at most `limit` bytes of a page.
    pub(crate) fn merged(&self, right: &Self, limit: usize) -> Option<Self> {
        let (low, high) = (self.page.low(), right.page.high());
        let (lower, upper) = (Entries::of(&self.page), Entries::of(&right.page));
        let fences = low.len() + high.len();
        let used = lower.used_bytes(.., low, high) + upper.used_bytes(.., low, high) - fences;
        if used > limit {
            return None;
        }
        let mut page = Page::new(self.page.tree(), 0, low, high);
        lower.push_to(.., &mut page);
        upper.push_to(.., &mut page);
        Some(Self::of(page, Changes::given_up()))
    }
}

/// The entries of a page on their way to others.
struct Entries<'a> {
    prefix: &'a [u8],
    /// Key suffixes and values.
    list: Vec<(&'a [u8], &'a [u8])>,
}

type Part = (Bound<usize>, Bound<usize>);

impl<'a> Entries<'a> {
    fn of(page: &'a Page) -> Self {
        let entry = |index| (page.suffix(index), page.value(index));
        Self {
            prefix: page.prefix(),
            list: (0..page.count()).map(entry).collect(),
        }
    }

    /// The shortest key above entry `at - 1` that is not above entry `at`.
    fn separator(&self, at: usize) -> Vec<u8> {
        let (below, above) = (self.list[at - 1].0, self.list[at].0);
        let common = shared_prefix(below, above).len();
        [self.prefix, &above[..=common]].concat()
    }

    /// What a page with these fences uses for a part of the entries.
    fn used_bytes(&self, part: impl RangeBounds<usize>, low: &[u8], high: &[u8]) -> usize {
        let part = &self.list[bounds(&part)];
        let suffixes_and_values: usize = part
            .iter()
            .map(|(key, value)| key.len() + value.len())
            .sum();
        // These fences can share more than those of the page, when it is split, or less, when it is
        // merged.
        let whole = part.len() * (PAGE_ENTRY_BYTES + self.prefix.len()) + suffixes_and_values;
        low.len() + high.len() + whole - part.len() * shared_prefix(low, high).len()
    }

    fn push_to(&self, part: impl RangeBounds<usize>, page: &mut Page) {
        let mut key = self.prefix.to_vec();
        for (suffix, value) in &self.list[bounds(&part)] {
            key.truncate(self.prefix.len());
            key.extend_from_slice(suffix);
            page.push(&key, value).expect("the size was checked before");
        }
    }
}

fn bounds(part: &impl RangeBounds<usize>) -> Part {
    (part.start_bound().cloned(), part.end_bound().cloned())
}
