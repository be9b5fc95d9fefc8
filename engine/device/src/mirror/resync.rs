//! Bringing a member up to date while the pool goes on.
//!
//! Slots are copied one after the other, in pieces, each under the lock of its slot alone. From the
//! moment a slot is begun, writes to it go to the member, too; what it gets counts, and is read,
//! once the whole slot is there and synced. So each slot is copied once, whatever is written
//! meanwhile; and a slot in which nothing is in use any more not at all: also if that is so only
//! after its copying has begun, because its storage was given back on all devices then.
//!
//! What no copy has good is not copied over what the member has there (`copy.rs`).
//!
//! CRASH. A bit of the map is cleared on the others after the slot is durable on the member: some
//! slots are copied again. The superblocks come last; until then the member's own record says that
//! it is stale, so it is never opened by itself.

mod copy;
mod promote;

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use engine_base::{Slot, to_usize};

use super::member::Phase;
use super::{Member, Mirror};
use crate::{Area, Attention, Device, DeviceError, Place, Prepare, Upkeep};

/// Slots after which progress is made durable.
const SLOTS_PER_SAVE: u32 = 16;
/// Slots that are not in use passed over at a time.
const UNUSED_PER_STEP: u32 = 4096;

/// Where copying is.
#[derive(Debug, Default)]
pub(super) struct Cursor {
    copying: Option<Copying>,
    unsaved: u32,
}

#[derive(Debug, Clone)]
struct Copying {
    member: usize,
    /// The slot of the member, and of the pool.
    slot: u32,
    of: Slot,
    offset: usize,
    /// What no copy has good of the slot, ascending.
    unsound: Arc<[Range<u64>]>,
}

/// What [`Mirror::begin_slot`] found.
enum Begun {
    Copying(Copying),
    NotInUse,
    /// Another device has come in the place of this one, or what is sound cannot be told now.
    NotNow,
}

impl Mirror {
    pub(super) fn keep_up(&self, attention: &Attention<'_>) -> Upkeep {
        if !self.options.writable {
            return Upkeep::Idle;
        }
        if attention.look {
            self.look_around();
        }
        // What cannot be done without a member is said to who writes.
        if self.exclude().is_err() {
            return Upkeep::Idle;
        }
        let target = self.with_phase(Phase::Syncing).find_map(|index| {
            let member = self.members.get(index)?;
            Some((index, member, member.device()?))
        });
        let Some((index, member, device)) = target else {
            return Upkeep::Idle;
        };
        let mut cursor = self.resync.lock();
        match self.step(&mut cursor, (index, member, &device), attention) {
            Ok(upkeep) => upkeep,
            Err(error) => {
                cursor.copying = None;
                member.fail(&error);
                let _ = self.exclude();
                Upkeep::Idle
            }
        }
    }

    /// One piece of the member's next slot. The error is the member's.
    fn step(
        &self,
        cursor: &mut Cursor,
        (index, member, device): (usize, &Member, &Arc<dyn Device>),
        attention: &Attention<'_>,
    ) -> Result<Upkeep, DeviceError> {
        let mine = cursor.copying.take();
        let mine =
            mine.filter(|copying| copying.member == index && member.is_copying(copying.slot));
        let mut copying = match mine {
            Some(copying) => copying,
            None => {
                let mut passed = 0;
                loop {
                    let Some(slot) = member.missing.next(0) else {
                        return self.promote(index, member, device);
                    };
                    match self.begin_slot((index, member, device), slot, attention)? {
                        Begun::Copying(copying) => break copying,
                        Begun::NotInUse => passed += 1,
                        Begun::NotNow => return Ok(Upkeep::Copied(0)),
                    }
                    if passed == UNUSED_PER_STEP {
                        return Ok(Upkeep::Copied(0));
                    }
                }
            }
        };
        let Some(bytes) = self.copy_piece(&copying, member, &**device, attention)? else {
            return Ok(Upkeep::Copied(0));
        };
        copying.offset += bytes;
        member
            .counters
            .copied
            .fetch_add(bytes as u64, Ordering::Relaxed);
        if copying.offset >= self.segment_bytes() {
            self.finish_slot(cursor, member, device, &copying)?;
        } else {
            cursor.copying = Some(copying);
        }
        Ok(Upkeep::Copied(bytes as u64))
    }

    fn segment_bytes(&self) -> usize {
        let geometry = self.geometry.get();
        geometry.map_or(0, |(geometry, _)| to_usize(geometry.segment_bytes.into()))
    }

    fn begin_slot(
        &self,
        (index, member, device): (usize, &Member, &Arc<dyn Device>),
        slot: u32,
        attention: &Attention<'_>,
    ) -> Result<Begun, DeviceError> {
        let Some(of) = self.placement()?.slot_at(index, slot).map(Slot::new) else {
            member.missing.clear(slot);
            return Ok(Begun::NotInUse);
        };
        {
            let _alone = self.slot_lock(of).write();
            if !member.uses(device) {
                return Ok(Begun::NotNow);
            }
            // Asked for with the slot locked: who takes it into use later writes to this member,
            // too.
            if !(attention.in_use)(of) {
                member.missing.clear(slot);
                return Ok(Begun::NotInUse);
            }
            device.prepare(Slot::new(slot), Prepare::Allocate)?;
            member.set_copying(Some(slot));
        }
        // Only now: what is written from here on goes to the member, so a block that is not whole
        // at this moment because it is being written gets there without being copied.
        let own = |offset, buf: &mut [u8]| device.read(Place::slot(Slot::new(slot), offset), buf);
        let Some(unsound) = (attention.unsound)(of, &own) else {
            member.set_copying(None);
            return Ok(Begun::NotNow);
        };
        if !unsound.is_empty() {
            let bytes: u64 = unsound.iter().map(|range| range.end - range.start).sum();
            tracing::error!(
                slot = %of,
                bytes,
                "no copy has these bytes good: they are not copied; a scrub says what they are of"
            );
        }
        Ok(Begun::Copying(Copying {
            member: index,
            slot,
            of,
            offset: 0,
            unsound: unsound.into(),
        }))
    }

    fn finish_slot(
        &self,
        cursor: &mut Cursor,
        member: &Member,
        device: &Arc<dyn Device>,
        copying: &Copying,
    ) -> Result<(), DeviceError> {
        device.sync(Area::Segment(Slot::new(copying.slot)))?;
        {
            let _alone = self.slot_lock(copying.of).write();
            // Else the device was replaced, or has failed.
            if member.phase() == Phase::Syncing && member.is_copying(copying.slot) {
                member.missing.clear(copying.slot);
                member.set_copying(None);
            }
        }
        device.forget(
            Place::slot(Slot::new(copying.slot), 0),
            self.segment_bytes() as u64,
        );
        cursor.unsaved += 1;
        if cursor.unsaved >= SLOTS_PER_SAVE {
            cursor.unsaved = 0;
            let state = self.state.lock();
            self.write_sector(&state, copying.member, copying.slot, false);
        }
        Ok(())
    }
}
