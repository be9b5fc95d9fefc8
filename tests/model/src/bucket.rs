//! The same for buckets: what they must do, written down a second time, operations that are done on
//! both, and the comparison of all that is shown.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::OnceLock;

mod check;
mod ops;
mod reference;
mod shown;

pub use check::{compare, remove_all};
pub use ops::Runner;
pub use reference::RefBucket;
pub use shown::{Difference, Shown};

/// A state of a bucket. Two are equal if they show the same.
#[derive(Debug, Default)]
pub struct BucketState {
    /// What it is.
    pub reference: RefBucket,
    shown: OnceLock<Shown>,
}

impl BucketState {
    /// What it shows.
    pub fn shown(&self) -> &Shown {
        let show = || Shown::of_reference(&self.reference);
        self.shown.get_or_init(show)
    }
}

impl From<RefBucket> for BucketState {
    fn from(reference: RefBucket) -> Self {
        Self {
            reference,
            shown: OnceLock::new(),
        }
    }
}

impl PartialEq for BucketState {
    fn eq(&self, other: &Self) -> bool {
        self.shown() == other.shown()
    }
}

impl Eq for BucketState {}
