//! Copying objects, appending to them, and changing their metadata.

use engine_format::{BucketKey, ContentForm, Held, Inode, SMALL_BYTES_MAX};

use crate::attributes::Info;
use crate::change::Change;
use crate::content::spans;
use crate::flight::Flight;
use crate::key::Key;
use crate::node::Node;
use crate::object::{Metadata, ObjectHead, Precondition, Revise, metadata_of};
use crate::put::{ObjectMetadata, Owner, Upload};
use crate::write::WriteAt;
use crate::xattr::{OBJECT_PREFIX, put_attribute};
use crate::{Ack, Bucket, BucketError};

impl Bucket {
    /// Copies an object to another key, with its entity tag and its checksums. `revise` sees the
    /// source as it is at the one moment that the copy is of, and says what metadata the copy has;
    /// where it refuses, nothing is copied. What is stored is not copied: both refer to it.
    ///
    /// # Errors
    /// [`BucketError::NotFound`] if there is no source; those of `revise`; as for
    /// [`crate::Upload::finish`].
    pub async fn copy_object(
        &self,
        from: &[u8],
        to: &[u8],
        owner: Owner,
        revise: Revise<'_>,
        precondition: Option<Precondition<'_>>,
    ) -> Result<Info, BucketError> {
        let source = Key::parse(from)?;
        let mut upload = self.upload();
        upload.for_key(to, 0).await?;
        let (info, metadata) = loop {
            let node = self.node_of(from).await?;
            let staged = self.stage_copy(&source, &node, revise, &mut upload);
            match staged.await {
                // Replaced, moved or removed between the two looks.
                Err(BucketError::NotFound { .. }) => {}
                staged => break staged?,
            }
        };
        upload.stage_hole(info.size).await?;
        let object = ObjectMetadata {
            entity_tag: info.entity_tag,
            checksums: info.checksums,
            metadata,
        };
        upload
            .finish(to, owner, &object, precondition, Ack::Durable)
            .await
    }

    /// Stages what a file holds at one moment; what it is then, and the metadata of the copy. The
    /// lock of the inode is held over all of it, so that these are of one moment.
    async fn stage_copy(
        &self,
        key: &Key,
        node: &Node,
        revise: Revise<'_>,
        upload: &mut Upload,
    ) -> Result<(Info, Metadata), BucketError> {
        self.pool.allow_sharing().await?;
        let _locks = self.lock_inodes([node.id()]).await?;
        let (inode, _) = self.locked_inode(node).await?;
        self.check_leads_to(key, node).await?;
        let metadata = self.look(|tree| metadata_of(tree, &inode)).await?;
        let info = Info::of(&inode, None);
        let head = ObjectHead { info, metadata };
        let metadata = revise(&head)?;
        match inode.content {
            ContentForm::None => {}
            ContentForm::Small => {
                let data = self.read_locked(&inode, 0, SMALL_BYTES_MAX as u64).await?;
                upload.write(&data).await?;
            }
            ContentForm::Extents | ContentForm::Pieces => self.stage_shared(&inode, upload).await?,
        }
        Ok((head.info, metadata))
    }

    async fn stage_shared(&self, inode: &Inode, upload: &mut Upload) -> Result<(), BucketError> {
        let content = self.number().await?;
        while upload.staged < inode.size {
            let _admitted = self.pool.admit(0).await?;
            self.pool.throttle(&self.dataset).await?;
            let at = upload.staged;
            let (stored, bytes) = self.stored_in(inode, at..inode.size).await?;
            let holes = upload.holes + bytes - stored;
            self.claim_for(&upload.destination, at + bytes - holes)
                .await?;
            let here = self.look(|tree| spans(tree, inode, at..at + bytes)).await?;
            let mut change = Change::new(self);
            if upload.content.is_none() {
                change.put(&BucketKey::Held(content), &Held::Staged.encode());
                upload.content = Some(content);
            }
            for span in here {
                let to = (content, span.file_at);
                change.share(to, (span.content, span.at), span.bytes);
            }
            change.commit(self, &mut Flight::new(self)).await?;
            upload.staged += bytes;
            upload.holes = holes;
        }
        Ok(())
    }

    /// Changes the metadata of an object in place: the same inode, the same content, the same
    /// entity tag. `revise` sees the object as it is when the change is committed.
    ///
    /// # Errors
    /// [`BucketError::NotFound`], [`BucketError::TooLarge`], [`BucketError::Store`], and those of
    /// `revise`.
    pub async fn revise_metadata(
        &self,
        key: &[u8],
        revise: Revise<'_>,
        ack: Ack,
    ) -> Result<Info, BucketError> {
        let parsed = Key::parse(key)?;
        loop {
            let node = self.node_of(key).await?;
            match self.try_revise_metadata(&parsed, &node, revise, ack).await {
                // Another one has come in its place, or nothing, which the next look tells.
                Err(BucketError::NotFound { .. }) => {}
                revised => return revised,
            }
        }
    }

    async fn try_revise_metadata(
        &self,
        key: &Key,
        node: &Node,
        revise: Revise<'_>,
        ack: Ack,
    ) -> Result<Info, BucketError> {
        let mut flight = Flight::new(self);
        let admitted = self.admit(0).await?;
        let locks = self.lock_inodes([node.id()]).await?;
        let (mut inode, place) = self.locked_inode(node).await?;
        self.check_leads_to(key, node).await?;
        let metadata = self.look(|tree| metadata_of(tree, &inode)).await?;
        let info = Info::of(&inode, None);
        let object = ObjectMetadata {
            metadata: revise(&ObjectHead { info, metadata })?,
            ..ObjectMetadata::default()
        };
        object.check()?;
        let (tag, checksums) = (
            inode.fields.entity_tag.clone(),
            inode.fields.checksums.clone(),
        );
        let mut change = Change::new(self);
        self.take_object_attributes(&mut change, &mut inode).await?;
        (inode.fields.entity_tag, inode.fields.checksums) = (tag, checksums);
        for (name, value) in &object.metadata {
            let name = [OBJECT_PREFIX, name].concat();
            put_attribute(&mut change, &mut inode, &name, value);
        }
        inode.changed = self.now();
        change.inode(&place, &inode);
        flight.attributes(inode.id);
        let lsn = change.commit(self, &mut flight).await?;
        drop((locks, admitted));
        flight.acknowledge(lsn, ack).await?;
        Ok(Info::of(&inode, None))
    }

    /// Appends to an object, whose size must be `at`; with `at` 0 one that is not there is made.
    /// Up to 1 MiB is whole or absent after a crash.
    ///
    /// # Errors
    /// [`BucketError::Precondition`] for another size, [`BucketError::NotFound`],
    /// [`BucketError::NotRegular`], [`BucketError::Held`] if an observer keeps the length of the
    /// file, [`BucketError::Store`].
    pub async fn append_object(
        &self,
        key: &[u8],
        at: u64,
        data: &[u8],
        owner: Owner,
        ack: Ack,
    ) -> Result<(), BucketError> {
        let parsed = Key::parse(key)?;
        if parsed.is_directory() {
            return Err(BucketError::IsDirectory);
        }
        loop {
            match self.node_of(key).await {
                Ok(node) => {
                    let end = WriteAt::ExactEnd(at);
                    match self.write_as(&node, Some(&parsed), end, data, ack).await {
                        // Another one has come in its place, or nothing.
                        Err(BucketError::NotFound { .. }) => continue,
                        written => return written.map(|_| ()),
                    }
                }
                Err(BucketError::NotFound { .. }) if at == 0 => {}
                Err(error) => return Err(error),
            }
            let mut upload = self.upload();
            upload.write(data).await?;
            let absent = |found: Option<&Info>| found.is_none();
            let object = ObjectMetadata::default();
            match upload.finish(key, owner, &object, Some(&absent), ack).await {
                Ok(_) => return Ok(()),
                // Somebody else made it meanwhile.
                Err(BucketError::Precondition) => {}
                Err(error) => return Err(error),
            }
        }
    }
}
