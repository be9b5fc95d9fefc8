//! Comparing what is stated with what there is, in little memory: both sides are added up in an
//! order that does not matter, in groups by inode. Where a group differs, a second look at its
//! inodes alone says which.

use engine_format::InodeId;

/// Groups. The second look keeps what belongs to those that differ.
const GROUPS: u64 = 4096;

/// What was found less what was stated, by group.
pub(super) struct Tally {
    groups: Vec<u64>,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            groups: vec![0; engine_base::to_usize(GROUPS)],
        }
    }
}

impl Tally {
    /// There are `times` of what `hash` stands for.
    pub(super) fn found(&mut self, id: InodeId, hash: u64, times: u64) {
        if let Some(sum) = self.groups.get_mut(engine_base::to_usize(group(id))) {
            *sum = sum.wrapping_add(hash.wrapping_mul(times));
        }
    }

    /// `times` of it are said to be there.
    pub(super) fn stated(&mut self, id: InodeId, hash: u64, times: u64) {
        self.found(id, hash, times.wrapping_neg());
    }

    /// Whether both are the same for all groups.
    pub(super) fn agrees(&self) -> bool {
        self.groups.iter().all(|sum| *sum == 0)
    }

    /// Whether they differ in the group of an inode.
    pub(super) fn is_suspect(&self, id: InodeId) -> bool {
        let sum = self.groups.get(engine_base::to_usize(group(id)));
        sum.is_some_and(|sum| *sum != 0)
    }
}

fn group(id: InodeId) -> u64 {
    mix(id.get()) % GROUPS
}

/// What stands for an inode and numbers that are said of it.
pub(super) fn hash(id: InodeId, fields: [u64; 3]) -> u64 {
    // Odd, so that no number of times below 2^64 comes to zero.
    let start = mix(id.get());
    fields
        .into_iter()
        .fold(start, |hash, field| mix(hash ^ field))
        | 1
}

/// The finalizer of splitmix64.
const fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}
