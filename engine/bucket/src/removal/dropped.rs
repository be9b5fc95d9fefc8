//! Giving back what was dropped without a word, or could not be given back before.

use super::*;
use crate::bucket::Shared;

/// What is being given back; what is left of it when this is dropped stays to be given back.
struct Taken<'a> {
    shared: &'a Shared,
    left: Vec<Dropped>,
    failed: Vec<Dropped>,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        if self.left.is_empty() && self.failed.is_empty() {
            return;
        }
        let mut dropped = self.shared.dropped.lock();
        dropped.append(&mut self.left);
        dropped.append(&mut self.failed);
    }
}

impl Shared {
    pub(crate) fn drop_later(&self, what: Dropped) {
        self.dropped.lock().push(what);
    }
}

impl Bucket {
    /// One who had the inode open is done. Until this succeeds it counts as open.
    pub(crate) async fn release_node(&self, node: &Node) -> Result<(), BucketError> {
        let mut flight = Flight::new(self);
        let _locks = self.lock_inodes([node.id()]).await?;
        if node.opens() == 1 {
            let left = self.release_last(node, &mut flight).await?;
            self.give_back(left).await;
        }
        // Last, and under the lock: a caller that is dropped before has released nothing.
        node.0.opens.fetch_sub(1, Ordering::AcqRel);
        Ok(())
    }

    /// Removes the inode if it has no name any more. The caller holds its lock.
    async fn release_last(
        &self,
        node: &Node,
        flight: &mut Flight<'_>,
    ) -> Result<Left, BucketError> {
        let (inode, place) = match self.locked_inode(node).await {
            Err(BucketError::NotFound { .. }) => return self.left_of(node.id()).await,
            found => found?,
        };
        if inode.links > 0 || !matches!(place, Place::Own) {
            return Ok(Left::Nothing);
        }
        self.admit_release().await?;
        let mut change = Change::new(self);
        change.delete(&BucketKey::Inode(inode.id));
        change.delete(&BucketKey::Held(inode.id));
        let left = self.drop_inode(&mut change, &inode).await?;
        change.commit(self, flight).await?;
        node.set_places(Vec::new());
        Ok(left)
    }

    /// What somebody who gave up half way has left of a content.
    async fn left_of(&self, content: InodeId) -> Result<Left, BucketError> {
        let key = BucketKey::Cleanup(content);
        let found = self.look(|tree| value(tree, &key, Cleanup::decode)).await?;
        Ok(found.map_or(Left::Nothing, |_| Left::Cleanup))
    }

    /// Gives back what was dropped without a word: uploads that were not finished, files without a
    /// name and readers that were not closed. The next change does it too, so this is for who
    /// cannot wait for one. What fails is none of the caller's business: it stays to be given back,
    /// by a later change or an opening.
    pub async fn give_back_dropped(&self) {
        let left = std::mem::take(&mut *self.shared.dropped.lock());
        let mut taken = Taken {
            shared: &self.shared,
            left,
            failed: Vec::new(),
        };
        // Each stays there until it is done.
        while let Some(next) = taken.left.last() {
            let given = match next {
                Dropped::Open(node) => Box::pin(self.release_node(node)).await,
                Dropped::Staged(content) => self.drop_staged(*content).await,
            };
            let next = taken.left.pop();
            match given {
                Ok(()) | Err(BucketError::NotFound { .. }) => {}
                Err(error) => {
                    let bucket = self.dataset.id();
                    tracing::warn!(%bucket, %error, "what was dropped cannot be given back yet");
                    let is_damage = matches!(&error, BucketError::Store(e) if e.is_damage());
                    taken.failed.extend(next.filter(|_| !is_damage));
                }
            }
        }
    }

    /// Gives back the content of an upload that does not go on; unless it was published, or made a
    /// part, and only nobody heard of it.
    pub(crate) async fn drop_staged(&self, content: InodeId) -> Result<(), BucketError> {
        let held = BucketKey::Held(content);
        let is_staged = self.look(|tree| value(tree, &held, Held::decode)).await?;
        if is_staged != Some(Held::Staged) {
            let left = self.left_of(content).await?;
            self.give_back(left).await;
            return Ok(());
        }
        self.admit_release().await?;
        let mut change = Change::new(self);
        change.delete(&held);
        change.put(&BucketKey::Cleanup(content), &Cleanup::All.encode());
        change.commit(self, &mut Flight::new(self)).await?;
        self.give_back(Left::Cleanup).await;
        Ok(())
    }
}
