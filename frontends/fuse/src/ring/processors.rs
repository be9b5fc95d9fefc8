//! The processors that the kernel has queues for.

use rustix::thread::{CpuSet, sched_setaffinity};

/// Processors that there are or may be: `0-3,8-11`.
const POSSIBLE: &str = "/sys/devices/system/cpu/possible";

/// How many processors may be; their queues are numbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Processors(u16);

impl Processors {
    /// Those of this system; `None`: it does not say, or their numbers have gaps, so that a
    /// processor's number may not be that of its queue.
    pub(super) fn possible() -> Option<Self> {
        Self::parse(&std::fs::read_to_string(POSSIBLE).ok()?)
    }

    fn parse(list: &str) -> Option<Self> {
        let list = list.trim();
        let last = match list.split_once('-') {
            Some(("0", last)) => last,
            Some(_) => return None,
            None => list,
        };
        let last: u16 = last.parse().ok()?;
        if last > 0 && !list.contains('-') {
            return None;
        }
        last.checked_add(1).map(Self)
    }

    pub(super) fn count(self) -> usize {
        self.0.into()
    }

    pub(super) fn queues(self) -> impl Iterator<Item = u16> {
        0..self.0
    }
}

/// Keeps the calling thread on the processor of a queue, where those are who ask: they sleep while
/// it works. On one that is off or not ours it goes where it can.
pub(super) fn run_on(queue: u16) {
    let mut set = CpuSet::new();
    if usize::from(queue) < CpuSet::MAX_CPU {
        set.set(queue.into());
        let _ = sched_setaffinity(None, &set);
    }
}

#[cfg(test)]
mod tests;
