//! Cleaning: what is live of several sparse segments moves into few packs, so that their slots come
//! back. Names stay, no tree is edited: snapshots, clones and shared bytes do not notice.
//!
//! A round, in its order:
//!
//! 1. **Choose** sparse segments, by their exact counters (`space/victims.rs`).
//! 2. **Mark** the blocks of them that anything refers to: a walk over the trees of the newest
//!    checkpoint, all of them, snapshots and what is being deleted too (`marks.rs`). What was
//!    written before that checkpoint can only lose references after it: bytes that nothing refers
//!    to are never referred to again, copies are made of what is referred to, and snapshots and
//!    clones begin with trees that the walk has seen. So what is not marked is dead for ever.
//!    Where a page cannot be read, or the counters say that more is live, nothing is moved.
//! 3. **Copy** marked blocks, each verified against the checksum in its extent, and sync
//!    (`mover.rs`).
//! 4. **Stage**: the next checkpoint installs the redirects (`space/packed.rs`), and the old slots
//!    pass the gate.
//!
//! Segments that replay may need are no victims: those have groups behind the newest checkpoint.
//!
//! CRASH: until that checkpoint is durable, nothing names the packs; after it, see
//! `space/packed.rs`. A round that ends early has copied for nothing.

mod background;
mod learned;
pub(crate) mod marks;
mod mover;
mod sources;

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use engine_base::{Lsn, SegmentId, to_u32};
use engine_format::FEATURE_PACKS;
use engine_log::{LogError, PackStream};

use crate::core::Core;
use crate::space::{Candidate, PackingGoal, ReadPin, Staged, choose_packing};
use crate::{Pool, StoreError};
use learned::Learned;
use marks::{BadPage, Marks, Root, Source};
use mover::Mover;

/// Packs by the age of what is in them: moved once, moved again.
const STREAMS: usize = 2;
/// Choices that one round makes: each learns how full the blocks of the victims before were.
const CHOICES_MAX: usize = 4;

/// What cleaning knows from one round to the next. Behind a mutex: one round at a time. Lock order:
/// before the checkpointer.
pub(crate) struct Cleaner {
    streams: [PackStream; STREAMS],
    learned: Learned,
}

/// The state that a round looks at.
struct Look {
    lsn: Lsn,
    roots: Vec<Root>,
    /// Keeps its pages.
    pin: ReadPin,
}

/// What a round is going to move.
struct Plan {
    chosen: Vec<Candidate>,
    sources: BTreeMap<SegmentId, Source>,
    marks: Marks,
}

impl Cleaner {
    pub(crate) fn new(core: &Core) -> Self {
        let stream = || PackStream::new(core.pool_id, core.epoch, core.geometry);
        Self {
            streams: [stream(), stream()],
            learned: Learned::default(),
        }
    }

    /// Bytes that fit into packs that are open.
    fn room(&self) -> u64 {
        self.streams.iter().map(PackStream::room).sum()
    }
}

impl Pool {
    /// One round of cleaning on this thread, if there is anything to bring back: what is live of
    /// sparse segments is copied, and the next checkpoint but one gives their slots back. Writers
    /// go on meanwhile. Whether there is something for a checkpoint to install.
    ///
    /// # Errors
    /// [`StoreError::PageDamaged`], [`StoreError::Inconsistent`] and [`StoreError::Device`] where a
    /// page cannot be read, or does not fit: nothing was moved, the pool goes on.
    /// [`StoreError::Log`] if the pool is poisoned.
    pub fn clean(&self) -> Result<bool, StoreError> {
        self.clean_for(self.core.gain_wanted())
    }

    fn clean_for(&self, gain: u32) -> Result<bool, StoreError> {
        let mut cleaner = self.cleaner.lock();
        if let Some(error) = self.refused() {
            return Err(error);
        }
        if self.core.space.lock().is_staged() {
            return Ok(true);
        }
        let lsn = self.checkpointer.lock().lsn;
        if self.choose(&mut cleaner, lsn, gain).is_empty() {
            return Ok(false);
        }
        // Two checkpoints, the first time.
        self.require_features(FEATURE_PACKS)?;
        let Some(look) = self.look_for_cleaning()? else {
            return Ok(false);
        };
        let Some(plan) = self.plan(&mut cleaner, &look, gain)? else {
            return Ok(false);
        };
        // Moving looks at each source anew: what comes free may go meanwhile.
        drop(look);
        self.carry_out(&mut cleaner, plan)
    }

    /// Before a checkpoint takes its state: open packs in which nothing is any more go, too. Not
    /// while a round may be about to fill them.
    pub(crate) fn seal_empty_packs(&self) {
        // Only tried: the order of these locks is the other one.
        let Some(mut cleaner) = self.cleaner.try_lock() else {
            return;
        };
        let mut space = self.core.space.lock();
        if space.is_staged() {
            return;
        }
        for stream in &mut cleaner.streams {
            if let Some(open) = stream.settled()
                && space.seal_empty_pack(open.segment)
            {
                stream.seal();
            }
        }
    }

    /// What to move in the state of `lsn`. Where nothing seems worth it, what was learned from
    /// older states is forgotten: they had bytes that died since.
    fn choose(&self, cleaner: &mut Cleaner, lsn: Lsn, gain: u32) -> Vec<Candidate> {
        let chosen = self.choose_by(cleaner, lsn, gain);
        if chosen.is_empty() && cleaner.learned.forget_before(lsn) {
            return self.choose_by(cleaner, lsn, gain);
        }
        chosen
    }

    fn choose_by(&self, cleaner: &Cleaner, lsn: Lsn, gain: u32) -> Vec<Candidate> {
        let core = &*self.core;
        let kept = core.slots_kept();
        let (candidates, goal) = {
            let space = core.space.lock();
            let spare = space.free_slots().saturating_sub(kept);
            let usable = u64::from(core.geometry.segment_bytes) - engine_base::limits::BLOCK;
            let room = u64::from(spare) * usable + cleaner.room();
            let goal = PackingGoal {
                segment_bytes: core.geometry.segment_bytes,
                next_segment: space.next_segment,
                room,
                gain,
            };
            let slack = |segment| cleaner.learned.slack(segment);
            (space.candidates(lsn, slack), goal)
        };
        choose_packing(candidates, &goal)
    }

    /// The roots of the newest checkpoint; `None` if the next has to come first.
    fn look_for_cleaning(&self) -> Result<Option<Look>, StoreError> {
        let checkpointer = self.checkpointer.lock();
        let pin = self.read_pin();
        let roots = marks::roots_of(&self.core)?;
        let lsn = checkpointer.lsn;
        Ok(roots.map(|roots| Look { lsn, roots, pin }))
    }

    /// Chooses and marks until what is chosen is worth it; `None` if nothing is.
    fn plan(
        &self,
        cleaner: &mut Cleaner,
        look: &Look,
        gain: u32,
    ) -> Result<Option<Plan>, StoreError> {
        let core = &*self.core;
        cleaner
            .learned
            .retain(|id| core.homes.read().contains_key(&id));
        for _ in 0..CHOICES_MAX {
            let chosen = self.choose(cleaner, look.lsn, gain);
            if chosen.is_empty() {
                return Ok(None);
            }
            let victims = chosen.iter().map(|candidate| candidate.segment).collect();
            let sources = core.sources_of(&victims);
            let marks = marks::mark(self, &sources, &look.roots, BadPage::Fails, &look.pin)?;
            let Some(marks) = marks else {
                return Ok(None);
            };
            core.check_marks(&marks, &sources)?;
            let mut exact = Vec::new();
            for candidate in &chosen {
                let found = marks.bytes_in(candidate.segment);
                let known = cleaner.learned.slack(candidate.segment);
                let more = found.saturating_sub(candidate.live.saturating_sub(known));
                cleaner.learned.learn(candidate.segment, more, look.lsn);
                let (segment, live) = (candidate.segment, found);
                exact.push(Candidate { segment, live });
            }
            let goal = PackingGoal {
                segment_bytes: core.geometry.segment_bytes,
                next_segment: SegmentId::FIRST,
                room: u64::MAX,
                gain,
            };
            if goal.gain_of(&exact) > 0 {
                let chosen = exact;
                return Ok(Some(Plan {
                    chosen,
                    sources,
                    marks,
                }));
            }
        }
        Ok(None)
    }

    fn carry_out(&self, cleaner: &mut Cleaner, plan: Plan) -> Result<bool, StoreError> {
        let core = &*self.core;
        let before: u64 = cleaner.streams.iter().map(|s| s.appended().get()).sum();
        let slots = core.space.lock().free_slots();
        let mut moved = Vec::new();
        let mut mover = Mover::new(self, &mut cleaner.streams);
        let mut stuck = Vec::new();
        for (segment, source) in &plan.sources {
            if self.is_stopping() {
                break;
            }
            match mover.move_source(*segment, source, plan.marks.of(*segment)) {
                Ok(Some(stretches)) => moved.push((*segment, stretches)),
                Ok(None) => {}
                Err(StoreError::Log(LogError::NoSpace | LogError::HostNoSpace(_))) => break,
                Err(error @ StoreError::Log(_)) => {
                    self.poison_with(&error);
                    return Err(error);
                }
                Err(error) => {
                    tracing::warn!(%segment, %error, "it cannot be read: it stays where it is");
                    stuck.extend(source.homes(*segment));
                }
            }
        }
        let whole = u64::from(core.geometry.segment_bytes);
        for home in stuck {
            // Not chosen again before the next opening.
            cleaner.learned.learn(home, whole, Lsn::new(u64::MAX));
        }
        let mut packs = Vec::new();
        for stream in &mut cleaner.streams {
            match stream.sync(&*core.device) {
                Ok(written) => packs.extend(written),
                Err(error) => {
                    let error = error.into();
                    self.poison_with(&error);
                    return Err(error);
                }
            }
        }
        let after: u64 = cleaner.streams.iter().map(|s| s.appended().get()).sum();
        core.counters
            .packed_bytes
            .fetch_add(after - before, Ordering::Relaxed);
        let is_worth_it = !moved.is_empty();
        core.counters
            .packing_rounds
            .fetch_add(u64::from(is_worth_it), Ordering::Relaxed);
        if is_worth_it || !packs.is_empty() {
            let taken = slots.saturating_sub(core.space.lock().free_slots());
            let gain = to_u32(plan.chosen.len()).saturating_sub(taken);
            // Not while a checkpoint is between making room and taking its state.
            let _checkpointer = self.checkpointer.lock();
            core.space.lock().stage(Staged {
                sources: moved,
                packs,
                gain,
            });
        }
        Ok(is_worth_it)
    }
}
