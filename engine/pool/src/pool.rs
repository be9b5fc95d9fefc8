//! The open pool.

mod done;
mod wishes;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use engine_base::DatasetId;
use engine_format::DatasetKind;
use engine_log::{Journal, LogError};
use parking_lot::{Condvar, Mutex};

use crate::checkpoint::Checkpointer;
use crate::core::Core;
use crate::mirrors::Pace;
use crate::packing::Cleaner;
use crate::scrub::Scrubber;
use crate::{Dataset, DatasetInfo, StoreError, block_on};
pub(crate) use done::Done;

/// How often the background looks whether a checkpoint is due although nobody asked: in this time a
/// fast device writes about one segment.
const LOOK_AROUND: Duration = Duration::from_millis(50);

/// An open pool. Shared by all frontends; [`Pool::close`] ends it.
pub struct Pool {
    pub(crate) core: Arc<Core>,
    pub(crate) journal: Arc<Journal>,
    pub(crate) checkpointer: Mutex<Checkpointer>,
    pub(crate) done: Done,
    pub(crate) cleaner: Mutex<Cleaner>,
    pub(crate) cleaned: Done,
    pub(crate) scrubber: Scrubber,
    wishes: Mutex<Wishes>,
    wished: Condvar,
    background: AtomicBool,
    threads: Mutex<Vec<JoinHandle<()>>>,
    pub(crate) pace: Pace,
}

/// What others ask of the background.
#[derive(Debug, Default)]
struct Wishes {
    checkpoint: bool,
    cleanup: bool,
    cleaning: bool,
    stop: bool,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("device", &self.core.device.name())
            .finish_non_exhaustive()
    }
}

impl Pool {
    pub(crate) fn from_parts(
        core: Arc<Core>,
        journal: Journal,
        checkpointer: Checkpointer,
        scrubber: Scrubber,
    ) -> Self {
        Self {
            cleaner: Mutex::new(Cleaner::new(&core)),
            core,
            journal: Arc::new(journal),
            checkpointer: Mutex::new(checkpointer),
            done: Done::default(),
            cleaned: Done::default(),
            scrubber,
            wishes: Mutex::new(Wishes::default()),
            wished: Condvar::new(),
            background: AtomicBool::new(false),
            threads: Mutex::new(Vec::new()),
            pace: Pace::default(),
        }
    }

    /// Starts the background: syncs, checkpoints, cleaning up, scrubbing. Without it everything
    /// happens on the callers' threads, which makes runs repeatable.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] if the host gives no thread.
    pub fn start_background(self: &Arc<Self>) -> Result<(), StoreError> {
        // First, so that whoever asks is told what was lost before.
        if let Err(error) = self.load_scrub() {
            tracing::warn!(%error, "it is not known how far scrubbing was; it begins anew");
        }
        let journal = Arc::clone(&self.journal);
        let pool = Arc::clone(self);
        let refused = |source: std::io::Error| StoreError::Invalid {
            what: "starting a background thread".to_owned(),
            why: source.to_string(),
        };
        let mut threads = self.threads.lock();
        let spawn = |name: &str| std::thread::Builder::new().name(name.to_owned());
        threads.push(
            spawn("trefoil-journal")
                .spawn(move || journal.run_background())
                .map_err(refused)?,
        );
        let journal = Arc::clone(&self.journal);
        threads.push(
            spawn("trefoil-segment")
                .spawn(move || journal.run_preparing())
                .map_err(refused)?,
        );
        threads.push(
            spawn("trefoil-pool")
                .spawn(move || pool.run_background())
                .map_err(refused)?,
        );
        let pool = Arc::clone(self);
        threads.push(
            spawn("trefoil-cleanup")
                .spawn(move || pool.run_cleanup())
                .map_err(refused)?,
        );
        let pool = Arc::clone(self);
        threads.push(
            spawn("trefoil-scrub")
                .spawn(move || pool.run_scrub())
                .map_err(refused)?,
        );
        let pool = Arc::clone(self);
        threads.push(
            spawn("trefoil-clean")
                .spawn(move || pool.run_cleaning())
                .map_err(refused)?,
        );
        threads.extend(self.start_maintenance().map_err(refused)?);
        self.background.store(true, Ordering::Release);
        drop(threads);
        self.request_cleanup();
        Ok(())
    }

    /// Stops the background, takes a last checkpoint and refuses everything afterwards.
    ///
    /// # Errors
    /// [`StoreError::Log`] if the pool is poisoned: what was acknowledged as durable is, and a
    /// restart recovers.
    pub fn close(&self) -> Result<(), StoreError> {
        self.background.store(false, Ordering::Release);
        self.wishes.lock().stop = true;
        self.wished.notify_all();
        self.scrubber.stop();
        self.pace.end();
        self.journal.stop_background();
        for thread in std::mem::take(&mut *self.threads.lock()) {
            if thread.join().is_err() {
                tracing::error!("a background thread of the pool has panicked");
            }
        }
        self.journal.close()?;
        match self.checkpoint() {
            Ok(_) => Ok(()),
            // A full pool closes too: the journal has everything.
            Err(StoreError::Log(LogError::NoSpace | LogError::HostNoSpace(_))) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The dataset with this id, live or not.
    #[must_use]
    pub fn dataset(&self, id: DatasetId) -> Option<Arc<Dataset>> {
        self.core.catalog.get(id)
    }

    /// The live dataset of this kind and name: each kind has names of its own.
    #[must_use]
    pub fn find_dataset(&self, kind: DatasetKind, name: &str) -> Option<Arc<Dataset>> {
        self.core.catalog.find(kind, name)
    }

    /// All live datasets, by name.
    #[must_use]
    pub fn datasets(&self) -> Vec<DatasetInfo> {
        let live = |dataset: &Arc<Dataset>| {
            let record = dataset.record()?;
            let is_live = record.state == engine_format::DatasetState::Live;
            is_live.then(|| dataset.info_with(record))
        };
        let mut all: Vec<DatasetInfo> = self.core.catalog.all().iter().filter_map(live).collect();
        all.sort_by(|a, b| a.record.name.as_str().cmp(b.record.name.as_str()));
        all
    }

    /// Nanoseconds since 1970.
    #[must_use]
    pub fn unix_nanos(&self) -> u64 {
        self.core.clock.unix_nanos()
    }

    /// Why nothing can be written, if so.
    pub(crate) fn refused(&self) -> Option<StoreError> {
        let cause = self.core.poison.cause()?;
        Some(StoreError::Log(LogError::Poisoned(cause.clone())))
    }

    pub(crate) fn has_background(&self) -> bool {
        self.background.load(Ordering::Acquire)
    }

    fn run_background(&self) {
        loop {
            let wanted = {
                let mut wishes = self.wishes.lock();
                if !(wishes.checkpoint || wishes.stop) {
                    self.wished.wait_for(&mut wishes, LOOK_AROUND);
                }
                if wishes.stop {
                    break;
                }
                std::mem::take(&mut wishes.checkpoint)
            };
            if self.refused().is_some() {
                self.done.wake_all();
            } else if wanted || self.checkpoint_is_due() {
                self.checkpoint_in_background();
            }
        }
        self.done.wake_all();
    }

    fn checkpoint_in_background(&self) {
        match self.checkpoint() {
            Ok(number) => tracing::debug!(checkpoint = number.get(), "checkpoint is durable"),
            Err(error) => {
                tracing::warn!(%error, "no checkpoint could be taken");
                // Whoever waits looks again and decides for itself.
                self.done.add_one();
            }
        }
    }

    /// On a thread of its own, because cleaning up waits for checkpoints.
    fn run_cleanup(&self) {
        loop {
            {
                let mut wishes = self.wishes.lock();
                while !(wishes.cleanup || wishes.stop) {
                    self.wished.wait(&mut wishes);
                }
                if wishes.stop {
                    return;
                }
                wishes.cleanup = false;
            }
            match block_on(self.clean_up()) {
                Ok(()) => {}
                Err(StoreError::Log(LogError::Closed)) => return,
                Err(error) => {
                    tracing::warn!(%error, "space of deleted volumes could not be given back yet");
                }
            }
        }
    }

    /// Whether a checkpoint is due by what has gathered since the last.
    fn checkpoint_is_due(&self) -> bool {
        let mut work = self.core.turn.lock().since_checkpoint;
        work.pages_read = self.core.counters.pages_read_since_checkpoint();
        self.core.is_due(work)
    }
}
