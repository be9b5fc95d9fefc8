//! What a mirror keeps on the labels of its members.

use engine_base::limits::LABEL_BYTES;
use engine_base::{DeviceId, to_usize};
use engine_format::{
    MEMBERSHIP_BYTES, MISSING_SECTOR_BYTES, MISSING_SLOTS, Membership, MissingSector,
    membership_offset, missing_offset,
};

use super::missing::Missing;
use crate::{Device, DeviceError, Place};

/// Bytes behind the start of each half of the label that are the engine's; the rest is kept.
pub(super) const ENGINE_BYTES: u64 = 65_536;

/// The newest record of a device, and the copy that is written next. `None`: it has none.
pub(super) fn read_record(device: &dyn Device) -> Option<(Membership, u8)> {
    let read = |copy: u8| {
        let mut bytes = [0; MEMBERSHIP_BYTES];
        let place = Place::label(membership_offset(copy));
        // A copy that cannot be read is one that is bad: the other one says what is needed.
        device.read(place, &mut bytes).ok()?;
        Some((Membership::decode(&bytes, copy).ok()?, 1 - copy))
    };
    let (first, second) = (read(0), read(1));
    match (first, second) {
        (Some(a), Some(b)) if b.0.generation > a.0.generation => Some(b),
        (Some(a), _) => Some(a),
        (None, b) => b,
    }
}

/// Writes a record for the member `device_id`; not synced.
pub(super) fn write_record(
    device: &dyn Device,
    record: &Membership,
    device_id: DeviceId,
    copy: u8,
) -> Result<(), DeviceError> {
    let record = Membership {
        device: device_id,
        ..record.clone()
    };
    let place = Place::label(membership_offset(copy));
    device.write(place, &[&record.encode(copy)])
}

/// Reads a sector of the map of what a member misses.
pub(super) fn read_sector(
    device: &dyn Device,
    (member, id): (usize, DeviceId),
    stale_since: u64,
    index: u32,
) -> Option<MissingSector> {
    let mut bytes = [0; MISSING_SECTOR_BYTES];
    let offset = missing_offset(member, index * MISSING_SLOTS);
    device.read(Place::label(offset), &mut bytes).ok()?;
    MissingSector::decode(&bytes, id, stale_since, index).ok()
}

/// Writes the whole map of what a member misses; not synced.
pub(super) fn write_map(
    device: &dyn Device,
    (member, id): (usize, DeviceId),
    stale_since: u64,
    missing: &Missing,
) -> Result<(), DeviceError> {
    for index in 0..missing.sectors() {
        let sector = missing.sector(id, stale_since, index, None);
        let place = Place::label(missing_offset(member, index * MISSING_SLOTS));
        device.write(place, &[&sector.encode()])?;
    }
    Ok(())
}

/// The parts of a write to the label that are the engine's: `(offset, range of the bytes)`.
pub(super) fn engine_parts(offset: u64, bytes: usize) -> Vec<(u64, std::ops::Range<usize>)> {
    let end = offset + bytes as u64;
    let half = LABEL_BYTES / 2;
    let parts = [0, half].into_iter().filter_map(|start| {
        let from = offset.max(start);
        let to = end.min(start + ENGINE_BYTES);
        (from < to).then(|| (from, to_usize(from - offset)..to_usize(to - offset)))
    });
    parts.collect()
}
