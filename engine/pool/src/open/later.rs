//! Noticing that the superblock of the newest epoch was lost.
//!
//! Where only one superblock is valid, the other one was being written when the power went, or it
//! rotted. In the epoch of the valid one both are alike: its journal leads on to the end. But if
//! the lost one was the only one of a later epoch, the valid one leads to the end of the epoch
//! before, and everything written since would be gone without a word. The first group of an epoch
//! is written after its first checkpoint is durable: so a group of a later epoch proves the loss.

use engine_base::limits::BLOCK;
use engine_base::{Location, SegmentId, Slot, to_u32, to_usize};
use engine_device::{Device, DeviceError, Place};
use engine_format::{
    SEGMENT_HEADER_BYTES, SegmentHeader, SegmentKind, Superblock, decode_head, peek_head,
};

/// A journal segment of a later epoch than that of the valid superblock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Later {
    /// The segment.
    pub(crate) segment: SegmentId,
    /// Its first group.
    pub(crate) group: Place,
}

/// The newest journal segment in which a group was written after the epoch of `superblock`, if
/// there is one. Reads the first bytes of every slot; those that cannot be read are passed over,
/// because most were never used.
pub(crate) fn later_epoch(device: &dyn Device, superblock: &Superblock) -> Option<Later> {
    let slots = (0..superblock.slots).map(Slot::new);
    let later = slots.filter_map(|slot| later_group(device, superblock, slot).ok().flatten());
    later.max_by_key(|later| later.segment)
}

fn later_group(
    device: &dyn Device,
    superblock: &Superblock,
    slot: Slot,
) -> Result<Option<Later>, DeviceError> {
    let mut bytes = [0; SEGMENT_HEADER_BYTES];
    device.read(Place::slot(slot, 0), &mut bytes)?;
    let Ok(header) = SegmentHeader::decode(&bytes, superblock.pool_id, slot) else {
        return Ok(None);
    };
    let is_later = header.kind == SegmentKind::Journal
        && header.epoch != superblock.epoch
        && header.segment >= superblock.next_segment;
    if !is_later {
        return Ok(None);
    }
    let place = Location {
        segment: header.segment,
        offset: to_u32(SEGMENT_HEADER_BYTES),
    };
    device.read(Place::slot(slot, BLOCK), &mut bytes)?;
    let Ok(sizes) = peek_head(&bytes, place) else {
        return Ok(None);
    };
    let mut head = vec![0; to_usize(sizes.head_bytes.into())];
    device.read(Place::slot(slot, BLOCK), &mut head)?;
    let later = Later {
        segment: header.segment,
        group: Place::slot(slot, BLOCK),
    };
    let is_group = decode_head(&head, place).is_ok_and(|head| head.header.epoch == header.epoch);
    Ok(is_group.then_some(later))
}
