//! What the block model must do, written down a second time and as plainly as possible: a pool is a
//! map from names to volumes, a volume a map from block numbers to blocks; a bucket ([`bucket`]) is
//! directories, maps from names to numbers.
//!
//! Nothing here shares code with the engine. A state is reached by applying [`Step`]s one after the
//! other; what the engine shows is collected by [`observe`], and the two are compared. [`Workload`]
//! draws what is done, [`Life`] does it and [`History`] notes it.

pub mod bucket;
mod history;
mod life;
mod observed;
mod op;
mod pattern;
mod reference;
mod rng;
mod setup;
mod step;
mod workload;

pub use history::History;
pub use life::Life;
pub use observed::{check_accounting, observe};
pub use op::{Op, Put};
pub use pattern::Pattern;
pub use reference::{Block, Difference, ReferencePool, ReferenceVolume};
pub use rng::Rng;
pub use setup::{Setup, page_buf};
pub use step::Step;
pub use workload::Workload;
