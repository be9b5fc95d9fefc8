//! Noticing that the superblock of the newest epoch was lost.
//!
//! Where only one superblock is valid, the other one was being written when the power went, or it
//! rotted. In the epoch of the valid one both are alike: its journal leads on to the end. But if
//! the lost one was the only one of a later epoch, the valid one leads to the end of the epoch
//! before, and everything written since would be gone without a word. The first group of an epoch
//! is written after its first checkpoint is durable: so a group of a later epoch proves the loss.

use engine_base::limits::{BLOCK, BLOCK_BYTES};
use engine_base::{Location, SegmentId, Slot, to_usize};
use engine_device::{Area, Device, DeviceError, PageBuf, Place, ReadFrom};
use engine_format::{
    SEGMENT_HEADER_BYTES, SegmentHeader, SegmentKind, Superblock, decode_head, peek_head,
};

/// Read at once.
const WINDOW_BYTES: usize = 256 << 10;

/// A journal segment of a later epoch than that of the valid superblock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Later {
    /// The segment.
    pub(crate) segment: SegmentId,
    /// Its first whole group.
    pub(crate) group: Place,
}

/// The newest journal segment in which a group was written after the epoch of `superblock`, if
/// there is one. Reads the first bytes of every slot, and all of the segments that a later epoch
/// began; what cannot be read is passed over, because most slots were never used.
pub(crate) fn later_epoch(device: &dyn Device, superblock: &Superblock) -> Option<Later> {
    let slots = (0..superblock.slots).map(Slot::new);
    let copies = slots.flat_map(|slot| {
        let copies = 0..device.copies(Area::Segment(slot));
        copies.map(move |copy| (slot, copy))
    });
    let later = copies.filter_map(|copy| later_group(device, superblock, copy).ok().flatten());
    later.max_by_key(|later| later.segment)
}

fn later_group(
    device: &dyn Device,
    superblock: &Superblock,
    (slot, copy): (Slot, usize),
) -> Result<Option<Later>, DeviceError> {
    let mut bytes = [0; SEGMENT_HEADER_BYTES];
    let read = |offset, bytes: &mut [u8]| {
        device.read_copy(copy, Place::slot(slot, offset), ReadFrom::Cache, bytes)
    };
    read(0, &mut bytes)?;
    let Ok(header) = SegmentHeader::decode(&bytes, superblock.pool_id, slot) else {
        return Ok(None);
    };
    let is_later = header.kind == SegmentKind::Journal
        && header.epoch != superblock.epoch
        && header.segment >= superblock.next_segment;
    if !is_later {
        return Ok(None);
    }
    let found = first_group(device, superblock.segment_bytes, &header, (slot, copy));
    Ok(found.map(|group| Later {
        segment: header.segment,
        group,
    }))
}

/// The first whole group of the segment's epoch in it. All of the segment is searched: the same
/// accident that took the superblock may have hit its first groups.
fn first_group(
    device: &dyn Device,
    segment_bytes: u32,
    header: &SegmentHeader,
    (slot, copy): (Slot, usize),
) -> Option<Place> {
    let read = |offset, bytes: &mut [u8]| {
        device.read_copy(copy, Place::slot(slot, offset), ReadFrom::Cache, bytes)
    };
    let segment_bytes = u64::from(segment_bytes);
    let mut window = PageBuf::zeroed(WINDOW_BYTES);
    for from in (BLOCK..segment_bytes).step_by(WINDOW_BYTES) {
        let length = WINDOW_BYTES.min(to_usize(segment_bytes - from));
        let bytes = window.get_mut(..length)?;
        if read(from, bytes).is_err() {
            continue;
        }
        for (offset, block) in (from..).step_by(BLOCK_BYTES).zip(bytes.chunks(BLOCK_BYTES)) {
            let at = Location {
                segment: header.segment,
                offset: u32::try_from(offset).ok()?,
            };
            let Ok(sizes) = peek_head(block, at) else {
                continue;
            };
            let place = Place::slot(slot, offset);
            let mut head = vec![0; to_usize(sizes.head_bytes.into())];
            let is_read =
                offset + head.len() as u64 <= segment_bytes && read(offset, &mut head).is_ok();
            let is_group =
                || decode_head(&head, at).is_ok_and(|head| head.header.epoch == header.epoch);
            if is_read && is_group() {
                return Some(place);
            }
        }
    }
    None
}
