//! Joining a group and waiting for it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use engine_base::Lsn;
use engine_base::limits::{BATCH_DATA_BYTES_MAX, BATCH_MUTATION_BYTES_MAX};
use engine_device::PageBuf;

use super::Journal;
use super::group::GroupOutcome;
use crate::LogError;
use crate::park::thread_waker;
use crate::plug::is_plugged;

/// An encoded batch and the data its extents name.
#[derive(Debug, Default)]
pub struct BatchData {
    /// One batch, encoded; data offsets count from the start of `data`.
    pub mutations: Vec<u8>,
    /// Whole blocks each, one behind the other.
    pub data: Vec<PageBuf>,
    /// The data will hardly be read soon: once the device has it, the host's memory need not.
    pub streamed: bool,
}

impl BatchData {
    /// Bytes of data.
    #[must_use]
    pub fn data_bytes(&self) -> usize {
        self.data.iter().map(|buf| buf.len()).sum()
    }
}

#[derive(Debug)]
enum Stage {
    /// Not in a group yet.
    Waiting {
        batch: BatchData,
        data_bytes: usize,
    },
    /// In a group that has not ended.
    Joined(Arc<GroupOutcome>),
    Done,
}

/// A batch on its way. Resolves to an LSN at or above its group's when the batch is readable and
/// survives the death of the process.
///
/// Joins at the first poll. Dropped before: the batch never was. Dropped after: the batch commits
/// all the same, and the drop waits until it is applied or refused.
#[derive(Debug)]
#[must_use = "a batch joins its group when the commit is polled"]
pub struct Commit<'a> {
    journal: &'a Journal,
    stage: Stage,
}

impl Journal {
    /// Commits `batch`.
    ///
    /// # Errors
    /// Resolves to [`LogError::NoSpace`] or [`LogError::HostNoSpace`] (nothing changed),
    /// [`LogError::Poisoned`], [`LogError::Closed`], or [`LogError::BatchTooLarge`].
    pub fn commit(&self, batch: BatchData) -> Commit<'_> {
        let data_bytes = batch.data_bytes();
        Commit {
            journal: self,
            stage: Stage::Waiting { batch, data_bytes },
        }
    }

    fn try_join(
        &self,
        batch: &mut BatchData,
        data_bytes: usize,
    ) -> Result<Option<Arc<GroupOutcome>>, LogError> {
        let mut state = self.state.lock();
        if let Some(error) = self.refused() {
            return Err(error);
        }
        if state.closed {
            return Err(LogError::Closed);
        }
        Ok(state.join(batch, data_bytes))
    }

    /// Joins the open group, making room by leading. `None`: no room yet, `cx` is woken when there
    /// may be.
    fn poll_join(
        &self,
        batch: &mut BatchData,
        data_bytes: usize,
        cx: &Context<'_>,
    ) -> Result<Option<Arc<GroupOutcome>>, LogError> {
        if batch.mutations.len() > BATCH_MUTATION_BYTES_MAX || data_bytes > BATCH_DATA_BYTES_MAX {
            let mutation_bytes = batch.mutations.len();
            return Err(LogError::BatchTooLarge {
                mutation_bytes,
                data_bytes,
            });
        }
        if let Some(outcome) = self.try_join(batch, data_bytes)? {
            return Ok(Some(outcome));
        }
        self.lead();
        loop {
            if let Some(outcome) = self.try_join(batch, data_bytes)? {
                return Ok(Some(outcome));
            }
            let full = self.state.lock().starve();
            full.wake_later(cx.waker());
            // Only now, so that whoever makes room later finds the waker; and only if it is still
            // the group that is full.
            self.lead();
            if Arc::ptr_eq(&full, &self.state.lock().open.outcome) {
                return Ok(None);
            }
        }
    }
}

impl Future for Commit<'_> {
    type Output = Result<Lsn, LogError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if let Stage::Waiting { batch, data_bytes } = &mut this.stage {
            match this.journal.poll_join(batch, *data_bytes, cx) {
                Ok(Some(outcome)) => this.stage = Stage::Joined(outcome),
                Ok(None) => return Poll::Pending,
                Err(error) => {
                    this.stage = Stage::Done;
                    return Poll::Ready(Err(error));
                }
            }
        }
        let Stage::Joined(outcome) = &this.stage else {
            return Poll::Ready(Err(LogError::Closed));
        };
        if outcome.get().is_none() && !is_plugged() {
            this.journal.lead();
        }
        if outcome.get().is_none() {
            outcome.wake_later(cx.waker());
            // Once more: whoever made room in between may have found nobody to wake.
            if !is_plugged() {
                this.journal.lead();
            }
        }
        match outcome.get() {
            Some(result) => {
                this.stage = Stage::Done;
                Poll::Ready(result)
            }
            None => Poll::Pending,
        }
    }
}

impl Drop for Commit<'_> {
    /// A batch that has joined commits whatever becomes of its caller, and the caller's locks must
    /// be held until it is applied: they are let go right after this. So this waits, which takes no
    /// longer than the write of a group.
    fn drop(&mut self) {
        let Stage::Joined(outcome) = &self.stage else {
            return;
        };
        while outcome.get().is_none() && !std::thread::panicking() {
            outcome.wake_later(&thread_waker());
            self.journal.lead();
            if outcome.get().is_none() {
                std::thread::park();
            }
        }
    }
}
