//! Making durable what an opening goes on from, on every copy.

use engine_base::Slot;
use engine_device::{Area, Device, Geometry, Place};
use engine_format::{Superblock, superblock_offset};
use engine_log::{AcceptedGroup, ReplayEnd};

use crate::StoreError;

/// Rewrites and syncs the groups for which nobody vouches, and the heads of others that are bad on
/// some copy.
pub(crate) fn rewrite(
    device: &dyn Device,
    geometry: Geometry,
    end: &ReplayEnd,
) -> Result<(), StoreError> {
    let mut slots: Vec<Slot> = Vec::new();
    let mut restore = |group: &AcceptedGroup, with_data: bool| {
        if slots.last() != Some(&group.place.slot) {
            slots.push(group.place.slot);
        }
        group.restore(device, geometry, with_data)
    };
    for group in &end.incomplete {
        restore(group, false)?;
    }
    for group in &end.unvouched {
        restore(group, true)?;
    }
    for slot in slots {
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
