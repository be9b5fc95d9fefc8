//! Where to look in a leaf: a few of its keys, side by side.
//!
//! A binary search over a page of hundreds of entries touches a line of memory per step, most of
//! them cold. The hints are two lines that leave a handful of entries to search.

use std::ops::Range;

use engine_format::Page;

const HINTS: usize = 32;

/// Cuts a page at [`HINTS`] places. For each hint: entries from its index on have heads not below
/// its head, entries before it have heads not above. Which places these are matters only for speed.
#[derive(Debug, Clone)]
pub(super) struct Hints {
    heads: [u32; HINTS],
    indices: [u16; HINTS],
    /// Inserts until the places are chosen anew.
    inserts_left: u16,
}

impl Hints {
    pub(super) fn of(page: &Page) -> Self {
        let mut hints = Self {
            heads: [0; HINTS],
            indices: [0; HINTS],
            inserts_left: 0,
        };
        hints.choose(page);
        hints
    }

    fn choose(&mut self, page: &Page) {
        let count = page.count();
        for hint in 0..HINTS {
            let index = (hint + 1) * count / (HINTS + 1);
            self.indices[hint] = narrow(index);
            self.heads[hint] = if index < count {
                head(page.suffix(index))
            } else {
                u32::MAX
            };
        }
        self.inserts_left = narrow(count / 8);
    }

    /// The entries among which a key is, or would be inserted.
    #[inline]
    pub(super) fn range(&self, suffix: &[u8], count: usize) -> Range<usize> {
        let head = head(suffix);
        let below: usize = self
            .heads
            .iter()
            .map(|hint| usize::from(*hint < head))
            .sum();
        let not_above: usize = self
            .heads
            .iter()
            .map(|hint| usize::from(*hint <= head))
            .sum();
        let from = below
            .checked_sub(1)
            .map_or(0, |hint| usize::from(self.indices[hint]));
        let to = self
            .indices
            .get(not_above)
            .map_or(count, |index| usize::from(*index));
        from..to
    }

    /// An entry was inserted before entry `index` of `page`.
    pub(super) fn inserted(&mut self, index: usize, page: &Page) {
        let Some(inserts_left) = self.inserts_left.checked_sub(1) else {
            return self.choose(page);
        };
        self.inserts_left = inserts_left;
        let (index, head) = (narrow(index), head(page.suffix(index)));
        for (hint, place) in self.heads.iter().zip(&mut self.indices) {
            *place += u16::from(*place > index || (*place == index && head < *hint));
        }
    }

    /// Entry `index` was removed.
    pub(super) fn removed(&mut self, index: usize) {
        let index = narrow(index);
        for place in &mut self.indices {
            *place -= u16::from(*place > index);
        }
    }
}

/// The first four bytes as a number that sorts as they do; shorter suffixes are filled up with
/// zeroes.
#[inline]
fn head(suffix: &[u8]) -> u32 {
    let mut bytes = [0; 4];
    match suffix.first_chunk() {
        Some(first) => bytes = *first,
        None => bytes[..suffix.len()].copy_from_slice(suffix),
    }
    u32::from_be_bytes(bytes)
}

/// # Panics
/// Never: a page has fewer than 2^16 entries.
fn narrow(index: usize) -> u16 {
    u16::try_from(index).expect("a page has fewer than 2^16 entries")
}
