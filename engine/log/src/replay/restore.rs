//! Making a group that was accepted whole and durable on every copy.
//!
//! It is written once more, not only synced. A sync that failed in the life before may have left
//! the host with pages that it shows but never wrote and takes for clean: syncing them again does
//! nothing, and the next power cut would take away what an opening has built on.
//!
//! CRASH: the same bytes are written to the same place. Where they were durable nothing changes;
//! where they were not, nobody was told that they are.

use engine_base::{Checksum, Lsn};
use engine_device::{Area, Device, Geometry, Place};

use super::heads::HeadReader;
use super::merge::MergedHeads;
use super::verify;
use crate::{LogError, SegmentPlace};

/// Where a group lies that was passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AcceptedGroup {
    /// Its position in history.
    pub lsn: Lsn,
    /// Its segment.
    pub place: SegmentPlace,
    pub(super) from: u32,
    pub(super) head_bytes: u32,
    pub(super) data_bytes: u32,
    pub(super) checksum: Checksum,
}

impl AcceptedGroup {
    /// Whether that byte belongs to it.
    #[must_use]
    pub fn covers(&self, at: Place) -> bool {
        let from = u64::from(self.from);
        let end = from + u64::from(self.head_bytes) + u64::from(self.data_bytes);
        at.area == Area::Segment(self.place.slot) && (from..end).contains(&at.offset)
    }

    /// The copies in service that do not have the group's head.
    #[must_use]
    pub fn copies_without_head(&self, device: &dyn Device, geometry: Geometry) -> Vec<usize> {
        let area = Area::Segment(self.place.slot);
        let has_head = |copy: usize| {
            let mut reader = HeadReader::new(device, copy, geometry);
            let head = reader.read(self.place, self.from).ok().flatten();
            head.is_some_and(|head| head.checksum == self.checksum)
        };
        (0..device.copies(area))
            .filter(|copy| device.has_copy(*copy, area) && !has_head(*copy))
            .collect()
    }

    /// Writes the group to all copies, from what is good on any; not synced. `with_data`: its data
    /// too, all of which is good on some copy.
    ///
    /// # Errors
    /// [`LogError::Device`]; also if the group is not there any more.
    pub fn restore(
        &self,
        device: &dyn Device,
        geometry: Geometry,
        with_data: bool,
    ) -> Result<(), LogError> {
        let at = Place::slot(self.place.slot, self.from.into());
        let gone = || LogError::Damaged {
            lsn: self.lsn,
            place: at,
            durable: self.lsn,
        };
        let mut heads = MergedHeads::new(device, geometry);
        let merged = heads.read(self.place, self.from, |head| {
            head.header.lsn == self.lsn && head.checksum == self.checksum
        })?;
        let head = merged.ok_or_else(gone)?.head;
        if with_data && self.data_bytes > 0 {
            let data = verify::good_data(device, self, &head.mutations)?.ok_or_else(gone)?;
            device.write(at, &[&head.bytes, &data])?;
        } else {
            device.write(at, &[&head.bytes])?;
        }
        Ok(())
    }
}
