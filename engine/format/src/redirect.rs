//! Redirects: where the live blocks of a segment lie after cleaning packed them elsewhere. The
//! names of the blocks stay as they are; the tree of roots keeps one redirect for each stretch of
//! 64 MiB of such a segment.

mod part;
mod survivors;

use std::mem::offset_of;

use engine_base::{Location, to_usize};
use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::{FormatError, check};
use part::RawPart;
pub use part::RedirectPart;
use survivors::{blocks_of, set, words_of_bitmap, words_of_list};

/// Blocks of the stretch of a segment that one redirect is about.
pub const REDIRECT_BLOCKS: u32 = 16_384;
/// Parts that a redirect has at most, so that it is a value of a tree.
pub const REDIRECT_PARTS_MAX: usize = 100;

const NAME: &str = "redirect";
const VERSION: u8 = 1;
const BITMAP: u8 = 1;
const LIST: u8 = 2;
const WORD: u32 = u64::BITS;

/// Where the survivors of a stretch lie, checked. There is at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    /// One bit for each block of the stretch, up to the last survivor.
    words: Box<[u64]>,
    /// How many survivors there are before each word.
    ranks: Box<[u32]>,
    parts: Box<[RedirectPart]>,
}

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy)]
#[repr(C)]
struct RawRedirect {
    version: u8,
    form: u8,
    parts: U16,
    survivors: U32,
}

const _: () = assert!(size_of::<RawRedirect>() == 8);
const _: () = assert!(offset_of!(RawRedirect, survivors) == 4);

impl Redirect {
    /// The redirect of these survivors, ascending, with their places. `None` if there are none, or
    /// if they lie in more than [`REDIRECT_PARTS_MAX`] parts.
    ///
    /// # Panics
    /// If they do not ascend or lie outside the stretch (programmer error).
    #[must_use]
    pub fn new(survivors: impl IntoIterator<Item = (u32, Location)>) -> Option<Self> {
        let mut words: Vec<u64> = Vec::new();
        let mut parts: Vec<RedirectPart> = Vec::new();
        let mut before = None;
        for (block, at) in survivors {
            assert!(block < REDIRECT_BLOCKS, "{block} is behind the stretch");
            assert!(
                before.is_none_or(|before| before < block),
                "survivors ascend"
            );
            before = Some(block);
            set(&mut words, block);
            match parts.last_mut() {
                Some(part) if part.end() == Some(at) => part.blocks += 1,
                _ => parts.push(RedirectPart { at, blocks: 1 }),
            }
        }
        if words.is_empty() || parts.len() > REDIRECT_PARTS_MAX {
            return None;
        }
        Some(Self::from_parts(words, parts))
    }

    fn from_parts(words: Vec<u64>, parts: Vec<RedirectPart>) -> Self {
        let count = |before: &mut u32, word: &u64| {
            let rank = *before;
            *before += word.count_ones();
            Some(rank)
        };
        let ranks = words.iter().scan(0, count).collect();
        Self {
            words: words.into(),
            ranks,
            parts: parts.into(),
        }
    }

    /// Where a block of the stretch lies; `None` if it did not survive.
    #[must_use]
    pub fn locate(&self, block: u32) -> Option<Location> {
        let index = to_usize(u64::from(block / WORD));
        let (word, rank) = (self.words.get(index)?, self.ranks.get(index)?);
        let bit = 1u64 << (block % WORD);
        if word & bit == 0 {
            return None;
        }
        let mut rank = rank + (word & (bit - 1)).count_ones();
        for part in &self.parts {
            if rank < part.blocks {
                return part.block(rank);
            }
            rank -= part.blocks;
        }
        None
    }

    /// The survivors, ascending, with their places.
    pub fn survivors(&self) -> impl Iterator<Item = (u32, Location)> {
        let places = self
            .parts
            .iter()
            .flat_map(|part| (0..part.blocks).filter_map(|index| part.block(index)));
        blocks_of(&self.words).zip(places)
    }

    /// The parts, in the order of the survivors.
    #[must_use]
    pub fn parts(&self) -> &[RedirectPart] {
        &self.parts
    }

    /// How many survivors there are.
    #[must_use]
    pub fn blocks(&self) -> u32 {
        self.parts.iter().map(|part| part.blocks).sum()
    }

    /// Bytes that it takes in memory, about.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        size_of_val(&*self.words) + size_of_val(&*self.ranks) + size_of_val(&*self.parts)
    }

    /// The value.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let bitmap: Vec<u8> = self
            .words
            .iter()
            .flat_map(|word| word.to_le_bytes())
            .collect();
        let end = bitmap
            .iter()
            .rposition(|byte| *byte != 0)
            .map_or(0, |at| at + 1);
        let survivors = self.blocks();
        let form = form_of(survivors, end);
        let raw = RawRedirect {
            version: VERSION,
            form,
            parts: U16::new(u16::try_from(self.parts.len()).expect("at most a hundred")),
            survivors: U32::new(survivors),
        };
        let mut value = raw.as_bytes().to_vec();
        for part in &self.parts {
            value.extend_from_slice(RawPart::new(part).as_bytes());
        }
        if form == LIST {
            let list = blocks_of(&self.words).map(|block| u16::try_from(block).expect("14 bits"));
            value.extend(list.flat_map(u16::to_le_bytes));
        } else {
            value.extend(bitmap.into_iter().take(end));
        }
        value
    }

    /// Checks a value.
    ///
    /// # Errors
    /// [`FormatError::Truncated`], [`FormatError::Field`].
    pub fn decode(value: &[u8]) -> Result<Self, FormatError> {
        let (raw, rest) = RawRedirect::ref_from_prefix(value)
            .map_err(|_| truncated(size_of::<RawRedirect>(), value))?;
        let why = "the version is 1";
        check::field(raw.version == VERSION, NAME, "version", raw.version, why)?;
        let (count, survivors) = (raw.parts.get(), raw.survivors.get());
        let valid = (1..=REDIRECT_PARTS_MAX).contains(&usize::from(count));
        check::field(valid, NAME, "parts", count, "there are 1 to 100")?;
        let (parts, rest) = <[RawPart]>::ref_from_prefix_with_elems(rest, count.into())
            .map_err(|_| truncated(usize::from(count) * size_of::<RawPart>(), rest))?;
        let parts: Vec<_> = parts
            .iter()
            .map(RawPart::verify)
            .collect::<Result<_, _>>()?;
        for (one, next) in parts.iter().zip(parts.iter().skip(1)) {
            let why = "it goes on where the part before ends";
            let apart = one.end() != Some(next.at);
            check::field(apart, NAME, "part offset", next.at.offset, why)?;
        }
        let sum: u64 = parts.iter().map(|part| u64::from(part.blocks)).sum();
        let why = "the parts have another number of blocks";
        check::field(sum == survivors.into(), NAME, "survivors", survivors, why)?;
        let words = match raw.form {
            BITMAP => words_of_bitmap(rest)?,
            LIST => words_of_list(rest)?,
            other => {
                let why = "the forms are 1 (bitmap) and 2 (list)";
                return Err(field("form", other.into(), why));
            }
        };
        let redirect = Self::from_parts(words, parts);
        let why = "that many blocks do not survive";
        let found: u32 = redirect.words.iter().map(|word| word.count_ones()).sum();
        check::field(found == survivors, NAME, "survivors", survivors, why)?;
        let end = blocks_of(&redirect.words)
            .last()
            .map_or(0, |last| last / 8 + 1);
        let shorter = form_of(survivors, to_usize(end.into())) == raw.form;
        check::field(shorter, NAME, "form", raw.form, "the other one is shorter")?;
        Ok(redirect)
    }
}

/// The shorter form, where the bitmap takes `bytes` bytes.
const fn form_of(survivors: u32, bytes: usize) -> u8 {
    if 2 * (survivors as usize) < bytes {
        LIST
    } else {
        BITMAP
    }
}

fn field(name: &'static str, value: u64, why: &'static str) -> FormatError {
    let structure = NAME;
    FormatError::Field {
        structure,
        name,
        value,
        why,
    }
}

const fn truncated(needed: usize, bytes: &[u8]) -> FormatError {
    FormatError::Truncated {
        structure: NAME,
        needed,
        available: bytes.len(),
    }
}

#[cfg(test)]
mod tests;
