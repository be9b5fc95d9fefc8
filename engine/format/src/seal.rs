//! Sealed blocks: data that was encrypted before it was stored, block by block.
//!
//! A sealed block is as long as the block was. What it takes to open it, apart from the key, is in
//! the extent: the session it was sealed in, its number there, and its tag.

use std::fmt;
use std::num::NonZeroU32;

use engine_base::limits::BLOCK_BYTES;
use engine_base::to_usize;
use zerocopy::{FromBytes, IntoBytes};

use crate::{FormatError, check};

pub use cipher::BlockCipher;
pub use keys::{DataKey, KEY_BYTES, MasterKey, MasterKeyId, Salt, SealError};
pub use records::{SEALING_SESSION_BYTES, SealingSession, WRAPPED_KEY_BYTES, WrappedKey};

/// Bytes of a tag.
pub const TAG_BYTES: usize = 16;
/// Logical bytes of the longest extent of sealed data: so its value is not longer than others.
pub const SEALED_BYTES_MAX: usize = 128 << 10;
/// Its stored blocks, where it starts inside a block.
pub const SEALED_BLOCKS_MAX: usize = SEALED_BYTES_MAX / BLOCK_BYTES + 1;

/// What authenticates a sealed block.
pub type Tag = [u8; TAG_BYTES];

/// The number of a session: from its first write to a family on, what one opening of the pool
/// seals is sealed in one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(NonZeroU32);

impl SessionId {
    /// The session of this number; `None` for 0.
    #[must_use]
    pub fn new(number: u32) -> Option<Self> {
        NonZeroU32::new(number).map(Self)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0.get()
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "session {}", self.0)
    }
}

/// How the stored blocks of an extent were sealed. Always valid: numbers do not run over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealRef<'a> {
    session: SessionId,
    first: u64,
    tags: &'a [Tag],
}

impl<'a> SealRef<'a> {
    /// Blocks of `session` numbered from `first` on, one for each tag.
    ///
    /// # Errors
    /// [`FormatError::Field`] if there are more than an extent has, or more than there are numbers.
    pub fn new(
        structure: &'static str,
        session: SessionId,
        first: u64,
        tags: &'a [Tag],
    ) -> Result<Self, FormatError> {
        let count = tags.len();
        let why = "an extent of sealed data has up to 128 KiB";
        check::field(
            count <= SEALED_BLOCKS_MAX,
            structure,
            "tags",
            count as u64,
            why,
        )?;
        let valid = first.checked_add(count as u64).is_some();
        check::field(valid, structure, "number", first, "numbers do not run over")?;
        Ok(Self {
            session,
            first,
            tags,
        })
    }

    /// The same of the bytes of the tags, exactly `blocks` of them.
    pub(crate) fn from_bytes(
        structure: &'static str,
        (session, first): (u32, u64),
        bytes: &'a [u8],
        blocks: u32,
    ) -> Result<Self, FormatError> {
        let session = SessionId::new(session).ok_or(FormatError::Field {
            structure,
            name: "session",
            value: 0,
            why: "there is no session 0",
        })?;
        let tags = <[Tag]>::ref_from_bytes(bytes).ok();
        let tags = tags.filter(|tags| tags.len() == to_usize(blocks.into()));
        let tags = tags.ok_or(FormatError::Field {
            structure,
            name: "tags",
            value: bytes.len() as u64,
            why: "each stored block has one tag of 16 bytes",
        })?;
        Self::new(structure, session, first, tags)
    }

    /// The session.
    #[must_use]
    pub const fn session(&self) -> SessionId {
        self.session
    }

    /// The number of the first block; those behind it follow.
    #[must_use]
    pub const fn first(&self) -> u64 {
        self.first
    }

    /// One tag for each stored block, in order.
    #[must_use]
    pub const fn tags(&self) -> &'a [Tag] {
        self.tags
    }

    /// The tags as they lie on disk.
    pub(crate) fn tag_bytes(&self) -> &'a [u8] {
        self.tags.as_bytes()
    }

    /// That of `count` blocks from block `from` on; `None` if there are not so many.
    pub(crate) fn part(&self, from: usize, count: usize) -> Option<Self> {
        let tags = self.tags.get(from..from.checked_add(count)?)?;
        Some(Self {
            first: self.first + from as u64,
            tags,
            ..*self
        })
    }
}

mod cipher;
mod keys;
mod records;
#[cfg(test)]
mod tests;
