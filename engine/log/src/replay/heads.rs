//! Reading group heads through a window, so that small groups cost one device read for many.

use engine_base::limits::BLOCK_BYTES;
use engine_base::{Checksum, Location, to_usize};
use engine_device::{Device, Geometry, PageBuf, Place, ReadFrom};
use engine_format::{GroupHeader, decode_head, peek_head};

use crate::{LogError, SegmentPlace};

/// Read at once where groups are small, so that one read serves many heads.
const WINDOW_BYTES: usize = 256 << 10;
/// Read at once where groups carry much data, which is skipped.
const HEAD_BYTES: usize = 16 << 10;

/// A head whose checksum is right for its place.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) header: GroupHeader,
    pub(super) head_bytes: u32,
    pub(super) mutations: Vec<u8>,
    pub(super) checksum: Checksum,
    /// All of the head, as it lies there.
    pub(super) bytes: PageBuf,
}

/// Reads heads of one copy.
pub(super) struct HeadReader<'a> {
    device: &'a dyn Device,
    copy: usize,
    geometry: Geometry,
    window: PageBuf,
    /// What the window holds: place, first byte, bytes.
    held: Option<(SegmentPlace, u64, usize)>,
    /// The newest head was that of a small group.
    small_groups: bool,
}

impl<'a> HeadReader<'a> {
    pub(super) fn new(device: &'a dyn Device, copy: usize, geometry: Geometry) -> Self {
        Self {
            device,
            copy,
            geometry,
            window: PageBuf::zeroed(WINDOW_BYTES),
            held: None,
            small_groups: true,
        }
    }

    /// The group head at a place; `None` if what lies there is not one, or is damaged.
    pub(super) fn read(
        &mut self,
        place: SegmentPlace,
        offset: u32,
    ) -> Result<Option<Head>, LogError> {
        let at = Location {
            segment: place.segment,
            offset,
        };
        let Some(first) = self.bytes(place, u64::from(offset), BLOCK_BYTES)? else {
            return Ok(None);
        };
        let Ok(sizes) = peek_head(first, at) else {
            return Ok(None);
        };
        let end = u64::from(offset) + u64::from(sizes.group_bytes());
        if end > u64::from(self.geometry.segment_bytes) {
            return Ok(None);
        }
        let head_bytes = to_usize(u64::from(sizes.head_bytes));
        let Some(bytes) = self.bytes(place, u64::from(offset), head_bytes)? else {
            return Ok(None);
        };
        let Ok(head) = decode_head(bytes, at) else {
            return Ok(None);
        };
        let mutations = bytes.get(head.mutations).unwrap_or_default().to_vec();
        let copied = PageBuf::copy_of(bytes);
        let head_bytes = head.sizes.head_bytes;
        self.small_groups = to_usize(u64::from(head.sizes.data_bytes)) <= HEAD_BYTES;
        Ok(Some(Head {
            header: head.header,
            head_bytes,
            mutations,
            checksum: head.checksum,
            bytes: copied,
        }))
    }

    /// `bytes` bytes of the segment, from the window.
    fn bytes(
        &mut self,
        place: SegmentPlace,
        offset: u64,
        bytes: usize,
    ) -> Result<Option<&[u8]>, LogError> {
        let segment_bytes = u64::from(self.geometry.segment_bytes);
        if offset + bytes as u64 > segment_bytes {
            return Ok(None);
        }
        let holds = |(held, first, length): (SegmentPlace, u64, usize)| {
            held == place && first <= offset && offset + bytes as u64 <= first + length as u64
        };
        if !self.held.is_some_and(holds) {
            self.fill(place, offset, bytes)?;
        }
        let from = self
            .held
            .map_or(0, |(_, first, _)| to_usize(offset - first));
        Ok(self.window.get(from..from + bytes))
    }

    fn fill(&mut self, place: SegmentPlace, offset: u64, bytes: usize) -> Result<(), LogError> {
        let room = to_usize(u64::from(self.geometry.segment_bytes) - offset);
        let ahead = if self.small_groups {
            WINDOW_BYTES
        } else {
            HEAD_BYTES
        };
        let mut length = room.min(bytes.max(ahead));
        self.held = None;
        if self.window.len() < length {
            self.window = PageBuf::zeroed(length);
        }
        let at = Place::slot(place.slot, offset);
        let mut read = |length: usize| {
            let window = self.window.get_mut(..length).unwrap_or_default();
            self.device
                .read_copy(self.copy, at, ReadFrom::Cache, window)
        };
        if let Err(error) = read(length) {
            // What cannot be read may lie behind what is asked for.
            if length == bytes {
                return Err(error.into());
            }
            length = bytes;
            read(length)?;
        }
        self.held = Some((place, offset, length));
        Ok(())
    }
}
