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
const NAMES_MAX: usize = 4096;

/// A stretch of a directory.
#[derive(Debug)]
pub(super) struct Stretch {
    /// It begins behind this name as in the key.
    pub(super) after: Vec<u8>,
    /// Numbers of the bits that tell its names apart, ascending; at most [`CODE_BITS`].
    places: Vec<usize>,
}

impl Stretch {
    /// The code of a name: below [`CODE_BITS`] bits.
    pub(super) fn code(&self, name: &[u8]) -> u64 {
        let bits = self.places.iter().map(|place| bit(name, *place));
        bits.fold(0, |code, bit| code << 1 | u64::from(bit))
    }
}

/// A stretch whose names are being looked up.
pub(super) struct StretchBuilder {
    after: Vec<u8>,
    places: BTreeSet<usize>,
    last: Option<Vec<u8>>,
    names: usize,
}

impl StretchBuilder {
    pub(super) fn new(after: &[u8]) -> Self {
        Self {
            after: after.to_vec(),
            places: BTreeSet::new(),
            last: None,
            names: 0,
        }
    }

    /// Takes the next name; `false`: it does not belong to this stretch any more.
    pub(super) fn add(&mut self, name: &[u8]) -> bool {
        if self.names == NAMES_MAX {
            return false;
        }
        if let Some(place) = self.last.as_ref().map(|last| first_difference(last, name)) {
            self.places.insert(place);
            if self.places.len() as u64 > u64::from(CODE_BITS) {
                self.places.remove(&place);
                return false;
            }
        }
        self.last = Some(name.to_vec());
        self.names += 1;
        true
    }

    /// The stretch, and its last name.
    pub(super) fn finish(self) -> (Stretch, Option<Vec<u8>>) {
        let stretch = Stretch {
            after: self.after,
            places: self.places.into_iter().collect(),
        };
        (stretch, self.last)
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
