//! Mutations as bytes, and every rule for them.

use std::mem::offset_of;

use engine_base::limits::{BLOCK, GROUP_DATA_BYTES_MAX, KEY_BYTES_MAX, VALUE_BYTES_MAX};
use engine_base::to_usize;
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::{ExtentPutRef, ExtentShareRef, NAME};
use crate::extent::{codec, stored_blocks};
use crate::{
    CHARGE_BYTES, Checksums, Codec, EXTENT_BLOCKS_MAX, FormatError, SEALED_BLOCKS_MAX, SealRef,
    TAG_BYTES, TOUCH_BYTES, Unit, check,
};

pub(crate) const PUT: u8 = 1;
pub(crate) const DELETE: u8 = 2;
pub(crate) const EXTENT_PUT: u8 = 3;
pub(crate) const EXTENT_CLEAR: u8 = 4;
pub(crate) const TOUCH: u8 = 5;
pub(crate) const EXTENT_SHARE: u8 = 6;
pub(crate) const EXTENT_RELEASE: u8 = 7;
pub(crate) const CHARGE: u8 = 8;

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy)]
#[repr(C)]
pub(crate) struct RawMutation {
    pub(crate) kind: u8,
    pub(crate) reserved: u8,
    pub(crate) key_bytes: U16,
    pub(crate) payload_bytes: U32,
    pub(crate) dataset: U64,
}

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy)]
#[repr(C)]
pub(crate) struct RawExtentPut {
    pub(crate) offset: U64,
    pub(crate) bytes: U32,
    pub(crate) data_offset: U32,
    /// Where the data is compressed: its bytes.
    pub(crate) skip: U16,
    pub(crate) codec: u8,
    pub(crate) sealed: u8,
}

/// Between the checksums and the tags of sealed blocks.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy)]
#[repr(C)]
pub(crate) struct RawSeal {
    pub(crate) session: U32,
    pub(crate) first: U64,
}

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy)]
#[repr(C)]
pub(crate) struct RawExtentClear {
    pub(crate) offset: U64,
    pub(crate) bytes: U64,
}

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy)]
#[repr(C)]
pub(crate) struct RawExtentShare {
    pub(crate) offset: U64,
    pub(crate) bytes: U64,
    pub(crate) from: U64,
}

const _: () = assert!(size_of::<RawExtentShare>() == 24);
const _: () = assert!(size_of::<RawMutation>() == 16);
const _: () = assert!(offset_of!(RawMutation, dataset) == 8);
const _: () = assert!(size_of::<RawExtentPut>() == 20);
const _: () = assert!(offset_of!(RawExtentPut, data_offset) == 12);
const _: () = assert!(size_of::<RawSeal>() == 12);
const _: () = assert!(size_of::<RawExtentClear>() == 16);

impl RawMutation {
    /// Checks everything but the bodies and returns the lengths of key and payload.
    pub(super) fn verify(&self) -> Result<(usize, usize), FormatError> {
        let known = (PUT..=CHARGE).contains(&self.kind);
        check::field(known, NAME, "kind", self.kind, "the kinds are 1 to 8")?;
        check::zero(&[self.reserved], NAME, "reserved")?;
        let dataset = self.dataset.get();
        check::field(
            dataset != 0,
            NAME,
            "dataset",
            dataset,
            "there is no dataset 0",
        )?;
        let key_bytes = usize::from(self.key_bytes.get());
        // The key of an extent is the prefix and an offset of 8 bytes.
        let key_bytes_max = match self.kind {
            PUT | DELETE | TOUCH | CHARGE => KEY_BYTES_MAX,
            _ => KEY_BYTES_MAX - size_of::<u64>(),
        };
        let valid = key_bytes <= key_bytes_max;
        check::field(
            valid,
            NAME,
            "key_bytes",
            key_bytes as u64,
            "keys are shorter",
        )?;
        let payload_bytes = to_usize(self.payload_bytes.get().into());
        let valid = match self.kind {
            PUT => payload_bytes <= VALUE_BYTES_MAX,
            DELETE => payload_bytes == 0,
            EXTENT_PUT => payload_bytes <= EXTENT_PUT_BYTES_MAX,
            TOUCH => payload_bytes == TOUCH_BYTES,
            CHARGE => payload_bytes == CHARGE_BYTES,
            EXTENT_SHARE => payload_bytes <= size_of::<RawExtentShare>() + KEY_BYTES_MAX,
            _ => payload_bytes == size_of::<RawExtentClear>(),
        };
        let why = "a mutation of this kind has another length";
        check::field(valid, NAME, "payload_bytes", payload_bytes as u64, why)?;
        Ok((key_bytes, payload_bytes))
    }
}

/// An extent of 1 MiB that starts inside a block.
const EXTENT_PUT_BYTES_MAX: usize = size_of::<RawExtentPut>() + 4 * EXTENT_BLOCKS_MAX;
const _: () =
    assert!(size_of::<RawSeal>() + (4 + TAG_BYTES) * SEALED_BLOCKS_MAX < 4 * EXTENT_BLOCKS_MAX);

pub(super) fn take_extent_put(payload: &[u8]) -> Result<ExtentPutRef<'_>, FormatError> {
    let (raw, rest) = RawExtentPut::ref_from_prefix(payload)
        .map_err(|_| truncated(size_of::<RawExtentPut>(), payload.len()))?;
    raw.verify()?;
    let codec = codec(NAME, raw.codec, || {
        Unit::new(NAME, raw.bytes.get(), raw.skip.get().into())
    })?;
    let skip = match codec {
        Codec::None => raw.skip.get(),
        Codec::Lz4(_) => 0,
    };
    let blocks = stored_blocks(NAME, raw.bytes.get(), skip, codec)?;
    let (checksums, seal) = take_seal(raw.sealed, rest, blocks)?;
    let checksums = Checksums::from_bytes(checksums)
        .filter(|checksums| checksums.len() == to_usize(blocks.into()))
        .ok_or(FormatError::Field {
            structure: NAME,
            name: "payload_bytes",
            value: payload.len() as u64,
            why: "each stored block has one checksum of 4 bytes",
        })?;
    let end = u64::from(raw.data_offset.get()) + u64::from(blocks) * BLOCK;
    let valid = end <= GROUP_DATA_BYTES_MAX as u64;
    let why = "a group carries less data";
    check::field(valid, NAME, "data_offset", raw.data_offset.get(), why)?;
    Ok(ExtentPutRef {
        offset: raw.offset.get(),
        bytes: raw.bytes.get(),
        data_offset: raw.data_offset.get(),
        skip,
        codec,
        checksums,
        seal,
    })
}

/// The bytes of the checksums of so many blocks, and how these were sealed.
fn take_seal(
    sealed: u8,
    bytes: &[u8],
    blocks: u32,
) -> Result<(&[u8], Option<SealRef<'_>>), FormatError> {
    let why = "it is 0 (no) or 1 (yes)";
    check::field(sealed <= 1, NAME, "sealed", sealed, why)?;
    if sealed == 0 {
        return Ok((bytes, None));
    }
    let checksums = 4 * to_usize(blocks.into());
    let cut_short = || truncated(checksums + size_of::<RawSeal>(), bytes.len());
    let (checksums, rest) = bytes.split_at_checked(checksums).ok_or_else(cut_short)?;
    let (raw, tags) = RawSeal::ref_from_prefix(rest).map_err(|_| cut_short())?;
    let which = (raw.session.get(), raw.first.get());
    SealRef::from_bytes(NAME, which, tags, blocks).map(|seal| (checksums, Some(seal)))
}

impl RawExtentPut {
    fn verify(&self) -> Result<(), FormatError> {
        let data_offset = self.data_offset.get();
        let valid = u64::from(data_offset).is_multiple_of(BLOCK);
        check::field(
            valid,
            NAME,
            "data_offset",
            data_offset,
            "data lies in whole blocks",
        )?;
        check_range(self.offset.get(), self.bytes.get().into())
    }
}

pub(super) fn take_extent_clear(payload: &[u8]) -> Result<(u64, u64), FormatError> {
    let raw = RawExtentClear::ref_from_bytes(payload)
        .map_err(|_| truncated(size_of::<RawExtentClear>(), payload.len()))?;
    let (offset, bytes) = (raw.offset.get(), raw.bytes.get());
    check::field(
        bytes > 0,
        NAME,
        "bytes",
        bytes,
        "an empty range is not cleared",
    )?;
    check_range(offset, bytes)?;
    Ok((offset, bytes))
}

pub(super) fn take_extent_share(payload: &[u8]) -> Result<ExtentShareRef<'_>, FormatError> {
    let (raw, source) = RawExtentShare::ref_from_prefix(payload)
        .map_err(|_| truncated(size_of::<RawExtentShare>(), payload.len()))?;
    let (offset, bytes, from) = (raw.offset.get(), raw.bytes.get(), raw.from.get());
    let why = "an empty range is not shared";
    check::field(bytes > 0, NAME, "bytes", bytes, why)?;
    check_range(offset, bytes)?;
    check_range(from, bytes)?;
    let valid = source.len() <= KEY_BYTES_MAX - size_of::<u64>();
    let why = "keys are shorter";
    check::field(valid, NAME, "source", source.len() as u64, why)?;
    Ok(ExtentShareRef {
        offset,
        bytes,
        source,
        from,
    })
}

fn check_range(offset: u64, bytes: u64) -> Result<(), FormatError> {
    let valid = offset.checked_add(bytes).is_some();
    check::field(
        valid,
        NAME,
        "offset",
        offset,
        "the range would end behind byte 2^64 - 1",
    )
}

pub(super) fn truncated(needed: usize, available: usize) -> FormatError {
    FormatError::Truncated {
        structure: NAME,
        needed,
        available,
    }
}
