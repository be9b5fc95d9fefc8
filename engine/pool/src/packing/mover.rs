//! Copying what is marked into packs.

use engine_base::limits::{BLOCK, BLOCK_BYTES};
use engine_base::{Location, SegmentId, Slot, to_u32, to_usize};
use engine_device::{PageBuf, Place};
use engine_format::{REDIRECT_BLOCKS, Redirect, SegmentState};
use engine_log::{LogError, PackStream};

use super::STREAMS;
use super::marks::{Mark, Source};
use crate::core::Core;
use crate::places::{Stretches, survivors};
use crate::{Pool, StoreError, copies};

/// Blocks read at once.
const SPAN_BLOCKS: u64 = 256;
/// Dead blocks between two live ones that are read along: less than another call takes.
const GAP_BLOCKS: u64 = 16;

/// Moves sources one after the other.
pub(super) struct Mover<'a> {
    pool: &'a Pool,
    streams: &'a mut [PackStream; STREAMS],
    buf: PageBuf,
}

/// A block on its way.
#[derive(Clone, Copy)]
struct Move {
    block: u32,
    checksum: u32,
    slot: Slot,
    /// Which block of that slot.
    at: u64,
}

/// What becomes of the blocks of a source.
#[derive(Default)]
struct Moves {
    moves: Vec<Move>,
    /// Those that stay where they are.
    kept: Vec<(u32, Location)>,
}

impl<'a> Mover<'a> {
    pub(super) fn new(pool: &'a Pool, streams: &'a mut [PackStream; STREAMS]) -> Self {
        let buf = PageBuf::zeroed(to_usize(SPAN_BLOCKS) * BLOCK_BYTES);
        Self { pool, streams, buf }
    }

    /// Copies the marked blocks of a source; where all that survives of it lies then. `None` if
    /// nothing is to be done, because it has died.
    ///
    /// # Errors
    /// [`StoreError::DataDamaged`] and [`StoreError::Device`] if it cannot be read: it stays where
    /// it is. [`StoreError::Log`] of the stream.
    pub(super) fn move_source(
        &mut self,
        segment: SegmentId,
        source: &Source,
        marks: &[Mark],
    ) -> Result<Option<Stretches>, StoreError> {
        // Taken before the look: what is there now is not released while it is held.
        let _pin = self.pool.read_pin();
        let Some(moves) = self.moves_of(segment, source, marks) else {
            return Ok(None);
        };
        let stream = usize::from(!source.is_whole());
        let mut places = moves.kept;
        let mut left = &*moves.moves;
        while !left.is_empty() {
            let (span, later) = left.split_at(span_of(left));
            self.copy(segment, stream, span, &mut places)?;
            left = later;
        }
        places.sort_unstable_by_key(|(block, _)| *block);
        Ok(stretches_of(segment, &places))
    }

    /// `None` if the source is not what it was when it was chosen.
    fn moves_of(&self, segment: SegmentId, source: &Source, marks: &[Mark]) -> Option<Moves> {
        let core = &*self.pool.core;
        let mut moves = Moves::default();
        let space = core.space.lock();
        let known = space.segments.get(&segment)?;
        if known.state == SegmentState::Dead || known.live == 0 {
            return None;
        }
        let slot = known.slot;
        drop(space);
        let Some(stretches) = &source.stretches else {
            let slot = slot?;
            let all = marks.iter().map(|(block, checksum)| Move {
                block: *block,
                checksum: *checksum,
                slot,
                at: u64::from(*block),
            });
            moves.moves = all.collect();
            return Some(moves);
        };
        for (block, at) in survivors(stretches) {
            if !source.leaves(at.segment) {
                moves.kept.push((block, at));
            } else if let Ok(found) = marks.binary_search_by_key(&block, |(block, _)| *block) {
                moves.moves.push(Move {
                    block,
                    checksum: marks.get(found)?.1,
                    slot: core.whole_slot(at.segment)?,
                    at: u64::from(at.offset) / BLOCK,
                });
            }
        }
        Some(moves)
    }

    /// Reads a span, verifies what is marked in it and appends that.
    fn copy(
        &mut self,
        segment: SegmentId,
        stream: usize,
        span: &[Move],
        places: &mut Vec<(u32, Location)>,
    ) -> Result<(), StoreError> {
        let (Some(first), Some(last)) = (span.first(), span.last()) else {
            return Ok(());
        };
        let core = &*self.pool.core;
        let bytes = to_usize(last.at - first.at + 1) * BLOCK_BYTES;
        let Some(buf) = self.buf.get_mut(..bytes) else {
            return Ok(());
        };
        let read = core
            .device
            .read(Place::slot(first.slot, first.at * BLOCK), buf);
        if read.is_err() {
            buf.fill(0);
        }
        for moved in span {
            let from = to_usize(moved.at - first.at) * BLOCK_BYTES;
            let block = buf.get_mut(from..from + BLOCK_BYTES).unwrap_or_default();
            if !core.is_good_on_a_copy(moved, block) {
                read?;
                let offset = moved.block * to_u32(BLOCK_BYTES);
                return Err(StoreError::DataDamaged {
                    location: Location { segment, offset },
                    slot: Some(moved.slot),
                    block: 0,
                });
            }
        }
        let blocks = span.iter().map(|moved| {
            let from = to_usize(moved.at - first.at) * BLOCK_BYTES;
            buf.get(from..from + BLOCK_BYTES).unwrap_or_default()
        });
        let blocks: Vec<&[u8]> = blocks.collect();
        let Some(stream) = self.streams.get_mut(stream) else {
            return Ok(());
        };
        let (mut span, mut left) = (span, &*blocks);
        while !left.is_empty() {
            if stream.room() == 0 && core.admission.free_slots() <= core.slots_kept().into() {
                return Err(LogError::NoSpace.into());
            }
            let (at, count) = stream.append(&*core.device, core, left)?;
            let (now, later) = span.split_at(count);
            for (moved, index) in now.iter().zip(0..) {
                let offset = at.offset + index * to_u32(BLOCK_BYTES);
                let segment = at.segment;
                places.push((moved.block, Location { segment, offset }));
            }
            (span, left) = (later, left.split_at(count).1);
        }
        self.pool.pause_cleaning();
        Ok(())
    }
}

impl Core {
    /// Whether a block that was read is what it should be; if not, and another copy of it is, it is
    /// that one now, and the bad one is rewritten.
    fn is_good_on_a_copy(&self, moved: &Move, block: &mut [u8]) -> bool {
        let is_good = |_: usize, bytes: &[u8]| crc32c::crc32c(bytes) == moved.checksum;
        if is_good(0, block) {
            return true;
        }
        let range = copies::Range {
            place: Place::slot(moved.slot, moved.at * BLOCK),
            unit: BLOCK_BYTES,
            is_good: &is_good,
        };
        self.device.copies(range.place.area) > 1
            && copies::examine(&*self.device, &range, block, self.repairs).whole
    }
}

/// How many of the first moves are read at once.
fn span_of(moves: &[Move]) -> usize {
    let Some(first) = moves.first() else {
        return 0;
    };
    let mut before = first.at;
    let goes_on = |next: &&Move| {
        let near = next.slot == first.slot
            && next.at > before
            && next.at - before <= GAP_BLOCKS
            && next.at - first.at < SPAN_BLOCKS;
        before = next.at;
        near
    };
    1 + moves.iter().skip(1).take_while(goes_on).count()
}

/// The redirects of a source whose blocks lie at these places, ascending. `None` if there are none,
/// or if they lie so scattered that no redirect holds them: then it stays as it is.
fn stretches_of(segment: SegmentId, places: &[(u32, Location)]) -> Option<Stretches> {
    let mut stretches = Stretches::new();
    for together in places.chunk_by(|(a, _), (b, _)| a / REDIRECT_BLOCKS == b / REDIRECT_BLOCKS) {
        let stretch = together.first()?.0 / REDIRECT_BLOCKS;
        let inside = together
            .iter()
            .map(|(block, at)| (block % REDIRECT_BLOCKS, *at));
        let Some(redirect) = Redirect::new(inside) else {
            tracing::warn!(%segment, stretch, "its blocks would lie in too many parts: it stays");
            return None;
        };
        stretches.insert(stretch, redirect);
    }
    (!stretches.is_empty()).then_some(stretches)
}
