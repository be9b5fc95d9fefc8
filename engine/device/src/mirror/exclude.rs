//! Going on without a member.
//!
//! CRASH. A call has failed on a member. Nothing that needs the survivors alone was answered yet.
//! Before the new generation is durable on a survivor, the next opening finds the old one: all
//! members count, and what this one lacks is found on the others when the journal is replayed.
//! Once it is durable on one survivor, every opening that sees it knows that the other is stale; an
//! opening that sees only members without it misses a current one, and refuses.
//!
//! The map of what the member misses is written before the record that makes it count; both are
//! synced at once. If only the record survives, the map's sectors are those of another generation
//! or none: then everything counts as missing.
//!
//! Later writes set a bit for their slot, durably, before the first byte is written there: a crash
//! in between leaves a slot that is copied once too often.

use std::sync::atomic::Ordering;

use engine_format::{MISSING_SLOTS, Membership, missing_offset};

use super::member::Phase;
use super::placement::Holder;
use super::{Member, Mirror, State, label};
use crate::{Area, Device, DeviceError, Place};

impl Mirror {
    /// Takes a member out of service after a failed call. [`Self::exclude`] must follow before
    /// anything is answered.
    pub(super) fn fail(&self, member: usize, error: &DeviceError) {
        let Some(member) = self.members.get(member) else {
            return;
        };
        if member
            .device()
            .is_some_and(|device| device.is_there().is_err())
        {
            member.vanished.store(true, Ordering::SeqCst);
        }
        member.fail(error);
    }

    /// Whether some member has failed and no record says so yet.
    pub(super) fn has_failing(&self) -> bool {
        self.members
            .iter()
            .any(|member| member.phase() == Phase::Failing)
    }

    /// Waits until the members in service have recorded that those which failed are out.
    ///
    /// # Errors
    /// What the member failed with, if the pool cannot do without it.
    pub(super) fn exclude(&self) -> Result<(), DeviceError> {
        if !self.has_failing() {
            return Ok(());
        }
        self.exclude_locked(&mut self.state.lock())
    }

    pub(super) fn exclude_locked(&self, state: &mut State) -> Result<(), DeviceError> {
        loop {
            let failing: Vec<usize> = self.with_phase(Phase::Failing).collect();
            let Some(first) = failing.first() else {
                return Ok(());
            };
            if !self.can_go_on() {
                let cause = self.members.get(*first).and_then(Member::cause);
                return Err(cause.unwrap_or_else(|| self.no_copy(Place::label(0))));
            }
            let mut next = self.next_generation(state);
            for index in &failing {
                self.note_dirty(*index);
                if let Some(entry) = next.members.get_mut(*index) {
                    entry.stale_since = Some(next.generation);
                }
            }
            if self.record(state, next) {
                for index in failing {
                    self.retire(index);
                }
            }
        }
    }

    fn retire(&self, index: usize) {
        let Some(member) = self.members.get(index) else {
            return;
        };
        member.set_phase(Phase::Out);
        member.set_copying(None);
        if member.vanished.load(Ordering::SeqCst) {
            // So that whatever comes back at its place can be opened.
            member.set_device(None);
        }
        tracing::error!(
            device = index,
            slots = member.missing.count(),
            "the pool goes on without a device"
        );
    }

    pub(super) fn next_generation(&self, state: &State) -> Membership {
        let [a, b, c, d, e, f, g, h, ..] = self.options.entropy.id_bytes();
        let id = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
        state.record.successor(id.max(1))
    }

    pub(super) fn with_phase(&self, phase: Phase) -> impl Iterator<Item = usize> {
        let members = self.members.iter().enumerate();
        members.filter_map(move |(index, member)| (member.phase() == phase).then_some(index))
    }

    /// Whether every slot has a copy on a member that is current.
    pub(super) fn can_go_on(&self) -> bool {
        let current = self.with_phase(Phase::Current).count();
        current > 0 && self.members.len() - current < self.replicas
    }

    /// What is not on stable storage everywhere is missing on a member that goes.
    fn note_dirty(&self, member: usize) {
        let Ok(placement) = self.placement() else {
            return;
        };
        for slot in self.dirty.slots() {
            self.note_slot(member, &placement.holders(slot));
        }
    }

    fn note_slot(&self, member: usize, holders: &[Holder]) {
        let held = holders.iter().filter(|holder| holder.member == member);
        for holder in held {
            if let Some(member) = self.members.get(member) {
                member.missing.set(holder.slot);
            }
        }
    }

    /// Makes `next` the membership, durably on all in service, with the maps of all who are stale.
    /// `false`: another member has failed at it; nothing may be answered yet.
    pub(super) fn record(&self, state: &mut State, next: Membership) -> bool {
        let mut whole = true;
        for (index, member, device) in self.in_service() {
            if let Err(error) = self.record_on(state, &next, index, &*device) {
                member.fail(&error);
                whole = false;
            }
        }
        // Also if it is not on all: some have it, so the next generation comes from it.
        state.record = next;
        state.unrecorded &= !whole;
        whole
    }

    fn record_on(
        &self,
        state: &mut State,
        next: &Membership,
        index: usize,
        device: &dyn Device,
    ) -> Result<(), DeviceError> {
        for (stale, entry) in next.members.iter().enumerate() {
            let (Some(since), Some(member)) = (entry.stale_since, self.members.get(stale)) else {
                continue;
            };
            label::write_map(device, (stale, entry.device), since, &member.missing)?;
        }
        let (Some(copy), Some(entry)) = (state.next_copy.get_mut(index), next.members.get(index))
        else {
            return Ok(());
        };
        label::write_record(device, next, entry.device, *copy)?;
        device.sync(Area::Label)?;
        *copy = 1 - *copy;
        Ok(())
    }

    /// Before a write to a slot: every member that does not get it is recorded as missing it.
    ///
    /// # Errors
    /// As [`Self::exclude`].
    pub(super) fn admit(&self, holders: &[Holder]) -> Result<(), DeviceError> {
        for holder in holders {
            let Some(member) = self.members.get(holder.member) else {
                continue;
            };
            if member.serves(holder.slot) {
                continue;
            }
            // Under the mutex, also where the bit is set already: it may be on its way only.
            self.note_missing(*holder, member)?;
        }
        Ok(())
    }

    fn note_missing(&self, holder: Holder, member: &Member) -> Result<(), DeviceError> {
        let mut state = self.state.lock();
        loop {
            self.exclude_locked(&mut state)?;
            if member.serves(holder.slot) || member.missing.has(holder.slot) {
                return Ok(());
            }
            if self.write_sector(&state, holder.member, holder.slot, true) {
                member.missing.set(holder.slot);
                return Ok(());
            }
        }
    }

    /// Writes and syncs the sector with a slot on all in service. `false`: one has failed.
    pub(super) fn write_sector(
        &self,
        state: &State,
        stale: usize,
        slot: u32,
        is_missing: bool,
    ) -> bool {
        let (Some(entry), Some(member)) =
            (state.record.members.get(stale), self.members.get(stale))
        else {
            return true;
        };
        let Some(since) = entry.stale_since else {
            return true;
        };
        let index = slot / MISSING_SLOTS;
        let with = is_missing.then_some(slot);
        let sector = member.missing.sector(entry.device, since, index, with);
        let place = Place::label(missing_offset(stale, slot));
        let mut whole = true;
        for (_, member, device) in self.in_service() {
            let written = device
                .write(place, &[&sector.encode()])
                .and_then(|()| device.sync(Area::Label));
            if let Err(error) = written {
                member.fail(&error);
                whole = false;
            }
        }
        whole
    }
}
