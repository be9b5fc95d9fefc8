//! Multipart uploads.
//!
//! Each part is content under a number of its own. Completing an upload makes a map of pieces, so
//! parts of any sizes become one content in one small batch, and nothing is copied. Where there are
//! more pieces than one batch takes, their map is made before under a record that an opening gives
//! back; the batch that publishes the object is the same.

use std::ops::ControlFlow;

use engine_format::{
    BucketKey, Cleanup, ContentForm, Held, Inode, InodeFields, InodeId, InodeKind, PartRecord,
    PieceRecord, UploadRecord,
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
use crate::put::{ObjectMetadata, Owner, Put, Ready, Upload};
use crate::removal::{Left, PIECES_AT_ONCE};
use crate::write::FILE_BYTES_MAX;
use crate::xattr::OBJECT_PREFIX;
use crate::{Ack, Bucket, BucketError};

/// Bytes of the metadata that an upload keeps.
const METADATA_BYTES_MAX: usize = 2600;
const PARTS_MAX: usize = 10_000;

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

/// The content that parts make up.
struct Assembled {
    pieces: Vec<(u64, InodeId)>,
    size: u64,
    used: Vec<PartNumber>,
}

/// Puts chosen parts together; each must be there with its tag, in ascending order.
fn assemble(parts: &Parts, chosen: &[(PartNumber, Vec<u8>)]) -> Result<Assembled, BucketError> {
    let mut assembled = Assembled {
        pieces: Vec::new(),
        size: 0,
        used: Vec::new(),
    };
    for (number, tag) in chosen {
        if assembled.used.last().is_some_and(|last| last >= number) {
            return Err(BucketError::Invalid {
                what: "the parts are not in ascending order",
            });
        }
        let index = parts.binary_search_by_key(number, |(part, _)| *part);
        let part = index.ok().and_then(|index| parts.get(index));
        let (_, part) = part.ok_or_else(|| BucketError::no("part"))?;
        if part.entity_tag != *tag {
            return Err(BucketError::no("part"));
        }
        if part.size > 0 {
            assembled.pieces.push((assembled.size, part.content));
        }
        assembled.size += part.size;
        assembled.used.push(*number);
    }
    if assembled.size > FILE_BYTES_MAX {
        return Err(BucketError::TooLarge {
            what: "object",
            max: FILE_BYTES_MAX,
        });
    }
    Ok(assembled)
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
        drop(admitted);
        self.acknowledge(lsn, ack).await?;
        Ok(UploadId(id))
    }

    /// All uploads of keys with a prefix, by key and then by id.
    ///
    /// # Errors
    /// [`BucketError::Store`].
    pub async fn uploads(&self, prefix: &[u8]) -> Result<Vec<UploadInfo>, BucketError> {
        let mut all = self.look(all_uploads).await?;
        all.retain(|upload| upload.key.starts_with(prefix));
        all.sort_by(|a, b| (&a.key, a.id).cmp(&(&b.key, b.id)));
        Ok(all)
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

    /// Makes an object of parts of an upload, each named with its tag, in ascending order. The
    /// other parts go. One batch: the object is there and the upload is not, or the other way
    /// round.
    ///
    /// # Errors
    /// [`BucketError::NotFound`] of the upload or a part with that tag, [`BucketError::Invalid`]
    /// for parts out of order, [`BucketError::Precondition`], [`BucketError::InTheWay`],
    /// [`BucketError::Store`]: the upload stays.
    pub async fn complete_upload(
        &self,
        id: UploadId,
        completion: &Completion<'_>,
        precondition: Option<Precondition<'_>>,
        ack: Ack,
    ) -> Result<Info, BucketError> {
        let Completion {
            parts: chosen,
            owner,
            object,
        } = *completion;
        object.check()?;
        let locks = self
            .lock(vec![(LockKey::Upload(id.0), LockMode::Exclusive)])
            .await?;
        let record = self.look(|tree| record_of(tree, id)).await?;
        let parts = self.look(|tree| parts_of(tree, id, 0, PARTS_MAX)).await?;
        let assembled = assemble(&parts, chosen)?;
        let key = Key::parse_to_put(&record.key)?;
        let mut object = object.clone();
        for (name, value) in &record.inode.fields.attributes {
            if let Some(name) = name.strip_prefix(OBJECT_PREFIX) {
                object.metadata.push((name.to_vec(), value.clone()));
            }
        }
        let ready = Ready {
            id: self.number().await?,
            size: assembled.size,
            staged: (assembled.size > 0).then_some(ContentForm::Pieces),
            allocated: assembled.size,
            rest: Vec::new(),
            rest_at: 0,
        };
        let in_one = parts.len() <= PIECES_AT_ONCE;
        if !in_one {
            self.stage_map(ready.id, &assembled).await?;
            self.drop_unused(id, &parts, &assembled).await?;
        }
        let put = Put {
            key: &key,
            owner,
            object: &object,
            precondition,
        };
        let also = |change: &mut Change| {
            change.delete(&BucketKey::Upload(id.0));
            if !in_one {
                return;
            }
            put_pieces(change, ready.id, &assembled.pieces);
            for (number, part) in &parts {
                change.delete(&BucketKey::Part(id.0, *number));
                if assembled.used.binary_search(number).is_err() {
                    drop_content_of(change, part.content);
                }
            }
        };
        let published = self.publish(&put, &ready, ack, also).await;
        if !in_one {
            match &published {
                Ok(_) => self.drop_part_records(id).await?,
                Err(_) => self.unstage_map(ready.id).await?,
            }
        }
        drop(locks);
        if published.is_ok() {
            self.give_back(Left::Cleanup).await?;
        }
        published
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
        self.give_back(Left::Cleanup).await?;
        self.acknowledge(lsn, ack).await
    }

    async fn stage_map(&self, id: InodeId, assembled: &Assembled) -> Result<(), BucketError> {
        for (index, pieces) in assembled.pieces.chunks(PIECES_AT_ONCE).enumerate() {
            let _admitted = self.admit(0).await?;
            let mut change = Change::new(self);
            if index == 0 {
                change.put(&BucketKey::Held(id), &Held::Map.encode());
            }
            put_pieces(&mut change, id, pieces);
            change.commit(self, &mut Flight::new(self)).await?;
        }
        Ok(())
    }

    async fn unstage_map(&self, id: InodeId) -> Result<(), BucketError> {
        let mut change = Change::new(self);
        change.delete(&BucketKey::Held(id));
        self.drop_map(&mut change, id).await?;
        change.commit(self, &mut Flight::new(self)).await?;
        Ok(())
    }

    /// Gives parts back that an object is not made of.
    async fn drop_unused(
        &self,
        id: UploadId,
        parts: &Parts,
        assembled: &Assembled,
    ) -> Result<(), BucketError> {
        let is_unused = |number: &PartNumber| assembled.used.binary_search(number).is_err();
        let unused: Vec<_> = parts.iter().filter(|(part, _)| is_unused(part)).collect();
        for step in unused.chunks(PIECES_AT_ONCE) {
            let mut change = Change::new(self);
            for (number, part) in step {
                change.delete(&BucketKey::Part(id.0, *number));
                drop_content_of(&mut change, part.content);
            }
            change.commit(self, &mut Flight::new(self)).await?;
        }
        Ok(())
    }

    /// Forgets the parts of an upload that became an object.
    async fn drop_part_records(&self, id: UploadId) -> Result<(), BucketError> {
        loop {
            let parts = self
                .look(|tree| parts_of(tree, id, 0, PIECES_AT_ONCE))
                .await?;
            if parts.is_empty() {
                return Ok(());
            }
            let mut change = Change::new(self);
            for (number, _) in parts {
                change.delete(&BucketKey::Part(id.0, number));
            }
            change.commit(self, &mut Flight::new(self)).await?;
        }
    }

    /// Forgets parts whose uploads became objects before a crash.
    pub(crate) async fn recover_parts(&self) -> Result<(), BucketError> {
        while let Some(id) = self.look(first_left_over).await? {
            self.drop_part_records(id).await?;
        }
        Ok(())
    }
}

impl Upload {
    /// Makes the content a part of a multipart upload, in the place of one with the same number.
    ///
    /// # Errors
    /// [`BucketError::NotFound`] of the upload, [`BucketError::Invalid`] for the number,
    /// [`BucketError::TooLarge`], [`BucketError::Store`].
    pub async fn finish_part(
        mut self,
        id: UploadId,
        part: PartNumber,
        entity_tag: &[u8],
        checksums: &[u8],
        ack: Ack,
    ) -> Result<(), BucketError> {
        if !(1..=10_000).contains(&part) {
            return Err(BucketError::Invalid {
                what: "parts are numbered from 1 to 10,000",
            });
        }
        if entity_tag.len() > 64 || checksums.len() > 256 {
            return Err(BucketError::TooLarge {
                what: "entity tag, or the checksums",
                max: 256,
            });
        }
        self.stage().await?;
        let bucket = self.bucket.clone();
        let admitted = bucket.admit(0).await?;
        let locks = bucket
            .lock(vec![(LockKey::Upload(id.0), LockMode::Exclusive)])
            .await?;
        bucket.look(|tree| record_of(tree, id)).await?;
        let key = BucketKey::Part(id.0, part);
        let old = bucket
            .look(|tree| value(tree, &key, PartRecord::decode))
            .await?;
        let content = match self.content {
            Some(content) => content,
            None => bucket.number().await?,
        };
        let record = PartRecord {
            content,
            size: self.staged,
            modified: bucket.now(),
            entity_tag: entity_tag.to_vec(),
            checksums: checksums.to_vec(),
        };
        let mut change = Change::new(&bucket);
        change.put(&key, &record.encode());
        change.delete(&BucketKey::Held(content));
        if let Some(old) = &old {
            drop_content_of(&mut change, old.content);
        }
        let lsn = change.commit(&bucket, &mut Flight::new(&bucket)).await?;
        self.content = None;
        drop((locks, admitted));
        if old.is_some() {
            bucket.give_back(Left::Cleanup).await?;
        }
        bucket.acknowledge(lsn, ack).await
    }
}

fn put_pieces(change: &mut Change, id: InodeId, pieces: &[(u64, InodeId)]) {
    for (start, content) in pieces {
        let piece = PieceRecord { content: *content };
        change.put(&BucketKey::Piece(id, *start), &piece.encode());
    }
}

fn drop_content_of(change: &mut Change, content: InodeId) {
    change.put(&BucketKey::Cleanup(content), &Cleanup::All.encode());
}

fn all_uploads(tree: &Tree) -> Look<Vec<UploadInfo>> {
    let mut found = Vec::new();
    tree.scan(&[BucketKey::UPLOAD], |key, value| {
        match BucketKey::decode(key) {
            Ok(BucketKey::Upload(id)) => found.push((id, UploadRecord::decode(value))),
            Ok(BucketKey::Part(..)) => {}
            _ => return ControlFlow::Break(()),
        }
        ControlFlow::Continue(())
    })?;
    let mut uploads = Vec::with_capacity(found.len());
    for (id, record) in found {
        let record = record?;
        uploads.push(UploadInfo {
            id: UploadId(id),
            key: record.key,
            created: record.created,
        });
    }
    Ok(uploads)
}

/// An upload that has parts but no record.
fn first_left_over(tree: &Tree) -> Look<Option<UploadId>> {
    let (mut found, mut last) = (None, None);
    tree.scan(&[BucketKey::UPLOAD], |key, _| {
        match BucketKey::decode(key) {
            Ok(BucketKey::Upload(id)) => last = Some(id),
            Ok(BucketKey::Part(id, _)) if last != Some(id) => {
                found = Some(UploadId(id));
                return ControlFlow::Break(());
            }
            Ok(BucketKey::Part(..)) => {}
            _ => return ControlFlow::Break(()),
        }
        ControlFlow::Continue(())
    })?;
    Ok(found)
}

fn template(id: InodeId, owner: Owner, now: i64) -> Inode {
    Inode {
        id,
        kind: InodeKind::File,
        content: ContentForm::None,
        explicit: false,
        mode: 0o666 & !owner.umask,
        uid: owner.uid,
        gid: owner.gid,
        links: 1,
        device: 0,
        size: 0,
        allocated: 0,
        accessed: now,
        modified: now,
        changed: now,
        created: now,
        changes: 0,
        fields: InodeFields::default(),
    }
}
