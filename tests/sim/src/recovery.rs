//! What must hold of what a life has left, where nothing was damaged.

use std::sync::Arc;

use engine_pool::{Pool, StoreError, block_on};
use tests_model::{History, ReferencePool};

use crate::plan::Plan;
use crate::rig::{How, Rest, Rig};
use crate::seed::{Course, Left, Past};
use crate::seen::Seen;
use crate::vouched::Vouched;

impl Course {
    /// What was left is one prefix of the history with all that was promised; so it is after
    /// another power cut while that is found out. Returns what the next life begins with.
    pub(crate) fn recover(&mut self, left: &Left, plan: &Plan) -> (Rest, ReferencePool) {
        self.check(left);
        if plan.rewinds {
            self.rewind(left);
        }
        if let Some(cut) = plan.cut_recovery {
            self.cut_recovery(left, plan, cut);
        }
        self.victim_alone(left);
        let (rig, pool, count) = self.open(left);
        let state = left.history.state_after(count);
        block_on(pool.clean_up())
            .unwrap_or_else(|error| panic!("{}: cleaning up fails: {error:?}", left.at));
        let is_kept = plan.keeps_recovery || left.least == left.history.written;
        let mut history = left.history.clone();
        history.steps.truncate(count);
        self.past.push(Past {
            history,
            vouched: if is_kept {
                Vouched::by_checkpoint(count)
            } else {
                left.vouched.clone()
            },
            was_opened: is_kept || left.was_opened,
        });
        let rest = if is_kept {
            rig.killed()
        } else {
            left.rest.clone()
        };
        (rest, state)
    }

    /// Opens what is left and finds the prefix that it is.
    fn open(&mut self, left: &Left) -> (Rig, Arc<Pool>, usize) {
        let life = self.next_life();
        let rig = Rig::new(self.shape, left.rest.clone(), None, life);
        let pool = rig.open(How::Newest, life);
        let pool = pool.unwrap_or_else(|error| panic!("{}: it does not open: {error:?}", left.at));
        let seen = Seen::of(&pool, &|_| false);
        let seen = seen.unwrap_or_else(|error| panic!("{}: reading fails: {error:?}", left.at));
        let count = find(&seen, left, left.least, "what was recovered");
        (rig, pool, count)
    }

    fn check(&mut self, left: &Left) {
        let rig = Rig::new(self.shape, left.rest.clone(), None, 0);
        match rig.check() {
            Ok(report) => {
                let findings = &report.findings;
                assert!(report.is_clean(), "{}: {findings:#?}", left.at);
            }
            Err(error) => panic!("{}: the check fails: {error:?}", left.at),
        }
        self.tally().count("checks");
    }

    fn rewind(&mut self, left: &Left) {
        let life = self.next_life();
        let rig = Rig::new(self.shape, left.rest.clone(), None, life);
        match rig.open(How::Rewind, life) {
            Ok(pool) => {
                let seen = Seen::of(&pool, &|_| false).expect("the older checkpoint is whole");
                // Where openings were cut, the older checkpoint is that of a life before.
                let is_past = |past: &Past| search(&seen, &past.history, 0).is_ok();
                if !self.past.iter().any(is_past) {
                    find(&seen, left, 0, "what a rewind shows");
                }
                self.tally().count("rewinds");
            }
            // There is none yet.
            Err(StoreError::Invalid { .. }) => {}
            Err(error) => panic!("{}: the older checkpoint: {error:?}", left.at),
        }
    }

    /// Nothing proves the device on which things go wrong current. Where it is made to open alone,
    /// it is as it was at the moment when it dropped out, or nothing did go wrong.
    fn victim_alone(&mut self, left: &Left) {
        let life = self.next_life();
        let rig = Rig::new(self.shape, left.rest.clone(), None, life);
        let Some(rig) = rig.victim_alone() else {
            return;
        };
        let refused = rig.open(How::Newest, life);
        assert!(refused.is_err(), "{}: nothing proves it current", left.at);
        let Ok(pool) = rig.open(How::Degraded, life) else {
            self.tally()
                .count("devices that were only caught up in part");
            return;
        };
        let seen = Seen::of(&pool, &|_| false);
        let seen = seen.unwrap_or_else(|error| panic!("{}: alone: {error:?}", left.at));
        let is_past = |past: &Past| search(&seen, &past.history, 0).is_ok();
        if !self.past.iter().any(is_past) {
            find(&seen, left, 0, "what one device alone shows");
        }
        self.tally().count("devices that opened alone");
    }

    fn cut_recovery(&mut self, left: &Left, plan: &Plan, cut: u64) {
        let life = self.next_life();
        let rig = Rig::new(self.shape, left.rest.clone(), Some(cut), life);
        let opened = rig.open(How::Newest, life);
        if opened.is_ok() {
            return;
        }
        assert!(rig.power_lost(), "{}: it does not open again", left.at);
        let again = Left {
            rest: rig.cut(plan.choices.rotate_left(7)),
            history: left.history.clone(),
            least: left.least,
            vouched: left.vouched.clone(),
            was_opened: left.was_opened,
            was_whole: left.was_whole,
            spoilt: left.spoilt,
            at: format!("{}, cut while it recovered", left.at),
        };
        // What a kill has left was not durable until a recovery came to its end.
        let least = left.history.durable.min(left.least);
        self.open(&Left { least, ..again });
        self.tally().count("power cuts during recovery");
    }
}

/// After how many steps, `least` or more, the history is as seen.
pub(crate) fn find(seen: &Seen, left: &Left, least: usize, what: &str) -> usize {
    let found = search(seen, &left.history, least);
    found.unwrap_or_else(|difference| {
        let all = left.history.steps.len();
        panic!(
            "{}: {what} is no prefix of {least} to {all} steps: {difference}",
            left.at
        )
    })
}

/// As [`find`]; else what the last state has that is not as seen.
pub(crate) fn search(seen: &Seen, history: &History, least: usize) -> Result<usize, String> {
    let mut state = history.state_after(least);
    let mut count = least;
    loop {
        let difference = match seen.contradicts(&state) {
            None => return Ok(count),
            Some(difference) => difference,
        };
        let Some(step) = history.steps.get(count) else {
            return Err(difference);
        };
        state.apply(step);
        count += 1;
    }
}
