//! What was done, in the order of commits, and what of it was promised.

use std::ops::Range;

use crate::{Pattern, ReferencePool, ReferenceVolume, Step};

use crate::op::{Op, Put};

const BLOCK: u64 = 4096;
/// Blocks that one step of clearing certainly covers: each extent has one at least.
const BLOCKS_PER_STEP: usize = 256;
/// Bytes that are zeroed in one step.
const AT_ONCE: u64 = 1 << 20;

/// The steps since a known state.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// The state before the first step.
    pub base: ReferencePool,
    /// In the order of commits; also those that were only begun.
    pub steps: Vec<Step>,
    /// So many of them survive a power cut.
    pub durable: usize,
    /// So many of them survive the death of the process.
    pub written: usize,
    /// The state after all steps.
    pub state: ReferencePool,
    /// Operations, for messages: each with the number of steps before it.
    pub log: Vec<(usize, Op)>,
}

impl History {
    /// A history that begins at `base`.
    #[must_use]
    pub fn from_state(base: ReferencePool) -> Self {
        Self {
            state: base.clone(),
            base,
            ..Self::default()
        }
    }

    /// Notes the steps of an operation that is about to begin.
    pub fn begin(&mut self, op: &Op) {
        self.log.push((self.steps.len(), op.clone()));
        for step in steps_of(op, &self.state) {
            self.state.apply(&step);
            self.steps.push(step);
        }
    }

    /// Notes a step that is about to be taken, or was.
    pub fn take(&mut self, step: Step) {
        self.state.apply(&step);
        self.steps.push(step);
    }

    /// The operation has resolved, its own steps being durable if it says so. One that had nothing
    /// to change promises nothing of what was before it.
    pub fn resolved(&mut self, durable: bool) {
        self.written = self.steps.len();
        let begun = self.log.last().map_or(0, |(before, _)| *before);
        if durable && self.written > begun {
            self.durable = self.written;
        }
    }

    /// The operation was refused: nothing of it was done.
    pub fn refused(&mut self) {
        if let Some((before, _)) = self.log.pop()
            && before < self.steps.len()
        {
            self.steps.truncate(before);
            self.state = self.state_after(before);
        }
    }

    /// Everything was made durable.
    pub fn flushed(&mut self) {
        self.written = self.steps.len();
        self.durable = self.written;
    }

    /// The first `count` steps are durable.
    pub fn durable_up_to(&mut self, count: usize) {
        self.durable = self.durable.max(count);
    }

    /// After how many steps, `least` or more, the state is `seen`.
    #[must_use]
    pub fn find(&self, seen: &ReferencePool, least: usize) -> Option<usize> {
        let mut state = self.state_after(least);
        for count in least..=self.steps.len() {
            if state.resembles(seen) && state == *seen {
                return Some(count);
            }
            if let Some(step) = self.steps.get(count) {
                state.apply(step);
            }
        }
        None
    }

    /// The state after `count` steps.
    #[must_use]
    pub fn state_after(&self, count: usize) -> ReferencePool {
        let mut state = self.base.clone();
        self.steps[..count]
            .iter()
            .for_each(|step| state.apply(step));
        state
    }
}

/// The writes of a batch in the order in which they reach the log: first those that need not wait
/// for the lock of an earlier one.
#[must_use]
pub(crate) fn commit_order(puts: &[Put]) -> (Vec<usize>, Vec<usize>) {
    let blocks = |put: &Put| put.range.start / BLOCK..put.range.end.div_ceil(BLOCK);
    let waits = |index: &usize| {
        let mine = blocks(&puts[*index]);
        puts[..*index].iter().any(|earlier| {
            let other = blocks(earlier);
            earlier.name == puts[*index].name && other.start < mine.end && mine.start < other.end
        })
    };
    (0..puts.len()).partition(|index| !waits(index))
}

fn steps_of(op: &Op, state: &ReferencePool) -> Vec<Step> {
    match op {
        Op::Create(name, size) => vec![Step::Create {
            name: name.clone(),
            size: *size,
        }],
        Op::Resize(name, size) => vec![Step::Resize {
            name: name.clone(),
            size: *size,
        }],
        Op::Delete(name) | Op::DeleteSnapshot(name) => vec![Step::Delete { name: name.clone() }],
        Op::Snapshot(label, names) => vec![Step::Snapshot {
            label: label.clone(),
            names: names.clone(),
        }],
        Op::CreateFrom(name, from) => vec![Step::Copy {
            from: from.clone(),
            name: name.clone(),
        }],
        Op::Revert(snapshot) => vec![Step::Copy {
            from: snapshot.clone(),
            name: split(snapshot).0.to_owned(),
        }],
        Op::Write(puts) => {
            let (first, later) = commit_order(puts);
            // One that waits for a lock when it is dropped has not begun.
            let later = later.into_iter().filter(|index| !puts[*index].dropped);
            let step = |index: usize| {
                let Put {
                    name,
                    range,
                    pattern,
                    ..
                } = puts[index].clone();
                Step::Write {
                    name,
                    range,
                    pattern,
                }
            };
            first.into_iter().chain(later).map(step).collect()
        }
        Op::Trim(name, range, _) => {
            let volume = state.volume(name);
            clear(name, volume, &volume.whole_blocks(range))
        }
        Op::Zero(name, range, true, _) => zero(name, range),
        Op::Zero(name, range, false, _) => {
            let volume = state.volume(name);
            let whole = volume.whole_blocks(range);
            if range.end - range.start <= AT_ONCE {
                let (name, range) = (name.clone(), range.clone());
                return vec![Step::Zero { name, range }];
            }
            let mut steps = clear(name, volume, &whole);
            steps.extend(zero(name, &(range.start..whole.start * BLOCK)));
            steps.extend(zero(name, &((whole.end * BLOCK).min(range.end)..range.end)));
            steps
        }
        Op::Read(..) | Op::Flush | Op::Checkpoint | Op::Clean => Vec::new(),
    }
}

/// The volume and the label of a snapshot.
///
/// # Panics
/// If it is none (the test is wrong).
#[must_use]
pub(crate) fn split(snapshot: &str) -> (&str, &str) {
    snapshot.split_once('@').expect("it is a snapshot")
}

fn clear(name: &str, volume: &ReferenceVolume, blocks: &Range<u64>) -> Vec<Step> {
    let stored: Vec<u64> = volume
        .blocks
        .range(blocks.clone())
        .map(|(key, _)| *key)
        .collect();
    let step = |blocks: Range<u64>| Step::Clear {
        name: name.to_owned(),
        blocks,
    };
    if stored.is_empty() {
        return Vec::new();
    }
    if stored.len() <= BLOCKS_PER_STEP {
        return vec![step(blocks.clone())];
    }
    stored
        .into_iter()
        .map(|block| step(block..block + 1))
        .collect()
}

/// Zeroes that are stored, in requests that do not cross a multiple of 1 MiB.
fn zero(name: &str, range: &Range<u64>) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut at = range.start;
    while at < range.end {
        let end = range.end.min((at >> 20 << 20) + (1 << 20));
        steps.push(Step::Write {
            name: name.to_owned(),
            range: at..end,
            pattern: Pattern::ZERO,
        });
        at = end;
    }
    steps
}
