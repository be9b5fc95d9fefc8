//! What lies on the members of a mirror.

use super::{overwrite, seal_block, sized};
use crate::{
    MEMBERSHIP_BYTES, MEMBERSHIP_MAGIC, MISSING_SECTOR_BYTES, Membership, MissingSector, samples,
};

/// Membership records.
pub fn membership(data: &[u8]) {
    let mut bytes: [u8; MEMBERSHIP_BYTES] = sized(data);
    let check = |bytes: &[u8; MEMBERSHIP_BYTES]| {
        for copy in [0, 1] {
            if let Ok(record) = Membership::decode(bytes, copy) {
                assert_eq!(record.encode(copy), *bytes);
                let next = record.successor(1);
                assert_eq!(next.came_from(&record), Some(true));
                assert_eq!(record.came_from(&next), Some(false));
                assert!(record.position(record.device).is_some());
            }
        }
    };
    check(&bytes);
    seal_block(&mut bytes, MEMBERSHIP_MAGIC);
    check(&bytes);
}

/// Sectors of the map of missing slots.
pub fn missing_sector(data: &[u8]) {
    let mut bytes: [u8; MISSING_SECTOR_BYTES] = sized(data);
    let sample = samples::missing_sector();
    let check = |bytes: &[u8; MISSING_SECTOR_BYTES]| {
        let decoded = MissingSector::decode(bytes, sample.device, sample.stale_since, sample.index);
        if let Ok(sector) = decoded {
            assert_eq!(sector.encode(), *bytes);
        }
    };
    check(&bytes);
    overwrite(&mut bytes, 0, b"TMIS");
    overwrite(&mut bytes, 8, &sample.device.get());
    overwrite(&mut bytes, 24, &sample.stale_since.to_le_bytes());
    overwrite(&mut bytes, 32, &sample.index.to_le_bytes());
    let (_, covered) = bytes.split_at(8);
    let crc = crc32c::crc32c(covered);
    overwrite(&mut bytes, 4, &crc.to_le_bytes());
    check(&bytes);
}
