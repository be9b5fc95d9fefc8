//! Putting objects: content is staged as it comes, and one small batch publishes it.

mod gathered;

mod publish;

mod place;

use std::sync::Arc;

use engine_format::{
    BucketKey, Cleanup, ContentForm, DirectoryState, Held, Inode, InodeId, InodeKind, PieceRecord,
    SMALL_BYTES_MAX, Touch,
};
use engine_pool::LockMode;
use engine_tree::Tree;

use crate::acl::{self, Inherited};
use crate::attributes::Info;
use crate::bucket::{Dropped, LockKey};
use crate::change::Change;
use crate::flight::Flight;
use crate::key::{Above, Key, Way};
use crate::look::{Look, inode_of, value};
use crate::names::{NewInode, NewKind, alone, new_inode, shared, touch_for};
use crate::node::Place;
use crate::object::Precondition;
use crate::quota::{Claim, Destination};
use crate::removal::Left;
use crate::write::FILE_BYTES_MAX;
use crate::xattr::{
    OBJECT_PREFIX, attribute, attribute_names, check_attribute, put_attribute, take_attribute,
};
use crate::{Ack, Bucket, BucketError};

pub(crate) use gathered::Gathered;
pub(crate) use place::Parent;
use place::{place_content, put_state_with};
pub(crate) use publish::{Put, old_place, put_locks};

/// An attribute that a replaced file does not leave to its successor.
const CAPABILITY: &[u8] = b"security.capability";
const SET_ID: u16 = 0o6000;
/// Bytes of all names and values of an object's metadata.
const METADATA_BYTES_MAX: usize = 8 << 10;

/// Whose new files and directories are, and what their permissions lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Permissions that are taken away.
    pub umask: u16,
}

/// What an object is given besides its content.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObjectMetadata {
    /// Its entity tag; up to 64 bytes.
    pub entity_tag: Option<Vec<u8>>,
    /// Checksums of the content as the frontend encodes them; up to 256 bytes.
    pub checksums: Option<Vec<u8>>,
    /// Metadata by names without [`OBJECT_PREFIX`].
    pub metadata: Vec<(Vec<u8>, Vec<u8>)>,
}

/// Content on its way to become an object. Dropping it gives it back.
#[derive(Debug)]
pub struct Upload {
    pub(crate) bucket: Bucket,
    /// The number that its extents have, once there are any.
    pub(crate) content: Option<InodeId>,
    /// What is not staged yet: less than one batch takes.
    pub(crate) rest: Gathered,
    pub(crate) staged: u64,
    /// Bytes of what is staged that are not stored.
    pub(crate) holes: u64,
    pub(crate) destination: Destination,
    /// Bytes that it is said to come to.
    pub(crate) expected: u64,
}

/// Content that is ready to be published.
pub(crate) struct Ready {
    pub(crate) id: InodeId,
    pub(crate) size: u64,
    /// Already in extents, or pieces, and held.
    pub(crate) staged: Option<ContentForm>,
    pub(crate) allocated: u64,
    /// What comes behind what is staged.
    pub(crate) rest: Gathered,
    pub(crate) rest_at: u64,
    /// What its operation has claimed of a quota.
    pub(crate) claim: Option<Arc<Claim>>,
}

impl ObjectMetadata {
    pub(crate) fn check(&self) -> Result<(), BucketError> {
        let tag = self.entity_tag.as_ref().map_or(0, Vec::len);
        let checksums = self.checksums.as_ref().map_or(0, Vec::len);
        if tag > 64 || checksums > 256 {
            return Err(BucketError::TooLarge {
                what: "entity tag, or the checksums",
                max: 256,
            });
        }
        let mut bytes = 0;
        for (name, value) in &self.metadata {
            check_attribute(&[OBJECT_PREFIX, name].concat(), value)?;
            bytes += name.len() + value.len();
        }
        if bytes > METADATA_BYTES_MAX {
            return Err(BucketError::TooLarge {
                what: "metadata",
                max: METADATA_BYTES_MAX as u64,
            });
        }
        Ok(())
    }
}

impl Bucket {
    /// Begins an upload.
    #[must_use]
    pub fn upload(&self) -> Upload {
        Upload {
            bucket: self.clone(),
            content: None,
            rest: Gathered::default(),
            staged: 0,
            holes: 0,
            destination: Destination::default(),
            expected: 0,
        }
    }
}

impl Upload {
    /// Bytes so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.staged + self.rest.len() as u64
    }

    /// Has quotas refuse it as soon as it is certain that it would pass one: now, where `expected`
    /// bytes are too many for an object of that key, or while it is written. Without this only the
    /// end of an upload is refused.
    ///
    /// # Errors
    /// [`BucketError::Quota`], [`BucketError::Name`], [`BucketError::Store`].
    pub async fn for_key(&mut self, key: &[u8], expected: u64) -> Result<(), BucketError> {
        self.expected = expected;
        self.destination = self.bucket.destination_of_key(key, expected).await?;
        Ok(())
    }

    /// Appends to the content.
    ///
    /// # Errors
    /// [`BucketError::TooLarge`], [`BucketError::Quota`], [`BucketError::Store`].
    pub async fn write(&mut self, data: &[u8]) -> Result<(), BucketError> {
        if self.bytes() + data.len() as u64 > FILE_BYTES_MAX {
            return Err(BucketError::TooLarge {
                what: "object",
                max: FILE_BYTES_MAX,
            });
        }
        let mut data = data;
        while data.len() > self.rest.room() {
            let (now, later) = data.split_at(self.rest.room());
            self.gather(now);
            data = later;
            self.stage().await?;
        }
        self.gather(data);
        Ok(())
    }

    fn gather(&mut self, data: &[u8]) {
        self.rest
            .add(data, self.expected.saturating_sub(self.bytes()));
    }

    /// Commits what has gathered under a number that only this upload knows.
    pub(crate) async fn stage(&mut self) -> Result<(), BucketError> {
        if self.rest.is_empty() {
            return Ok(());
        }
        let bucket = &self.bucket;
        bucket
            .claim_for(&self.destination, self.bytes() - self.holes)
            .await?;
        let _admitted = bucket.admit(self.rest.len()).await?;
        let mut change = Change::new(bucket);
        let content = match self.content {
            Some(content) => content,
            None => {
                let content = bucket.number().await?;
                change.put(&BucketKey::Held(content), &Held::Staged.encode());
                self.content = Some(content);
                content
            }
        };
        let rest = std::mem::take(&mut self.rest);
        let bytes = rest.len();
        change.extent(content, self.staged, bytes, rest.into_blocks());
        change.commit(bucket, &mut Flight::new(bucket)).await?;
        self.staged += bytes as u64;
        Ok(())
    }

    /// Makes it `size` bytes long by a hole.
    pub(crate) async fn stage_hole(&mut self, size: u64) -> Result<(), BucketError> {
        if size > self.bytes() {
            self.stage().await?;
            self.holes += size - self.staged;
            self.staged = size;
        }
        Ok(())
    }

    /// Publishes the content under `key`, in the place of what is there. A key that ends with `/`
    /// is a directory, which is explicit from then on; the content stays beside it. Directories
    /// that are missing are made.
    ///
    /// # Errors
    /// [`BucketError::Precondition`] if that does not hold for the object in whose place it would
    /// come, [`BucketError::InTheWay`], [`BucketError::Name`], [`BucketError::TooLarge`],
    /// [`BucketError::Store`]. The upload is gone then.
    pub async fn finish(
        mut self,
        key: &[u8],
        owner: Owner,
        object: &ObjectMetadata,
        precondition: Option<Precondition<'_>>,
        ack: Ack,
    ) -> Result<Info, BucketError> {
        let key = Key::parse_to_put(key)?;
        object.check()?;
        let bucket = self.bucket.clone();
        let mut ready = Ready {
            id: match self.content {
                Some(content) => content,
                None => bucket.number().await?,
            },
            size: self.bytes(),
            staged: self.content.map(|_| ContentForm::Extents),
            allocated: self.bytes() - self.holes,
            rest: std::mem::take(&mut self.rest),
            rest_at: self.staged,
            claim: self.destination.claim.clone(),
        };
        let put = Put {
            key: &key,
            owner,
            object,
            precondition,
        };
        let info = bucket.publish(&put, &mut ready, ack, |_| ()).await?;
        // Only now does nothing have to be given back.
        self.content = None;
        Ok(info)
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let Some(content) = self.content.take() {
            let shared = &self.bucket.shared;
            shared.drop_later(Dropped::Staged(content));
        }
    }
}
