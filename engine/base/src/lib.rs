//! Units, ids, limits, error kinds, clock and randomness: what every other crate of the engine is
//! written in.
//!
//! This crate does no I/O and depends on nothing of Trefoil. Raw integers are turned into these
//! types at the edge where bytes or system calls are read, and back only there.

mod clock;
mod error_kind;
mod ids;
pub mod limits;
mod num;
mod random;
mod units;

pub use clock::{Clock, ManualClock, SystemClock, thread_time};
pub use error_kind::ErrorKind;
pub use ids::{DatasetId, DeviceId, EpochId, PoolId, SegmentId, Slot};
pub use num::{align_down, align_up, to_u32, to_usize};
pub use random::{Entropy, SeededEntropy, SystemEntropy};
pub use units::{BlockCount, ByteCount, Checksum, Location, Lsn, Sixteenths, VolumeOffset};
