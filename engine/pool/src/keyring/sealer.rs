//! Sealing what is written, and opening what was read.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use engine_base::limits::BLOCK_BYTES;
use engine_format::{BlockCipher, ExtentRef, SealRef, SessionId, Tag};

use crate::StoreError;

/// Seals what is written to a family until the pool is closed: the one place where blocks get their
/// numbers.
#[derive(Debug)]
pub struct Sealer {
    session: SessionId,
    cipher: Arc<BlockCipher>,
    /// The lowest number that no block has.
    next: AtomicU64,
}

/// Blocks that were sealed one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sealed {
    pub(super) session: SessionId,
    first: u64,
    tags: Vec<Tag>,
}

impl Sealer {
    /// Of a session in which nothing was sealed yet.
    pub(super) fn new(session: SessionId, cipher: BlockCipher) -> Self {
        Self {
            session,
            cipher: Arc::new(cipher),
            next: AtomicU64::new(0),
        }
    }

    /// Seals whole blocks in place.
    ///
    /// # Panics
    /// If there is a part of a block: it would stay in the clear (programmer error).
    pub(crate) fn seal(&self, data: &mut [u8]) -> Sealed {
        let is_whole = data.len().is_multiple_of(BLOCK_BYTES);
        assert!(is_whole, "what is sealed is whole blocks");
        let blocks = data.chunks_exact_mut(BLOCK_BYTES);
        // Whatever becomes of these numbers, nobody gets them again. They end after 2^76 bytes.
        let first = self.next.fetch_add(blocks.len() as u64, Ordering::Relaxed);
        let seal = |(number, block): (u64, &mut [u8])| self.cipher.seal(number, block);
        Sealed {
            session: self.session,
            first,
            tags: (first..).zip(blocks).map(seal).collect(),
        }
    }
}

impl Sealed {
    /// That of all blocks of an extent, if they are sealed.
    pub(crate) fn of(extent: &ExtentRef<'_>) -> Option<Self> {
        extent.seal().map(|seal| Self {
            session: seal.session(),
            first: seal.first(),
            tags: seal.tags().to_vec(),
        })
    }

    /// That of the blocks in `range`.
    pub(crate) fn part(&self, range: std::ops::Range<usize>) -> Option<SealRef<'_>> {
        let first = self.first + range.start as u64;
        SealRef::new("sealed data", self.session, first, self.tags.get(range)?).ok()
    }

    /// That of one block of them.
    pub(super) fn only(&self, index: usize) -> Self {
        Self {
            session: self.session,
            first: self.first + index as u64,
            tags: self.tags.get(index).copied().into_iter().collect(),
        }
    }

    /// Opens these blocks at the start of `buf`; what lies behind them.
    pub(super) fn open<'a>(
        &self,
        cipher: &BlockCipher,
        buf: &'a mut [u8],
    ) -> Result<&'a mut [u8], StoreError> {
        let bytes = (self.tags.len() * BLOCK_BYTES).min(buf.len());
        let (blocks, rest) = buf.split_at_mut(bytes);
        let blocks = blocks.chunks_exact_mut(BLOCK_BYTES);
        for (number, (tag, block)) in (self.first..).zip(self.tags.iter().zip(blocks)) {
            cipher.open(number, tag, block).map_err(|source| {
                let session = self.session;
                StoreError::NotAuthentic {
                    session,
                    number,
                    source,
                }
            })?;
        }
        Ok(rest)
    }
}
