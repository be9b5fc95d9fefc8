//! Devices: the one seam between the engine and storage, and the only crate with `unsafe`.
//!
//! * [`Device`] is what the engine sees: a label and slots, read and written by [`Place`].
//! * [`PageBuf`] is a page-aligned buffer from the process-wide pool.
//! * [`Reactor`] lets a frontend's own thread wait for its sockets, for device reads and for
//!   wake-ups in one system call.
//! * [`CommandRing`] takes requests of the kernel in, and answers them, in one system call.
//! * [`Mirror`] keeps copies on several devices and is one device for the engine.
//! * [`SimDevice`] is storage in memory that loses power and misbehaves when told, for tests.
//! * [`open_path`] opens a directory, a file or a raw block device of the host.

mod bounds;
mod buffer;
mod command_ring;
mod device;
mod error;
mod file;
mod mirror;
mod reactor;
mod read_op;
mod sim;
mod upkeep;

pub use buffer::PageBuf;
pub use command_ring::{COMMAND_ANSWER_BYTES, CommandRequest, CommandRing, Registered};
pub use device::{Area, Device, Geometry, Place, Prepare, ReadFrom};
pub use error::DeviceError;
pub use file::{OpenMode, Opened, open_path};
pub use mirror::{
    MemberHealth, MemberStatus, Mirror, MirrorOptions, OpenedPool, Opener, SizeOf, assemble,
    create, open_paths,
};
pub use reactor::{
    Interest, Reactor, Readiness, Watched, may_block, set_may_block, without_blocking,
};
pub use read_op::ReadOp;
pub use sim::{Fault, SimDevice, SimImage, SimLayout, SimOptions, SimPower, SimStats};
pub use upkeep::{Attention, OwnRecords, ReadOwn, TellUnsound, Upkeep};
