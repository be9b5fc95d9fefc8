//! Finding holes.

use super::*;

/// What to seek.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seek {
    /// Something stored.
    Data,
    /// A hole, or the end.
    Hole,
}

impl Bucket {
    /// The first byte at or behind `at` that is stored, or in a hole; the end of the file counts as
    /// a hole. `None`: there is none, or `at` is not inside the file.
    ///
    /// # Errors
    /// [`BucketError::NotFound`], [`BucketError::Store`].
    pub async fn seek(&self, node: &Node, at: u64, what: Seek) -> Result<Option<u64>, BucketError> {
        let mut from = at;
        loop {
            let step = self
                .look(|tree| {
                    let found = inode_at(tree, node.id(), &node.places())?;
                    let (inode, _) = found.ok_or_else(|| BucketError::no("file"))?;
                    if from >= inode.size {
                        let end = what == Seek::Hole && at < inode.size;
                        return Ok(ControlFlow::Break(end.then_some(inode.size)));
                    }
                    if inode.content == ContentForm::Small {
                        let end = (what == Seek::Hole).then_some(inode.size);
                        return Ok(ControlFlow::Break(end.or(Some(from))));
                    }
                    let found = find_some(tree, &inode, from..inode.size, FOUND_AT_ONCE)?;
                    let end = found.last().map_or(inode.size, |last| last.at + last.bytes);
                    let wanted = |stored: bool| stored == (what == Seek::Data);
                    let hit = found.iter().find(|one| wanted(one.stored.is_some()));
                    Ok(match hit {
                        Some(hit) => ControlFlow::Break(Some(hit.at)),
                        None => ControlFlow::Continue(end),
                    })
                })
                .await?;
            match step {
                ControlFlow::Break(found) => return Ok(found),
                ControlFlow::Continue(next) => from = next,
            }
        }
    }
}
