//! Extents of sealed data.

use super::{ExtentRef, NAME};
use crate::{FormatError, SealRef, check, varint};

impl<'a> ExtentRef<'a> {
    /// How its stored blocks were sealed; `None` where they hold what was written as it was.
    #[must_use]
    pub const fn seal(&self) -> Option<SealRef<'a>> {
        self.seal
    }

    /// The same extent, of blocks that were sealed in this way, if they were.
    ///
    /// # Errors
    /// [`FormatError::Field`] if the blocks are more, or fewer, than were sealed.
    pub fn with_seal(self, seal: Option<SealRef<'a>>) -> Result<Self, FormatError> {
        if let Some(seal) = &seal {
            let (tags, blocks) = (seal.tags().len(), self.checksums.len());
            let why = "each stored block has one tag";
            check::field(tags == blocks, NAME, "tags", tags as u64, why)?;
        }
        Ok(Self { seal, ..self })
    }
}

/// Reads what a value says of the seal of so many blocks; the bytes of their checksums, and that.
pub(super) fn take(bytes: &[u8], blocks: u32) -> Result<(&[u8], SealRef<'_>), FormatError> {
    let (session, rest) = varint::take(bytes, NAME, "session")?;
    let (first, rest) = varint::take(rest, NAME, "number")?;
    let why = "sessions have numbers of 32 bits";
    let small = u32::try_from(session);
    check::field(small.is_ok(), NAME, "session", session, why)?;
    let checksums = 4 * engine_base::to_usize(blocks.into());
    let Some((checksums, tags)) = rest.split_at_checked(checksums) else {
        return Err(FormatError::Field {
            structure: NAME,
            name: "checksums",
            value: rest.len() as u64,
            why: "each stored block has one checksum",
        });
    };
    let session = small.unwrap_or_default();
    let seal = SealRef::from_bytes(NAME, (session, first), tags, blocks)?;
    Ok((checksums, seal))
}
