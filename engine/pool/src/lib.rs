//! The pool: opening, committing and applying, datasets, checkpoints, space.
//!
//! What a model above needs: [`Pool::dataset`], its [`RangeLocks`], [`Pool::make_resident`],
//! [`Pool::commit`], [`Pool::durable`], and [`Pool::read_extent`]. Nothing above this crate knows
//! where bytes lie or how many copies there are.
//!
//! Lock order, outermost first: the checkpointer; the turn of apply; a dataset's tree; the catalog;
//! space; segment slots. A range lock may be held over any of them, and none of them over a system
//! call or an await, but for the checkpointer, which is one long system call by nature.

mod apply;
mod block_on;
mod catalog;
mod check;
mod checkpoint;
mod cleanup;
mod copies;
mod core;
mod create;
mod data;
mod dataset;
mod datasets;
mod encode;
mod error;
mod evict;
mod family;
mod flow;
mod key_locks;
mod keyring;
mod locks;
mod mirrors;
mod objects;
mod open;
mod options;
mod packing;
mod pages;
mod pins;
mod places;
mod pool;
mod room;
mod salvage;
mod scrub;
mod settings;
mod sharing;
mod snapshots;
mod space;
mod status;

pub use block_on::block_on;
pub use check::{CheckCounts, CheckOptions, CheckProgress, CheckReport, Finding, Severity, check};
pub use data::{ExtentRead, StartedRead};
pub use dataset::{Dataset, DatasetInfo};
pub use encode::Encoded;
pub use error::StoreError;
pub use key_locks::{KeyLock, KeyLocks, LockMode};
pub use keyring::{Rotation, Sealer};
pub use locks::{RangeLock, RangeLocks};
pub use open::CopyError;
pub use options::{CreateOptions, MEMORY_DEFAULT, MEMORY_MIN, PoolOptions, RESYNC_RATE_DEFAULT};
pub use pins::KeyPin;
pub use pool::Pool;
pub use salvage::{LostKeys, Salvage, SalvageOptions, SalvagedDataset, SalvagedEntries, salvage};
pub use scrub::{ScrubProgress, ScrubStatus};
pub use space::{Admitted, ReadPin};
pub use status::{CleaningStatus, PoolMetrics, PoolStatus};
