//! Buckets as file systems: parses what the kernel asks, calls the engine, answers. No storage
//! logic.
//!
//! ```text
//! mounts -> session (one for each bucket, whatever it is mounted on)
//!   dispatch -> names, files, attributes, xattr, listing     threads that answer the kernel
//!   ring -> protocol, and the same                           likewise, over io_uring
//!   held                                                     what the kernel knows
//!   past                                                     snapshots, below `.snapshots`
//!   notify <- queue <- what others change in the bucket      threads that notify the kernel
//! ```
//!
//! * A call that has returned survives the death of the process; with `fsync` a power cut.
//! * The kernel keeps names, attributes, contents and that names lead nowhere for as long as it
//!   likes: a warm `stat` or read comes from there. It is told of what other doors change before
//!   they acknowledge it: see [`Mounts`] and the module `held`.
//! * Permissions and locks are checked and kept by the kernel. Reads leave access times alone.
//! * What the FUSE library lacks: files without a name from the beginning (`O_TMPFILE`), birth
//!   times.

mod answer;
mod attr;
mod attributes;
mod dispatch;
mod door;
mod errno;
mod error;
mod files;
mod handles;
mod held;
mod kernel;
pub mod limits;
mod listing;
mod metrics;
mod mount_point;
mod mounts;
mod names;
mod notify;
mod options;
mod past;
mod pins;
#[cfg(feature = "testing")]
pub mod points;
#[cfg(not(feature = "testing"))]
mod points {
    //! No test holds anything up.
    pub(crate) enum Point {
        Looked,
        Noted,
        Telling,
    }
    pub(crate) const fn reach(_: &Point, _: &[u8]) {}
}
mod protocol;
mod queue;
mod ring;
mod session;
mod xattr;

pub use error::MountError;
pub use limits::Limits;
pub use metrics::{Kind, Metrics};
pub use mounts::Mounts;
pub use options::{MountInfo, MountOptions};
