//! A mirror from what was decided about its members, and how it gets its slots.

use std::sync::{Arc, OnceLock};

use engine_base::DeviceId;
use parking_lot::{Mutex, RwLock};

use super::choose::{Choice, Role};
use super::crew::Crew;
use super::dirty::Dirty;
use super::member::{Member, Phase};
use super::placement::Placement;
use super::{Mirror, MirrorOptions, Options, State, label, resync};
use crate::{Device, DeviceError, Geometry};

impl Mirror {
    pub(super) fn new(
        name: Arc<str>,
        choice: Choice,
        devices: &[Arc<dyn Device>],
        copies: &[u8],
        options: &MirrorOptions,
    ) -> Self {
        let device = |number: usize| devices.get(number).map(Arc::clone);
        let mut next_copy = Vec::new();
        let mut members = Vec::new();
        for role in &choice.roles {
            let (number, phase) = match *role {
                Role::Current(number) => (Some(number), Phase::Current),
                Role::CatchUp(number) | Role::CopyAll(number) => (Some(number), Phase::Syncing),
                Role::Absent => (None, Phase::Out),
            };
            let member = Member::new(number.and_then(device), phase);
            if matches!(role, Role::CopyAll(_)) {
                member.copy_all();
            }
            members.push(member);
            next_copy.push(number.and_then(|n| copies.get(n)).copied().unwrap_or(0));
        }
        Self {
            name,
            replicas: engine_base::to_usize(choice.record.replicas.into()),
            members,
            geometry: OnceLock::new(),
            state: Mutex::new(State {
                record: choice.record,
                next_copy,
                unrecorded: choice.changed,
            }),
            dirty: Dirty::default(),
            slot_locks: std::array::from_fn(|_| RwLock::new(())),
            label_lock: RwLock::new(()),
            resync: Mutex::new(resync::Cursor::default()),
            crew: Crew::default(),
            options: Options {
                entropy: Arc::clone(&options.entropy),
                opener: Arc::clone(&options.opener),
                parallel: options.parallel,
                writable: !options.read_only,
            },
        }
    }

    /// See [`Device::attach`]. What the opening has decided about the members is durable when this
    /// returns, before anything is written on grounds of it.
    pub(super) fn attach_members(&self, geometry: Geometry) -> Result<(), DeviceError> {
        let slots = self.member_slots(geometry.segment_bytes);
        let Some(placement) = Placement::new(&slots, self.replicas, geometry.slots) else {
            return Err(self.unusable(format!(
                "{} slots of {} bytes do not fit these devices",
                geometry.slots, geometry.segment_bytes
            )));
        };
        for (index, member) in self.members.iter().enumerate() {
            member.missing.begin(placement.slots_of(index));
            if let Some(device) = member.device() {
                device.attach(Geometry {
                    slots: placement.slots_of(index),
                    ..geometry
                })?;
            }
        }
        self.load_maps();
        if self.geometry.set((geometry, placement)).is_err() {
            return Err(self.unusable("is attached already; open it again instead"));
        }
        if self.options.writable {
            self.record_opening()?;
        }
        Ok(())
    }

    /// What stale members miss, as those in service know it.
    fn load_maps(&self) {
        let state = self.state.lock();
        for (index, (member, entry)) in self.members.iter().zip(&state.record.members).enumerate() {
            let Some(since) = entry.stale_since else {
                continue;
            };
            if member.wants_all() {
                member.missing.set_all();
            } else if since <= state.record.generation {
                self.load_map(index, entry.device, since);
            }
            member.note_missed();
        }
    }

    fn load_map(&self, stale: usize, id: DeviceId, since: u64) {
        let Some(member) = self.members.get(stale) else {
            return;
        };
        for sector in 0..member.missing.sectors() {
            let mut known = false;
            for index in self.with_phase(Phase::Current) {
                let device = self.members.get(index).and_then(Member::device);
                let read = device
                    .and_then(|device| label::read_sector(&*device, (stale, id), since, sector));
                if let Some(read) = read {
                    member.missing.add(sector, Some(&read));
                    known = true;
                }
            }
            if !known {
                member.missing.add(sector, None);
            }
        }
    }

    fn record_opening(&self) -> Result<(), DeviceError> {
        let mut state = self.state.lock();
        let catching_up = self.with_phase(Phase::Syncing).next().is_some();
        if state.unrecorded {
            let next = self.next_generation(&state);
            self.record(&mut state, next);
        } else if catching_up {
            // So that one that catches up knows it, before anything is copied over its past.
            let record = state.record.clone();
            self.record(&mut state, record);
        }
        self.exclude_locked(&mut state)
    }
}
