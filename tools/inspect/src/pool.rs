//! How the device is cut, and where segments lie.

use engine_base::limits::{SEGMENT_BYTES_MAX, SEGMENT_BYTES_MIN};
use engine_base::{Location, SegmentId, Slot, to_u32};
use engine_device::{Device, Geometry, PageBuf, Place};
use engine_format::{SEGMENT_HEADER_BYTES, SUPERBLOCK_BYTES, Superblock, superblock_offset};

use crate::fields::sized;
use crate::{InspectError, SegmentName};

/// A device whose geometry is known.
pub(crate) struct Pool<'a> {
    pub(crate) device: &'a dyn Device,
    pub(crate) geometry: Geometry,
}

/// Bytes of a segment, and which segment its header says it is.
#[derive(Clone, Copy)]
pub(crate) struct At {
    pub(crate) slot: Slot,
    pub(crate) location: Location,
}

impl At {
    pub(crate) fn place(self) -> Place {
        Place::slot(self.slot, self.location.offset.into())
    }
}

impl<'a> Pool<'a> {
    /// Attaches the device if it is not.
    pub(crate) fn find(device: &'a dyn Device) -> Result<Self, InspectError> {
        if let Some(geometry) = device.geometry() {
            return Ok(Self { device, geometry });
        }
        let copies = [read_copy(device, 0)?, read_copy(device, 1)?];
        let valid = (0..2).zip(&copies).find_map(|(copy, bytes)| {
            let superblock = Superblock::decode(bytes, copy).ok()?;
            Some(Geometry {
                segment_bytes: superblock.segment_bytes,
                slots: superblock.slots,
            })
        });
        let likely = || copies.iter().find_map(|bytes| likely_geometry(bytes));
        let Some(geometry) = valid.or_else(likely) else {
            return Err(InspectError::NoGeometry {
                device: device.name().to_owned(),
            });
        };
        device.attach(geometry)?;
        Ok(Self { device, geometry })
    }

    pub(crate) fn read(&self, place: Place, bytes: usize) -> Result<PageBuf, InspectError> {
        let mut buf = PageBuf::zeroed(bytes);
        self.device.read(place, &mut buf)?;
        Ok(buf)
    }

    /// As many of `bytes` bytes as there are up to the end of the segment.
    pub(crate) fn read_up_to(&self, at: At, bytes: usize) -> Result<PageBuf, InspectError> {
        let room = self
            .geometry
            .segment_bytes
            .saturating_sub(at.location.offset);
        let room = usize::try_from(room).unwrap_or(usize::MAX);
        self.read(at.place(), bytes.min(room))
    }

    pub(crate) fn slot_of(&self, name: SegmentName) -> Result<Slot, InspectError> {
        match name {
            SegmentName::Slot(slot) => self.check_slot(slot),
            SegmentName::Id(segment) => (0..self.geometry.slots)
                .map(Slot::new)
                .find(|slot| self.segment_in(*slot) == Some(segment))
                .ok_or(InspectError::NoSegment { segment }),
        }
    }

    fn check_slot(&self, slot: Slot) -> Result<Slot, InspectError> {
        let slots = self.geometry.slots;
        if slot.get() < slots {
            Ok(slot)
        } else {
            Err(InspectError::NoSlot { slot, slots })
        }
    }

    /// A byte of the segment in `slot`.
    pub(crate) fn place(&self, slot: Slot, offset: u32) -> Result<At, InspectError> {
        let slot = self.check_slot(slot)?;
        let segment_bytes = self.geometry.segment_bytes;
        if offset >= segment_bytes {
            return Err(InspectError::NoOffset {
                offset,
                segment_bytes,
            });
        }
        // Without a header the seed of checksums is not known: they will not fit.
        let segment = self.segment_in(slot).unwrap_or(SegmentId::FIRST);
        let location = Location { segment, offset };
        Ok(At { slot, location })
    }

    /// What the header in a slot says, valid or not.
    fn segment_in(&self, slot: Slot) -> Option<SegmentId> {
        let bytes = self.read(Place::slot(slot, 0), SEGMENT_HEADER_BYTES).ok()?;
        bytes.starts_with(b"TREFSEG\x1a").then_some(())?;
        SegmentId::new(sized(&bytes, 32, 8)?)
    }
}

pub(crate) fn read_copy(
    device: &dyn Device,
    copy: u8,
) -> Result<[u8; SUPERBLOCK_BYTES], InspectError> {
    let mut bytes = [0; SUPERBLOCK_BYTES];
    device.read(Place::label(superblock_offset(copy)), &mut bytes)?;
    Ok(bytes)
}

/// The geometry of a superblock that is not valid, if it is possible.
fn likely_geometry(bytes: &[u8]) -> Option<Geometry> {
    let segment_bytes = sized(bytes, 128, 8)?;
    let slots = u32::try_from(sized(bytes, 136, 4)?).ok()?;
    let possible = segment_bytes.is_power_of_two()
        && (SEGMENT_BYTES_MIN..=SEGMENT_BYTES_MAX).contains(&segment_bytes)
        && slots > 0;
    possible.then(|| Geometry {
        segment_bytes: to_u32(engine_base::to_usize(segment_bytes)),
        slots,
    })
}
