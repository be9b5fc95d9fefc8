//! Which members hold a slot, and where.
//!
//! The members' slots are laid out on a line, one member behind the other, each cut to as many as
//! the pool has. Slot `s` lies at `s`, `s + n`, `s + 2n`, ... on it: two places that are `n` apart
//! never belong to one member, because none is longer than `n` (McNaughton's rule). So nothing has
//! to be stored, members may have any size, and all but a remainder of less than a round is used.
//! Where there are more members than copies, slots that follow each other are spread over the line,
//! so that a pool that is not full uses all devices.

use smallvec::SmallVec;

/// A copy of a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Holder {
    /// The place of the member.
    pub(super) member: usize,
    /// The slot of that member.
    pub(super) slot: u32,
}

/// The copies of a slot, by number.
pub(super) type Holders = SmallVec<[Holder; 4]>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Placement {
    slots: u64,
    replicas: u64,
    /// Factor that spreads slots; 1 where every member has all of them.
    stride: u64,
    /// For each member: where it begins on the line, and its slots there.
    members: Vec<(u64, u64)>,
}

/// Most slots of a pool whose members have these, `replicas` copies each.
pub(super) fn slots_max(members: &[u64], replicas: usize) -> u64 {
    let fits = |slots: u64| {
        let places: u64 = members.iter().map(|member| *member.min(&slots)).sum();
        places >= slots.saturating_mul(replicas as u64)
    };
    let (mut low, mut high) = (0, members.iter().sum::<u64>());
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if fits(middle) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    low
}

impl Placement {
    /// `None` if the members have too few slots for a pool of `slots`.
    pub(super) fn new(members: &[u64], replicas: usize, slots: u32) -> Option<Self> {
        let slots = u64::from(slots);
        if slots == 0 || slots_max(members, replicas) < slots {
            return None;
        }
        let mut at = 0;
        let line = members.iter().map(|member| {
            let length = *member.min(&slots);
            let begin = at;
            at += length;
            (begin, length)
        });
        let members: Vec<_> = line.collect();
        let stride = if members.len() == replicas {
            1
        } else {
            spread(slots)
        };
        Some(Self {
            slots,
            replicas: replicas as u64,
            stride,
            members,
        })
    }

    /// Slots that a member gives to the pool.
    pub(super) fn slots_of(&self, member: usize) -> u32 {
        let length = self.members.get(member).map_or(0, |(_, length)| *length);
        u32::try_from(length).unwrap_or(u32::MAX)
    }

    /// Where the copies of a slot lie.
    pub(super) fn holders(&self, slot: u32) -> Holders {
        let first = u64::from(slot) * self.stride % self.slots;
        let places = (0..self.replicas).map(|copy| first + copy * self.slots);
        places.map(|place| self.holder(place)).collect()
    }

    /// The slot of which a member's slot is a copy; `None` for one that is not used.
    pub(super) fn slot_at(&self, member: usize, slot: u32) -> Option<u32> {
        let (begin, length) = *self.members.get(member)?;
        let place = begin + u64::from(slot);
        if u64::from(slot) >= length || place >= self.slots * self.replicas {
            return None;
        }
        let inverse = inverse(self.stride, self.slots);
        u32::try_from(place % self.slots * inverse % self.slots).ok()
    }

    fn holder(&self, place: u64) -> Holder {
        let member = self.members.partition_point(|(begin, _)| *begin <= place) - 1;
        // Members of no slots begin where the next one does.
        let begin = self.members.get(member).map_or(0, |(begin, _)| *begin);
        Holder {
            member,
            slot: u32::try_from(place - begin).unwrap_or(u32::MAX),
        }
    }
}

/// A factor that is prime to `slots` and near the golden section of it.
fn spread(slots: u64) -> u64 {
    let begin = (slots * 618 / 1000).max(1);
    (begin..)
        .find(|stride| gcd(*stride, slots) == 1)
        .unwrap_or(1)
        % slots.max(2)
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// The number that undoes multiplying by `factor` modulo `modulus`, which are prime to each other.
fn inverse(factor: u64, modulus: u64) -> u64 {
    if modulus == 1 {
        return 0;
    }
    let (mut old, mut new) = (i128::from(factor), i128::from(modulus));
    let (mut old_times, mut new_times) = (1_i128, 0_i128);
    while new != 0 {
        let quotient = old / new;
        (old, new) = (new, old - quotient * new);
        (old_times, new_times) = (new_times, old_times - quotient * new_times);
    }
    u64::try_from(old_times.rem_euclid(i128::from(modulus))).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{Placement, slots_max};

    #[test]
    fn members_of_one_size_have_all_slots() {
        let placement = Placement::new(&[10, 10], 2, 10).unwrap();
        for slot in 0..10 {
            let holders = placement.holders(slot);
            let places: Vec<_> = holders.iter().map(|h| (h.member, h.slot)).collect();
            assert_eq!(places, [(0, slot), (1, slot)]);
        }
    }

    #[test]
    fn every_copy_has_a_place_of_its_own_on_another_member() {
        let sizes: [&[u64]; 9] = [
            &[1, 1],
            &[7, 9],
            &[5, 5, 5],
            &[10, 5, 5],
            &[100, 1, 1],
            &[3, 4, 5, 6],
            &[8, 8, 8, 8, 8, 8, 8, 8],
            &[33, 64, 65, 2],
            &[6],
        ];
        for members in sizes {
            for replicas in 1..=members.len() {
                let slots = u32::try_from(slots_max(members, replicas)).unwrap();
                for slots in [slots, slots.saturating_sub(1)] {
                    if slots > 0 {
                        check(members, replicas, slots);
                    }
                }
                assert!(Placement::new(members, replicas, slots + 1).is_none());
            }
        }
    }

    fn check(members: &[u64], replicas: usize, slots: u32) {
        let placement = Placement::new(members, replicas, slots).unwrap();
        let mut seen = std::collections::HashSet::new();
        for slot in 0..slots {
            let holders = placement.holders(slot);
            assert_eq!(holders.len(), replicas);
            let mut on = std::collections::HashSet::new();
            for holder in holders {
                assert!(on.insert(holder.member), "{members:?} x{replicas}: {slot}");
                assert!(seen.insert((holder.member, holder.slot)));
                assert!(holder.slot < placement.slots_of(holder.member));
                assert!(u64::from(holder.slot) < members[holder.member]);
                let back = placement.slot_at(holder.member, holder.slot);
                assert_eq!(back, Some(slot), "{members:?} x{replicas}");
            }
        }
        for member in 0..members.len() {
            for slot in 0..placement.slots_of(member) {
                let used = seen.contains(&(member, slot));
                assert_eq!(placement.slot_at(member, slot).is_some(), used);
            }
        }
    }

    #[test]
    fn a_pool_that_is_not_full_uses_all_devices() {
        let placement = Placement::new(&[100, 100, 100], 2, 150).unwrap();
        let mut used = [0; 3];
        for slot in 0..30 {
            for holder in placement.holders(slot) {
                used[holder.member] += 1;
            }
        }
        assert!(used.iter().all(|used| *used >= 15), "{used:?}");
    }
}
