//! What scrubbing keeps over a restart: how far it is, and what it could not repair. Both are
//! settings of the pool's own tree.

use std::mem::offset_of;

use engine_base::{DatasetId, Location};
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::bucket::InodeId;
use crate::{FormatError, SETTING_BYTES_MAX, check};

/// The setting that says how far scrubbing is. Names that begin with a zero byte are the engine's.
pub const SCRUB_SETTING: &[u8] = b"\0scrub";
/// What the names of the settings begin with that list what is lost; a number u16, big-endian,
/// follows.
pub const LOST_SETTING: &[u8] = b"\0lost";
/// Ranges in one setting.
pub const LOST_RANGES_MAX: usize = (SETTING_BYTES_MAX - LOST_HEAD_BYTES) / size_of::<RawLost>();

const SCRUB: &str = "state of scrubbing";
const LOST: &str = "list of what is lost";
const VERSION: u8 = 1;
const LOST_HEAD_BYTES: usize = 8;
/// No key is longer.
const KEY_BYTES_MAX: usize = engine_base::limits::KEY_BYTES_MAX;

/// How far scrubbing is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScrubRecord {
    /// Number of the newest pass; 0: there was none.
    pub pass: u64,
    /// Whether that pass is on its way.
    pub is_running: bool,
    /// When it began, in nanoseconds since 1970.
    pub began: u64,
    /// When the newest pass that came to its end began; 0: none did.
    pub whole_began: u64,
    /// When it ended.
    pub whole_ended: u64,
    /// Bytes that the newest pass has read, each copy counted.
    pub verified: u64,
    /// Bad copies of anything, found since the pool was created.
    pub found: u64,
    /// Those of them that were repaired.
    pub repaired: u64,
    /// Ranges that are lost and not listed, because there were too many.
    pub left_out: u64,
    /// The pass goes on in this tree; 0: it has not begun with the trees.
    pub dataset: u64,
    /// From this key on.
    pub key: Vec<u8>,
}

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy)]
#[repr(C)]
struct RawScrub {
    version: u8,
    is_running: u8,
    key_bytes: U16,
    reserved: [u8; 4],
    pass: U64,
    began: U64,
    whole_began: U64,
    whole_ended: U64,
    verified: U64,
    found: U64,
    repaired: U64,
    left_out: U64,
    dataset: U64,
}

const _: () = assert!(size_of::<RawScrub>() == 80);
const _: () = assert!(offset_of!(RawScrub, dataset) == 72);
const _: () = assert!(size_of::<RawScrub>() + KEY_BYTES_MAX <= SETTING_BYTES_MAX);

impl ScrubRecord {
    /// The value.
    ///
    /// # Panics
    /// If the key is longer than keys are (programmer error).
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        assert!(self.key.len() <= KEY_BYTES_MAX, "it is a key of a tree");
        let raw = RawScrub {
            version: VERSION,
            is_running: self.is_running.into(),
            key_bytes: U16::new(u16::try_from(self.key.len()).unwrap_or(u16::MAX)),
            reserved: [0; 4],
            pass: U64::new(self.pass),
            began: U64::new(self.began),
            whole_began: U64::new(self.whole_began),
            whole_ended: U64::new(self.whole_ended),
            verified: U64::new(self.verified),
            found: U64::new(self.found),
            repaired: U64::new(self.repaired),
            left_out: U64::new(self.left_out),
            dataset: U64::new(self.dataset),
        };
        [raw.as_bytes(), &self.key].concat()
    }

    /// Checks a value.
    ///
    /// # Errors
    /// [`FormatError`].
    pub fn decode(value: &[u8]) -> Result<Self, FormatError> {
        let cut = |needed| FormatError::Truncated {
            structure: SCRUB,
            needed,
            available: value.len(),
        };
        let (raw, key) =
            RawScrub::ref_from_prefix(value).map_err(|_| cut(size_of::<RawScrub>()))?;
        let is_known = raw.version == VERSION;
        check::field(is_known, SCRUB, "version", raw.version, "it is 1")?;
        let is_flag = raw.is_running <= 1;
        check::field(is_flag, SCRUB, "is_running", raw.is_running, "it is 0 or 1")?;
        check::zero(&raw.reserved, SCRUB, "reserved")?;
        let key_bytes = usize::from(raw.key_bytes.get());
        if key.len() != key_bytes || key_bytes > KEY_BYTES_MAX {
            return Err(cut(size_of::<RawScrub>() + key_bytes));
        }
        Ok(Self {
            pass: raw.pass.get(),
            is_running: raw.is_running == 1,
            began: raw.began.get(),
            whole_began: raw.whole_began.get(),
            whole_ended: raw.whole_ended.get(),
            verified: raw.verified.get(),
            found: raw.found.get(),
            repaired: raw.repaired.get(),
            left_out: raw.left_out.get(),
            dataset: raw.dataset.get(),
            key: key.to_vec(),
        })
    }
}

/// What was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum LostPart {
    /// Data of a dataset.
    Data = 1,
    /// A page of the index of a dataset.
    Index = 2,
    /// The header of a segment: nothing of any dataset is lost with it.
    Header = 3,
}

/// A range of which no good copy is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LostRange {
    /// What it is.
    pub part: LostPart,
    /// Whose; the pool's own tree where it is nobody's.
    pub dataset: DatasetId,
    /// Of a bucket: the content, or the inode at which the keys of the page begin; `None` of a
    /// volume.
    pub content: Option<InodeId>,
    /// First byte in the object; of pages and headers in the segment.
    pub offset: u64,
    /// Bytes.
    pub bytes: u64,
    /// Where the first byte is stored.
    pub location: Location,
    /// The pass that saw it last.
    pub pass: u64,
}

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy)]
#[repr(C)]
struct RawLost {
    dataset: U64,
    content: U64,
    offset: U64,
    bytes: U64,
    pass: U64,
    segment: U64,
    position: U32,
    part: u8,
    reserved: [u8; 3],
}

const _: () = assert!(size_of::<RawLost>() == 56);
const _: () = assert!(LOST_RANGES_MAX == 36);

impl LostRange {
    /// The value of one of the settings that list ranges.
    ///
    /// # Panics
    /// If there are more than [`LOST_RANGES_MAX`] (programmer error).
    #[must_use]
    pub fn encode_list(list: &[Self]) -> Vec<u8> {
        assert!(list.len() <= LOST_RANGES_MAX, "one setting holds them");
        let mut bytes = vec![0; LOST_HEAD_BYTES];
        if let Some(version) = bytes.first_mut() {
            *version = VERSION;
        }
        for range in list {
            let raw = RawLost {
                dataset: U64::new(range.dataset.get()),
                content: U64::new(range.content.map_or(0, InodeId::get)),
                offset: U64::new(range.offset),
                bytes: U64::new(range.bytes),
                pass: U64::new(range.pass),
                segment: U64::new(range.location.segment.get()),
                position: U32::new(range.location.offset),
                part: range.part as u8,
                reserved: [0; 3],
            };
            bytes.extend_from_slice(raw.as_bytes());
        }
        bytes
    }

    /// Checks such a value.
    ///
    /// # Errors
    /// [`FormatError`].
    pub fn decode_list(value: &[u8]) -> Result<Vec<Self>, FormatError> {
        let cut = || FormatError::Truncated {
            structure: LOST,
            needed: LOST_HEAD_BYTES,
            available: value.len(),
        };
        let (head, rest) = value
            .split_first_chunk::<LOST_HEAD_BYTES>()
            .ok_or_else(cut)?;
        let [version, reserved @ ..] = head;
        check::field(*version == VERSION, LOST, "version", *version, "it is 1")?;
        check::zero(reserved, LOST, "reserved")?;
        let all = <[RawLost]>::ref_from_bytes(rest).map_err(|_| cut())?;
        let why = "one setting lists at most 36";
        let count = all.len();
        check::field(count <= LOST_RANGES_MAX, LOST, "ranges", count as u64, why)?;
        all.iter().map(decode_lost).collect()
    }
}

fn decode_lost(raw: &RawLost) -> Result<LostRange, FormatError> {
    check::zero(&raw.reserved, LOST, "reserved")?;
    let part = match raw.part {
        1 => LostPart::Data,
        2 => LostPart::Index,
        3 => LostPart::Header,
        other => {
            return Err(FormatError::Field {
                structure: LOST,
                name: "part",
                value: other.into(),
                why: "the parts are 1 to 3",
            });
        }
    };
    Ok(LostRange {
        part,
        dataset: DatasetId::new(raw.dataset.get()),
        content: InodeId::new(raw.content.get()),
        offset: raw.offset.get(),
        bytes: raw.bytes.get(),
        location: Location {
            segment: check::segment(raw.segment.get(), LOST, "segment")?,
            offset: raw.position.get(),
        },
        pass: raw.pass.get(),
    })
}

#[cfg(test)]
mod tests;
