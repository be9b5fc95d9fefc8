//! The two copies of the superblock.
//!
//! Legal states. A pool that was only created has checkpoint 0 in copy 0 and nothing in copy 1.
//! From the first opening on both copies hold a checkpoint, but for one that a power cut tore: it
//! was being written and named nothing that anybody relied on, and the next checkpoint replaces it.
//! A copy that rotted later looks the same, and opening the pool with the other one replays the
//! journal to the same end, unless the damaged copy was the only one of its epoch: then groups of a
//! later epoch lie on the device, and that is damage.

use engine_device::{Place, ReadFrom};
use engine_format::{CheckpointId, SUPERBLOCK_BYTES, Superblock, superblock_offset};

use super::Check;
use super::report::chain;
use crate::StoreError;
use crate::open::{later_epoch, read_superblocks};

enum Copy {
    Valid(Box<Superblock>),
    Blank,
    Invalid(String),
    Unreadable(String),
}

impl Check<'_> {
    /// Chooses the superblock to check by.
    pub(super) fn superblocks(&mut self, rewind: bool) -> Result<Superblock, StoreError> {
        let superblock = match (self.read_copy(0), self.read_copy(1)) {
            (Copy::Valid(first), Copy::Valid(second)) => self.both(&first, &second, rewind)?,
            (Copy::Valid(only), other) if !rewind => self.only(0, *only, &other),
            (other, Copy::Valid(only)) if !rewind => self.only(1, *only, &other),
            _ => self.choose(rewind)?,
        };
        if superblock.is_read_only() {
            self.warn(format!(
                "the pool uses features {:#x} that this build does not know; it can only be read: \
                 check it with the build that wrote it",
                superblock.features_read_only
            ));
        }
        Ok(superblock)
    }

    /// One of the two: of a pool on several devices the newest that any has, since a crash may have
    /// come between them.
    fn read_copy(&mut self, copy: u8) -> Copy {
        let device = std::sync::Arc::clone(&self.device);
        let place = Place::label(superblock_offset(copy));
        let numbers = device.copies_in_service(place.area);
        let found: Vec<(usize, Copy)> = numbers
            .into_iter()
            .map(|number| (number, self.read_one(number, place, copy)))
            .collect();
        let checkpoint = |copy: &Copy| match copy {
            Copy::Valid(superblock) => Some(superblock.checkpoint),
            _ => None,
        };
        let newest = found.iter().filter_map(|(_, copy)| checkpoint(copy)).max();
        if newest.is_some() {
            for (number, other) in &found {
                let name = device.name_of_copy(*number, place.area);
                self.bad_copy(copy, &name, other);
            }
        }
        let is_newest = |(_, copy): &(usize, Copy)| checkpoint(copy) == newest;
        let chosen = found.into_iter().find(is_newest);
        chosen.map_or(Copy::Blank, |(_, copy)| copy)
    }

    /// One that is not valid on a device while it is on another.
    fn bad_copy(&mut self, copy: u8, device: &str, found: &Copy) {
        let what = format!("superblock copy {copy} on {device}");
        let other = "another device has a good one, and checkpoints write over it";
        match found {
            Copy::Valid(_) | Copy::Blank => {}
            Copy::Invalid(error) => self.warn(format!(
                "{what} is not valid ({error}); {other}: a power cut while a checkpoint was \
                 written leaves this behind"
            )),
            Copy::Unreadable(error) => self.damage(format!(
                "{what} cannot be read ({error}); {other}: look at that device"
            )),
        }
    }

    fn read_one(&mut self, number: usize, place: Place, copy: u8) -> Copy {
        let mut bytes = [0; SUPERBLOCK_BYTES];
        let read = self
            .device
            .read_copy(number, place, ReadFrom::Cache, &mut bytes);
        if let Err(error) = read {
            return Copy::Unreadable(chain(&error));
        }
        self.verified(SUPERBLOCK_BYTES as u64);
        match Superblock::decode(&bytes, copy) {
            Ok(superblock) => Copy::Valid(Box::new(superblock)),
            Err(_) if bytes.iter().all(|byte| *byte == 0) => Copy::Blank,
            Err(error) => Copy::Invalid(chain(&error)),
        }
    }

    /// What opening the pool chooses, or the error with which it fails.
    fn choose(&self, rewind: bool) -> Result<Superblock, StoreError> {
        let copies = read_superblocks(&*self.device);
        let (_, superblock) = copies.choose(self.device.name(), rewind)?;
        Ok(superblock)
    }

    fn both(
        &mut self,
        first: &Superblock,
        second: &Superblock,
        rewind: bool,
    ) -> Result<Superblock, StoreError> {
        let geometry = |superblock: &Superblock| (superblock.segment_bytes, superblock.slots);
        if geometry(first) != geometry(second) || first.device_id != second.device_id {
            self.damage(
                "the two superblocks describe different devices: restore the label from a backup"
                    .to_owned(),
            );
        }
        self.choose(rewind)
    }

    fn only(&mut self, copy: u8, superblock: Superblock, other: &Copy) -> Superblock {
        self.alone = true;
        let bad = 1 - copy;
        let place = Place::label(superblock_offset(bad));
        let used = format!(
            "checkpoint {} of copy {copy} is used, and the next checkpoint replaces the bad one",
            superblock.checkpoint.get()
        );
        let usual = "a power cut while a checkpoint was written leaves this behind";
        match other {
            Copy::Blank if copy == 0 && superblock.checkpoint == CheckpointId::new(0) => {}
            Copy::Blank => self.warn(format!(
                "superblock copy {bad} at {place} is blank; {usual}; {used}"
            )),
            Copy::Invalid(error) => self.warn(format!(
                "superblock copy {bad} at {place} is not valid ({error}); {usual}; {used}"
            )),
            Copy::Unreadable(error) => self.damage(format!(
                "superblock copy {bad} at {place} cannot be read ({error}); {used}: look at the \
                 device"
            )),
            Copy::Valid(_) => {}
        }
        superblock
    }

    /// Whether the superblock that should be used was lost.
    pub(super) fn look_for_later_epoch(&mut self, superblock: &Superblock) {
        if !self.alone {
            return;
        }
        if let Some(later) = later_epoch(&*self.device, superblock) {
            self.damage(format!(
                "the newest superblock is lost: the group at {} was written in a later epoch than \
                 that of checkpoint {}, which does not lead there; restore the label, or open the \
                 pool with the override that drops everything written since that epoch",
                later.group,
                superblock.checkpoint.get()
            ));
        }
    }
}
