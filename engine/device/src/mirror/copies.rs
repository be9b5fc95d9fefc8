//! Single copies: read, repaired, lost.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use engine_base::Slot;

use super::member::Phase;
use super::placement::Holder;
use super::{Member, Mirror};
use crate::{Area, Device, DeviceError, PageBuf, Place, ReadFrom};

/// A device that has a copy, and the place there.
type Readable = (Arc<dyn Device>, Place);

impl Mirror {
    /// The member with a copy, and the slot there; the label has no slot.
    fn holder_of(&self, copy: usize, at: Place) -> Result<(usize, Option<Holder>), DeviceError> {
        match at.area {
            Area::Label if copy < self.members.len() => Ok((copy, None)),
            Area::Segment(slot) => match self.holders(slot)?.get(copy) {
                Some(holder) => Ok((holder.member, Some(*holder))),
                None => Err(DeviceError::no_such_copy(&self.name, copy, at)),
            },
            Area::Label => Err(DeviceError::no_such_copy(&self.name, copy, at)),
        }
    }

    /// The device with a copy that may be read, and the place there.
    pub(super) fn copy_at(&self, copy: usize, at: Place) -> Result<Option<Readable>, DeviceError> {
        let (index, holder) = self.holder_of(copy, at)?;
        let Some(member) = self.members.get(index) else {
            return Ok(None);
        };
        let (readable, place) = match holder {
            Some(Holder { slot, .. }) => {
                let place = Place::slot(Slot::new(slot), at.offset);
                (member.readable(slot), place)
            }
            // A member that catches up gets its superblocks last.
            None => (
                matches!(member.phase(), Phase::Current | Phase::Failing),
                at,
            ),
        };
        Ok(member
            .device()
            .filter(|_| readable)
            .map(|device| (device, place)))
    }

    pub(super) fn copy_name(&self, copy: usize, at: Place) -> String {
        let member = self.holder_of(copy, at).ok();
        let member = member.and_then(|(index, _)| self.members.get(index));
        let device = member.and_then(Member::device);
        device.map_or_else(|| self.name.to_string(), |device| device.name().to_owned())
    }

    pub(super) fn read_one(
        &self,
        copy: usize,
        at: Place,
        from: ReadFrom,
        buf: &mut [u8],
    ) -> Result<(), DeviceError> {
        let Some((device, place)) = self.copy_at(copy, at)? else {
            return Err(self.no_copy(at));
        };
        device.read_copy(0, place, from, buf).inspect_err(|error| {
            // An opening looks at every slot, also at those that were never used.
            if !error.is_no_slot()
                && let Ok((index, _)) = self.holder_of(copy, at)
                && let Some(member) = self.members.get(index)
            {
                member.counters.errors.fetch_add(1, Ordering::Relaxed);
            }
        })
    }

    pub(super) fn repair_one(
        &self,
        copy: usize,
        at: Place,
        bytes: &[u8],
    ) -> Result<(), DeviceError> {
        let (index, holder) = self.holder_of(copy, at)?;
        let (Some(member), Some((device, place))) =
            (self.members.get(index), self.copy_at(copy, at)?)
        else {
            return Err(self.no_copy(at));
        };
        let serves = match holder {
            Some(holder) => member.serves(holder.slot),
            None => member.phase() == Phase::Current,
        };
        if !serves || !self.options.writable {
            return Err(self.no_copy(at));
        }
        let written = device
            .write(place, &[bytes])
            .and_then(|()| device.sync(place.area));
        if let Err(error) = written {
            match holder {
                Some(holder) if self.is_lost_slot(holder, &error) => self.lose_slot(holder)?,
                _ => self.fail(index, &error),
            }
            self.exclude()?;
            return Err(error);
        }
        let mut stored = PageBuf::recycled(bytes.len());
        device.read_copy(0, place, ReadFrom::Storage, &mut stored)?;
        if stored[..] != *bytes {
            return Err(DeviceError::Io {
                action: "reading back what was repaired",
                device: device.name().into(),
                place: at,
                source: Arc::new(io::Error::other("storage holds other bytes")),
            });
        }
        member.counters.repaired.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Whether a call failed because the slot is not there, while the device is: its file was
    /// deleted or cut.
    pub(super) fn is_lost_slot(&self, holder: Holder, error: &DeviceError) -> bool {
        let device = self.members.get(holder.member).and_then(Member::device);
        error.is_no_slot() && device.is_some_and(|device| device.is_there().is_ok())
    }

    /// Goes on without one slot of a member: it is copied again.
    pub(super) fn lose_slot(&self, holder: Holder) -> Result<(), DeviceError> {
        let mut state = self.state.lock();
        let Some(member) = self.members.get(holder.member) else {
            return Ok(());
        };
        loop {
            self.exclude_locked(&mut state)?;
            if !member.serves(holder.slot) {
                return Ok(());
            }
            tracing::error!(
                device = holder.member,
                slot = holder.slot,
                "a slot of a device is lost: it is copied again"
            );
            if member.phase() == Phase::Syncing {
                if self.write_sector(&state, holder.member, holder.slot, true) {
                    member.missing.set(holder.slot);
                    return Ok(());
                }
                continue;
            }
            member.set_phase(Phase::Syncing);
            if !self.can_go_on() {
                member.set_phase(Phase::Current);
                return Err(self.no_copy(Place::slot(Slot::new(holder.slot), 0)));
            }
            member.missing.set(holder.slot);
            member.counters.missed.store(1, Ordering::Relaxed);
            let mut next = self.next_generation(&state);
            if let Some(entry) = next.members.get_mut(holder.member) {
                entry.stale_since = Some(next.generation);
            }
            if self.record(&mut state, next) {
                return Ok(());
            }
        }
    }
}
