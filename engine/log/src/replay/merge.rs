//! The journal of several copies as one: a head counts if any copy has it.
//!
//! A power cut may have torn a group on one copy and spared it on another; a copy may have rotted.
//! What is accepted is whole on some copy, and made so on all afterwards (`restore.rs`). End and
//! damage are told apart over all copies, too: any copy of a group vouches.

use engine_base::limits::BLOCK;
use engine_device::{Area, Device, Geometry};

use super::heads::{Head, HeadReader};
use crate::{LogError, SegmentPlace};

/// Heads of all copies.
pub(super) struct MergedHeads<'a> {
    device: &'a dyn Device,
    geometry: Geometry,
    copies: Vec<HeadReader<'a>>,
}

/// A head, and whether every copy in service has it.
pub(super) struct Merged {
    pub(super) head: Head,
    pub(super) whole: bool,
}

impl<'a> MergedHeads<'a> {
    pub(super) fn new(device: &'a dyn Device, geometry: Geometry) -> Self {
        let copies = device.copies(Area::Segment(engine_base::Slot::new(0)));
        let readers = (0..copies).map(|copy| HeadReader::new(device, copy, geometry));
        Self {
            device,
            geometry,
            copies: readers.collect(),
        }
    }

    /// The block after the one at `offset`, if a head fits there.
    pub(super) fn next_block(&self, offset: u32) -> Option<u32> {
        let after = u64::from(offset) + BLOCK;
        if after > u64::from(self.geometry.segment_bytes) {
            return None;
        }
        u32::try_from(after).ok()
    }

    /// The group head at a place that `wanted` wants; `None` if no copy has such a one.
    ///
    /// # Errors
    /// [`LogError::Device`] if no copy can be read.
    pub(super) fn read(
        &mut self,
        place: SegmentPlace,
        offset: u32,
        wanted: impl Fn(&Head) -> bool,
    ) -> Result<Option<Merged>, LogError> {
        let mut found: Option<Head> = None;
        let (mut whole, mut readable, mut failure) = (true, false, None);
        for (copy, reader) in self.copies.iter_mut().enumerate() {
            if !self.device.has_copy(copy, Area::Segment(place.slot)) {
                continue;
            }
            match reader.read(place, offset) {
                Ok(head) => {
                    readable = true;
                    match head.filter(&wanted) {
                        Some(head) => found = found.or(Some(head)),
                        None => whole = false,
                    }
                }
                Err(error) => {
                    whole = false;
                    failure = Some(error);
                }
            }
        }
        match (found, failure) {
            (Some(head), _) => Ok(Some(Merged { head, whole })),
            (None, Some(error)) if !readable => Err(error),
            (None, _) => Ok(None),
        }
    }
}
