//! Copying a piece of a slot to a member.
//!
//! What no copy has good stays on the member as it is: if that is the right one, from
//! before it went away, it mends the others; if not, its checksum refuses it. A block that cannot
//! be read although nothing says what it should be becomes zeroes, so that nothing of another time
//! is taken for the head of a group.

use std::ops::Range;

use engine_base::limits::BLOCK_BYTES;
use engine_base::{Slot, to_usize};

use super::{Copying, Member};
use crate::mirror::Mirror;
use crate::{Attention, Device, DeviceError, PageBuf, Place};

/// Bytes copied at a time: writers of the slot wait that long.
const PIECE_BYTES: usize = 1 << 20;

/// What the copies in service say about a range.
enum Source {
    Read,
    /// Each of them is there, and none has the slot.
    NoSlot,
    Unreadable,
}

impl Mirror {
    /// Copies the next piece; its bytes. `None`: nothing is in use there any more, and the member
    /// has as much of the slot as the others.
    ///
    /// # Errors
    /// Of the member.
    pub(super) fn copy_piece(
        &self,
        copying: &Copying,
        member: &Member,
        device: &dyn Device,
        attention: &Attention<'_>,
    ) -> Result<Option<usize>, DeviceError> {
        let bytes = PIECE_BYTES.min(self.segment_bytes() - copying.offset);
        let mut piece = PageBuf::recycled(bytes);
        let _alone = self.slot_lock(copying.of).write();
        let at = Place::slot(copying.of, copying.offset as u64);
        let gone = || {
            if member.is_copying(copying.slot) {
                member.missing.clear(copying.slot);
                member.set_copying(None);
            }
        };
        if !(attention.in_use)(copying.of) {
            gone();
            return Ok(None);
        }
        match self.read_source(at, &mut piece)? {
            Source::Read => {}
            // It is about to be prepared, on this member too; or its file is gone everywhere.
            Source::NoSlot => {
                gone();
                return Ok(None);
            }
            Source::Unreadable => self.read_blocks(copying, &mut piece)?,
        }
        let to = Place::slot(Slot::new(copying.slot), copying.offset as u64);
        for (first, run) in sound_runs(&copying.unsound, copying.offset, &piece) {
            let to = Place {
                offset: to.offset + first as u64,
                ..to
            };
            device.write(to, &[run])?;
        }
        device.start_writeback(to, bytes as u64);
        Ok(Some(bytes))
    }

    /// Fills `piece` block by block.
    fn read_blocks(&self, copying: &Copying, piece: &mut [u8]) -> Result<(), DeviceError> {
        let mut unreadable = 0;
        for (number, block) in piece.chunks_mut(BLOCK_BYTES).enumerate() {
            let offset = (copying.offset + number * BLOCK_BYTES) as u64;
            if !matches!(
                self.read_source(Place::slot(copying.of, offset), block)?,
                Source::Read
            ) {
                block.fill(0);
                unreadable += 1;
            }
        }
        if unreadable > 0 {
            let at = Place::slot(copying.of, copying.offset as u64);
            tracing::error!(%at, blocks = unreadable, "blocks cannot be read on any device");
        }
        Ok(())
    }

    /// Reads from whichever copy can be read.
    fn read_source(&self, at: Place, buf: &mut [u8]) -> Result<Source, DeviceError> {
        let mut source = Source::NoSlot;
        for copy in 0..self.copies(at.area) {
            let Some((device, place)) = self.copy_at(copy, at)? else {
                continue;
            };
            match device.read(place, buf) {
                Ok(()) => return Ok(Source::Read),
                Err(error) if error.is_no_slot() && device.is_there().is_ok() => {}
                Err(_) => source = Source::Unreadable,
            }
        }
        Ok(source)
    }
}

/// The parts of a piece, which lies at `offset` of its slot, between what is unsound: `(offset in
/// the piece, bytes)`.
fn sound_runs<'a>(
    unsound: &[Range<u64>],
    offset: usize,
    piece: &'a [u8],
) -> Vec<(usize, &'a [u8])> {
    let whole = offset as u64..(offset + piece.len()) as u64;
    let within = |at: u64| to_usize(at.clamp(whole.start, whole.end)) - offset;
    let from = unsound.partition_point(|range| range.end <= whole.start);
    let inside = unsound.iter().skip(from);
    let inside = inside.take_while(|range| range.start < whole.end);
    let (mut runs, mut begin) = (Vec::new(), 0);
    let ends = inside.map(|range| (within(range.start), within(range.end)));
    for (end, next) in ends.chain([(piece.len(), piece.len())]) {
        let run = piece.get(begin..end).unwrap_or_default();
        if !run.is_empty() {
            runs.push((begin, run));
        }
        begin = next;
    }
    runs
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use super::sound_runs;

    #[test]
    fn what_is_unsound_is_left_out() {
        let piece = vec![1; 400];
        let runs = |unsound: &[(u64, u64)], offset: usize| -> Vec<(usize, usize)> {
            let unsound: Vec<Range<u64>> = unsound.iter().map(|(from, to)| *from..*to).collect();
            let runs = sound_runs(&unsound, offset, &piece);
            runs.iter().map(|(at, run)| (*at, run.len())).collect()
        };
        assert_eq!(runs(&[], 800), [(0, 400)]);
        assert_eq!(runs(&[(700, 800), (1200, 1300)], 800), [(0, 400)]);
        assert_eq!(runs(&[(800, 808), (1100, 1200)], 800), [(8, 292)]);
        assert_eq!(runs(&[(900, 1000)], 800), [(0, 100), (200, 200)]);
        // What begins before the piece, and what ends behind it.
        assert_eq!(runs(&[(700, 816), (1000, 1500)], 800), [(16, 184)]);
        assert_eq!(runs(&[(0, 2000)], 800), []);
    }
}
