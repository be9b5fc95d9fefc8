//! What an opening has to give back.

use super::*;

pub(super) fn blank(id: InodeId) -> Inode {
    Inode {
        id,
        kind: InodeKind::File,
        content: ContentForm::Extents,
        explicit: false,
        mode: 0,
        uid: 0,
        gid: 0,
        links: 1,
        device: 0,
        size: 0,
        allocated: 0,
        accessed: 0,
        modified: 0,
        changed: 0,
        created: 0,
        changes: 0,
        fields: engine_format::InodeFields::default(),
    }
}

pub(super) fn next_held(tree: &Tree, after: u64) -> Look<Option<(InodeId, Held)>> {
    let from = InodeId::new(after + 1).unwrap_or(InodeId::ROOT);
    let mut found = None;
    tree.scan(&BucketKey::Held(from).encode(), |key, value| {
        if let Ok(BucketKey::Held(id)) = BucketKey::decode(key) {
            found = Some((id, Held::decode(value)));
        }
        ControlFlow::Break(())
    })?;
    match found {
        Some((id, held)) => Ok(Some((id, held?))),
        None => Ok(None),
    }
}

pub(super) fn next_tail(tree: &Tree, after: u64) -> Look<Option<(InodeId, u64)>> {
    let from = InodeId::new(after + 1).unwrap_or(InodeId::ROOT);
    let mut found = None;
    tree.scan(&BucketKey::Cleanup(from).encode(), |key, value| {
        match (BucketKey::decode(key), Cleanup::decode(value)) {
            (Ok(BucketKey::Cleanup(id)), Ok(Cleanup::Tail(from))) => {
                found = Some((id, from));
                ControlFlow::Break(())
            }
            (Ok(BucketKey::Cleanup(_)), _) => ControlFlow::Continue(()),
            _ => ControlFlow::Break(()),
        }
    })?;
    Ok(found)
}

pub(super) fn piece_starts(tree: &Tree, id: InodeId) -> Look<Vec<u64>> {
    let mut starts = Vec::new();
    tree.scan(
        &BucketKey::Piece(id, 0).encode(),
        |key, _| match BucketKey::decode(key) {
            Ok(BucketKey::Piece(owner, start)) if owner == id && starts.len() < PIECES_AT_ONCE => {
                starts.push(start);
                ControlFlow::Continue(())
            }
            _ => ControlFlow::Break(()),
        },
    )?;
    Ok(starts)
}

pub(super) fn has_pieces(tree: &Tree, id: InodeId) -> Look<bool> {
    Ok(value(tree, &BucketKey::Piece(id, 0), |_| Ok(()))?.is_some())
}

/// Damage of what nobody refers to any more is no reason to keep a bucket closed: it stays on
/// record.
fn pass_over_damage(id: InodeId, result: Result<(), BucketError>) -> Result<(), BucketError> {
    match result {
        Err(BucketError::Store(error)) if error.is_damage() => {
            tracing::warn!(%id, %error, "what is left of a file cannot be given back");
            Ok(())
        }
        result => result,
    }
}

impl Bucket {
    /// What an opening has to give back: contents of uploads that did not end, files that had no
    /// name any more, and the ends of files that were being cut.
    pub(crate) async fn recover(&self) -> Result<(), BucketError> {
        self.load_quotas().await?;
        self.recover_held().await?;
        self.recover_parts().await?;
        self.recover_tails().await?;
        self.carry_on().await?;
        Ok(self.pool.clean_up_contents(&self.dataset).await?)
    }

    pub(super) async fn recover_held(&self) -> Result<(), BucketError> {
        let mut after = 0;
        while let Some((id, held)) = self.look(|tree| next_held(tree, after)).await? {
            after = id.get();
            pass_over_damage(id, self.give_back_held(id, held).await)?;
        }
        Ok(())
    }

    async fn give_back_held(&self, id: InodeId, held: Held) -> Result<(), BucketError> {
        self.admit_release().await?;
        let mut change = Change::new(self);
        change.delete(&BucketKey::Held(id));
        match held {
            Held::Map => self.drop_map(&mut change, id).await?,
            Held::Staged => change.put(&BucketKey::Cleanup(id), &Cleanup::All.encode()),
            Held::Orphan => {
                let found = self.look(|tree| crate::look::own(tree, id)).await?;
                if let Some(inode) = found.filter(|inode| inode.links == 0) {
                    change.delete(&BucketKey::Inode(id));
                    self.drop_inode(&mut change, &inode).await?;
                }
            }
        }
        change.commit(self, &mut Flight::new(self)).await?;
        Ok(())
    }

    pub(super) async fn recover_tails(&self) -> Result<(), BucketError> {
        let mut after = 0;
        while let Some((id, from)) = self.look(|tree| next_tail(tree, after)).await? {
            after = id.get();
            // Pieces were marked by the file that they make up, so a map of them leads there.
            let is_pieces = self.look(|tree| has_pieces(tree, id)).await?;
            let mut inode = blank(id);
            if is_pieces {
                inode.content = ContentForm::Pieces;
            }
            tracing::debug!(%id, from, "the end of a file that was cut is given back");
            self.admit_release().await?;
            pass_over_damage(id, self.finish_tail(&inode).await)?;
        }
        Ok(())
    }

    /// Takes the pieces of a content away that was not published, but for what `change` can still
    /// take.
    pub(crate) async fn drop_map(
        &self,
        change: &mut Change,
        id: InodeId,
    ) -> Result<(), BucketError> {
        loop {
            let starts = self.look(|tree| piece_starts(tree, id)).await?;
            let mut step = Change::new(self);
            for start in &starts {
                step.delete(&BucketKey::Piece(id, *start));
            }
            if starts.len() < PIECES_AT_ONCE {
                for start in starts {
                    change.delete(&BucketKey::Piece(id, start));
                }
                return Ok(());
            }
            step.commit(self, &mut Flight::new(self)).await?;
        }
    }
}
