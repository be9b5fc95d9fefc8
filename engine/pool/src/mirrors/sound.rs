//! What of a slot is not to be copied to another device, because no copy has it good.
//!
//! In journal segments each group says what its data is. Pages of index segments and blocks of
//! packs have their checksums in trees, which are too much to walk for each slot. But what cannot
//! be replaced by a copy is only what the device has itself, from before it went away: so the
//! copies are compared with each other and, where it has the same segment, with its own. Where all
//! are the same there is nothing to be decided; where they are not, the trees say which is right
//! (`expected.rs`). What they do not know was written after the newest checkpoint, or is dead.

use std::ops::Range;

use engine_base::limits::{BLOCK, BLOCK_BYTES};
use engine_base::{SegmentId, Slot, to_usize};
use engine_device::{Area, PageBuf, Place, ReadFrom, ReadOwn};
use engine_format::{SEGMENT_HEADER_BYTES, SegmentHeader, SegmentKind};
use engine_log::{SegmentPlace, unsound_blocks};

use super::expected::Unit;
use crate::space::{ReadPin, Segment};
use crate::{Pool, copies};

/// Bytes read at once.
const PIECE_BYTES: usize = 1 << 20;

/// Blocks of a slot by their offsets, ascending.
#[derive(Default)]
struct Compared {
    /// Not the same everywhere.
    differ: Vec<u64>,
    /// On no copy in service.
    unreadable: Vec<u64>,
}

/// A piece as one device has it, and where it cannot be read.
struct PieceOf {
    bytes: PageBuf,
    unread: Vec<usize>,
}

impl PieceOf {
    fn read(bytes: usize, first: usize, read: ReadOwn<'_>) -> Self {
        let mut piece = Self {
            bytes: PageBuf::recycled(bytes),
            unread: Vec::new(),
        };
        if read(first as u64, &mut piece.bytes).is_err() {
            for (index, block) in piece.bytes.chunks_mut(BLOCK_BYTES).enumerate() {
                if read((first + index * BLOCK_BYTES) as u64, block).is_err() {
                    piece.unread.push(index);
                }
            }
        }
        piece
    }

    fn block(&self, index: usize) -> Option<&[u8]> {
        let block = self.bytes.chunks(BLOCK_BYTES).nth(index);
        block.filter(|_| self.unread.binary_search(&index).is_err())
    }

    fn equals(&self, other: &Self) -> bool {
        self.unread.is_empty() && other.unread.is_empty() && self.bytes[..] == other.bytes[..]
    }
}

impl Pool {
    /// See [`engine_device::Attention::unsound`].
    pub(super) fn unsound_ranges(&self, slot: Slot, own: ReadOwn<'_>) -> Option<Vec<Range<u64>>> {
        // Taken before the look: what is there now is not released while it is held.
        let pin = self.read_pin();
        let Some((segment, known)) = self.segment_in(slot) else {
            return Some(Vec::new());
        };
        let mut unsound = Vec::new();
        if !self.has_header(slot, segment, &known) {
            unsound.push(0..SEGMENT_HEADER_BYTES as u64);
        }
        if known.kind == SegmentKind::Journal {
            let core = &self.core;
            let place = SegmentPlace { segment, slot };
            let (device, end) = (&*core.device, known.written);
            let blocks = unsound_blocks(device, core.geometry, place, end, core.repairs);
            unsound.extend(blocks.into_iter().map(|at| at..at + BLOCK));
        } else {
            let has_it = self.is_header_of(own, slot, segment, &known);
            let compared = self.compare(slot, has_it.then_some(own));
            let unreadable = compared.unreadable.iter();
            unsound.extend(unreadable.map(|at| *at..*at + BLOCK));
            if !compared.differ.is_empty() {
                unsound.extend(self.unsound_units((slot, segment), &known, &compared, &pin)?);
            }
        }
        Some(merged(unsound))
    }

    /// What lies in a slot, if anything refers to it.
    fn segment_in(&self, slot: Slot) -> Option<(SegmentId, Segment)> {
        let named = self.copies_of_header(slot).find_map(|bytes| {
            let header = SegmentHeader::decode(&bytes, self.core.pool_id, slot).ok()?;
            Some(header.segment)
        });
        let space = self.core.space.lock();
        let lies_there = |id: SegmentId| {
            let known = space.segments.get(&id)?;
            (known.slot == Some(slot)).then_some((id, *known))
        };
        let found = named.and_then(lies_there).or_else(|| {
            // No header is good, or not yet that of the segment.
            let mut all = space.segments.iter();
            let (id, known) = all.find(|(_, known)| known.slot == Some(slot))?;
            Some((*id, *known))
        });
        found.filter(|(_, known)| known.is_used())
    }

    fn copies_of_header(&self, slot: Slot) -> impl Iterator<Item = [u8; SEGMENT_HEADER_BYTES]> {
        let device = &self.core.device;
        let at = Place::slot(slot, 0);
        let copies = device.copies_in_service(at.area).into_iter();
        copies.filter_map(move |copy| {
            let mut bytes = [0; SEGMENT_HEADER_BYTES];
            let read = device.read_copy(copy, at, ReadFrom::Cache, &mut bytes);
            read.is_ok().then_some(bytes)
        })
    }

    /// Whether what is copied has the segment's header; a bad one is rewritten if another is good.
    fn has_header(&self, slot: Slot, segment: SegmentId, known: &Segment) -> bool {
        let pool = self.core.pool_id;
        let is_good = |_: usize, bytes: &[u8]| known.has_header(bytes, (pool, slot), segment);
        self.is_copied_good(Place::slot(slot, 0), SEGMENT_HEADER_BYTES, &is_good)
    }

    fn is_header_of(
        &self,
        read: ReadOwn<'_>,
        slot: Slot,
        segment: SegmentId,
        known: &Segment,
    ) -> bool {
        let mut bytes = [0; SEGMENT_HEADER_BYTES];
        let is_read = read(0, &mut bytes).is_ok();
        is_read && known.has_header(&bytes, (self.core.pool_id, slot), segment)
    }

    /// Compares the copies of a slot in service, and `own`.
    fn compare(&self, slot: Slot, own: Option<ReadOwn<'_>>) -> Compared {
        let device = &*self.core.device;
        let copies = device.copies_in_service(Area::Segment(slot));
        let end = to_usize(u64::from(self.core.geometry.segment_bytes));
        let mut compared = Compared::default();
        for first in (0..end).step_by(PIECE_BYTES) {
            let bytes = PIECE_BYTES.min(end - first);
            let sources = copies.iter().map(|copy| {
                PieceOf::read(bytes, first, &|offset, buf| {
                    device.read_copy(*copy, Place::slot(slot, offset), ReadFrom::Cache, buf)
                })
            });
            let sources: Vec<_> = sources.collect();
            let own = own.map(|own| PieceOf::read(bytes, first, own));
            compared.add(first, &sources, own.as_ref());
        }
        compared
    }

    /// What of the units that lie where copies differ would be copied although it is bad.
    fn unsound_units(
        &self,
        (slot, segment): (Slot, SegmentId),
        known: &Segment,
        compared: &Compared,
        pin: &ReadPin,
    ) -> Option<Vec<Range<u64>>> {
        let units = match self.units_in(segment, known.kind, pin) {
            Ok(units) => units?,
            Err(error) => {
                tracing::warn!(%error, %slot,
                    "what should lie in a slot whose copies differ cannot be told: it is copied");
                Vec::new()
            }
        };
        let is_bad = |unit: &&Unit| {
            let is_good = |_: usize, bytes: &[u8]| crc32c::crc32c(bytes) == unit.checksum.get();
            let place = Place::slot(slot, unit.offset.into());
            !self.is_copied_good(place, unit.bytes, &is_good)
        };
        let units = units.iter().filter(|unit| unit.touches(&compared.differ));
        Some(units.filter(is_bad).map(Unit::range).collect())
    }

    /// Whether what is copied of a range is good, if need be after its bad copies were rewritten
    /// with a good one.
    fn is_copied_good(&self, place: Place, bytes: usize, is_good: copies::IsGood<'_>) -> bool {
        let device = &*self.core.device;
        let mut buf = PageBuf::recycled(bytes);
        let mut look = || {
            let mut copies = device.copies_in_service(place.area).into_iter();
            let is_read = |copy| {
                device
                    .read_copy(copy, place, ReadFrom::Cache, &mut buf)
                    .is_ok()
            };
            copies.any(is_read) && is_good(0, &buf)
        };
        if look() {
            return true;
        }
        let range = copies::Range {
            place,
            unit: bytes,
            is_good,
        };
        let mut found = PageBuf::zeroed(bytes);
        copies::examine(device, &range, &mut found, self.core.repairs);
        look()
    }
}

impl Compared {
    fn add(&mut self, first: usize, sources: &[PieceOf], own: Option<&PieceOf>) {
        let Some((one, others)) = sources.split_first() else {
            return;
        };
        if others.iter().chain(own).all(|other| one.equals(other)) {
            return;
        }
        for index in 0..one.bytes.len().div_ceil(BLOCK_BYTES) {
            let at = (first + index * BLOCK_BYTES) as u64;
            let mut blocks = sources.iter().filter_map(|source| source.block(index));
            let Some(block) = blocks.next() else {
                self.unreadable.push(at);
                continue;
            };
            let own = own.and_then(|own| own.block(index));
            if blocks.chain(own).any(|other| other != block) {
                self.differ.push(at);
            }
        }
    }
}

/// Ranges ascending, none twice.
fn merged(mut ranges: Vec<Range<u64>>) -> Vec<Range<u64>> {
    ranges.sort_unstable_by_key(|range| range.start);
    let mut merged: Vec<Range<u64>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}
