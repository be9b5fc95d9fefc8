//! What the kernel has still to be told, and who waits for it.
//!
//! Its length is bounded by those who wait: whoever makes a change resolves only when what came of
//! it is carried out.

use std::collections::{BTreeSet, VecDeque};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use parking_lot::{Condvar, Mutex};

use crate::held::Job;

#[derive(Default)]
struct State {
    jobs: VecDeque<(u64, Job)>,
    /// The number of the next job.
    next: u64,
    /// Jobs that were not carried out yet.
    pending: BTreeSet<u64>,
    waiting: Vec<Waker>,
    closed: bool,
}

/// The queue of one kernel.
#[derive(Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    wake: Condvar,
}

impl Queue {
    /// Adds jobs; never waits.
    pub(crate) fn push(&self, jobs: Vec<Job>) {
        self.push_with(|| jobs);
    }

    /// Adds jobs that are found under the queue's lock: who finds that there is nothing left to do
    /// about a change then finds what is being done about it pending.
    pub(crate) fn push_with(&self, find: impl FnOnce() -> Vec<Job>) {
        let mut state = self.state.lock();
        let jobs = find();
        if state.closed {
            return;
        }
        for job in jobs {
            let number = state.next;
            state.next += 1;
            state.pending.insert(number);
            state.jobs.push_back((number, job));
            self.wake.notify_one();
        }
    }

    /// Waits for a job; `None`: the kernel is gone.
    pub(crate) fn take(&self) -> Option<(u64, Job)> {
        let mut state = self.state.lock();
        loop {
            if state.closed {
                return None;
            }
            if let Some(job) = state.jobs.pop_front() {
                return Some(job);
            }
            self.wake.wait(&mut state);
        }
    }

    /// A job was carried out.
    pub(crate) fn done(&self, number: u64) {
        let mut state = self.state.lock();
        let was_first = state.pending.first() == Some(&number);
        state.pending.remove(&number);
        let waiting = if was_first {
            std::mem::take(&mut state.waiting)
        } else {
            Vec::new()
        };
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
    }

    /// The kernel is gone: there is nobody to tell.
    pub(crate) fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        state.jobs.clear();
        state.pending.clear();
        let waiting = std::mem::take(&mut state.waiting);
        self.wake.notify_all();
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Done when all jobs so far are; `None`: they are.
    pub(crate) fn settled(self: &Arc<Self>) -> Option<Settle> {
        let state = self.state.lock();
        if state.pending.is_empty() {
            return None;
        }
        Some(Settle {
            queue: Arc::clone(self),
            before: state.next,
        })
    }
}

/// Waits for all jobs before a number.
pub(crate) struct Settle {
    queue: Arc<Queue>,
    before: u64,
}

impl Future for Settle {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.queue.state.lock();
        if state.pending.first().is_none_or(|job| *job >= self.before) {
            return Poll::Ready(());
        }
        if !state
            .waiting
            .iter()
            .any(|waker| waker.will_wake(cx.waker()))
        {
            state.waiting.push(cx.waker().clone());
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests;
