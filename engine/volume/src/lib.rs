//! The block model: volumes of 4 KiB blocks on a pool.
//!
//! * A write request of up to 1 MiB is whole or absent after a crash. Ranges that do not begin and
//!   end on a block are read, changed and written under the lock of their blocks.
//! * What was never written, trimmed or zeroed reads as zeroes and takes no space.
//! * An operation that has resolved is seen by every later one, on every handle, and survives the
//!   death of the process; with [`Ack::Durable`], or once a later [`Volume::flush`] has resolved,
//!   it survives a power cut.
//!
//! Operations are futures without a runtime: where nothing has to be waited for they are done at
//! the first poll. A future that is dropped leaves its write either whole or absent.

mod changes;
mod info;
mod map;
mod read;
mod read_ahead;
mod release;
mod snapshots;
mod volume;
mod volumes;
mod write;

pub use info::VolumeInfo;
pub use map::{MapExtent, MapKind};
pub use read::{ReadData, Run};
pub use read_ahead::Ahead;
pub use snapshots::SnapshotInfo;
pub use volume::{Ack, Volume};
pub use volumes::{Storage, Volumes};
