//! Whole pools on devices that fail, from a seed.
//!
//! A seed is one pool: its devices, its lives, what is done in each (volumes, their snapshots and
//! what is made from them; buckets by inode, by key and in parts, their snapshots, clones and
//! reverts; quotas, checkpoints, cleaning, scrubs) and what goes wrong. A life ends by a power cut
//! at any change of a device, by the death of the process or by closing. Then what is left must be
//! one prefix of one history over all volumes and buckets, with everything that was acknowledged as
//! durable; a check must find nothing; the older checkpoint must lead to such a prefix too, and
//! another power cut during the recovery must change nothing of that. Calls may fail, devices may
//! be full or slow. Where a device lied or bytes were spoilt, what is read is right or an error,
//! never wrong, and a check reports what cannot be read.
//!
//! The references share no code with the engine (`tests-model`). Nothing here runs on its own: the
//! same seed is the same run, to the last byte on the devices. A new kind of step goes into
//! `steps.rs`, a new kind of mishap into `plan.rs`; how many devices there are is known to `rig.rs`
//! only.

mod damage;
mod plan;
mod recovery;
mod rig;
mod seed;
mod seen;
mod shrink;
mod steps;
mod tally;
mod vouched;

pub use seed::{Outcome, run};
pub use shrink::{Failure, try_run};
pub use tally::Tally;

/// More steps than a seed has.
pub const ALL_STEPS: u64 = 1_000;
