//! Heads of groups to bytes and back.

use std::ops::Range;

use engine_base::limits::BLOCK;
use engine_base::{Checksum, Location, align_up, to_u32, to_usize};
use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, IntoBytes};

use super::{
    CHECKED_FROM, GROUP_HEADER_BYTES, GroupHead, GroupHeader, HeadSizes, MAGIC, NAME,
    RawGroupHeader, successor_to_disk,
};
use crate::{FormatError, batches, check};

/// Bytes of the head of a group with `mutation_bytes` bytes of mutations.
#[must_use]
pub const fn head_bytes_for(mutation_bytes: usize) -> usize {
    to_usize(align_up(
        (GROUP_HEADER_BYTES + mutation_bytes) as u64,
        BLOCK,
    ))
}

/// Writes the head of the group at `place` to `out` and returns its checksum: `chain` of the next
/// group.
///
/// `mutations` are the batches one after the other, their data offsets already relative to the
/// group's data. `out` has [`head_bytes_for`] bytes, all zero behind the mutations.
///
/// # Panics
/// If sizes or fields break the format's limits (programmer error). The mutations themselves are
/// not checked.
pub fn encode_head(
    header: &GroupHeader,
    mutations: &[u8],
    place: Location,
    out: &mut [u8],
) -> Checksum {
    assert!(
        out.len() == head_bytes_for(mutations.len()),
        "the buffer is the head"
    );
    let (next_segment, next_slot) = successor_to_disk(header.successor);
    let raw = RawGroupHeader {
        magic: MAGIC,
        crc32c: U32::ZERO,
        lsn: U64::new(header.lsn.get()),
        epoch: header.epoch.get(),
        chain: U32::new(header.chain.get()),
        head_bytes: U32::new(to_u32(out.len())),
        data_bytes: U32::new(header.data_bytes),
        mutation_bytes: U32::new(to_u32(mutations.len())),
        batches: U32::new(header.batches),
        next_slot,
        next_segment,
        durable_lsn: U64::new(header.durable_lsn.get()),
        reserved: [0; 8],
    };
    if let Err(error) = raw.peek(place).and_then(|_| raw.verify(place)) {
        panic!("refusing to write a group that could not be read: {error}");
    }
    let (head, tail) = out.split_at_mut(GROUP_HEADER_BYTES);
    head.copy_from_slice(raw.as_bytes());
    let (body, padding) = tail.split_at_mut(mutations.len());
    body.copy_from_slice(mutations);
    debug_assert!(
        padding.iter().all(|byte| *byte == 0),
        "the caller zeroed the padding"
    );
    let checksum = head_checksum(out, place);
    let (_, from_checksum) = out.split_at_mut(CHECKED_FROM - size_of::<U32>());
    let (stored, _) = from_checksum.split_at_mut(size_of::<U32>());
    stored.copy_from_slice(U32::new(checksum).as_bytes());
    Checksum::new(checksum)
}

/// Reads the sizes of the group at `place` from its first bytes, so that the rest of its head can
/// be read.
///
/// # Errors
/// [`FormatError::BadMagic`], [`FormatError::Truncated`] and [`FormatError::Field`]: no group lies
/// here.
pub fn peek_head(first_block: &[u8], place: Location) -> Result<HeadSizes, FormatError> {
    raw_header(first_block)?.peek(place)
}

/// Checks the head of the group at `place`. `bytes` starts with the head and may go on behind it.
///
/// # Errors
/// Those of [`peek_head`], and [`FormatError::Checksum`]: no group lies here, or a torn one. Any
/// other error for bytes whose checksum is right: they are what was written, but not by a correct
/// version 1. Such a group must not be taken for a torn tail; [`peek_head`] succeeds for it.
pub fn decode_head(bytes: &[u8], place: Location) -> Result<GroupHead, FormatError> {
    let raw = raw_header(bytes)?;
    let sizes = raw.peek(place)?;
    let needed = to_usize(sizes.head_bytes.into());
    let Some((head, _)) = bytes.split_at_checked(needed) else {
        let available = bytes.len();
        return Err(FormatError::Truncated {
            structure: NAME,
            needed,
            available,
        });
    };
    check::checksum(raw.crc32c.get(), head_checksum(head, place), NAME)?;
    let header = raw.verify(place)?;
    let end = GROUP_HEADER_BYTES + to_usize(sizes.mutation_bytes.into());
    let mutations = GROUP_HEADER_BYTES..end;
    verify_body(head, mutations.clone(), &header)?;
    let checksum = Checksum::new(raw.crc32c.get());
    Ok(GroupHead {
        header,
        sizes,
        mutations,
        checksum,
    })
}

/// Checks batches, mutations and padding.
fn verify_body(
    head: &[u8],
    mutations: Range<usize>,
    header: &GroupHeader,
) -> Result<(), FormatError> {
    let (body, padding) = head.split_at(mutations.end);
    check::zero(padding, NAME, "padding")?;
    let (_, body) = body.split_at(mutations.start);
    let mut count = 0u32;
    for batch in batches(body) {
        count += 1;
        for mutation in batch?.mutations() {
            mutation?.check_data(header.data_bytes)?;
        }
    }
    let why = "the mutations are another number of batches";
    check::field(
        count == header.batches,
        NAME,
        "batches",
        header.batches,
        why,
    )
}

fn raw_header(bytes: &[u8]) -> Result<&RawGroupHeader, FormatError> {
    match RawGroupHeader::ref_from_prefix(bytes) {
        Ok((raw, _)) => Ok(raw),
        Err(_) => Err(FormatError::Truncated {
            structure: NAME,
            needed: GROUP_HEADER_BYTES,
            available: bytes.len(),
        }),
    }
}

/// The checksum continues from that of the place.
fn head_checksum(head: &[u8], place: Location) -> u32 {
    let mut seed = [0; 12];
    let (segment, offset) = seed.split_at_mut(8);
    segment.copy_from_slice(&place.segment.get().to_le_bytes());
    offset.copy_from_slice(&place.offset.to_le_bytes());
    let (_, checked) = head.split_at(CHECKED_FROM);
    crc32c::crc32c_append(crc32c::crc32c(&seed), checked)
}
