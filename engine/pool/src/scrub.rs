//! Scrub: reading every copy of everything that is live, past the page cache, before somebody needs
//! it and finds it rotten.
//!
//! **A pass** begins with a checkpoint, so that all that is live lies in its trees. It verifies
//! the two superblocks, the membership records of several devices, the headers of segments, the
//! segment table, the heads of the journal behind the checkpoint, every page of every tree
//! (base, second copy, delta), and the blocks of every extent, tree by tree in the order of
//! keys, a few MiB at a time in the order in which they lie. What members of a family share is
//! read once. A pass keeps no page in memory and holds no lock over a read: it follows the
//! pointers on the device, under a pin that lasts for one step. What is written or moves
//! between members of a family meanwhile is left to the next pass.
//!
//! **What does not match** is looked at again where it certainly lies: a page in the newest
//! checkpoint, with the checkpointer locked; data by a new look at the tree in memory, under a pin.
//! So a place that was given up meanwhile is no finding. Bad copies are written over with a good
//! one (a device's other copy, or the second copy of a page) and read back; a page of which only
//! memory has the content is written elsewhere by a checkpoint, and so is a superblock; heads of
//! the journal are made superfluous by two.
//!
//! **What is lost** is listed with its owner, and kept in settings over a restart. Reads of it fail
//! by their checksums, whether it is listed or not. It leaves the list when nothing refers to it
//! any more, because it was overwritten or deleted, or when a whole pass did not find it again.
//!
//! CRASH. Where a pass is, and the list, are saved every minute and at its end: a pass that was
//! interrupted goes on at most a minute before that, and its repairs are those of single places.

mod again;
mod background;
mod data;
mod heads;
mod lost;
mod lost_page;
mod own;
mod pace;
mod pages;
mod parts;
mod pass;
mod records;
mod structures;
mod verified;

use std::time::Duration;

use engine_base::ByteCount;
use engine_format::{LostRange, ScrubRecord};
use parking_lot::{Condvar, Mutex};

use crate::{Pool, StoreError};
use lost::LostList;
use pass::Pass;

/// How far a pass is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScrubProgress {
    /// Bytes read, each copy counted.
    pub verified: ByteCount,
    /// Bytes to read in all: an estimate from when the pass began.
    pub total: ByteCount,
}

/// What is known of scrubbing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScrubStatus {
    /// Number of the newest pass; 0: there was none.
    pub pass: u64,
    /// The newest pass is on its way.
    pub running: bool,
    /// How far it is, or was.
    pub progress: ScrubProgress,
    /// The newest pass that came to its end, of this opening of the pool; 0: none did.
    pub finished: u64,
    /// Why the newest pass ended early, if it did.
    pub failed: Option<String>,
    /// When the newest whole pass ended, in nanoseconds since 1970; `None`: none did.
    pub ended_unix_nanos: Option<u64>,
    /// Nothing that is stored was last verified, or written, before this moment: when the newest
    /// whole pass began, or the pool was created.
    pub oldest_unverified_unix_nanos: u64,
    /// Bad copies of anything, found since the pool was created.
    pub found: u64,
    /// Those of them that were repaired.
    pub repaired: u64,
    /// Ranges of which no good copy is left, as far as it is known.
    pub lost_ranges: u64,
    /// Their bytes.
    pub lost: ByteCount,
}

/// What passes share, and those who ask for them.
#[derive(Debug, Default)]
pub(crate) struct Scrubber {
    /// Bytes per second in the background; `None`: only when it is asked for.
    rate: Option<u64>,
    state: Mutex<State>,
    changed: Condvar,
    lost: Mutex<LostList>,
    /// One pass at a time. Held over all of it, by the thread that makes it.
    turn: Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    record: ScrubRecord,
    total: u64,
    /// The record was read from the pool.
    is_loaded: bool,
    /// Somebody wants a pass that begins from now on.
    wanted: bool,
    /// Copies were made that no pass has read.
    has_new_copies: bool,
    stop: bool,
    finished: u64,
    failed: Option<String>,
}

impl Scrubber {
    pub(crate) fn new(rate: Option<u64>) -> Self {
        Self {
            rate: rate.filter(|rate| *rate > 0),
            ..Self::default()
        }
    }

    /// Copies were made of what nothing had verified: unless passes are only made when asked for,
    /// the next one begins as soon as the one that is on its way, if any, has ended.
    pub(crate) fn note_new_copies(&self) {
        self.state.lock().has_new_copies = true;
        self.changed.notify_all();
    }

    /// Ends the pass that is on its way, and the thread that makes passes.
    pub(crate) fn stop(&self) {
        self.state.lock().stop = true;
        self.changed.notify_all();
    }
}

impl Pool {
    /// What is known of scrubbing.
    #[must_use]
    pub fn scrub_status(&self) -> ScrubStatus {
        let (lost_ranges, lost) = self.scrubber.lost.lock().sum();
        let state = self.scrubber.state.lock();
        let record = &state.record;
        let has_whole = record.whole_began > 0;
        ScrubStatus {
            pass: record.pass,
            running: record.is_running,
            progress: ScrubProgress {
                verified: ByteCount::new(record.verified),
                total: ByteCount::new(state.total.max(record.verified)),
            },
            finished: state.finished,
            failed: state.failed.clone(),
            ended_unix_nanos: has_whole.then_some(record.whole_ended),
            oldest_unverified_unix_nanos: if has_whole {
                record.whole_began
            } else {
                self.core.created_unix_nanos
            },
            found: record.found,
            repaired: record.repaired,
            lost_ranges: lost_ranges + record.left_out,
            lost: ByteCount::new(lost),
        }
    }

    /// Asks the background for a pass that begins now; one that is on its way begins anew. Its
    /// number: it has come to its end when [`ScrubStatus::finished`] is not below.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] if there is no background.
    pub fn request_scrub(&self) -> Result<u64, StoreError> {
        if !self.has_background() {
            return Err(StoreError::Invalid {
                what: "asking for a scrub".to_owned(),
                why: "the pool has no background".to_owned(),
            });
        }
        let mut state = self.scrubber.state.lock();
        state.wanted = true;
        state.failed = None;
        let number = state.record.pass + 1;
        drop(state);
        self.scrubber.changed.notify_all();
        Ok(number)
    }

    /// Waits until a pass of this number has come to its end, or failed, but not for longer than
    /// `at_most`.
    #[must_use]
    pub fn wait_for_scrub(&self, pass: u64, at_most: Duration) -> ScrubStatus {
        {
            let mut state = self.scrubber.state.lock();
            if state.finished < pass && state.failed.is_none() {
                self.scrubber.changed.wait_for(&mut state, at_most);
            }
        }
        self.scrub_status()
    }

    /// Makes a whole pass on this thread, as fast as the device allows.
    ///
    /// # Errors
    /// Any [`StoreError`] that is not one of what is verified: that is counted and listed.
    pub fn scrub(
        &self,
        progress: &mut dyn FnMut(ScrubProgress),
    ) -> Result<ScrubStatus, StoreError> {
        let _turn = self.scrubber.turn.lock();
        self.load_scrub()?;
        self.begin_pass();
        match Pass::new(self, None, progress).run() {
            Ok(()) => Ok(self.scrub_status()),
            Err(pass::Ended::Failed(error)) => Err(error),
            Err(pass::Ended::Stopped) => Err(engine_log::LogError::Closed.into()),
        }
    }

    /// What is lost, as of now: what was overwritten or deleted since it was found is left out.
    ///
    /// # Errors
    /// [`StoreError::Device`].
    pub async fn lost(&self) -> Result<Vec<LostRange>, StoreError> {
        self.refresh_lost().await?;
        Ok(self.scrubber.lost.lock().all())
    }
}
