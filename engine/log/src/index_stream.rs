//! The index stream: where tree pages, deltas and the segment table are appended.

use engine_base::limits::{BLOCK, PAGE_BYTES};
use engine_base::{ByteCount, EpochId, Location, Lsn, PoolId, align_up, to_u32, to_usize};
use engine_device::{Area, Device, Geometry, Place, Prepare};
use engine_format::SegmentKind;

use crate::segment::HeaderFields;
use crate::{LogError, SegmentPlace, SegmentSource, write_segment_header};

/// Appends to segments of kind index. One writer: the checkpoint.
///
/// Durability: [`IndexStream::append`] none; [`IndexStream::sync`] makes all that was appended
/// durable.
#[derive(Debug)]
pub struct IndexStream {
    pool: PoolId,
    epoch: EpochId,
    geometry: Geometry,
    open: Option<Open>,
    /// Prepared ahead, so that a checkpoint that has begun finds room. Used first.
    spare: Vec<SegmentPlace>,
    /// Segments with bytes that no sync covers yet, the open one included.
    unsynced: Vec<SegmentPlace>,
    /// Segments that were filled since [`IndexStream::take_sealed`], with the bytes written to
    /// them.
    sealed: Vec<(SegmentPlace, u32)>,
    bytes: u64,
}

#[derive(Debug, Clone, Copy)]
struct Open {
    place: SegmentPlace,
    offset: u32,
}

impl IndexStream {
    /// A stream that goes on in `resume`, the open index segment of the newest checkpoint with the
    /// bytes used in it, or opens its first segment when something is appended. What lies behind
    /// those bytes was never named by a checkpoint.
    #[must_use]
    pub fn new(
        pool: PoolId,
        epoch: EpochId,
        geometry: Geometry,
        resume: Option<(SegmentPlace, u32)>,
    ) -> Self {
        Self {
            pool,
            epoch,
            geometry,
            open: resume.map(|(place, offset)| Open { place, offset }),
            spare: Vec::new(),
            unsynced: Vec::new(),
            sealed: Vec::new(),
            bytes: 0,
        }
    }

    /// Bytes that fit before another segment is needed, whatever their alignment.
    #[must_use]
    pub fn room(&self) -> u64 {
        let segment = u64::from(self.geometry.segment_bytes);
        // Each segment loses its header and less than a page at its end.
        let usable = segment - BLOCK - PAGE_BYTES as u64;
        let open = self.open.map_or(0, |open| segment - u64::from(open.offset));
        let open = open.saturating_sub(PAGE_BYTES as u64);
        open + self.spare.len() as u64 * usable
    }

    /// Prepares segments until `bytes` fit, whatever the alignment of what is appended.
    ///
    /// # Errors
    /// [`LogError::NoSpace`], [`LogError::HostNoSpace`]: what is appended later may find no room;
    /// [`LogError::Device`].
    pub fn ensure_room(
        &mut self,
        device: &dyn Device,
        source: &dyn SegmentSource,
        bytes: u64,
    ) -> Result<(), LogError> {
        while self.room() < bytes {
            let place = self.prepare(device, source)?;
            self.spare.push(place);
        }
        Ok(())
    }

    /// Moves on to a new segment unless `bytes` fit in the open one, so that they lie in one.
    ///
    /// # Errors
    /// As [`IndexStream::append`].
    pub fn keep_together(
        &mut self,
        device: &dyn Device,
        source: &dyn SegmentSource,
        bytes: u64,
    ) -> Result<SegmentPlace, LogError> {
        let open = self.room_for(device, source, to_usize(bytes), BLOCK)?;
        Ok(open.place)
    }

    /// Where the next bytes will lie, or behind it: what was appended lies before, in the order of
    /// locations, and what will be does not.
    ///
    /// # Errors
    /// As [`IndexStream::append`].
    pub fn position(
        &mut self,
        device: &dyn Device,
        source: &dyn SegmentSource,
    ) -> Result<Location, LogError> {
        let open = self.room_for(device, source, 0, 1)?;
        Ok(Location {
            segment: open.place.segment,
            offset: open.offset,
        })
    }

    /// Appends `bytes`, at most a page, at a multiple of `alignment`, and returns where they lie.
    /// They can be read at once.
    ///
    /// # Errors
    /// [`LogError::NoSpace`] and [`LogError::HostNoSpace`]: nothing was written.
    /// [`LogError::Device`]: the caller poisons the pool.
    pub fn append(
        &mut self,
        device: &dyn Device,
        source: &dyn SegmentSource,
        bytes: &[u8],
        alignment: u64,
    ) -> Result<Location, LogError> {
        let open = self.room_for(device, source, bytes.len(), alignment)?;
        let offset = to_u32_offset(align_up(u64::from(open.offset), alignment));
        device.write(Place::slot(open.place.slot, u64::from(offset)), &[bytes])?;
        self.open = Some(Open {
            place: open.place,
            offset: offset + to_u32(bytes.len()),
        });
        if !self.unsynced.contains(&open.place) {
            self.unsynced.push(open.place);
        }
        self.bytes += bytes.len() as u64;
        Ok(Location {
            segment: open.place.segment,
            offset,
        })
    }

    /// Makes everything appended so far durable.
    ///
    /// # Errors
    /// [`LogError::Device`]: the caller poisons the pool.
    pub fn sync(&mut self, device: &dyn Device) -> Result<(), LogError> {
        for place in &self.unsynced {
            device.sync(Area::Segment(place.slot))?;
        }
        self.unsynced.clear();
        Ok(())
    }

    /// The open segment and the bytes written to it.
    #[must_use]
    pub fn open_segment(&self) -> Option<(SegmentPlace, u32)> {
        self.open.map(|open| (open.place, open.offset))
    }

    /// The segments that were filled since the last call, with the bytes written to each.
    pub fn take_sealed(&mut self) -> Vec<(SegmentPlace, u32)> {
        std::mem::take(&mut self.sealed)
    }

    /// Bytes appended in all, headers and alignment not counted.
    #[must_use]
    pub const fn appended(&self) -> ByteCount {
        ByteCount::new(self.bytes)
    }

    fn room_for(
        &mut self,
        device: &dyn Device,
        source: &dyn SegmentSource,
        bytes: usize,
        alignment: u64,
    ) -> Result<Open, LogError> {
        if let Some(open) = self.open {
            let end = align_up(u64::from(open.offset), alignment) + bytes as u64;
            if end <= u64::from(self.geometry.segment_bytes) {
                return Ok(open);
            }
            self.sealed.push((open.place, open.offset));
            self.open = None;
        }
        // The oldest: ids ascend in the order in which segments are written.
        let place = match self.spare.first() {
            Some(_) => self.spare.remove(0),
            None => self.prepare(device, source)?,
        };
        let open = Open {
            place,
            offset: to_u32_offset(BLOCK),
        };
        self.open = Some(open);
        Ok(open)
    }

    fn prepare(
        &self,
        device: &dyn Device,
        source: &dyn SegmentSource,
    ) -> Result<SegmentPlace, LogError> {
        let place = source.allocate(SegmentKind::Index)?;
        if let Err(error) = device.prepare(place.slot, Prepare::Allocate) {
            source.release(place);
            return Err(match error {
                error @ engine_device::DeviceError::NoSpace { .. } => LogError::HostNoSpace(error),
                error => LogError::Device(error),
            });
        }
        let fields = HeaderFields {
            pool: self.pool,
            epoch: self.epoch,
            kind: SegmentKind::Index,
            first_lsn: Lsn::ZERO,
            previous: None,
        };
        write_segment_header(device, place, &fields.at(place))?;
        Ok(place)
    }
}

fn to_u32_offset(offset: u64) -> u32 {
    u32::try_from(offset).expect("segments are at most 1 GiB")
}
