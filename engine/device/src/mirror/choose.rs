//! Which members count, decided from what lies on them: pure, so that every case can be tested.
//!
//! * The record of the newest generation says who the members are and who is current. A record
//!   that is no ancestor of it is of another history: both went on alone. They are never merged.
//! * A member that the newest record calls stale is only ever a target of resynchronisation.
//! * A current member that is not there may have gone on without the others: nothing proves that
//!   these are current, so this takes an explicit word.
//! * Where only stale ones are there, those count that were last to drop out whole: whose own
//!   record still calls them current, of the newest generation. One whose own record calls it stale
//!   was being copied to, so it holds no single moment: it is read at most, never written.
//! * A member that says it is current, with superblocks that are too old for that, was put back
//!   from a copy: it is stale, too.

mod belong;
mod names;

use engine_format::{Membership, Superblock};

use belong::{check_history, place_devices};
use names::name_of_absent;

/// What lies on one device.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) name: String,
    /// The newest record.
    pub(super) record: Membership,
    /// The valid superblocks.
    pub(super) superblocks: Vec<Superblock>,
    /// Nothing was ever written where they lie.
    pub(super) blank: bool,
}

/// What was said about devices that nothing proves current.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// Nothing: they are refused.
    None,
    /// They are to go on, whatever is lost with the missing ones.
    Degraded,
    /// They are only read.
    ReadOnly,
}

/// What becomes of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The device with this number is current.
    Current(usize),
    /// It catches up with what the maps of the others say.
    CatchUp(usize),
    /// It is copied everything.
    CopyAll(usize),
    /// It is not there.
    Absent,
}

/// The decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Choice {
    /// The membership, with the stale ones marked.
    pub(super) record: Membership,
    /// For each member.
    pub(super) roles: Vec<Role>,
    /// `record` is not what lies on the devices: it must be recorded before anything is written.
    pub(super) changed: bool,
    /// No checkpoint was ever taken: making the pool was interrupted.
    pub(super) blank: bool,
    /// None that is there was current: what these miss is lost.
    pub(super) stale_only: bool,
}

impl Found {
    /// The newest generation of which this device has everything; `None` if it was being copied to.
    fn whole_at(&self) -> Option<u64> {
        let own = self.record.position(self.record.device)?;
        let entry = self.record.members.get(own)?;
        entry
            .stale_since
            .is_none()
            .then_some(self.record.generation)
    }

    fn newest(&self) -> Option<&Superblock> {
        self.superblocks
            .iter()
            .max_by_key(|superblock| superblock.checkpoint)
    }

    /// Whether the checkpoint here is the newest of `best`, or what a crash left while that was
    /// being written. `None`: the two exclude each other.
    fn keeps_up_with(&self, best: &Self, newest: &Superblock) -> Option<bool> {
        let Some(own) = self.newest() else {
            return Some(false);
        };
        if own.checkpoint == newest.checkpoint {
            return (own == newest).then_some(true);
        }
        let same = |other: &&Superblock| other.checkpoint == own.checkpoint;
        if let Some(before) = best.superblocks.iter().find(same) {
            return Some(before == own);
        }
        let follows = own.checkpoint.next() == newest.checkpoint;
        let one_history = own.epoch == newest.epoch || newest.parent_epoch == Some(own.epoch);
        Some(follows && one_history)
    }
}

impl Choice {
    /// Names of the devices that were chosen as current.
    pub(super) fn current_of<'a>(&self, found: &'a [Found]) -> Vec<&'a str> {
        let chosen = self.roles.iter().filter_map(|role| match role {
            Role::Current(number) => Some(found.get(*number)?.name.as_str()),
            _ => None,
        });
        chosen.collect()
    }
}

/// Decides. The error is the reason, with the way out.
pub(super) fn choose(found: &[Found], word: Word) -> Result<Choice, String> {
    let newest = found
        .iter()
        .max_by_key(|found| found.record.generation)
        .ok_or("no device carries a membership record")?;
    let mut record = newest.record.clone();
    check_history(found, newest)?;
    let devices = place_devices(found, &record)?;
    let is_current = |member: &usize| {
        let entry = record.members.get(*member);
        entry.is_some_and(|entry| entry.stale_since.is_none())
    };
    let present: Vec<usize> = (0..record.members.len())
        .filter(|member| devices.get(*member).is_some_and(Option::is_some))
        .collect();
    let current: Vec<usize> = present.iter().copied().filter(is_current).collect();
    let absent: Vec<String> = (0..record.members.len())
        .filter(|member| is_current(member) && !present.contains(member))
        .filter_map(|member| Some(name_of_absent(record.members.get(member)?, found)))
        .collect();
    if word == Word::None {
        check_proof(&current, &absent)?;
    }
    let blank = found.iter().all(|found| found.blank);
    let (candidates, only_one) = if current.is_empty() {
        last_whole(found, &devices, &present, word)?
    } else {
        (current.clone(), false)
    };
    let keeping = keeping_up(found, &devices, &candidates, blank, only_one)?;
    let stale_since = record.generation + 1;
    let mut changed = false;
    let mut roles = Vec::new();
    for (member, entry) in record.members.iter_mut().enumerate() {
        let Some(device) = devices.get(member).copied().flatten() else {
            roles.push(Role::Absent);
            if entry.stale_since.is_none() {
                entry.stale_since = Some(stale_since);
                changed = true;
            }
            continue;
        };
        if keeping.contains(&member) {
            changed |= entry.stale_since.take().is_some();
            roles.push(Role::Current(device));
        } else if entry.stale_since.is_some() && !current.is_empty() {
            roles.push(Role::CatchUp(device));
        } else {
            entry.stale_since = Some(stale_since);
            changed = true;
            roles.push(Role::CopyAll(device));
        }
    }
    check_copies(&record, &roles)?;
    Ok(Choice {
        record,
        roles,
        changed,
        blank,
        stale_only: current.is_empty(),
    })
}

/// Every slot has a copy on one that is current.
fn check_copies(record: &Membership, roles: &[Role]) -> Result<(), String> {
    let without = roles
        .iter()
        .filter(|role| !matches!(role, Role::Current(_)));
    let without = without.count();
    if without >= engine_base::to_usize(record.replicas.into()) && without > 0 {
        return Err(format!(
            "{without} of {} devices are missing or stale, and {} copies were kept: some segments \
             have none; give the missing ones",
            roles.len(),
            record.replicas
        ));
    }
    Ok(())
}

/// Of stale members those who were the last to drop out whole; for reading only, if there is no
/// such one, all, of which one is to be taken.
fn last_whole(
    found: &[Found],
    devices: &[Option<usize>],
    present: &[usize],
    word: Word,
) -> Result<(Vec<usize>, bool), String> {
    let whole_at = |member: &usize| {
        let number = devices.get(*member).copied().flatten()?;
        found.get(number)?.whole_at()
    };
    if let Some(newest) = present.iter().filter_map(whole_at).max() {
        let last = present.iter().copied();
        let last = last.filter(|member| whole_at(member) == Some(newest));
        return Ok((last.collect(), false));
    }
    if word == Word::ReadOnly {
        return Ok((present.to_vec(), true));
    }
    Err(
        "only devices are there that were being brought up to date: what they hold is of no single \
         moment; give one that is current, or copy out what can be read of them with `check \
         --repair-to`"
            .to_owned(),
    )
}

fn check_proof(current: &[usize], absent: &[String]) -> Result<(), String> {
    if current.is_empty() {
        return Err(
            "only stale devices are there; give one that is current, or open with --degraded what \
             these hold: everything later is lost"
                .to_owned(),
        );
    }
    if absent.is_empty() {
        return Ok(());
    }
    Err(format!(
        "{} is missing, and may be newer than what is there; give it, or open with --degraded if \
         it is lost",
        absent.join(", ")
    ))
}

/// Of the candidates those who have the newest checkpoint; of it only one if so told.
fn keeping_up(
    found: &[Found],
    devices: &[Option<usize>],
    candidates: &[usize],
    blank: bool,
    only_one: bool,
) -> Result<Vec<usize>, String> {
    let device = |member: &usize| {
        let number = devices.get(*member).copied().flatten()?;
        found.get(number)
    };
    if blank {
        return Ok(candidates.to_vec());
    }
    let newest = candidates
        .iter()
        .filter_map(|member| Some((member, device(member)?, device(member)?.newest()?)))
        .max_by_key(|(_, _, superblock)| superblock.checkpoint);
    let Some((best, of, newest)) = newest else {
        // Whoever opens the pool says why.
        return Ok(candidates.to_vec());
    };
    let mut keeping = Vec::new();
    for member in candidates {
        let Some(other) = device(member) else {
            continue;
        };
        match other.keeps_up_with(of, newest) {
            Some(true) if !only_one || member == best => keeping.push(*member),
            Some(_) => {}
            None if only_one => {}
            None => {
                return Err(format!(
                    "{} and {} have different states under one number: they hold two histories, \
                     which are never merged; give only the one to keep",
                    of.name, other.name
                ));
            }
        }
    }
    Ok(keeping)
}

#[cfg(test)]
pub(super) mod tests;
