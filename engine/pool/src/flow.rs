//! The way of a change through the pool, in its order: admit (`room.rs`), throttle, make resident,
//! commit, make durable.

use std::future::poll_fn;
use std::sync::atomic::Ordering;
use std::task::Poll;

use engine_base::limits::PAGE_BYTES;
use engine_base::{Checksum, Location, Lsn};
use engine_device::PageBuf;
use engine_log::{BatchData, LogError, Plug};
use engine_tree::{ExtentError, LoadedPage, Missing};

use crate::core::Core;
use crate::pages::{decode, place_of};
use crate::pool::Done;
use crate::{Dataset, Pool, StoreError, copies};

impl Pool {
    /// Waits while too many pages are dirty, and drops clean ones for those that the changes before
    /// this one of `dataset` have added: a tree that grows reads nothing, so no read does it.
    ///
    /// # Errors
    /// [`StoreError::Log`] if the pool is poisoned.
    pub async fn throttle(&self, dataset: &Dataset) -> Result<(), StoreError> {
        self.core.evict_over_budget(dataset);
        while self.core.budget.dirty().get() > self.core.dirty_limit {
            self.next_checkpoint().await?;
        }
        Ok(())
    }

    /// Brings every leaf that can hold a key from `low` to `high` into memory. They stay while the
    /// caller holds a lock on what the keys are about.
    ///
    /// # Errors
    /// [`StoreError::PageDamaged`], [`StoreError::Device`].
    pub async fn make_resident(
        &self,
        dataset: &Dataset,
        low: &[u8],
        high: &[u8],
    ) -> Result<(), StoreError> {
        // A page that was found missing may be freed and its segment reused before it is read.
        let _pin = self.read_pin();
        loop {
            let missing = match dataset.tree.read().resident(low, high, usize::MAX) {
                Ok(_) => return Ok(()),
                Err(missing) => missing,
            };
            self.fetch(dataset, missing).await?;
        }
    }

    /// Reads one page that a look at the tree found missing.
    ///
    /// # Errors
    /// [`StoreError::PageDamaged`], [`StoreError::Device`].
    pub async fn fetch(&self, dataset: &Dataset, missing: Missing) -> Result<(), StoreError> {
        let page = self.core.load(&missing).await?;
        dataset.tree.write().install(&missing, page);
        self.core.evict_over_budget(dataset);
        Ok(())
    }

    /// Tells the host to begin reading the next `leaves` behind a missing one: for looks that go on
    /// over the keys there. A hint: nothing is waited for.
    pub fn read_ahead(&self, dataset: &Dataset, missing: &Missing, leaves: usize) {
        let behind = dataset.with_tree(|tree| tree.leaves_behind(missing, leaves));
        for pointer in behind {
            let delta = pointer.delta.map(|d| (d.location, u64::from(d.bytes)));
            let parts = [Some((pointer.base, PAGE_BYTES as u64)), delta];
            for (location, bytes) in parts.into_iter().flatten() {
                // What is wrong with a place is said where the page is needed.
                if let Ok(place) = place_of(&*self.core, location) {
                    self.core.device.read_ahead(place, bytes);
                }
            }
        }
    }

    /// After a look at extents that failed: reads the page that was missing, so that the look can
    /// be repeated.
    ///
    /// # Errors
    /// As [`Pool::fetch`]; [`StoreError::Inconsistent`] if an entry is not an extent.
    pub async fn fetch_for_extents(
        &self,
        dataset: &Dataset,
        error: ExtentError<Missing>,
    ) -> Result<(), StoreError> {
        match error {
            ExtentError::Map(missing) => self.fetch(dataset, missing).await,
            error => Err(StoreError::Inconsistent {
                what: format!("the extents of {}: {error}", dataset.id()),
            }),
        }
    }

    /// Commits a batch whose leaves are resident. Resolves when it is readable and survives the
    /// death of the process, to an LSN at or above its own.
    ///
    /// # Errors
    /// [`StoreError::Log`]; nothing changed, or, if poisoned, what is durable after a restart
    /// decides.
    pub async fn commit(&self, batch: BatchData) -> Result<Lsn, StoreError> {
        Ok(self.journal.commit(batch).await?)
    }

    /// Waits until everything up to `lsn` is on stable storage.
    ///
    /// # Errors
    /// [`StoreError::Log`] if the sync failed: the pool is poisoned.
    pub async fn durable(&self, lsn: Lsn) -> Result<(), StoreError> {
        Ok(self.journal.durable(lsn).await?)
    }

    /// Waits until everything that is readable now is on stable storage.
    ///
    /// # Errors
    /// As [`Pool::durable`].
    pub async fn flush(&self) -> Result<(), StoreError> {
        self.durable(self.journal.applied_lsn()).await
    }

    /// Gathers the commits of this thread into one group until the plug is dropped.
    pub fn plug(&self) -> Plug<'_> {
        self.journal.plug()
    }

    /// Waits for a checkpoint that begins from now on; without a background it is made here.
    pub(crate) async fn next_checkpoint(&self) -> Result<(), StoreError> {
        if !self.has_background() {
            return self.checkpoint().map(|_| ());
        }
        let wanted = self.request_checkpoint();
        self.wait_for(&self.done, wanted).await
    }

    /// Waits until so many are done.
    pub(crate) async fn wait_for(&self, done: &Done, wanted: u64) -> Result<(), StoreError> {
        poll_fn(|cx| {
            if let Some(error) = self.refused() {
                return Poll::Ready(Err(error));
            }
            if done.reached(wanted, cx.waker()) {
                return Poll::Ready(Ok(()));
            }
            if self.is_stopping() {
                return Poll::Ready(Err(LogError::Closed.into()));
            }
            Poll::Pending
        })
        .await
    }
}

impl Core {
    async fn load(&self, missing: &Missing) -> Result<LoadedPage, StoreError> {
        let pointer = &missing.pointer;
        self.counters.page_reads.fetch_add(1, Ordering::Relaxed);
        let delta = match pointer.delta {
            Some(delta) => {
                let bytes = copies::length(delta.bytes);
                Some(self.part(delta.location, bytes, delta.checksum).await?)
            }
            None => None,
        };
        let base = self.part(pointer.base, PAGE_BYTES, pointer.checksum).await;
        let first = base.and_then(|base| decode(missing, &base, delta.as_deref()));
        match (first, pointer.copy) {
            (Err(error), Some(copy)) => {
                tracing::warn!(%error, "a tree page is damaged: its second copy is used");
                let base = self.part(copy, PAGE_BYTES, pointer.checksum).await?;
                decode(missing, &base, delta.as_deref())
            }
            (result, _) => result,
        }
    }

    /// Bytes with that checksum, from whichever copy has them; else what was read first.
    async fn part(
        &self,
        location: Location,
        bytes: usize,
        checksum: Checksum,
    ) -> Result<PageBuf, StoreError> {
        let place = place_of(self, location)?;
        let read = self.device.read_async(place, PageBuf::recycled(bytes));
        if let Ok(buf) = read.await
            && crc32c::crc32c(&buf) == checksum.get()
        {
            return Ok(buf);
        }
        let mut buf = PageBuf::recycled(bytes);
        copies::read_checked(&*self.device, place, checksum, &mut buf, self.repairs)?;
        Ok(buf)
    }
}
