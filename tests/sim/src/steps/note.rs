//! Noting what came of the steps of buckets.

use std::sync::Arc;

use engine_base::ErrorKind;
use engine_bucket::{BucketError, Buckets};
use engine_pool::StoreError;
use tests_model::Step;
use tests_model::bucket::{BucketState, RefBucket, Shown};

use super::Scene;
use crate::seen::{of_store, open_bucket};

impl Scene<'_> {
    /// Notes what came of an operation on a bucket that leads to `after`; `None`: to no change.
    pub(super) fn settle(
        &mut self,
        name: &str,
        done: Result<(), BucketError>,
        after: Option<RefBucket>,
        durable: bool,
    ) -> Result<(), StoreError> {
        let step = after.map(|after| Step::Buckets {
            states: vec![(name.to_owned(), Some(Arc::new(BucketState::from(after))))],
        });
        self.note(done, step, durable)
    }

    pub(super) fn removed(
        &mut self,
        name: &str,
        known: &BucketState,
        deleted: Result<(), BucketError>,
    ) -> Result<(), StoreError> {
        if let Err(BucketError::NotEmpty) = deleted {
            assert!(!known.reference.is_new(), "{}: {name} is empty", self.at);
            return Ok(());
        }
        let step = Step::Buckets {
            states: vec![(name.to_owned(), None)],
        };
        self.note(deleted, Some(step), true)
    }

    pub(super) fn note(
        &mut self,
        done: Result<(), BucketError>,
        step: Option<Step>,
        durable: bool,
    ) -> Result<(), StoreError> {
        match done {
            Ok(()) => {
                let is_changed = step.is_some();
                step.into_iter().for_each(|step| self.history.take(step));
                self.history.written = self.history.steps.len();
                if durable && is_changed {
                    self.history.flushed();
                }
                Ok(())
            }
            Err(BucketError::Quota { .. } | BucketError::OtherProject) => {
                self.tally.count("refusals by quotas");
                Ok(())
            }
            Err(BucketError::Store(error)) if self.is_refusal(&error) => {
                self.tally.count("refusals for want of room");
                self.see(step)
            }
            Err(BucketError::Store(error)) => {
                step.into_iter().for_each(|step| self.history.take(step));
                Err(error)
            }
            Err(error) => panic!("{}: {error:?}", self.at),
        }
    }

    /// Whether there was no room, and nothing else is wrong.
    pub(super) fn is_refusal(&self, error: &StoreError) -> bool {
        error.kind() == ErrorKind::NoSpace && self.pool.status().poisoned.is_none()
    }

    /// A step that was refused was taken all the same if only what comes behind it found no room.
    fn see(&mut self, step: Option<Step>) -> Result<(), StoreError> {
        let Some(Step::Buckets { states }) = step else {
            return Ok(());
        };
        let mut seen = Vec::new();
        for (name, _) in &states {
            seen.push(self.look(name)?);
        }
        let is = |state: Option<&Arc<BucketState>>, seen: &Option<Shown>| {
            state.map(|state| state.shown()) == seen.as_ref()
        };
        let known = |name| self.history.state.buckets.get(name);
        let mut pairs = states.iter().zip(&seen);
        if pairs.all(|((name, _), seen)| is(known(name), seen)) {
            return Ok(());
        }
        let mut pairs = states.iter().zip(&seen);
        assert!(
            pairs.all(|((_, after), seen)| is(after.as_ref(), seen)),
            "{}: {:?} is half changed",
            self.at,
            states.first().map(|(name, _)| name)
        );
        self.history.take(Step::Buckets { states });
        self.history.written = self.history.steps.len();
        Ok(())
    }

    /// What a bucket or a snapshot shows; `None`: there is none.
    fn look(&self, name: &str) -> Result<Option<Shown>, StoreError> {
        let buckets = Buckets::new(Arc::clone(self.pool));
        let seen = match open_bucket(&buckets, name) {
            Ok(bucket) => Shown::of_bucket(&bucket, &|_| false),
            Err(BucketError::NotFound { .. }) => return Ok(None),
            Err(error) => Err(error),
        };
        match seen.map_err(of_store) {
            Ok(seen) => Ok(Some(seen)),
            // Opening gives back what is left over: that, too, may find no room.
            Err(error) if self.is_refusal(&error) => Err(error),
            Err(error) => panic!("{}: {error:?}", self.at),
        }
    }
}
