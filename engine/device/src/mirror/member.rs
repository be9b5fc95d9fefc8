//! One member as long as the pool is open.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use engine_base::ByteCount;
use engine_format::MemberRecord;
use parking_lot::{Mutex, RwLock};

use super::missing::Missing;
use crate::{Device, DeviceError};

/// What a member is good for at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Phase {
    /// It has everything: it is read, and counts for every acknowledgement.
    Current = 0,
    /// It is being brought up to date: as a current one, but for the slots that it misses.
    Syncing = 1,
    /// A call has failed: nothing is written to it any more, but no record says so yet.
    Failing = 2,
    /// The members in service have recorded that it misses what is written.
    Out = 3,
}

#[derive(Debug)]
pub(super) struct Member {
    /// `None`: it is not there.
    device: RwLock<Option<Arc<dyn Device>>>,
    /// Where it was last found since the pool was opened.
    found_at: Mutex<Option<String>>,
    phase: AtomicU8,
    pub(super) missing: Missing,
    /// The slot that is being copied to it, and one; 0: none.
    copying: AtomicU64,
    /// Why it is not in service, for people.
    cause: Mutex<Option<DeviceError>>,
    /// It vanished, rather than failed: it is looked for again.
    pub(super) vanished: std::sync::atomic::AtomicBool,
    /// Its map counts for nothing: it is copied everything.
    all: std::sync::atomic::AtomicBool,
    pub(super) counters: Counters,
}

/// What happened on a member since the pool was opened.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) errors: AtomicU64,
    pub(super) repaired: AtomicU64,
    pub(super) copied: AtomicU64,
    /// Slots it missed when copying to it began.
    pub(super) missed: AtomicU64,
}

impl std::fmt::Debug for dyn Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl Member {
    pub(super) fn new(device: Option<Arc<dyn Device>>, phase: Phase) -> Self {
        Self {
            vanished: device.is_none().into(),
            found_at: Mutex::new(device.as_ref().map(|device| device.name().to_owned())),
            device: RwLock::new(device),
            phase: AtomicU8::new(phase as u8),
            missing: Missing::default(),
            copying: AtomicU64::new(0),
            cause: Mutex::default(),
            all: false.into(),
            counters: Counters::default(),
        }
    }

    pub(super) fn copy_all(&self) {
        self.all.store(true, Ordering::SeqCst);
    }

    pub(super) fn wants_all(&self) -> bool {
        self.all.load(Ordering::SeqCst)
    }

    /// Remembers how much is to be copied, for the progress.
    pub(super) fn note_missed(&self) {
        let count = self.missing.count().into();
        self.counters.missed.store(count, Ordering::Relaxed);
    }

    pub(super) fn device(&self) -> Option<Arc<dyn Device>> {
        self.device.read().clone()
    }

    /// Whether that is the device in use: it may have been replaced meanwhile.
    pub(super) fn uses(&self, device: &Arc<dyn Device>) -> bool {
        let known = self.device.read();
        known
            .as_ref()
            .is_some_and(|known| Arc::ptr_eq(known, device))
    }

    pub(super) fn set_device(&self, device: Option<Arc<dyn Device>>) {
        if let Some(device) = &device {
            *self.found_at.lock() = Some(device.name().to_owned());
        }
        *self.device.write() = device;
    }

    /// Where it is, or was when it was last there. `entry` is what is recorded of it.
    pub(super) fn path(&self, entry: &MemberRecord) -> String {
        let found = self.found_at.lock().clone();
        found.unwrap_or_else(|| entry.name.clone())
    }

    pub(super) fn phase(&self) -> Phase {
        match self.phase.load(Ordering::SeqCst) {
            0 => Phase::Current,
            1 => Phase::Syncing,
            2 => Phase::Failing,
            _ => Phase::Out,
        }
    }

    pub(super) fn set_phase(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::SeqCst);
    }

    /// Takes the member out of service at once. `false`: it is already.
    pub(super) fn fail(&self, error: &DeviceError) -> bool {
        self.counters.errors.fetch_add(1, Ordering::Relaxed);
        let failed = [Phase::Current, Phase::Syncing].into_iter().any(|from| {
            let to = Phase::Failing as u8;
            let swap =
                self.phase
                    .compare_exchange(from as u8, to, Ordering::SeqCst, Ordering::SeqCst);
            swap.is_ok()
        });
        if failed {
            tracing::error!(%error, source = ?std::error::Error::source(error),
                "a device has failed: nothing is written to it any more");
            *self.cause.lock() = Some(error.clone());
        }
        failed
    }

    pub(super) fn cause(&self) -> Option<DeviceError> {
        self.cause.lock().clone()
    }

    /// Remembers why it is not in service; whether that is news.
    pub(super) fn note_cause(&self, cause: &DeviceError) -> bool {
        let mut known = self.cause.lock();
        let same = |known: &DeviceError| known.to_string() == cause.to_string();
        let is_news = !known.as_ref().is_some_and(same);
        *known = Some(cause.clone());
        is_news
    }

    pub(super) fn forget_cause(&self) {
        *self.cause.lock() = None;
    }

    /// Whether its slot counts as a copy: it is written, synced and read.
    pub(super) fn serves(&self, slot: u32) -> bool {
        match self.phase() {
            Phase::Current => true,
            Phase::Syncing => !self.missing.has(slot),
            Phase::Failing | Phase::Out => false,
        }
    }

    /// Whether its slot may be read: also where nothing may be written any more.
    pub(super) fn readable(&self, slot: u32) -> bool {
        self.phase() != Phase::Out && !self.missing.has(slot)
    }

    pub(super) fn is_copying(&self, slot: u32) -> bool {
        self.copying.load(Ordering::SeqCst) == u64::from(slot) + 1
    }

    pub(super) fn set_copying(&self, slot: Option<u32>) {
        let value = slot.map_or(0, |slot| u64::from(slot) + 1);
        self.copying.store(value, Ordering::SeqCst);
    }

    /// Whether writes go there: also to the slot that is being copied.
    pub(super) fn takes_writes(&self, slot: u32) -> bool {
        self.serves(slot) || (self.phase() == Phase::Syncing && self.is_copying(slot))
    }
}

/// A member for people and metrics.
#[derive(Debug, Clone)]
pub struct MemberStatus {
    /// Where it is, or was when it was last there.
    pub name: String,
    /// Its identity in hex; empty where a pool lies on one device.
    pub id: String,
    /// What it is good for.
    pub health: MemberHealth,
    /// Why it is not in service.
    pub cause: Option<String>,
    /// Bytes that the pool takes of it.
    pub size: ByteCount,
    /// Bytes that are still to be copied to it, and those at the beginning.
    pub missing: (ByteCount, ByteCount),
    /// Calls that failed since the pool was opened.
    pub errors: u64,
    /// Ranges of it that were bad and have been rewritten since then.
    pub repaired: u64,
}

/// What a member is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberHealth {
    /// It has everything.
    Current,
    /// It is there, and being brought up to date.
    Syncing,
    /// It has failed: the pool goes on without it.
    Failed,
    /// It is not there.
    Missing,
}
