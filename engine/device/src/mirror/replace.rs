//! Putting a new device in the place of a member.

use std::sync::Arc;

use engine_base::{ByteCount, DeviceId};
use engine_format::{MemberRecord, Membership};

use super::member::Phase;
use super::{Mirror, open};
use crate::{DeviceError, Geometry, Opened};

impl Mirror {
    /// Makes `new`, which is empty, the member that `old` was: named by the path where it is, or
    /// was when it was last there, its identity in hex or its number. It catches up while the pool
    /// goes on; the old device is not used any more and can be taken away when this returns.
    ///
    /// CRASH: before the new membership is durable on one of the others the old device is the
    /// member, and the new one, if it has a record already, is one that nobody knows.
    ///
    /// # Errors
    /// [`DeviceError::Unusable`]: there is no such member or there are several, the pool cannot do
    /// without it, or the new device is not empty or too small. Nothing has changed.
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
        let index = self.find(&state.record, old)?;
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
    /// [`DeviceError::Unusable`]: there is no such member, or there are several.
    pub fn size_of(&self, name: &str) -> Result<ByteCount, DeviceError> {
        let state = self.state.lock();
        let index = self.find(&state.record, name)?;
        let member = state.record.members.get(index);
        Ok(member.map_or(ByteCount::ZERO, |member| member.bytes))
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

    /// The member that is known by that path, identity or number.
    ///
    /// What counts is where it was found, not where it was when it was recorded: after paths were
    /// swapped those name each other. One that was away since before has its recorded path only,
    /// and another may lie there now: then the path names two.
    fn find(&self, record: &Membership, name: &str) -> Result<usize, DeviceError> {
        let entries = self.members.iter().zip(&record.members).enumerate();
        let known: Vec<(usize, String)> = entries
            .filter(|(index, (member, entry))| {
                member.path(entry) == name
                    || entry.device.to_string() == name
                    || name.parse() == Ok(*index)
            })
            .map(|(index, (_, entry))| (index, entry.device.to_string()))
            .collect();
        match &*known {
            [] => Err(self.unusable(format!("there is no device {name}; list them"))),
            [(index, _)] => Ok(*index),
            _ => {
                let ids: Vec<&str> = known.iter().map(|(_, id)| id.as_str()).collect();
                Err(self.unusable(format!(
                    "{name} is, or was, the path of {} devices; name one by its id: {}",
                    ids.len(),
                    ids.join(" or ")
                )))
            }
        }
    }
}
