//! The file and object model: buckets are trees of entries and inodes, and what a mount and an
//! object API show of them are the same entries.
//!
//! * By inode: [`Bucket::lookup`], [`Bucket::create`], [`Bucket::write`], [`Bucket::rename`] and so
//!   on, through [`Node`] handles: what a mount calls.
//! * By whole key: objects, listings and uploads: what an object API calls.
//!
//! Nothing is stored twice. An entry holds the inode it leads to unless that has several names; the
//! name of a directory is followed by `/` in its key, so the tree is in the order of whole keys.
//! A file `a` and a directory `a/` can both exist; through the mount `a` is then the directory.
//!
//! An operation that has resolved is seen by every later one, on every handle, and survives the
//! death of the process; with [`Ack::Durable`], or once a later [`Bucket::sync`] has resolved, it
//! survives a power cut. Every operation is whole or absent after a crash unless it says otherwise.
//! A future that is dropped leaves its change either whole or absent.
//!
//! Lock order: the variants of `LockKey`, then keys; operations lock in two turns, names before
//! inodes. Observers take notes under them; no lock is held while an operation waits for what they
//! do about it.

mod acl;
mod attributes;
mod bucket;
mod buckets;
mod census;
mod change;
mod content;
mod copy;
mod error;
mod flight;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod key;
mod list;
mod look;
mod metadata;
mod multipart;
mod names;
mod node;
mod object;
mod observers;
mod owners;
mod put;
mod quota;
mod readdir;
mod reader;
mod recent;
mod removal;
mod remove;
mod rename;
mod snapshots;
mod space;
mod write;
mod xattr;

pub use attributes::{Info, SetAttributes};
pub use bucket::Bucket;
pub use buckets::{BucketInfo, Buckets, RootOwner};
pub use census::{Census, Staged};
pub use engine_format::{DirectoryState, InodeId, InodeKind};
pub use error::BucketError;
pub use flight::{Changed, Observer, Settled};
pub use key::OBJECT_KEY_BYTES_MAX;
pub use list::{ListItem, ListOptions, ListPage};
pub use metadata::{OBJECT_METADATA_BYTES_MAX, check_object_attribute, check_object_metadata};
pub use multipart::{Completion, PartInfo, PartNumber, UploadId, UploadInfo};
pub use names::{NewInode, NewKind};
pub use node::Node;
pub use object::{Metadata, ObjectHead, Precondition, RenamePreconditions, Revise, Seen};
pub use put::{ObjectMetadata, Owner, Upload};
pub use quota::{QuotaInfo, QuotaLimits, Space};
pub use readdir::{COOKIE_MIN, DirectoryEntry, DirectoryStream};
pub use reader::ObjectReader;
pub use removal::OpenFile;
pub use remove::Removed;
pub use rename::RenameHow;
pub use snapshots::SnapshotInfo;
pub use space::{Allocate, Seek};
pub use write::WriteAt;
pub use xattr::{OBJECT_PREFIX, SetHow};

/// What an acknowledgement means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ack {
    /// Readable, and it survives the death of the process.
    Written,
    /// On stable storage.
    Durable,
}
