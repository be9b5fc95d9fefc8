//! Shared syncs and the durable LSN.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};

use engine_base::limits::{UNSYNCED_BYTES_MAX, UNSYNCED_BYTES_SOFT};
use engine_base::{Lsn, Slot};
use engine_device::Area;

use super::Journal;
use super::close::Unsynced;
use super::writeback::Pending;
use crate::LogError;

/// Bytes that recent syncs covered on average, below which syncs count as frequent.
const OFTEN_BYTES: u64 = 1 << 20;
/// Syncs after which that is said at all.
const OFTEN_SYNCS: u64 = 16;

/// What is not on stable storage yet, and who waits for it.
#[derive(Debug)]
pub(super) struct SyncState {
    running: bool,
    wakers: Vec<Waker>,
    /// In the order of the log.
    segments: VecDeque<Unsynced>,
    closed_bytes: u64,
    /// Every group up to here is on the device, if not yet on stable storage.
    written: Lsn,
    written_bytes: u64,
    synced_bytes: u64,
    syncs: u64,
    /// Moving average of the bytes that a sync covered, over about eight syncs.
    recent_bytes: u64,
    pub(super) writeback: Pending,
}

/// What one sync covers.
struct Plan {
    target: Lsn,
    bytes: u64,
    slots: Vec<Slot>,
}

impl SyncState {
    /// Everything up to `lsn` is durable.
    pub(super) fn new(lsn: Lsn) -> Self {
        Self {
            running: false,
            wakers: Vec::new(),
            segments: VecDeque::new(),
            closed_bytes: 0,
            written: lsn,
            written_bytes: 0,
            synced_bytes: 0,
            syncs: 0,
            recent_bytes: 0,
            writeback: Pending::default(),
        }
    }

    pub(super) fn closed(&mut self, slot: Slot, lsn: Lsn, bytes: u64) {
        self.closed_bytes += bytes;
        match self.segments.back_mut() {
            Some(last) if last.slot == slot => last.last_lsn = lsn,
            _ => self.segments.push_back(Unsynced {
                slot,
                last_lsn: lsn,
            }),
        }
    }

    /// The next group in the order of the log is on the device.
    pub(super) fn written(&mut self, lsn: Lsn, bytes: u64) {
        self.written = lsn;
        self.written_bytes += bytes;
    }

    pub(super) fn too_much_unsynced(&self) -> bool {
        self.closed_bytes - self.synced_bytes >= UNSYNCED_BYTES_MAX
    }

    /// Enough is unsynced to begin a sync that nobody asked for, so that writers need not wait
    /// later.
    pub(super) fn is_sync_due(&self) -> bool {
        !self.running && self.written_bytes - self.synced_bytes >= UNSYNCED_BYTES_SOFT
    }

    /// Whether syncs are so frequent that their cost decides.
    pub(super) fn is_frequent(&self) -> bool {
        self.syncs >= OFTEN_SYNCS && self.recent_bytes < OFTEN_BYTES
    }

    pub(super) fn take_wakers(&mut self) -> Vec<Waker> {
        std::mem::take(&mut self.wakers)
    }

    fn plan(&mut self) -> Option<Plan> {
        if self.running {
            return None;
        }
        self.running = true;
        let slots = self.segments.iter().map(|segment| segment.slot).collect();
        Some(Plan {
            target: self.written,
            bytes: self.written_bytes,
            slots,
        })
    }

    fn finish(&mut self, plan: &Plan) {
        self.running = false;
        let bytes = plan.bytes - self.synced_bytes;
        self.recent_bytes = (self.recent_bytes * 7 + bytes) / 8;
        self.syncs += 1;
        self.synced_bytes = plan.bytes;
        while self
            .segments
            .front()
            .is_some_and(|front| front.last_lsn <= plan.target)
        {
            self.segments.pop_front();
        }
    }
}

/// Resolves when everything up to an LSN is on stable storage.
#[derive(Debug)]
#[must_use = "nothing is synced before this is polled"]
pub struct Durable<'a> {
    journal: &'a Journal,
    lsn: Lsn,
}

impl Journal {
    /// Waits until everything up to `lsn`, whose group must be written, is durable. One sync serves
    /// all who wait.
    ///
    /// Where the thread has nothing else to do ([`engine_device::may_block`]) it syncs itself; else
    /// the background thread does.
    ///
    /// # Errors
    /// Resolves to [`LogError::Poisoned`] if the sync fails.
    ///
    /// # Panics
    /// If the group of `lsn` is not written yet (programmer error: a sync would not cover it).
    pub fn durable(&self, lsn: Lsn) -> Durable<'_> {
        // A checkpoint may ask from within the turn of apply, before that LSN is announced as
        // applied.
        assert!(
            lsn <= self.applied_lsn() || lsn <= self.written_lsn(),
            "{lsn} is waited for before it was written"
        );
        Durable { journal: self, lsn }
    }

    /// Highest LSN that may be waited for: nothing above it is readable, what is being applied at
    /// this moment is not above it.
    #[must_use]
    pub fn written_lsn(&self) -> Lsn {
        self.state.lock().sync.written
    }

    /// Syncs everything that is written. `false` if another thread is at it already, or the journal
    /// is poisoned.
    ///
    /// Order: the segments are synced in the order of the log, and only then does the durable LSN
    /// move.
    pub(super) fn sync_now(&self) -> bool {
        let Some(plan) = self.state.lock().sync.plan() else {
            return false;
        };
        let result = match self.refused() {
            Some(error) => Err(error),
            None => self.sync_slots(&plan.slots),
        };
        if let Err(error) = result {
            self.state.lock().sync.running = false;
            self.fail_everything(&error);
            return false;
        }
        self.durable.fetch_max(plan.target.get(), Ordering::AcqRel);
        self.stats.synced();
        let (wakers, starved) = {
            let mut state = self.state.lock();
            state.sync.finish(&plan);
            (state.sync.take_wakers(), state.take_starved())
        };
        wakers.into_iter().for_each(Waker::wake);
        if let Some(outcome) = starved {
            outcome.wake_all();
        }
        true
    }

    fn sync_slots(&self, slots: &[Slot]) -> Result<(), LogError> {
        for slot in slots {
            if let Err(cause) = self.device.sync(Area::Segment(*slot)) {
                self.poison.set(&cause);
                return Err(LogError::Poisoned(cause));
            }
        }
        Ok(())
    }

    /// Registers `waker` if a sync is running or a background thread will run one; `false`: the
    /// caller syncs.
    fn wait_for_sync(&self, lsn: Lsn, waker: &Waker) -> bool {
        let in_background = !engine_device::may_block() && self.has_background();
        let mut state = self.state.lock();
        if self.durable_lsn() >= lsn || !(state.sync.running || in_background) {
            return false;
        }
        state.sync.wakers.push(waker.clone());
        let running = state.sync.running;
        drop(state);
        if !running {
            self.request_sync();
        }
        true
    }
}

impl Future for Durable<'_> {
    type Output = Result<(), LogError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { journal, lsn } = *self;
        loop {
            if journal.durable_lsn() >= lsn {
                return Poll::Ready(Ok(()));
            }
            if let Some(error) = journal.refused() {
                return Poll::Ready(Err(error));
            }
            if journal.wait_for_sync(lsn, cx.waker()) {
                return Poll::Pending;
            }
            journal.sync_now();
        }
    }
}
