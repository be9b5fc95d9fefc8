//! The end of catching up: the superblocks, and a generation in which the member is current.

use std::io;
use std::sync::Arc;

use engine_format::{SUPERBLOCK_BYTES, Superblock, superblock_offset};

use super::Member;
use crate::mirror::member::Phase;
use crate::mirror::{Mirror, open};
use crate::{Area, Device, DeviceError, Place, Upkeep};

type Bytes = [u8; SUPERBLOCK_BYTES];

impl Mirror {
    /// The member has every slot: it gets the superblocks, and is current.
    ///
    /// # Errors
    /// Of the member.
    pub(super) fn promote(
        &self,
        index: usize,
        member: &Member,
        device: &Arc<dyn Device>,
    ) -> Result<Upkeep, DeviceError> {
        let _alone = self.label_lock.write();
        if !member.uses(device) {
            return Ok(Upkeep::Copied(0));
        }
        let Some(superblocks) = self.superblocks() else {
            let cause = self.no_superblock();
            if member.note_cause(&cause) {
                tracing::error!(error = %cause, "a device cannot be brought up to date");
            }
            return Ok(Upkeep::Idle);
        };
        for (copy, bytes) in (0..).zip(&superblocks) {
            device.write(Place::label(superblock_offset(copy)), &[bytes])?;
        }
        device.sync(Area::Label)?;
        let mut state = self.state.lock();
        if member.phase() != Phase::Syncing || member.missing.count() > 0 {
            return Ok(Upkeep::Copied(0));
        }
        let mut next = self.next_generation(&state);
        if let Some(entry) = next.members.get_mut(index) {
            entry.stale_since = None;
            entry.name = open::short_name(device.name());
        }
        self.record(&mut state, next);
        if member.phase() == Phase::Syncing {
            member.set_phase(Phase::Current);
            member.forget_cause();
            tracing::info!(device = device.name(), "is up to date: it counts again");
        }
        let _ = self.exclude_locked(&mut state);
        Ok(Upkeep::Copied(0))
    }

    /// Both superblocks as the members have them that were given every one: of each place the
    /// newest that is valid, so that what has rotted on one is not passed on; zeroes where none is
    /// on any. `None`: none is valid, although some were written or cannot be read.
    fn superblocks(&self) -> Option<[Bytes; 2]> {
        let mut newest = [[0; SUPERBLOCK_BYTES]; 2];
        let (mut found, mut blank) = (false, true);
        for (copy, newest) in (0..).zip(&mut newest) {
            let mut checkpoint = None;
            for index in self.with_phase(Phase::Current) {
                let mut bytes = [0; SUPERBLOCK_BYTES];
                let at = Place::label(superblock_offset(copy));
                let member = self.members.get(index).and_then(Member::device);
                if member.is_none_or(|device| device.read(at, &mut bytes).is_err()) {
                    blank = false;
                    continue;
                }
                blank &= bytes.iter().all(|byte| *byte == 0);
                if let Ok(superblock) = Superblock::decode(&bytes, copy)
                    && checkpoint < Some(superblock.checkpoint)
                {
                    checkpoint = Some(superblock.checkpoint);
                    *newest = bytes;
                    found = true;
                }
            }
        }
        (found || blank).then_some(newest)
    }

    fn no_superblock(&self) -> DeviceError {
        DeviceError::Io {
            action: "copying the superblocks",
            device: Arc::clone(&self.name),
            place: Place::label(0),
            source: Arc::new(io::Error::other("no device in service has a valid one")),
        }
    }
}
