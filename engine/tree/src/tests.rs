mod capture;
mod damage;
mod memory;
mod model;
mod relocate;
mod remains;
mod shape;
mod store;

use crate::{Captured, Tree};

/// Owners keep trees behind a lock that many threads share, and write captures on others.
#[test]
fn trees_and_captures_cross_threads() {
    fn check<T: Send + Sync>() {}
    check::<Tree>();
    check::<Captured>();
}
