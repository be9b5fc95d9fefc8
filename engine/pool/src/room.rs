//! Room for a change: who finds the pool full waits for what checkpoints and cleaning bring back,
//! as long as they bring anything.

use engine_base::ByteCount;

use crate::{Admitted, Pool, StoreError};

/// Checkpoints without a slot more that a write on a full pool waits for before it is refused: what
/// cleaning moves comes back with the second.
const ROUNDS_FOR_DATA: u32 = 6;
/// Checkpoints that a delete or a trim waits for: enough for some to move pages out of sparse index
/// segments, and for two more to release those.
const ROUNDS_FOR_RELEASE: u32 = 16;
/// The same while readers keep slots that are dead. Those end: a round of cleaning, a step of a
/// scrub, a read. But on a pool that waits for room a checkpoint may be over much sooner.
const ROUNDS_FOR_READERS: u32 = 64;

/// Rounds that someone who needs room has waited for since the last that brought some.
#[derive(Debug, Default)]
struct Waited {
    idle: u32,
    /// While readers kept what was coming back.
    held: u32,
}

impl Pool {
    /// Claims room for a batch with `bytes` of data; hold it until the batch is committed. Where
    /// checkpoints or cleaning would bring space back, it waits for them first.
    ///
    /// # Errors
    /// [`StoreError::NoSpace`]: only the reserve for deletes and checkpoints is left. Nothing
    /// changed.
    pub async fn admit(&self, bytes: u64) -> Result<Admitted<'_>, StoreError> {
        let mut waited = Waited::default();
        while waited.idle < ROUNDS_FOR_DATA && waited.held < ROUNDS_FOR_READERS {
            if let Some(admitted) = self.core.admission.admit(bytes) {
                return Ok(admitted);
            }
            let before = self.core.admission.free_slots();
            if !self.bring_back(&mut waited).await? {
                break;
            }
            if self.core.admission.free_slots() > before {
                waited = Waited::default();
            }
        }
        let wanted = ByteCount::new(bytes);
        self.core
            .admission
            .admit(bytes)
            .ok_or(StoreError::NoSpace { wanted })
    }

    /// Waits for the next step that brings space back, if there is one.
    async fn bring_back(&self, waited: &mut Waited) -> Result<bool, StoreError> {
        // A round of cleaning that is under way reads what it moves, so it may be what others wait
        // for; without a background there is none.
        if waited.idle + waited.held > 0 && self.has_background() {
            self.next_cleaning().await?;
        }
        // Others wait for the same: that cleaning moved nothing now may mean that it did so for
        // them just before, or that it looked at a checkpoint that is not the newest any more. So
        // what is on its way is looked at once more before anybody is told that nothing is.
        let checkpoints = self.done.count();
        let comes = self.is_coming_back()
            || self.next_cleaning().await?
            || self.is_behind()
            || self.is_coming_back()
            || self.done.count() != checkpoints;
        if !comes {
            return Ok(false);
        }
        self.next_checkpoint().await?;
        if self.has_background() && self.core.space.lock().is_held_up() {
            waited.held += 1;
        } else {
            waited.idle += 1;
        }
        Ok(true)
    }

    /// Whether checkpoints would bring slots back.
    fn is_coming_back(&self) -> bool {
        self.core.space.lock().is_coming_back()
    }

    /// Whether the newest checkpoint lacks anything: cleaning sees only what checkpoints have, so
    /// what died since is still live for it.
    fn is_behind(&self) -> bool {
        let checkpointer = self.checkpointer.try_lock();
        checkpointer.is_none_or(|newest| newest.lsn < self.journal.applied_lsn())
    }

    /// Lets a batch that gives space back pass, waiting for checkpoints while the reserve is low.
    ///
    /// # Errors
    /// [`StoreError::NoSpace`] if checkpoints bring nothing back; [`StoreError::Log`] if the pool
    /// is poisoned.
    pub async fn admit_release(&self) -> Result<(), StoreError> {
        let mut waited = Waited::default();
        while waited.idle < ROUNDS_FOR_RELEASE && waited.held < ROUNDS_FOR_READERS {
            if self.core.admission.may_release() {
                return Ok(());
            }
            if !self.bring_back(&mut waited).await? {
                self.next_checkpoint().await?;
                waited.idle += 1;
            }
        }
        if self.core.admission.may_release() {
            return Ok(());
        }
        Err(StoreError::NoSpace {
            wanted: ByteCount::new(engine_base::limits::BLOCK),
        })
    }
}
