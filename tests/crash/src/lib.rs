//! Power cuts at every change that a pool makes to its device.
//!
//! A workload is drawn from a seed and run on a simulated device. The run is repeated with the
//! power cut at each change of the device in turn; what is left (a legal choice of the sectors that
//! were not synced) is opened, and what the pool then shows must be the state after some prefix of
//! the history that has everything that was acknowledged as durable: each write whole or absent.
//! Pools are then used on, and cut off again, also while they recover.

mod explore;
mod mirrors;

pub use explore::{Explorer, Tally};
pub use mirrors::{MirrorExplorer, MirrorTally, SourceRot};
