//! The two copies of the superblock.
//!
//! Legal states. A pool that was only created has checkpoint 0 in copy 0 and nothing in copy 1.
//! From the first opening on both copies hold a checkpoint, but for one that a power cut tore: it
//! was being written and named nothing that anybody relied on, and the next checkpoint replaces it.
//! A copy that rotted later looks the same, and opening the pool with the other one replays the
//! journal to the same end, unless the damaged copy was the only one of its epoch: then groups of a
//! later epoch lie on the device, and that is damage.

use engine_device::Place;
use engine_format::{CheckpointId, SUPERBLOCK_BYTES, Superblock, superblock_offset};

use super::{Check, Named};
use crate::StoreError;
use crate::open::{later_epoch, read_superblocks};

enum Copy {
    Valid(Superblock),
    Blank,
    Invalid(String),
    Unreadable(String),
}

impl Check<'_> {
    /// Chooses the superblock to check by.
    pub(super) fn superblocks(&mut self, rewind: bool) -> Result<Superblock, StoreError> {
        let named = match (self.read_copy(0), self.read_copy(1)) {
            (Copy::Valid(first), Copy::Valid(second)) => self.both(first, second, rewind)?,
            (Copy::Valid(only), other) => self.only(0, only, &other, rewind)?,
            (other, Copy::Valid(only)) => self.only(1, only, &other, rewind)?,
            _ => return self.none(rewind),
        };
        if named.superblock.is_read_only() {
            self.warn(format!(
                "the pool uses features {:#x} that this build does not know; it can only be read: \
                 check it with the build that wrote it",
                named.superblock.features_read_only
            ));
        }
        Ok(named.superblock)
    }

    fn read_copy(&mut self, copy: u8) -> Copy {
        let mut bytes = [0; SUPERBLOCK_BYTES];
        let place = Place::label(superblock_offset(copy));
        if let Err(error) = self.device.read(place, &mut bytes) {
            return Copy::Unreadable(crate::error::chain(&error));
        }
        self.verified(SUPERBLOCK_BYTES as u64);
        match Superblock::decode(&bytes, copy) {
            Ok(superblock) => Copy::Valid(superblock),
            Err(_) if bytes.iter().all(|byte| *byte == 0) => Copy::Blank,
            Err(error) => Copy::Invalid(crate::error::chain(&error)),
        }
    }

    /// The error with which opening the pool fails.
    fn none(&mut self, rewind: bool) -> Result<Superblock, StoreError> {
        let copies = read_superblocks(&*self.device)?;
        copies
            .choose(self.device.name(), rewind)
            .map(|(_, superblock)| superblock)
    }

    fn both(
        &mut self,
        first: Superblock,
        second: Superblock,
        rewind: bool,
    ) -> Result<Named, StoreError> {
        let geometry = |superblock: &Superblock| (superblock.segment_bytes, superblock.slots);
        if geometry(&first) != geometry(&second) || first.device_id != second.device_id {
            self.damage(
                "the two superblocks describe different devices: restore the label from a backup"
                    .to_owned(),
            );
        }
        let copies = read_superblocks(&*self.device)?;
        let (copy, superblock) = copies.choose(self.device.name(), rewind)?;
        Ok(Named { copy, superblock })
    }

    fn only(
        &mut self,
        copy: u8,
        superblock: Superblock,
        other: &Copy,
        rewind: bool,
    ) -> Result<Named, StoreError> {
        if rewind {
            return self
                .none(rewind)
                .map(|superblock| Named { copy, superblock });
        }
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
        Ok(Named { copy, superblock })
    }

    /// Whether the superblock that should be used was lost.
    pub(super) fn look_for_later_epoch(&mut self, superblock: &Superblock, rewind: bool) {
        let alone = read_superblocks(&*self.device)
            .map_or(true, |copies| copies.copies.iter().any(Result::is_err));
        if rewind || !alone {
            return;
        }
        match later_epoch(&*self.device, superblock) {
            Ok(None) => {}
            Ok(Some(place)) => self.damage(format!(
                "the newest superblock is lost: the group at {place} was written after it, and \
                 checkpoint {} does not lead there; restore the label, or open the pool with the \
                 override that drops everything written since that checkpoint's epoch",
                superblock.checkpoint.get()
            )),
            Err(error) => self.damage(format!(
                "whether the newest superblock was lost cannot be told: {}",
                crate::error::chain(&error)
            )),
        }
    }
}
