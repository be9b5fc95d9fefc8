//! Calls that change something, on every member that they concern.

use std::sync::Arc;

use engine_base::Slot;

use super::crew::SyncCall;
use super::placement::Holder;
use super::{Member, Mirror, label};
use crate::{Area, Device, DeviceError, Place};

/// From this many bytes on a write is made on all members at once: for less, handing it over takes
/// longer than copying it to the page cache.
const PARALLEL_BYTES: usize = 1 << 20;

/// One copy to call.
pub(super) struct Target {
    pub(super) holder: Holder,
    pub(super) device: Arc<dyn Device>,
}

impl Mirror {
    pub(super) fn write_slot(
        &self,
        slot: Slot,
        offset: u64,
        parts: &[&[u8]],
    ) -> Result<(), DeviceError> {
        let holders = self.holders(slot)?;
        let _shared = self.slot_lock(slot).read();
        self.dirty.begin_write(slot.get());
        let bytes: usize = parts.iter().map(|part| part.len()).sum();
        let write = |target: &Target| {
            let at = Place::slot(Slot::new(target.holder.slot), offset);
            target.device.write(at, parts)
        };
        let result = self.admit(&holders).and_then(|()| {
            let targets = self.targets(&holders);
            if self.options.parallel && bytes >= PARALLEL_BYTES {
                self.at_once(slot, &targets, write)
            } else {
                self.on_all(slot, &targets, write)
            }
        });
        self.dirty.end_write(slot.get());
        result
    }

    pub(super) fn sync_slot(&self, slot: Slot) -> Result<(), DeviceError> {
        let targets = self.targets(&self.holders(slot)?);
        let begun = self.dirty.begin_sync(slot.get());
        let sync = |target: &Target| SyncCall {
            device: Arc::clone(&target.device),
            area: Area::Segment(Slot::new(target.holder.slot)),
        };
        if self.options.parallel {
            let results = self.crew.run(targets.iter().map(sync));
            self.judge(slot, &targets, results)?;
        } else {
            self.on_all(slot, &targets, |target| sync(target).run())?;
        }
        self.dirty.end_sync(slot.get(), begun);
        Ok(())
    }

    /// Calls every target, one after the other.
    pub(super) fn on_all(
        &self,
        slot: Slot,
        targets: &[Target],
        call: impl Fn(&Target) -> Result<(), DeviceError>,
    ) -> Result<(), DeviceError> {
        let results: Vec<_> = targets.iter().map(call).collect();
        self.judge(slot, targets, results)
    }

    /// Calls all targets at once: the first on this thread, which would only wait. What is written
    /// is the caller's, so the others are on threads that end with it.
    fn at_once(
        &self,
        slot: Slot,
        targets: &[Target],
        call: impl Fn(&Target) -> Result<(), DeviceError> + Sync,
    ) -> Result<(), DeviceError> {
        let Some((first, others)) = targets.split_first() else {
            return self.judge(slot, targets, Vec::new());
        };
        let call = &call;
        let results = std::thread::scope(|scope| {
            let started: Vec<_> = others
                .iter()
                .map(|target| {
                    let spawn = std::thread::Builder::new().spawn_scoped(scope, || call(target));
                    (target, spawn)
                })
                .collect();
            let mut results = vec![call(first)];
            for (target, thread) in started {
                results.push(match thread {
                    Ok(thread) => thread
                        .join()
                        .unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
                    // The host gives no thread: then one after the other.
                    Err(_) => call(target),
                });
            }
            results
        });
        self.judge(slot, targets, results)
    }

    /// Takes those out that failed, and waits until all who are out are recorded.
    fn judge(
        &self,
        slot: Slot,
        targets: &[Target],
        results: Vec<Result<(), DeviceError>>,
    ) -> Result<(), DeviceError> {
        let mut full = None;
        for (target, result) in targets.iter().zip(results) {
            match result {
                Ok(()) => {}
                // The caller gives the slot back: no device has failed.
                Err(error @ DeviceError::NoSpace { action, .. }) if action != "writing" => {
                    full = full.or(Some(error));
                }
                Err(error) if self.is_lost_slot(target.holder, &error) => {
                    self.lose_slot(target.holder)?;
                }
                Err(error) => self.fail(target.holder.member, &error),
            }
        }
        self.exclude()?;
        if let Some(error) = full {
            return Err(error);
        }
        let serves = |target: &Target| {
            let member = self.members.get(target.holder.member);
            member.is_some_and(|member| member.serves(target.holder.slot))
        };
        if targets.iter().any(serves) {
            return Ok(());
        }
        Err(self.no_copy(Place::slot(slot, 0)))
    }

    pub(super) fn write_label(&self, at: Place, parts: &[&[u8]]) -> Result<(), DeviceError> {
        let bytes = parts.concat();
        let _shared = self.label_lock.read();
        for index in self.with_phase(super::member::Phase::Current) {
            let Some(device) = self.members.get(index).and_then(Member::device) else {
                continue;
            };
            for (offset, range) in label::engine_parts(at.offset, bytes.len()) {
                let part = bytes.get(range).unwrap_or_default();
                if let Err(error) = device.write(Place::label(offset), &[part]) {
                    self.fail(index, &error);
                    break;
                }
            }
        }
        self.exclude()
    }

    pub(super) fn sync_label(&self) -> Result<(), DeviceError> {
        let _shared = self.label_lock.read();
        for index in self.with_phase(super::member::Phase::Current) {
            if let Some(device) = self.members.get(index).and_then(Member::device)
                && let Err(error) = device.sync(Area::Label)
            {
                self.fail(index, &error);
            }
        }
        self.exclude()
    }
}
