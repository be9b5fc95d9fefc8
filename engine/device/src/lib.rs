//! Devices: the one seam between the engine and storage, and the only crate with `unsafe`.
//!
//! * [`Device`] is what the engine sees: a label and slots, read and written by [`Place`].
//! * [`PageBuf`] is a page-aligned buffer from the process-wide pool.
//! * [`Reactor`] lets a frontend's own thread wait for its socket, for device reads and for wake-ups in one system call.

mod device;
mod error;

pub use device::{Area, Device, Geometry, Place, Prepare};
pub use error::DeviceError;
