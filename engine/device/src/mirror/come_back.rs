//! Members that go and come back while the pool is open.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::member::Phase;
use super::{Mirror, label};
use crate::{Device, DeviceError, Geometry};

impl Mirror {
    /// Notices members that are gone, and those that came back.
    pub(super) fn look_around(&self) {
        for (_, member, device) in self.in_service() {
            if let Err(error) = device.is_there() {
                member.vanished.store(true, Ordering::SeqCst);
                member.fail(&error);
            }
        }
        let gone: Vec<(usize, String)> = {
            let state = self.state.lock();
            let entries = self.members.iter().zip(&state.record.members).enumerate();
            let gone = entries.filter(|(_, (member, _))| {
                member.phase() == Phase::Out && member.device().is_none()
            });
            gone.map(|(index, (member, entry))| (index, member.path(entry)))
                .collect()
        };
        for (index, name) in gone {
            let Ok(opened) = (self.options.opener)(&name) else {
                continue;
            };
            if let Err(error) = self.take_back(index, &opened.device)
                && self
                    .members
                    .get(index)
                    .is_some_and(|member| member.note_cause(&error))
            {
                tracing::warn!(%error, device = name, "a device that came back is not used");
            }
        }
    }

    /// A member that was away catches up.
    fn take_back(&self, index: usize, device: &Arc<dyn Device>) -> Result<(), DeviceError> {
        let Some((record, next_copy)) = label::read_record(&**device) else {
            return Err(self.unusable("a device without a membership record lies there"));
        };
        let (geometry, placement) = match self.geometry.get() {
            Some((geometry, placement)) => (*geometry, placement),
            None => return Ok(()),
        };
        let mut state = self.state.lock();
        let (Some(member), Some(entry)) =
            (self.members.get(index), state.record.members.get(index))
        else {
            return Ok(());
        };
        if entry.device != record.device || state.record.came_from(&record) != Some(true) {
            return Err(self.unusable(
                "another device lies there, or one that was used without these: wipe it and \
                 `device replace` the missing one",
            ));
        }
        device.attach(Geometry {
            slots: placement.slots_of(index),
            ..geometry
        })?;
        if let Some(copy) = state.next_copy.get_mut(index) {
            *copy = next_copy;
        }
        member.set_device(Some(Arc::clone(device)));
        member.vanished.store(false, Ordering::SeqCst);
        member.note_missed();
        member.set_phase(Phase::Syncing);
        let record = state.record.clone();
        self.record(&mut state, record);
        tracing::info!(
            device = device.name(),
            slots = member.missing.count(),
            "a device came back: it catches up"
        );
        self.exclude_locked(&mut state)
    }
}
