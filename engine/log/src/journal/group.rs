//! A group: what its members share, and what the journal writes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::Waker;

use engine_base::{Location, Lsn, to_u32};
use engine_device::PageBuf;
use parking_lot::Mutex;

use crate::{JournalPosition, LogError, SegmentPlace};

/// The group that batches join.
#[derive(Debug, Default)]
pub(super) struct OpenGroup {
    pub(super) mutations: Vec<u8>,
    pub(super) data: Vec<PageBuf>,
    pub(super) data_bytes: usize,
    /// How many of them are of streamed batches.
    pub(super) streamed_bytes: usize,
    pub(super) batches: u32,
    pub(super) outcome: Arc<GroupOutcome>,
}

/// A group whose LSN, place and chain are fixed: being written, or waiting for its turn to be
/// applied.
#[derive(Debug)]
pub(super) struct ClosedGroup {
    pub(super) lsn: Lsn,
    pub(super) place: SegmentPlace,
    pub(super) offset: u32,
    pub(super) head: PageBuf,
    pub(super) mutations: Vec<u8>,
    pub(super) data: Vec<PageBuf>,
    pub(super) end: JournalPosition,
    /// Bytes of data that need not stay in the host's memory.
    pub(super) streamed_bytes: u64,
    pub(super) outcome: Arc<GroupOutcome>,
    /// Only there to name the successor.
    pub(super) naming: bool,
}

impl ClosedGroup {
    /// Where the data of the group begins.
    pub(super) fn data_location(&self) -> Location {
        Location {
            segment: self.place.segment,
            offset: self.offset + to_u32(self.head.len()),
        }
    }

    /// Whether most of it need not stay in the host's memory.
    pub(super) fn streams(&self) -> bool {
        self.streamed_bytes >= self.bytes() / 2
    }

    /// Bytes on the device.
    pub(super) fn bytes(&self) -> u64 {
        u64::from(self.end.offset - self.offset)
    }
}

/// Shared by the members of a group: how it ended, and whom to wake.
#[derive(Debug, Default)]
pub(super) struct GroupOutcome {
    /// LSN once applied; 0 before (no group has LSN 0).
    applied: AtomicU64,
    failed: OnceLock<LogError>,
    wakers: Mutex<Vec<Waker>>,
}

impl GroupOutcome {
    /// How the group ended, `None` while it has not.
    pub(super) fn get(&self) -> Option<Result<Lsn, LogError>> {
        match self.applied.load(Ordering::Acquire) {
            0 => self.failed.get().map(|error| Err(error.clone())),
            lsn => Some(Ok(Lsn::new(lsn))),
        }
    }

    /// Asks to be woken; the caller looks at [`GroupOutcome::get`] again afterwards, else a wake-up
    /// is lost.
    pub(super) fn wake_later(&self, waker: &Waker) {
        let mut wakers = self.wakers.lock();
        if !wakers.last().is_some_and(|last| last.will_wake(waker)) {
            wakers.push(waker.clone());
        }
    }

    pub(super) fn complete(&self, lsn: Lsn) {
        self.applied.store(lsn.get(), Ordering::Release);
        self.wake_all();
    }

    pub(super) fn fail(&self, error: &LogError) {
        // A group fails once; a second cause adds nothing.
        let _ = self.failed.set(error.clone());
        self.wake_all();
    }

    /// Wakes the members without an outcome, so that one of them leads.
    pub(super) fn wake_all(&self) {
        let wakers = std::mem::take(&mut *self.wakers.lock());
        wakers.into_iter().for_each(Waker::wake);
    }
}
