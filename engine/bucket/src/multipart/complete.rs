//! Making an object of parts.

use super::*;

/// The content that parts make up.
pub(super) struct Assembled {
    pieces: Vec<(u64, InodeId)>,
    size: u64,
    used: Vec<PartNumber>,
}

/// Puts chosen parts together; each must be there with its tag, in ascending order.
pub(super) fn assemble(
    parts: &Parts,
    chosen: &[(PartNumber, Vec<u8>)],
) -> Result<Assembled, BucketError> {
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

pub(super) fn put_pieces(change: &mut Change, id: InodeId, pieces: &[(u64, InodeId)]) {
    for (start, content) in pieces {
        let piece = PieceRecord { content: *content };
        change.put(&BucketKey::Piece(id, *start), &piece.encode());
    }
}

impl Bucket {
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
        let parts = self.all_parts(id).await?;
        let assembled = assemble(&parts, chosen)?;
        let key = Key::parse_to_put(&record.key)?;
        let mut object = object.clone();
        for (name, value) in &record.inode.fields.attributes {
            if let Some(name) = name.strip_prefix(OBJECT_PREFIX) {
                object.metadata.push((name.to_vec(), value.clone()));
            }
        }
        let content = self.number().await?;
        let mut ready = Ready {
            id: content,
            size: assembled.size,
            staged: (assembled.size > 0).then_some(ContentForm::Pieces),
            allocated: assembled.size,
            rest: Gathered::default(),
            rest_at: 0,
            claim: None,
        };
        let in_one = parts.len() <= PIECES_AT_ONCE;
        if !in_one {
            self.stage_map(content, &assembled).await?;
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
            put_pieces(change, content, &assembled.pieces);
            for (number, part) in &parts {
                change.delete(&BucketKey::Part(id.0, *number));
                if assembled.used.binary_search(number).is_err() {
                    drop_content_of(change, part.content);
                }
            }
        };
        let published = self.publish(&put, &mut ready, ack, also).await;
        if !in_one {
            // Whether it was published or not is certain by now, so nothing fails here: what is
            // left is given back by an opening.
            let ended = match &published {
                Ok(_) => self.drop_parts(id, &assembled.used).await,
                Err(_) => self.unstage_map(content).await,
            };
            if let Err(error) = ended {
                tracing::warn!(%error, "what completing an upload needed is not given back yet");
            }
        }
        drop(locks);
        if published.is_ok() {
            self.give_back(Left::Cleanup).await;
        }
        published
    }

    pub(super) async fn stage_map(
        &self,
        id: InodeId,
        assembled: &Assembled,
    ) -> Result<(), BucketError> {
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

    /// Takes a map away that was not published; one that was, although its caller was told of an
    /// error, stays.
    pub(super) async fn unstage_map(&self, id: InodeId) -> Result<(), BucketError> {
        let held = BucketKey::Held(id);
        let is_staged = self.look(|tree| value(tree, &held, Held::decode)).await?;
        if is_staged != Some(Held::Map) {
            return Ok(());
        }
        let mut change = Change::new(self);
        change.delete(&held);
        self.drop_map(&mut change, id).await?;
        change.commit(self, &mut Flight::new(self)).await?;
        Ok(())
    }

    /// Forgets the parts of an upload that became an object of those with the numbers `used`, and
    /// gives the others back.
    async fn drop_parts(&self, id: UploadId, used: &[PartNumber]) -> Result<(), BucketError> {
        loop {
            let parts = self
                .look(|tree| parts_of(tree, id, 0, PIECES_AT_ONCE))
                .await?;
            if parts.is_empty() {
                return Ok(());
            }
            let is_used = |number: PartNumber, _| used.binary_search(&number).is_ok();
            self.drop_part_records(id, &parts, is_used).await?;
        }
    }
}
