//! What the kernel asks and is answered, as it is on a ring: the FUSE library decodes and encodes
//! for its own transport only.
//!
//! * A request is a header, the arguments of fixed length, and a payload: names, each with a zero
//!   byte behind it, or bytes.
//! * An answer is a header with an error or none, and a payload: structures, names or bytes.
//! * All numbers have the byte order of the host.
//!
//! Nothing here trusts the kernel to be right: what does not decode is answered with an error, what
//! is not known with ENOSYS.

mod decode;
mod operation;
mod reply;
mod wire;

pub(crate) use operation::{Asker, Do, Give, Operation};
pub(crate) use reply::{Listed, Reply, encode};
