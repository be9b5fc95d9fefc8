//! Members for people, and sizes.

use std::sync::atomic::Ordering;

use engine_base::ByteCount;
use engine_base::limits::LABEL_BYTES;
use engine_format::MEMBER_SLOTS_MAX;

use super::member::{MemberHealth, MemberStatus, Phase};
use super::{Mirror, placement};

/// In what sizes are compared where segments are not known yet.
const UNIT: u64 = 1 << 20;

/// Bytes that a pool has on members of these sizes, its label included.
pub(super) fn usable_bytes(members: &[u64], replicas: usize) -> u64 {
    let units = members
        .iter()
        .map(|bytes| bytes.saturating_sub(LABEL_BYTES) / UNIT);
    let units: Vec<_> = units.collect();
    placement::slots_max(&units, replicas) * UNIT + LABEL_BYTES
}

impl Mirror {
    /// Slots that each member has for segments of that size.
    pub(super) fn member_slots(&self, segment_bytes: u32) -> Vec<u64> {
        let state = self.state.lock();
        let slots = state.record.members.iter().map(|member| {
            let usable = member.bytes.get().saturating_sub(LABEL_BYTES);
            let slots = usable / u64::from(segment_bytes.max(1));
            slots.min(MEMBER_SLOTS_MAX.into())
        });
        slots.collect()
    }

    pub(super) fn member_status(&self) -> Vec<MemberStatus> {
        let segment = self.geometry.get();
        let segment = segment.map_or(0, |(geometry, _)| u64::from(geometry.segment_bytes));
        let state = self.state.lock();
        let entries = self.members.iter().zip(&state.record.members);
        let status = entries.map(|(member, entry)| {
            let health = match (member.phase(), member.device()) {
                (Phase::Current, _) => MemberHealth::Current,
                (Phase::Syncing, _) => MemberHealth::Syncing,
                (_, Some(_)) => MemberHealth::Failed,
                (_, None) => MemberHealth::Missing,
            };
            let missed = member.counters.missed.load(Ordering::Relaxed);
            let missing = u64::from(member.missing.count());
            MemberStatus {
                name: member.path(entry),
                id: entry.device.to_string(),
                health,
                cause: member.cause().map(|cause| cause.to_string()),
                size: entry.bytes,
                missing: (
                    ByteCount::new(missing * segment),
                    ByteCount::new(missed.max(missing) * segment),
                ),
                errors: member.counters.errors.load(Ordering::Relaxed),
                repaired: member.counters.repaired.load(Ordering::Relaxed),
            }
        });
        status.collect()
    }
}
