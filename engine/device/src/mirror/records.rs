//! The membership records of the members in service, verified on storage.
//!
//! A change of the membership writes one copy on each member over the older one. What rots in
//! between would be found by the opening that needs it.
//!
//! CRASH: a copy that is good is never written over before the other one is: a record that is torn
//! here was bad before.

use engine_base::DeviceId;
use engine_format::{MEMBERSHIP_BYTES, Membership, membership_offset};

use super::{Mirror, State};
use crate::{Device, DeviceError, OwnRecords, Place, ReadFrom};

/// What one copy of a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Held {
    Current,
    Older,
    /// Nothing was ever written there.
    Blank,
    Bad,
}

impl Mirror {
    pub(super) fn scrub_own_records(&self) -> OwnRecords {
        let mut total = OwnRecords::default();
        let mut state = self.state.lock();
        // What cannot be done without a member is said to who writes.
        if !self.options.writable || self.exclude_locked(&mut state).is_err() {
            return total;
        }
        let in_service: Vec<_> = self
            .in_service()
            .map(|(index, _, device)| (index, device))
            .collect();
        for (index, device) in in_service {
            let Some(id) = state.record.members.get(index).map(|entry| entry.device) else {
                continue;
            };
            if let Err(error) = self.scrub_record(&mut state, (index, id), &*device, &mut total) {
                self.fail(index, &error);
            }
        }
        // Who writes waits for it, too.
        let _ = self.exclude_locked(&mut state);
        total
    }

    /// The error is the member's: a write or a sync has failed.
    fn scrub_record(
        &self,
        state: &mut State,
        (index, id): (usize, DeviceId),
        device: &dyn Device,
        total: &mut OwnRecords,
    ) -> Result<(), DeviceError> {
        let record = Membership {
            device: id,
            ..state.record.clone()
        };
        let held = [0, 1].map(|copy| look_at(device, &record, copy));
        total.bytes += 2 * MEMBERSHIP_BYTES as u64;
        let bad = held.iter().filter(|held| **held == Held::Bad).count() as u64;
        let is_lost = !held.contains(&Held::Current);
        if bad == 0 && !is_lost {
            return Ok(());
        }
        total.found += bad.max(1);
        let next = state.next_copy.get(index).copied().unwrap_or(0);
        let first = match held {
            [Held::Bad | Held::Blank, _] => 0,
            [_, Held::Bad | Held::Blank] => 1,
            // The write of the newest one was lost.
            _ => 1 - next,
        };
        for copy in [first, 1 - first] {
            let is_bad = held.get(usize::from(copy)) == Some(&Held::Bad);
            let is_for_lost = is_lost && copy == first;
            if !is_bad && !is_for_lost {
                continue;
            }
            let at = Place::label(membership_offset(copy));
            match device.repair(0, at, &record.encode(copy)) {
                Ok(()) => {
                    let name = device.name();
                    tracing::warn!(device = name, %at, "a membership record was rewritten");
                    total.repaired += 1;
                }
                Err(error) if error.is_of_reading() => {
                    tracing::error!(%error, "a membership record cannot be rewritten");
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
            if is_for_lost && let Some(next) = state.next_copy.get_mut(index) {
                *next = 1 - copy;
            }
        }
        Ok(())
    }
}

fn look_at(device: &dyn Device, record: &Membership, copy: u8) -> Held {
    let mut bytes = [0; MEMBERSHIP_BYTES];
    let at = Place::label(membership_offset(copy));
    if device
        .read_copy(0, at, ReadFrom::Storage, &mut bytes)
        .is_err()
    {
        return Held::Bad;
    }
    match Membership::decode(&bytes, copy) {
        Ok(found) if found == *record => Held::Current,
        Ok(found) if found.device == record.device && record.came_from(&found) != Some(false) => {
            Held::Older
        }
        Err(_) if bytes.iter().all(|byte| *byte == 0) => Held::Blank,
        _ => Held::Bad,
    }
}
