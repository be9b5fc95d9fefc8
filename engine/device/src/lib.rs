//! Devices: the one seam between the engine and storage, and the only crate with `unsafe`.
//!
//! * [`Device`] is what the engine sees: a label and slots, read and written by [`Place`].
//! * [`PageBuf`] is a page-aligned buffer from the process-wide pool.

mod buffer;
mod device;
mod error;
mod read_op;

pub use buffer::PageBuf;
pub use device::{Area, Device, Geometry, Place, Prepare};
pub use error::DeviceError;
pub use read_op::ReadOp;
