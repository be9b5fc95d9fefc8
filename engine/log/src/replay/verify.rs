//! Checking the data of a group that nobody vouches for.

use engine_base::limits::BLOCK_BYTES;
use engine_base::to_usize;
use engine_device::{Device, PageBuf, Place};
use engine_format::{MutationRef, batches};

use super::ReplayedGroup;
use crate::LogError;

/// Whether every block that the group's extents name has the checksum they say, and its mutations
/// decode.
///
/// # Errors
/// [`LogError::Device`]: a read failed, so it cannot be told.
pub(super) fn data_is_good(device: &dyn Device, group: &ReplayedGroup) -> Result<bool, LogError> {
    if group.data_bytes == 0 {
        return Ok(true);
    }
    let mut data = PageBuf::zeroed(to_usize(u64::from(group.data_bytes)));
    device.read(
        Place::slot(group.place().slot, u64::from(group.data.offset)),
        &mut data,
    )?;
    for batch in batches(&group.mutations) {
        let Ok(batch) = batch else { return Ok(false) };
        for mutation in batch.mutations() {
            let Ok(mutation) = mutation else {
                return Ok(false);
            };
            if let MutationRef::ExtentPut { extent, .. } = mutation {
                let from = to_usize(u64::from(extent.data_offset));
                let blocks = data
                    .get(from..)
                    .unwrap_or_default()
                    .chunks_exact(BLOCK_BYTES);
                let mut compared = 0;
                let count = extent.checksums.len();
                for (expected, block) in extent.checksums.iter().zip(blocks) {
                    if crc32c::crc32c(block) != expected.get() {
                        return Ok(false);
                    }
                    compared += 1;
                }
                if compared != count {
                    return Ok(false);
                }
            }
        }
    }
    Ok(true)
}
