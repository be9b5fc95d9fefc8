//! The map of what a stale member misses: one bit for each of its slots, in sectors with a checksum
//! each, because a bit is set while the rest of the map is in use.

use std::mem::offset_of;

use engine_base::DeviceId;
use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned, transmute, transmute_ref};

use super::{MEMBER_SLOTS_MAX, MEMBERS_MAX};
use crate::{FormatError, Identity, check};

/// Bytes of a sector of the map: what a disk writes whole or not at all.
pub const MISSING_SECTOR_BYTES: usize = 512;
/// Slots that one sector covers.
pub const MISSING_SLOTS: u32 = 3776;

const NAME: &str = "map of missing slots";
const MAGIC: [u8; 4] = *b"TMIS";
const CHECKED_FROM: usize = 8;
const BIT_BYTES: usize = 472;
/// Where the maps begin in the label, and bytes that each member has there.
const OFFSET: u64 = 131_072;
const MEMBER_BYTES: u64 = 40_960;

/// Where the sector with `slot` of the member at place `member` lies, in bytes from the start of
/// the label.
///
/// # Panics
/// If there is no such member or slot (programmer error).
#[must_use]
pub fn missing_offset(member: usize, slot: u32) -> u64 {
    assert!(member < MEMBERS_MAX && slot < MEMBER_SLOTS_MAX);
    let sector = u64::from(slot / MISSING_SLOTS) * MISSING_SECTOR_BYTES as u64;
    OFFSET + member as u64 * MEMBER_BYTES + sector
}

/// One sector of the map of one member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingSector {
    /// The member that misses the slots.
    pub device: DeviceId,
    /// The generation since which it does.
    pub stale_since: u64,
    /// Which sector of the map.
    pub index: u32,
    /// Bit `i` of byte `j` is set: slot `index * 3776 + 8 * j + i` is missing.
    pub bits: [u8; BIT_BYTES],
}

/// A sector exactly as it lies on the device. Nothing in it has been checked.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy)]
#[repr(C)]
struct RawSector {
    magic: [u8; 4],
    crc32c: U32,
    device: [u8; 16],
    stale_since: U64,
    index: U32,
    reserved: [u8; 4],
    bits: [u8; BIT_BYTES],
}

const _: () = assert!(size_of::<RawSector>() == MISSING_SECTOR_BYTES);
const _: () = assert!(offset_of!(RawSector, device) == CHECKED_FROM);
const _: () = assert!(offset_of!(RawSector, bits) == 40);
const _: () = assert!(MISSING_SLOTS as usize == BIT_BYTES * 8);
const _: () = assert!(
    MEMBER_SLOTS_MAX as u64 == MEMBER_BYTES / MISSING_SECTOR_BYTES as u64 * MISSING_SLOTS as u64
);

impl MissingSector {
    /// The bytes.
    ///
    /// # Panics
    /// If a field has a value that [`MissingSector::decode`] would refuse (programmer error).
    #[must_use]
    pub fn encode(&self) -> [u8; MISSING_SECTOR_BYTES] {
        assert!(self.stale_since > 0 && self.device != DeviceId::NONE);
        let mut raw = RawSector {
            magic: MAGIC,
            crc32c: U32::ZERO,
            device: self.device.get(),
            stale_since: U64::new(self.stale_since),
            index: U32::new(self.index),
            reserved: [0; 4],
            bits: self.bits,
        };
        raw.crc32c = U32::new(raw.computed());
        transmute!(raw)
    }

    /// Checks the bytes of sector `index` of the map of `device`, which is stale since that
    /// generation.
    ///
    /// # Errors
    /// [`FormatError::BadMagic`], [`FormatError::Checksum`]; [`FormatError::Misplaced`] for the map
    /// of another device, generation or place; [`FormatError::Field`].
    pub fn decode(
        bytes: &[u8; MISSING_SECTOR_BYTES],
        device: DeviceId,
        stale_since: u64,
        index: u32,
    ) -> Result<Self, FormatError> {
        let raw: &RawSector = transmute_ref!(bytes);
        check::magic(&raw.magic, &MAGIC, NAME)?;
        check::checksum(raw.crc32c.get(), raw.computed(), NAME)?;
        check::zero(&raw.reserved, NAME, "reserved")?;
        if raw.device != device.get() {
            return Err(FormatError::Misplaced {
                structure: NAME,
                name: "device_id",
                found: Identity::Random(raw.device),
                expected: Identity::Random(device.get()),
            });
        }
        check::number(raw.stale_since.get(), stale_since, NAME, "stale_since")?;
        check::number(raw.index.get().into(), index.into(), NAME, "sector")?;
        Ok(Self {
            device,
            stale_since,
            index,
            bits: raw.bits,
        })
    }
}

impl RawSector {
    fn computed(&self) -> u32 {
        let (_, checked) = self.as_bytes().split_at(CHECKED_FROM);
        crc32c::crc32c(checked)
    }
}
