//! Checking the data of a group that nobody vouches for.

use engine_base::limits::BLOCK_BYTES;
use engine_base::{Checksum, to_usize};
use engine_device::{Area, Device, PageBuf, Place, ReadFrom};
use engine_format::{MutationRef, batches};

use super::AcceptedGroup;
use crate::LogError;

/// The group's data, if every block that its extents name has the checksum they say on some copy,
/// and its mutations decode.
///
/// # Errors
/// [`LogError::Device`]: no copy can be read, so it cannot be told.
pub(super) fn good_data(
    device: &dyn Device,
    group: &AcceptedGroup,
    mutations: &[u8],
) -> Result<Option<PageBuf>, LogError> {
    let bytes = to_usize(u64::from(group.data_bytes));
    let mut data = PageBuf::zeroed(bytes);
    if bytes == 0 {
        return Ok(Some(data));
    }
    let Some(expected) = block_checksums(mutations, bytes) else {
        return Ok(None);
    };
    let mut good: Vec<bool> = vec![false; expected.len()];
    let at = Place::slot(group.place.slot, u64::from(group.from + group.head_bytes));
    let (mut readable, mut failure) = (false, None);
    for copy in 0..device.copies(at.area) {
        if good.iter().all(|good| *good) || !has_copy(device, copy, at) {
            continue;
        }
        let mut read = PageBuf::recycled(bytes);
        if let Err(error) = device.read_copy(copy, at, ReadFrom::Cache, &mut read) {
            failure = Some(error);
            continue;
        }
        readable = true;
        let blocks = data
            .chunks_mut(BLOCK_BYTES)
            .zip(read.chunks(BLOCK_BYTES))
            .zip(expected.iter().zip(&mut good));
        for ((to, from), (expected, good)) in blocks {
            let is_good = expected.is_none_or(|crc| crc.get() == crc32c::crc32c(from));
            if is_good && !*good {
                to.copy_from_slice(from);
                *good = true;
            }
        }
    }
    match failure {
        Some(error) if !readable => Err(error.into()),
        _ => Ok(good.into_iter().all(|good| good).then_some(data)),
    }
}

fn has_copy(device: &dyn Device, copy: usize, at: Place) -> bool {
    matches!(at.area, Area::Segment(_)) && device.has_copy(copy, at.area)
}

/// For each block of the data the checksum that an extent says; `None` if the mutations do not
/// decode, or name blocks that are not there.
pub(super) fn block_checksums(mutations: &[u8], bytes: usize) -> Option<Vec<Option<Checksum>>> {
    let mut blocks = vec![None; bytes / BLOCK_BYTES];
    for batch in batches(mutations) {
        for mutation in batch.ok()?.mutations() {
            let MutationRef::ExtentPut { extent, .. } = mutation.ok()? else {
                continue;
            };
            let first = to_usize(u64::from(extent.data_offset)) / BLOCK_BYTES;
            for (nth, checksum) in extent.checksums.iter().enumerate() {
                let block = blocks.get_mut(first + nth)?;
                if block.is_some_and(|known| known != checksum) {
                    return None;
                }
                *block = Some(checksum);
            }
        }
    }
    Some(blocks)
}
