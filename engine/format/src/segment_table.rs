//! The segment table: what every checkpoint knows of the segments. A chain of pages, written anew
//! each time.

use std::mem::offset_of;

use engine_base::limits::{PAGE_BYTES, SEGMENT_BYTES_MAX};
use engine_base::{Lsn, SegmentId, Sixteenths, Slot, to_u32, to_usize};
use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned, transmute, transmute_ref};

use crate::{CheckpointId, FormatError, PagePointer, RawPagePointer, SegmentKind, check};

/// Entries that one page of the table holds.
pub const SEGMENT_ENTRIES_MAX: usize = 510;

const NAME: &str = "segment table";
const MAGIC: [u8; 4] = *b"TSGT";
/// In the place of a slot: there is none.
const NO_SLOT: u32 = u32::MAX;

/// What may happen to a segment. The numbers are those on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum SegmentState {
    /// It is still appended to.
    Open = 1,
    /// It is complete.
    Sealed = 2,
    /// Nothing of this checkpoint's state refers to it; it is given back when the next checkpoint
    /// is durable.
    Dead = 3,
    /// Journal: what is live of it lies where redirects say; its slot is given back when the next
    /// checkpoint is durable.
    Moved = 4,
    /// The same without a slot.
    Packed = 5,
}

/// What the table says of one segment, checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentEntry {
    /// Its id.
    pub segment: SegmentId,
    /// Where it lies; `None` if it was packed and its slot was given back.
    pub slot: Option<Slot>,
    /// What it holds.
    pub kind: SegmentKind,
    /// What may happen to it.
    pub state: SegmentState,
    /// Bytes written to it.
    pub written_bytes: u32,
    /// Bytes of these that the checkpoint's state refers to, rounded up.
    pub live_bytes: u32,
    /// By how many sixteenths of a byte that is rounded up.
    pub live_excess: u8,
    /// Journal: the last LSN in it, as far as the checkpoint knows. Otherwise zero.
    pub last_lsn: Lsn,
}

/// One page of the table, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentTablePage {
    /// The checkpoint that wrote it.
    pub checkpoint: CheckpointId,
    /// The next page; `None` in the last.
    pub next: Option<PagePointer>,
    /// At most [`SEGMENT_ENTRIES_MAX`].
    pub entries: Vec<SegmentEntry>,
}

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy)]
#[repr(C)]
struct RawSegmentEntry {
    segment: U64,
    slot: U32,
    kind: u8,
    state: u8,
    live_excess: u8,
    reserved: u8,
    written_bytes: U32,
    live_bytes: U32,
    last_lsn: U64,
}

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct RawSegmentTablePage {
    magic: [u8; 4],
    count: U32,
    checkpoint: U64,
    next: RawPagePointer,
    entries: [RawSegmentEntry; SEGMENT_ENTRIES_MAX],
}

const _: () = assert!(size_of::<RawSegmentEntry>() == 32);
const _: () = assert!(offset_of!(RawSegmentEntry, written_bytes) == 16);
const _: () = assert!(size_of::<RawSegmentTablePage>() == PAGE_BYTES);
const _: () = assert!(offset_of!(RawSegmentTablePage, entries) == 64);

impl SegmentTablePage {
    /// The bytes. Their checksum goes into the pointer to the page.
    ///
    /// # Panics
    /// If there are too many entries, or one that [`SegmentTablePage::decode`] would refuse
    /// (programmer error).
    #[must_use]
    pub fn encode(&self) -> [u8; PAGE_BYTES] {
        assert!(
            self.entries.len() <= SEGMENT_ENTRIES_MAX,
            "the rest goes to the next page"
        );
        let mut raw: RawSegmentTablePage = transmute!([0u8; PAGE_BYTES]);
        raw.magic = MAGIC;
        raw.count = U32::new(to_u32(self.entries.len()));
        raw.checkpoint = U64::new(self.checkpoint.get());
        raw.next = RawPagePointer::new(&self.next);
        for (raw, entry) in raw.entries.iter_mut().zip(&self.entries) {
            *raw = RawSegmentEntry::new(entry);
            if let Err(error) = raw.verify() {
                panic!("refusing to write a segment table that could not be read: {error}");
            }
        }
        transmute!(raw)
    }

    /// Checks a page of the table of `checkpoint`. That the bytes have the checksum in the pointer
    /// to them has been checked before; that no segment and no slot is named twice is checked over
    /// all pages by the reader.
    ///
    /// # Errors
    /// [`FormatError::BadMagic`], [`FormatError::Misplaced`] for a page of another checkpoint,
    /// [`FormatError::Field`].
    pub fn decode(bytes: &[u8; PAGE_BYTES], checkpoint: CheckpointId) -> Result<Self, FormatError> {
        let raw: &RawSegmentTablePage = transmute_ref!(bytes);
        check::magic(&raw.magic, &MAGIC, NAME)?;
        check::number(raw.checkpoint.get(), checkpoint.get(), NAME, "checkpoint")?;
        let count = raw.count.get();
        let used = raw.entries.split_at_checked(to_usize(count.into()));
        let why = "a page has at most 510 entries";
        let too_many = FormatError::Field {
            structure: NAME,
            name: "count",
            value: count.into(),
            why,
        };
        let (used, unused) = used.ok_or(too_many)?;
        check::zero(unused.as_bytes(), NAME, "unused entries")?;
        let next = raw.next.verify()?;
        let entries = used
            .iter()
            .map(RawSegmentEntry::verify)
            .collect::<Result<_, _>>()?;
        Ok(Self {
            checkpoint,
            next,
            entries,
        })
    }
}

impl RawSegmentEntry {
    fn new(entry: &SegmentEntry) -> Self {
        Self {
            segment: U64::new(entry.segment.get()),
            slot: U32::new(entry.slot.map_or(NO_SLOT, Slot::get)),
            kind: entry.kind.get(),
            state: entry.state as u8,
            live_excess: entry.live_excess,
            reserved: 0,
            written_bytes: U32::new(entry.written_bytes),
            live_bytes: U32::new(entry.live_bytes),
            last_lsn: U64::new(entry.last_lsn.get()),
        }
    }

    fn verify(&self) -> Result<SegmentEntry, FormatError> {
        check::zero(&[self.reserved], NAME, "reserved")?;
        let segment = check::segment(self.segment.get(), NAME, "segment")?;
        let kind = check::kind(self.kind, NAME)?;
        let (written_bytes, live_bytes) = (self.written_bytes.get(), self.live_bytes.get());
        let valid = u64::from(written_bytes) <= SEGMENT_BYTES_MAX;
        let why = "it is more than a segment holds";
        check::field(valid, NAME, "written_bytes", written_bytes, why)?;
        let why = "it is more than was written";
        check::field(
            live_bytes <= written_bytes,
            NAME,
            "live_bytes",
            live_bytes,
            why,
        )?;
        let excess = self.live_excess;
        let valid = u64::from(excess) < Sixteenths::PER_BYTE && (excess == 0 || live_bytes > 0);
        let why = "less than a byte is rounded up";
        check::field(valid, NAME, "live_excess", excess, why)?;
        let last_lsn = self.last_lsn.get();
        let valid = kind == SegmentKind::Journal || last_lsn == 0;
        check::field(
            valid,
            NAME,
            "last_lsn",
            last_lsn,
            "only journal segments have one",
        )?;
        let state = self.verify_state(kind)?;
        Ok(SegmentEntry {
            segment,
            slot: self.verify_slot(kind, state)?,
            kind,
            state,
            written_bytes,
            live_bytes,
            live_excess: excess,
            last_lsn: Lsn::new(last_lsn),
        })
    }

    fn verify_state(&self, kind: SegmentKind) -> Result<SegmentState, FormatError> {
        let state = match self.state {
            1 => SegmentState::Open,
            2 => SegmentState::Sealed,
            3 => SegmentState::Dead,
            4 => SegmentState::Moved,
            5 => SegmentState::Packed,
            other => {
                return Err(FormatError::Field {
                    structure: NAME,
                    name: "state",
                    value: other.into(),
                    why: "the states are 1 (open), 2 (sealed), 3 (dead), 4 (moved), 5 (packed)",
                });
            }
        };
        let is_elsewhere = matches!(state, SegmentState::Moved | SegmentState::Packed);
        let valid = kind == SegmentKind::Journal || !is_elsewhere;
        let why = "only journal segments are packed";
        check::field(valid, NAME, "state", self.state, why)?;
        Ok(state)
    }

    fn verify_slot(
        &self,
        kind: SegmentKind,
        state: SegmentState,
    ) -> Result<Option<Slot>, FormatError> {
        let slot = self.slot.get();
        let valid = match (kind, state, slot == NO_SLOT) {
            (_, SegmentState::Packed, none) => none,
            (SegmentKind::Journal, SegmentState::Dead, _) => true,
            (_, _, none) => !none,
        };
        let why = "packed segments have none, dead journal segments may have one, all others do";
        check::field(valid, NAME, "slot", slot, why)?;
        Ok((slot != NO_SLOT).then_some(Slot::new(slot)))
    }
}

#[cfg(test)]
mod tests;
