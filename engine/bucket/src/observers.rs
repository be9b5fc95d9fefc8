//! Who is told of changes of a bucket.

use std::sync::{Arc, Weak};

use crate::bucket::Shared;
use crate::flight::Observer;
use crate::{Bucket, BucketError};

/// Those of one bucket.
#[derive(Default)]
pub(crate) struct Observers {
    all: Vec<Weak<dyn Observer>>,
    /// The bucket is being deleted, or was: nobody begins to observe it.
    is_closed: bool,
}

impl Observers {
    fn alive(&mut self) -> Vec<Arc<dyn Observer>> {
        self.all.retain(|observer| observer.strong_count() > 0);
        self.all.iter().filter_map(Weak::upgrade).collect()
    }
}

impl Shared {
    pub(crate) fn observers(&self) -> Vec<Arc<dyn Observer>> {
        self.observers.lock().alive()
    }

    /// Lets nobody begin to observe the bucket, so that it can be deleted; `false`: somebody does.
    pub(crate) fn close_to_observers(&self) -> bool {
        let mut observers = self.observers.lock();
        observers.is_closed = observers.alive().iter().all(|observer| observer.is_over());
        observers.is_closed
    }

    /// It is not deleted after all.
    pub(crate) fn open_to_observers(&self) {
        self.observers.lock().is_closed = false;
    }
}

impl Bucket {
    /// Has `observer` told of every change from now on, for as long as it lives. The bucket cannot
    /// be deleted meanwhile, unless the observer says that it is over.
    ///
    /// # Errors
    /// [`BucketError::NotFound`]: the bucket is being deleted.
    pub fn observe(&self, observer: &Arc<dyn Observer>) -> Result<(), BucketError> {
        let mut observers = self.shared.observers.lock();
        if observers.is_closed {
            return Err(BucketError::no("bucket"));
        }
        observers.all.push(Arc::downgrade(observer));
        Ok(())
    }
}
