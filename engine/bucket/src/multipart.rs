//! Multipart uploads.
//!
//! Each part is content under a number of its own. Completing an upload makes a map of pieces, so
//! parts of any sizes become one content in one small batch, and nothing is copied. Where there are
//! more pieces than one batch takes, their map is made before under a record that an opening gives
//! back; the batch that publishes the object is the same.

mod complete;

mod part;

mod pages;

mod recover;

mod scan;

use std::ops::ControlFlow;

use engine_format::{
    BucketKey, Cleanup, ContentForm, FormatError, Held, Inode, InodeFields, InodeId, InodeKind,
    PartRecord, PieceRecord, UploadRecord,
};
use engine_pool::LockMode;
use engine_tree::Tree;

use crate::attributes::Info;
use crate::bucket::LockKey;
use crate::change::Change;
use crate::flight::Flight;
use crate::key::Key;
use crate::look::{Look, value};
use crate::object::Precondition;
use crate::put::{Gathered, ObjectMetadata, Owner, Put, Ready, Upload};
use crate::removal::{Left, PIECES_AT_ONCE};
use crate::write::FILE_BYTES_MAX;
use crate::xattr::OBJECT_PREFIX;
use crate::{Ack, Bucket, BucketError};

use scan::template;
pub(crate) use scan::{parts_from, uploads_from};

/// Bytes of the metadata that an upload keeps.
const METADATA_BYTES_MAX: usize = 2600;
/// Parts that one look takes.
const PARTS_AT_ONCE: usize = 512;

/// The number of a part: 1 to 10,000.
pub type PartNumber = u32;

/// Names an upload; never used again in its bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UploadId(pub [u8; 16]);

/// An upload that is on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadInfo {
    /// Its name.
    pub id: UploadId,
    /// The key that its object will have.
    pub key: Vec<u8>,
    /// When it was created, in nanoseconds since 1970 UTC.
    pub created: i64,
}

/// A part of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartInfo {
    /// Its number.
    pub part: PartNumber,
    /// Bytes.
    pub size: u64,
    /// When it was uploaded, in nanoseconds since 1970 UTC.
    pub modified: i64,
    /// Its entity tag.
    pub entity_tag: Vec<u8>,
    /// Checksums that came with it.
    pub checksums: Vec<u8>,
}

/// What an upload is completed with.
#[derive(Debug, Clone, Copy)]
pub struct Completion<'a> {
    /// Parts with their tags, in ascending order.
    pub parts: &'a [(PartNumber, Vec<u8>)],
    /// Whose directories are that have to be made.
    pub owner: Owner,
    /// Entity tag and checksums of the whole; metadata beside that of the upload.
    pub object: &'a ObjectMetadata,
}

type Parts = Vec<(PartNumber, PartRecord)>;

/// Parts with numbers above `after`.
fn parts_of(tree: &Tree, id: UploadId, after: PartNumber, max: usize) -> Look<Parts> {
    let mut found = Vec::new();
    let from = BucketKey::Part(id.0, after.saturating_add(1)).encode();
    tree.scan(&from, |key, value| match BucketKey::decode(key) {
        Ok(BucketKey::Part(of, part)) if of == id.0 && found.len() < max => {
            found.push((part, PartRecord::decode(value)));
            ControlFlow::Continue(())
        }
        _ => ControlFlow::Break(()),
    })?;
    let mut parts = Vec::with_capacity(found.len());
    for (part, record) in found {
        parts.push((part, record?));
    }
    Ok(parts)
}

fn record_of(tree: &Tree, id: UploadId) -> Look<UploadRecord> {
    let found = value(tree, &BucketKey::Upload(id.0), UploadRecord::decode)?;
    Ok(found.ok_or_else(|| BucketError::no("upload"))?)
}

impl Bucket {
    /// Begins a multipart upload of an object with this metadata (its entity tag and checksums come
    /// with completing it).
    ///
    /// # Errors
    /// [`BucketError::Name`], [`BucketError::TooLarge`], [`BucketError::Store`].
    pub async fn create_upload(
        &self,
        key: &[u8],
        owner: Owner,
        object: &ObjectMetadata,
        ack: Ack,
    ) -> Result<UploadId, BucketError> {
        let parsed = Key::parse_to_put(key)?;
        object.check()?;
        if parsed.is_directory() {
            return Err(BucketError::Invalid {
                what: "a key that ends with `/` is put at once",
            });
        }
        let admitted = self.admit(0).await?;
        let (number, now) = (self.number().await?, self.now());
        let mut inode = template(number, owner, now);
        for (name, value) in &object.metadata {
            let name = [OBJECT_PREFIX, name].concat();
            inode.fields.attributes.insert(name, value.clone());
        }
        if inode.fields.bytes() > METADATA_BYTES_MAX {
            return Err(BucketError::TooLarge {
                what: "metadata",
                max: METADATA_BYTES_MAX as u64,
            });
        }
        let (locks, directory) = self.lock_directory_of(&parsed).await?;
        inode.fields.project = directory.fields.project;
        let mut id = [0; 16];
        id[..8].copy_from_slice(&number.get().to_be_bytes());
        id[8..].copy_from_slice(&now.to_be_bytes());
        let record = UploadRecord {
            created: now,
            key: key.to_vec(),
            inode,
        };
        let mut change = Change::new(self);
        change.put(&BucketKey::Upload(id), &record.encode());
        let lsn = change.commit(self, &mut Flight::new(self)).await?;
        drop((locks, admitted));
        self.acknowledge(lsn, ack).await?;
        Ok(UploadId(id))
    }

    /// Parts of an upload with numbers above `after`, up to `max`; and what its object will be
    /// named.
    ///
    /// # Errors
    /// [`BucketError::NotFound`], [`BucketError::Store`].
    pub async fn parts(
        &self,
        id: UploadId,
        after: PartNumber,
        max: usize,
    ) -> Result<(Vec<u8>, Vec<PartInfo>), BucketError> {
        self.look(|tree| {
            let record = record_of(tree, id)?;
            let parts = parts_of(tree, id, after, max)?;
            let info = |(part, record): (PartNumber, PartRecord)| PartInfo {
                part,
                size: record.size,
                modified: record.modified,
                entity_tag: record.entity_tag,
                checksums: record.checksums,
            };
            Ok((record.key, parts.into_iter().map(info).collect()))
        })
        .await
    }

    /// Gives an upload up, with all its parts.
    ///
    /// # Errors
    /// [`BucketError::NotFound`], [`BucketError::Store`]: what is left can be given up again.
    pub async fn abort_upload(&self, id: UploadId, ack: Ack) -> Result<(), BucketError> {
        self.admit_release().await?;
        let locks = self
            .lock(vec![(LockKey::Upload(id.0), LockMode::Exclusive)])
            .await?;
        self.look(|tree| record_of(tree, id)).await?;
        let lsn = loop {
            let parts = self
                .look(|tree| parts_of(tree, id, 0, PIECES_AT_ONCE))
                .await?;
            let mut change = Change::new(self);
            for (number, part) in &parts {
                change.delete(&BucketKey::Part(id.0, *number));
                drop_content_of(&mut change, part.content);
            }
            let is_last = parts.len() < PIECES_AT_ONCE;
            if is_last {
                change.delete(&BucketKey::Upload(id.0));
            }
            let lsn = change.commit(self, &mut Flight::new(self)).await?;
            if is_last {
                break lsn;
            }
        };
        drop(locks);
        self.give_back(Left::Cleanup).await;
        self.acknowledge(lsn, ack).await
    }

    /// Forgets `parts`, and gives back those that no object is made of.
    async fn drop_part_records(
        &self,
        id: UploadId,
        parts: &Parts,
        is_used: impl Fn(PartNumber, InodeId) -> bool,
    ) -> Result<(), BucketError> {
        let mut change = Change::new(self);
        for (number, part) in parts {
            change.delete(&BucketKey::Part(id.0, *number));
            if !is_used(*number, part.content) {
                drop_content_of(&mut change, part.content);
            }
        }
        change.commit(self, &mut Flight::new(self)).await?;
        Ok(())
    }

    /// All parts of an upload whose lock is held.
    pub(crate) async fn all_parts(&self, id: UploadId) -> Result<Parts, BucketError> {
        let mut parts = Parts::new();
        loop {
            let after = parts.last().map_or(0, |(number, _)| *number);
            let more = self
                .look(|tree| parts_of(tree, id, after, PARTS_AT_ONCE))
                .await?;
            let is_last = more.len() < PARTS_AT_ONCE;
            parts.extend(more);
            if is_last {
                return Ok(parts);
            }
        }
    }
}

fn drop_content_of(change: &mut Change, content: InodeId) {
    change.put(&BucketKey::Cleanup(content), &Cleanup::All.encode());
}
