//! Which blocks of a journal segment no copy has good: asked before it is copied, so that rot is
//! never copied over what may be a good block.

use engine_base::limits::{BLOCK, BLOCK_BYTES};
use engine_base::{Checksum, to_u32, to_usize};
use engine_device::{Device, Geometry, PageBuf, Place, ReadFrom};

use super::merge::MergedHeads;
use super::verify::block_checksums;
use crate::SegmentPlace;

/// Blocks at once: what stands in a group at most is read in parts.
const PART_BLOCKS: usize = 256;

/// The blocks, by their offset in the slot, that a group of this segment names and that are good on
/// no copy in service. With `repair`, where one copy is good those that are not are rewritten with
/// it.
///
/// Only what a group's head vouches for is looked at; what a segment has more is not told. Nothing
/// may be given other bytes meanwhile: the caller holds a pin. Groups from `end` on are not looked
/// at: those that were not applied may be on their way, and what a crash tore lies there, too.
#[must_use]
pub fn unsound_blocks(
    device: &dyn Device,
    geometry: Geometry,
    place: SegmentPlace,
    end: u32,
    repair: bool,
) -> Vec<u64> {
    let mut heads = MergedHeads::new(device, geometry);
    let mut unsound = Vec::new();
    let mut offset = to_u32(BLOCK_BYTES);
    while offset < end {
        // A stretch that cannot be read tells nothing.
        let head = heads.read(place, offset, |_| true).ok().flatten();
        let next = match head {
            Some(found) => {
                if repair && !found.whole {
                    let at = Place::slot(place.slot, offset.into());
                    rewrite(device, at, &found.head.bytes, |_| true);
                }
                let data = offset + found.head.head_bytes;
                let bytes = found.head.header.data_bytes;
                let checksums = block_checksums(&found.head.mutations, to_usize(u64::from(bytes)));
                for (part, expected) in checksums
                    .unwrap_or_default()
                    .chunks(PART_BLOCKS)
                    .enumerate()
                {
                    let first = u64::from(data) + (part * PART_BLOCKS * BLOCK_BYTES) as u64;
                    let at = Place::slot(place.slot, first);
                    unsound.extend(unsound_in(device, at, expected, repair));
                }
                data.checked_add(bytes)
            }
            None => heads.next_block(offset),
        };
        match next {
            Some(next) if u64::from(next) + BLOCK <= u64::from(geometry.segment_bytes) => {
                offset = next;
            }
            _ => break,
        }
    }
    unsound
}

/// Of the blocks from `at` on those that should have a checksum and are good on no copy.
fn unsound_in(
    device: &dyn Device,
    at: Place,
    expected: &[Option<Checksum>],
    repair: bool,
) -> Vec<u64> {
    let copies: Vec<(usize, PageBuf)> = device
        .copies_in_service(at.area)
        .into_iter()
        .map(|copy| (copy, read_what_can_be(device, copy, at, expected.len())))
        .collect();
    let mut unsound = Vec::new();
    for (index, checksum) in expected.iter().enumerate() {
        let Some(checksum) = checksum else { continue };
        let here = Place {
            offset: at.offset + (index * BLOCK_BYTES) as u64,
            ..at
        };
        let (mut found, mut bad) = (None, Vec::new());
        for (copy, bytes) in &copies {
            let block = bytes.chunks(BLOCK_BYTES).nth(index);
            match block.filter(|block| crc32c::crc32c(block) == checksum.get()) {
                Some(block) => found = Some(block),
                None => bad.push(*copy),
            }
        }
        let Some(block) = found else {
            unsound.push(here.offset);
            continue;
        };
        if repair {
            rewrite(device, here, block, |copy| bad.contains(&copy));
        }
    }
    unsound
}

fn rewrite(device: &dyn Device, at: Place, bytes: &[u8], is_bad: impl Fn(usize) -> bool) {
    let copies = device.copies_in_service(at.area).into_iter();
    for copy in copies.filter(|copy| is_bad(*copy)) {
        match device.repair(copy, at, bytes) {
            Ok(()) => tracing::warn!(%at, copy, "a bad copy was rewritten with a good one"),
            Err(error) => {
                tracing::warn!(%at, copy, %error, "a bad copy could not be rewritten");
            }
        }
    }
}

/// Blocks of one copy; zeroes where it cannot be read.
fn read_what_can_be(device: &dyn Device, copy: usize, at: Place, blocks: usize) -> PageBuf {
    let mut bytes = PageBuf::zeroed(blocks * BLOCK_BYTES);
    if device
        .read_copy(copy, at, ReadFrom::Cache, &mut bytes)
        .is_ok()
    {
        return bytes;
    }
    for (index, block) in bytes.chunks_mut(BLOCK_BYTES).enumerate() {
        let here = Place {
            offset: at.offset + (index * BLOCK_BYTES) as u64,
            ..at
        };
        if device
            .read_copy(copy, here, ReadFrom::Cache, block)
            .is_err()
        {
            block.fill(0);
        }
    }
    bytes
}

#[cfg(test)]
mod tests;
