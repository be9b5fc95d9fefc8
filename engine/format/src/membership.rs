//! The membership of a mirrored pool: which devices it lies on, and which of them are current.
//!
//! Every member carries the record of the newest generation that it heard of, in two copies that
//! are written in turn. Each change of what counts as current is a new generation with a random id;
//! the ids of those before it say whether another device's record lies in the same history.

mod missing;
mod raw;

use engine_base::limits::LABEL_BYTES;
use engine_base::{ByteCount, DeviceId};

use crate::FormatError;
pub use missing::{MISSING_SECTOR_BYTES, MISSING_SLOTS, MissingSector, missing_offset};

/// Bytes of a membership record.
pub const MEMBERSHIP_BYTES: usize = 4096;
/// First bytes of a membership record.
pub const MEMBERSHIP_MAGIC: [u8; 8] = *b"TREFMBR\x1a";
/// Devices that a pool lies on at most.
pub const MEMBERS_MAX: usize = 8;
/// Generations before the newest whose ids a record keeps.
pub const MEMBERSHIP_HISTORY: usize = 64;
/// Bytes of a member's name.
pub const MEMBER_NAME_BYTES_MAX: usize = 152;
/// Slots of a member at most: what the map of missing slots has room for.
pub const MEMBER_SLOTS_MAX: u32 = 302_080;
/// Where copy 0 lies in the label.
const OFFSET: u64 = 65_536;

/// Where copy `copy` (0 or 1) lies, in bytes from the start of the label.
///
/// # Panics
/// If `copy` is neither 0 nor 1 (programmer error).
#[must_use]
pub fn membership_offset(copy: u8) -> u64 {
    assert!(copy < 2, "there are two copies");
    OFFSET + u64::from(copy) * (LABEL_BYTES / 2)
}

/// Identity of a set of mirrors, drawn when it is made.
pub type SetId = [u8; 16];

/// What a membership record says, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// The set.
    pub set: SetId,
    /// The member on which this record lies.
    pub device: DeviceId,
    /// Copies kept of each segment: 1 up to the number of members.
    pub replicas: u32,
    /// Counts changes of the membership, from 1.
    pub generation: u64,
    /// Drawn for this generation; not zero.
    pub generation_id: u64,
    /// The ids of the generations before this one, the newest first; zero where there was none.
    pub history: [u64; MEMBERSHIP_HISTORY],
    /// The members. Which place one has decides where segments lie, and never changes.
    pub members: Vec<MemberRecord>,
}

/// One member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberRecord {
    /// Its identity.
    pub device: DeviceId,
    /// Bytes that the pool takes of it, label included.
    pub bytes: ByteCount,
    /// The generation since which it misses what was written; `None`: it is current.
    pub stale_since: Option<u64>,
    /// Where it was when it was last there, for people.
    pub name: String,
}

impl Membership {
    /// The bytes of copy `copy` (0 or 1).
    ///
    /// # Panics
    /// If a field has a value that [`Membership::decode`] would refuse (programmer error).
    #[must_use]
    pub fn encode(&self, copy: u8) -> [u8; MEMBERSHIP_BYTES] {
        raw::encode(self, copy)
    }

    /// Checks the bytes of copy `copy` (0 or 1).
    ///
    /// # Errors
    /// [`FormatError::BadMagic`] where none was written, [`FormatError::Checksum`] where one was
    /// torn or rotted, [`FormatError::UnsupportedVersion`], [`FormatError::Misplaced`] for the
    /// other copy, [`FormatError::Field`] for the rest.
    pub fn decode(bytes: &[u8; MEMBERSHIP_BYTES], copy: u8) -> Result<Self, FormatError> {
        raw::decode(bytes, copy)
    }

    /// The next generation, with this id; nothing else is changed yet.
    #[must_use]
    pub fn successor(&self, generation_id: u64) -> Self {
        let mut next = self.clone();
        next.generation += 1;
        next.generation_id = generation_id;
        next.history.rotate_right(1);
        if let Some(first) = next.history.first_mut() {
            *first = self.generation_id;
        }
        next
    }

    /// Whether `older` is this generation or one that this one came from. `None`: it is older than
    /// the ids that are kept.
    #[must_use]
    pub fn came_from(&self, older: &Self) -> Option<bool> {
        if older.set != self.set || older.generation > self.generation {
            return Some(false);
        }
        let back = self.generation - older.generation;
        if back == 0 {
            return Some(older.generation_id == self.generation_id);
        }
        let index = usize::try_from(back - 1).ok()?;
        let known = self.history.get(index)?;
        Some(*known == older.generation_id)
    }

    /// The place of a member.
    #[must_use]
    pub fn position(&self, device: DeviceId) -> Option<usize> {
        self.members
            .iter()
            .position(|member| member.device == device)
    }
}

#[cfg(test)]
mod tests;
