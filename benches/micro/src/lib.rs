//! What the measurements stand on: pages in memory, a ring of journal segments, random numbers of
//! a seed, and a hash that says that two runs did the same work.

mod pages;
mod ring;
mod work;

pub use pages::PageStore;
pub use ring::{NothingApplied, Ring};
pub use work::{Random, Work, number_key};
