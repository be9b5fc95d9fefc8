//! What the tree of a bucket holds: keys, directory entries, inodes, and the records around them.
//!
//! Keys begin with a byte that says what they are, so that all of a kind lie together.

mod directory;
mod entry;
mod fields;
mod inode;
mod key;
mod quota;
mod records;
mod shared;
mod uploads;

pub use directory::{DirectoryState, TOUCH_BYTES, Touch};
pub use entry::EntryRecord;
pub use fields::{ATTRIBUTE_BYTES_MAX, INODE_FIELDS_BYTES_MAX, InodeFields};
pub use inode::{ContentForm, Inode, InodeKind};
pub use key::{BucketKey, InodeId, SharedKey};
pub use quota::{CHARGE_BYTES, Charge, Quota, QuotaState, Usage, counted};
pub use records::{Cleanup, Held, InodeNumbers, Piece};
pub use shared::Shared;
pub use uploads::{PartRecord, UploadRecord};

/// Bytes of a directory entry's name at most: a whole object key may be one component.
pub const NAME_BYTES_MAX: usize = 1024;
/// Contents of up to so many bytes lie in the tree itself.
pub const SMALL_BYTES_MAX: usize = 2048;

#[cfg(test)]
mod tests;
