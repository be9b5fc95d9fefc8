//! Mirrors: one device for the engine, kept as copies on several.
//!
//! * [`Placement`] says which members hold a slot; the label goes to all.
//! * Every member is [`Phase::Current`], or catching up, or out. A call that fails takes its member
//!   out at once and for good: nothing is written to it again, and before any call returns without
//!   it, the others have recorded a generation of the membership that excludes it (`exclude.rs`).
//! * What a member that is out misses is a map of slots on the others: a bit is durable before the
//!   first byte is written to its slot (`exclude.rs`).
//! * A member that came back is copied what it misses while the pool goes on (`resync.rs`).
//! * Which members may be used at all is decided when they are put together (`choose.rs`).
//!
//! Reads do not try another copy by themselves: who reads verifies, and asks for each copy with
//! [`Device::read_copy`], so that what was bad is known and rewritten.
//!
//! Lock order: the label's lock, or that of a slot; then the state; then the dirty slots.
//! Device calls are made under the state's mutex only where the membership changes, and where its
//! records are verified.

mod attach;
mod calls;
mod choose;
mod come_back;
mod copies;
mod crew;
mod dirty;
mod exclude;
mod io;
mod label;
mod member;
mod missing;
mod open;
mod placement;
mod records;
mod replace;
mod resync;
mod status;

use std::sync::{Arc, OnceLock};

use engine_base::{Entropy, Slot};
use engine_format::Membership;
use parking_lot::{Mutex, RwLock};

use crate::{Device, DeviceError, Geometry, Opened, Place};
use crew::Crew;
use dirty::Dirty;
use member::Member;
pub use member::{MemberHealth, MemberStatus};
pub use open::{MirrorOptions, OpenedPool, SizeOf, assemble, create, open_paths};
use placement::Placement;

/// Locks of slots: a slot's is that of its number modulo this.
const SLOT_LOCKS: usize = 64;

/// Opens a device at a name, without creating anything.
pub type Opener = Arc<dyn Fn(&str) -> Result<Opened, DeviceError> + Send + Sync>;

/// The members of a pool as one device; see the module.
#[derive(Debug)]
pub struct Mirror {
    name: Arc<str>,
    replicas: usize,
    members: Vec<Member>,
    geometry: OnceLock<(Geometry, Placement)>,
    /// The membership as all members in service have recorded it.
    state: Mutex<State>,
    dirty: Dirty,
    /// Writers share the lock of their slot; copying to a member takes it alone.
    slot_locks: [RwLock<()>; SLOT_LOCKS],
    /// Shared by writes of superblocks; taken alone when a member becomes current.
    label_lock: RwLock<()>,
    resync: Mutex<resync::Cursor>,
    crew: Crew,
    options: Options,
}

/// How a mirror works, fixed while it is open.
struct Options {
    entropy: Arc<dyn Entropy>,
    opener: Opener,
    /// Members are synced at once, on threads. One after the other otherwise: runs are repeatable.
    parallel: bool,
    writable: bool,
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("parallel", &self.parallel)
            .field("writable", &self.writable)
            .finish_non_exhaustive()
    }
}

/// What changes with the membership.
#[derive(Debug)]
struct State {
    record: Membership,
    /// For each member, the copy of its record that is written next.
    next_copy: Vec<u8>,
    /// The opening has decided on a membership that is not recorded yet.
    unrecorded: bool,
}

impl Mirror {
    fn placement(&self) -> Result<&Placement, DeviceError> {
        let known = self.geometry.get().map(|(_, placement)| placement);
        known.ok_or_else(|| self.unusable("has no slots before it is attached"))
    }

    fn slot_lock(&self, slot: Slot) -> &RwLock<()> {
        let index = engine_base::to_usize(u64::from(slot.get())) % SLOT_LOCKS;
        self.slot_locks.get(index).unwrap_or(&self.label_lock)
    }

    fn unusable(&self, reason: impl Into<String>) -> DeviceError {
        DeviceError::Unusable {
            device: Arc::clone(&self.name),
            reason: reason.into(),
            source: None,
        }
    }

    /// No member in service holds what was asked for.
    fn no_copy(&self, place: Place) -> DeviceError {
        DeviceError::Io {
            action: "finding a copy in service",
            device: Arc::clone(&self.name),
            place,
            source: Arc::new(std::io::Error::other(
                "every device that holds it is missing, has failed or is being brought up to date",
            )),
        }
    }

    /// The members that take part in changes of the membership, with their devices.
    fn in_service(&self) -> impl Iterator<Item = (usize, &Member, Arc<dyn Device>)> {
        let members = self.members.iter().enumerate();
        members.filter_map(|(index, member)| {
            let serves = matches!(
                member.phase(),
                member::Phase::Current | member::Phase::Syncing
            );
            Some((index, member, member.device().filter(|_| serves)?))
        })
    }
}

#[cfg(test)]
mod tests;
