//! Making durable what an opening goes on from.
//!
//! It is written once more, not only synced. A sync that failed in the life before may have left
//! the host with pages that it shows but never wrote and takes for clean: syncing them again does
//! nothing, and the next power cut would take away what this opening has built on.
//!
//! CRASH: the same bytes are written to the same place. Where they were durable nothing changes;
//! where they were not, nobody was told that they are.

use engine_device::{Area, Device, PageBuf, Place};
use engine_format::{Superblock, superblock_offset};
use engine_log::ReplayedRange;

use crate::StoreError;

/// Bytes rewritten at once.
const PIECE_BYTES: usize = 1 << 20;

/// Rewrites and syncs journal groups for which nobody vouches.
pub(crate) fn rewrite(device: &dyn Device, ranges: &[ReplayedRange]) -> Result<(), StoreError> {
    for range in ranges {
        let slot = range.place.slot;
        for from in (range.from..range.to).step_by(PIECE_BYTES) {
            let left = engine_base::to_usize(u64::from(range.to - from));
            let mut piece = PageBuf::recycled(left.min(PIECE_BYTES));
            let at = Place::slot(slot, from.into());
            device.read(at, &mut piece)?;
            device.write(at, &[&piece])?;
        }
        device.sync(Area::Segment(slot))?;
    }
    Ok(())
}

/// Rewrites and syncs the superblock that was chosen: the next checkpoint overwrites the other one.
pub(crate) fn rewrite_superblock(
    device: &dyn Device,
    copy: u8,
    superblock: &Superblock,
) -> Result<(), StoreError> {
    let at = Place::label(superblock_offset(copy));
    device.write(at, &[&superblock.encode(copy)])?;
    device.sync(Area::Label)?;
    Ok(())
}
