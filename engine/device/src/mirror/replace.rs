//! Putting a new device in the place of a member.

use std::sync::Arc;

use engine_base::{ByteCount, DeviceId};
use engine_format::{MemberRecord, Membership};

use super::member::Phase;
use super::{Mirror, open};
use crate::{DeviceError, Geometry, Opened};

impl Mirror {
    /// Makes `new`, which is empty, the member that `old` was: named by its path, its identity in
    /// hex or its number. It catches up while the pool goes on; the old device is not used any more
    /// and can be taken away when this returns.
    ///
    /// CRASH: before the new membership is durable on one of the others the old device is the
    /// member, and the new one, if it has a record already, is one that nobody knows.
    ///
    /// # Errors
    /// [`DeviceError::Unusable`]: there is no such member, the pool cannot do without it, or the
    /// new device is not empty or too small. Nothing has changed.
    pub fn replace(&self, old: &str, new: &Opened) -> Result<(), DeviceError> {
        if !new.empty {
            return Err(self.unusable(format!(
                "{} is not empty; wipe it, or give another device",
                new.device.name()
            )));
        }
        // Nobody writes meanwhile: all that is written later counts as missing on the new one.
        let _label = self.label_lock.write();
        let _slots: Vec<_> = self.slot_locks.iter().map(|lock| lock.write()).collect();
        let mut state = self.state.lock();
        self.exclude_locked(&mut state)?;
        let index = find(&state.record, old)
            .ok_or_else(|| self.unusable(format!("there is no device {old}; list them")))?;
        let Some(member) = self.members.get(index) else {
            return Ok(());
        };
        self.check_spare(index)?;
        let (Some((geometry, placement)), Some(entry)) =
            (self.geometry.get(), state.record.members.get(index))
        else {
            return Err(self.unusable("has no slots before it is attached"));
        };
        let available = new.device.available()?;
        if available < entry.bytes {
            return Err(self.unusable(format!(
                "{} has {available}, and takes the place of one of {}",
                new.device.name(),
                entry.bytes
            )));
        }
        new.device.attach(Geometry {
            slots: placement.slots_of(index),
            ..*geometry
        })?;
        let mut next = self.next_generation(&state);
        next.members[index] = MemberRecord {
            device: DeviceId::new(self.options.entropy.id_bytes()),
            bytes: entry.bytes,
            stale_since: Some(next.generation),
            name: open::short_name(new.device.name()),
        };
        if let Some(copy) = state.next_copy.get_mut(index) {
            *copy = 0;
        }
        member.missing.set_all();
        member.set_copying(None);
        member.set_device(Some(Arc::clone(&new.device)));
        member
            .vanished
            .store(false, std::sync::atomic::Ordering::SeqCst);
        member.forget_cause();
        member.note_missed();
        member.set_phase(Phase::Syncing);
        self.record(&mut state, next);
        self.exclude_locked(&mut state)
    }

    /// Bytes that the pool takes of a member, named as in [`Self::replace`].
    ///
    /// # Errors
    /// [`DeviceError::Unusable`]: there is no such member.
    pub fn size_of(&self, name: &str) -> Result<ByteCount, DeviceError> {
        let state = self.state.lock();
        let member = find(&state.record, name).and_then(|index| state.record.members.get(index));
        member
            .map(|member| member.bytes)
            .ok_or_else(|| self.unusable(format!("there is no device {name}; list them")))
    }

    /// Every slot has a current copy on another member.
    fn check_spare(&self, index: usize) -> Result<(), DeviceError> {
        let current = self.with_phase(Phase::Current);
        let others = current.filter(|other| *other != index).count();
        if others > 0 && self.members.len() - others < self.replicas {
            return Ok(());
        }
        Err(self.unusable(
            "some segments would have no copy without that device; wait until the others are up \
             to date",
        ))
    }
}

fn find(record: &Membership, name: &str) -> Option<usize> {
    let by = |is: &dyn Fn(&MemberRecord) -> bool| record.members.iter().position(is);
    by(&|member| member.name == name)
        .or_else(|| by(&|member| member.device.to_string() == name))
        .or_else(|| {
            name.parse()
                .ok()
                .filter(|index| *index < record.members.len())
        })
}
