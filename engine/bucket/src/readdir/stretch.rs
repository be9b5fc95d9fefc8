//! Numbering the names of a part of a directory so that the numbers can be found again.
//!
//! Where two names that follow each other differ first is a bit. With the bits of all such places a
//! stretch of names can be told apart and has the same order as the names: of two names, the first
//! bit in which they differ is one of those places, and before it they are alike. So a name's code
//! is what it has at these places, and nothing has to be remembered of the names themselves.

use std::collections::BTreeSet;

/// Bits of a code; a stretch ends where it would need more.
pub(super) const CODE_BITS: u32 = 39;
/// Names of one stretch at most.
pub(super) const NAMES_MAX: usize = 4096;

/// A stretch of a directory.
#[derive(Debug)]
pub(super) struct Stretch {
    /// It begins behind this name as in the key.
    pub(super) after: Vec<u8>,
    /// It ends with this name as in the key.
    pub(super) until: Vec<u8>,
    /// The code of the last of the names that it was made for.
    pub(super) last_code: u64,
    /// Numbers of the bits that tell its names apart, ascending; at most [`CODE_BITS`].
    places: Vec<usize>,
}

impl Stretch {
    /// The code of a name: below [`CODE_BITS`] bits.
    pub(super) fn code(&self, name: &[u8]) -> u64 {
        let bits = self.places.iter().map(|place| bit(name, *place));
        bits.fold(0, |code, bit| code << 1 | u64::from(bit))
    }

    /// Whether a name lies in it.
    pub(super) fn holds(&self, name: &[u8]) -> bool {
        *self.after < *name && *name <= *self.until
    }

    /// Whether these names, in their order, have codes in the same order.
    pub(super) fn tells_apart(&self, names: &[Vec<u8>]) -> bool {
        names.len() <= NAMES_MAX
            && names.is_sorted_by(|one, other| self.code(one) < self.code(other))
    }
}

/// A stretch whose names are being looked up.
pub(super) struct StretchBuilder {
    after: Vec<u8>,
    places: BTreeSet<usize>,
    names: Vec<Vec<u8>>,
}

impl StretchBuilder {
    pub(super) fn new(after: &[u8]) -> Self {
        Self {
            after: after.to_vec(),
            places: BTreeSet::new(),
            names: Vec::new(),
        }
    }

    /// Takes the next name; `false`: it does not belong to this stretch any more.
    pub(super) fn add(&mut self, name: &[u8]) -> bool {
        if self.names.len() == NAMES_MAX {
            return false;
        }
        if let Some(place) = self.names.last().map(|last| first_difference(last, name)) {
            self.places.insert(place);
            if self.places.len() as u64 > u64::from(CODE_BITS) {
                self.places.remove(&place);
                return false;
            }
        }
        self.names.push(name.to_vec());
        true
    }

    /// The stretch, which ends with its last name, and its names; `None`: there are none.
    pub(super) fn finish(self) -> Option<(Stretch, Vec<Vec<u8>>)> {
        let last = self.names.last()?;
        let mut stretch = Stretch {
            after: self.after,
            until: last.clone(),
            last_code: 0,
            places: self.places.into_iter().collect(),
        };
        stretch.last_code = stretch.code(last);
        Some((stretch, self.names))
    }
}

/// The number of the first bit in which two names differ; behind their ends they are zero, which no
/// name contains.
fn first_difference(one: &[u8], other: &[u8]) -> usize {
    let byte = |name: &[u8], at: usize| name.get(at).copied().unwrap_or(0);
    let longer = one.len().max(other.len());
    let at = (0..longer).find(|at| byte(one, *at) != byte(other, *at));
    at.map_or(0, |at| {
        let differs = byte(one, at) ^ byte(other, at);
        at * 8 + (differs.leading_zeros() as usize)
    })
}

fn bit(name: &[u8], place: usize) -> bool {
    let byte = name.get(place / 8).copied().unwrap_or(0);
    byte & (0x80 >> (place % 8)) != 0
}

#[cfg(test)]
mod tests;
