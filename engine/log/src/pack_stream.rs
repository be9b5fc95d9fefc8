//! A pack stream: where cleaning puts the blocks that it moves.

use engine_base::limits::{BLOCK, BLOCK_BYTES};
use engine_base::{ByteCount, EpochId, Location, Lsn, PoolId, to_u32};
use engine_device::{Area, Device, DeviceError, Geometry, Place, Prepare};
use engine_format::SegmentKind;

use crate::segment::HeaderFields;
use crate::{LogError, SegmentPlace, SegmentSource, write_segment_header};

/// Appends blocks to segments of kind pack. One writer: the cleaner.
///
/// Durability: [`PackStream::append`] none; [`PackStream::sync`] makes all that was appended
/// durable.
#[derive(Debug)]
pub struct PackStream {
    pool: PoolId,
    epoch: EpochId,
    geometry: Geometry,
    open: Option<Written>,
    /// Segments that were appended to since the last sync, the open one too.
    unsynced: Vec<Written>,
    bytes: u64,
}

/// How far a pack is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// The pack.
    pub place: SegmentPlace,
    /// Bytes from its start.
    pub end: u32,
    /// Whether it is full: nothing is appended to it any more.
    pub is_full: bool,
}

impl PackStream {
    /// A stream that opens its first segment when something is appended.
    #[must_use]
    pub const fn new(pool: PoolId, epoch: EpochId, geometry: Geometry) -> Self {
        Self {
            pool,
            epoch,
            geometry,
            open: None,
            unsynced: Vec::new(),
            bytes: 0,
        }
    }

    /// Bytes that fit before another segment is needed.
    #[must_use]
    pub fn room(&self) -> u64 {
        self.open
            .map_or(0, |open| u64::from(self.geometry.segment_bytes - open.end))
    }

    /// The open segment, if everything in it is durable.
    #[must_use]
    pub fn settled(&self) -> Option<SegmentPlace> {
        let open = self.open?.place;
        let is_settled = self.unsynced.iter().all(|known| known.place != open);
        is_settled.then_some(open)
    }

    /// Appends nothing more to the open segment.
    pub const fn seal(&mut self) {
        self.open = None;
    }

    /// Appends the first of `blocks`, as many as fit in one segment, one behind the other; where
    /// the first lies, and how many they are. They can be read at once.
    ///
    /// # Errors
    /// [`LogError::NoSpace`] and [`LogError::HostNoSpace`]: nothing was written.
    /// [`LogError::Device`]: the caller poisons the pool.
    pub fn append(
        &mut self,
        device: &dyn Device,
        source: &dyn SegmentSource,
        blocks: &[&[u8]],
    ) -> Result<(Location, usize), LogError> {
        let mut open = match self.open {
            Some(open) => open,
            None => self.prepare(device, source)?,
        };
        let room = engine_base::to_usize(u64::from(self.geometry.segment_bytes - open.end));
        let count = blocks.len().min(room / BLOCK_BYTES);
        let (now, _) = blocks.split_at(count);
        let (at, bytes) = (open.end, (count * BLOCK_BYTES) as u64);
        let place = Place::slot(open.place.slot, u64::from(at));
        device.write(place, now)?;
        device.start_writeback(place, bytes);
        self.bytes += bytes;
        open.end += to_u32(count * BLOCK_BYTES);
        open.is_full = open.end >= self.geometry.segment_bytes;
        self.unsynced.retain(|known| known.place != open.place);
        self.unsynced.push(open);
        self.open = (!open.is_full).then_some(open);
        let location = Location {
            segment: open.place.segment,
            offset: at,
        };
        Ok((location, count))
    }

    /// Makes everything appended so far durable; the segments that this is about.
    ///
    /// # Errors
    /// [`LogError::Device`]: the caller poisons the pool.
    pub fn sync(&mut self, device: &dyn Device) -> Result<Vec<Written>, LogError> {
        for written in &self.unsynced {
            device.sync(Area::Segment(written.place.slot))?;
        }
        Ok(std::mem::take(&mut self.unsynced))
    }

    /// Bytes appended in all, headers not counted.
    #[must_use]
    pub const fn appended(&self) -> ByteCount {
        ByteCount::new(self.bytes)
    }

    fn prepare(
        &self,
        device: &dyn Device,
        source: &dyn SegmentSource,
    ) -> Result<Written, LogError> {
        let place = source.allocate(SegmentKind::Pack)?;
        if let Err(error) = device.prepare(place.slot, Prepare::Allocate) {
            source.release(place);
            return Err(match error {
                error @ DeviceError::NoSpace { .. } => LogError::HostNoSpace(error),
                error => LogError::Device(error),
            });
        }
        let fields = HeaderFields {
            pool: self.pool,
            epoch: self.epoch,
            kind: SegmentKind::Pack,
            first_lsn: Lsn::ZERO,
            previous: None,
        };
        write_segment_header(device, place, &fields.at(place))?;
        Ok(Written {
            place,
            end: u32::try_from(BLOCK).expect("a block is small"),
            is_full: false,
        })
    }
}
