//! Leading: writing closed groups and applying them in order.

use std::time::Duration;

use engine_base::{Lsn, thread_time};
use engine_device::Place;

use super::close::Close;
use super::group::ClosedGroup;
use super::{ApplyGroup, Journal};
use crate::LogError;

impl Journal {
    /// Writes and applies what has gathered, on this thread. Returns when nothing is left that this
    /// thread could do; groups in flight on other threads may still be on their way.
    pub fn lead(&self) {
        self.lead_until_idle(false);
    }

    /// As [`Journal::lead`]; with `carry` one group is written even if no batch has joined.
    pub(super) fn lead_until_idle(&self, carry: bool) {
        let mut carry = carry;
        loop {
            let step = {
                let mut state = self.state.lock();
                // Looked at under the mutex: whoever poisons refuses all closed groups under it
                // afterwards, so that none is closed behind one that failed, which would be
                // acknowledged and lost.
                match self.refused() {
                    Some(error) => Err(error),
                    None => Ok(state.close(self.geometry.segment_bytes, self.durable_lsn(), carry)),
                }
            };
            let step = match step {
                Ok(step) => step,
                Err(error) => {
                    self.fail_everything(&error);
                    return;
                }
            };
            match step {
                Close::Nothing => return,
                Close::SyncFirst => {
                    // Another thread is syncing: when it is done it wakes the open group, and a
                    // member goes on.
                    if !self.sync_now() {
                        return;
                    }
                }
                Close::PrepareFirst => {
                    if !self.prepare_successor() {
                        return;
                    }
                }
                Close::Group(group) => {
                    carry = carry && group.naming;
                    self.write(group);
                }
            }
        }
    }

    /// One device write: head, then data.
    ///
    /// CRASH: before or in this write the group is absent or torn, and its data is checked at
    /// replay; nothing was acknowledged. After it the group survives the death of the process;
    /// apply and acknowledgement follow.
    fn write(&self, group: Box<ClosedGroup>) {
        let mut parts: Vec<&[u8]> = Vec::with_capacity(1 + group.data.len());
        parts.push(&group.head);
        parts.extend(group.data.iter().map(|buf| &buf[..]));
        let at = Place::slot(group.place.slot, u64::from(group.offset));
        let start = group.streams().then(thread_time);
        if let Err(cause) = self.device.write(at, &parts) {
            self.poison.set(&cause);
            self.fail_everything(&LogError::Poisoned(cause));
            return;
        }
        self.stats.wrote(&group);
        let cost = start.map_or(Duration::ZERO, |start| thread_time().saturating_sub(start));
        self.start_writeback(&group, cost);
        self.written(*group);
    }

    /// Hands a written group over to apply, and applies all whose turn it is unless another thread
    /// is doing so.
    fn written(&self, group: ClosedGroup) {
        let mut state = self.state.lock();
        let Some(entry) = state
            .in_flight
            .iter_mut()
            .find(|entry| entry.lsn == group.lsn)
        else {
            // Poisoned meanwhile: all members were refused.
            return;
        };
        entry.written = Some(group);
        if state.applying {
            return;
        }
        while let Some(group) = state.next_to_apply() {
            state.applying = true;
            drop(state);
            self.apply(&group);
            state = self.state.lock();
            state.applying = false;
        }
        let starved = state.take_starved();
        drop(state);
        if let Some(outcome) = starved {
            outcome.wake_all();
        }
        self.request_what_is_due();
    }

    fn apply(&self, group: &ClosedGroup) {
        let whole_or_dead = AbortOnUnwind;
        self.applier.apply(&ApplyGroup {
            lsn: group.lsn,
            mutations: &group.mutations,
            data: group.data_location(),
            end: group.end,
        });
        self.applied
            .store(group.lsn.get(), std::sync::atomic::Ordering::Release);
        std::mem::forget(whole_or_dead);
        group.outcome.complete(group.lsn);
    }

    /// Refuses every group that was not applied, and everyone who waits for a sync.
    pub(super) fn fail_everything(&self, error: &LogError) {
        let (open, in_flight, syncers) = {
            let mut state = self.state.lock();
            let in_flight = std::mem::take(&mut state.in_flight);
            (state.take_open(), in_flight, state.sync.take_wakers())
        };
        open.outcome.fail(error);
        for entry in in_flight {
            entry.outcome.fail(error);
        }
        syncers.into_iter().for_each(std::task::Waker::wake);
    }

    /// The highest LSN given out so far, whatever became of it.
    #[must_use]
    pub fn closed_lsn(&self) -> Lsn {
        Lsn::new(self.state.lock().next_lsn().get() - 1)
    }
}

/// Ends the process if apply panics: the group is on the device and half of it in memory, nobody
/// would ever be told, and a checkpoint would make the half durable. An opening replays all of it.
struct AbortOnUnwind;

impl Drop for AbortOnUnwind {
    fn drop(&mut self) {
        tracing::error!("a group was written and could not be applied: the process ends");
        std::process::abort();
    }
}
