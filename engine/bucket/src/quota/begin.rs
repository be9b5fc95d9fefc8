//! How quotas begin and end: one batch, and then in steps what is below the directory.

use std::ops::ControlFlow;

use engine_base::Lsn;
use engine_format::QuotaState;
use engine_tree::Tree;

use super::set::Top;
use super::*;
use crate::change::Change;
use crate::flight::Flight;
use crate::look::Look;
use crate::names::shared;

fn all_quotas(tree: &Tree) -> Look<Vec<(InodeId, Quota)>> {
    let mut found = Vec::new();
    tree.scan(&[BucketKey::QUOTA], |key, value| {
        match BucketKey::decode(key) {
            Ok(BucketKey::Quota(project)) => found.push((project, Quota::decode(value))),
            _ => return ControlFlow::Break(()),
        }
        ControlFlow::Continue(())
    })?;
    let decoded = found
        .into_iter()
        .map(|(project, quota)| Ok((project, quota?)));
    decoded.collect()
}

impl Bucket {
    /// The first thing of an opening: from here on what changes is counted.
    pub(crate) async fn load_quotas(&self) -> Result<(), BucketError> {
        for (project, quota) in self.look(all_quotas).await? {
            self.shared.projects.put(project, &quota);
        }
        Ok(())
    }

    /// Finishes what was begun of quotas before.
    pub(crate) async fn carry_on(&self) -> Result<(), BucketError> {
        for (project, quota) in self.look(all_quotas).await? {
            if quota.state != QuotaState::Whole {
                self.finish_quota(project).await?;
            }
        }
        Ok(())
    }

    /// Makes a directory that is locked a project. What is made in it from then on counts.
    pub(super) async fn begin_quota(
        &self,
        top: Top,
        quota: Quota,
        flight: &mut Flight<'_>,
    ) -> Result<(InodeId, Lsn), BucketError> {
        let project = self.number().await?;
        let mut inode = top.inode;
        let quota = Quota {
            state: QuotaState::Beginning(inode.fields.project),
            ..quota
        };
        inode.fields.project = Some(project);
        inode.explicit = true;
        // Known before anything can belong to it.
        self.shared.projects.put(project, &quota);
        let mut change = Change::unlimited(self);
        change.put(&BucketKey::Quota(project), &quota.encode());
        change.put(&BucketKey::Usage(project), &Usage::default().encode());
        change.inode(&top.place, &inode);
        flight.attributes(inode.id);
        let committed = change.commit(self, flight).await;
        if committed.is_err() {
            self.shared.projects.forget(project);
        }
        Ok((project, committed?))
    }

    /// Gives a directory that is locked back to the project of the one above.
    pub(super) async fn end_quota(
        &self,
        top: Top,
        project: InodeId,
        flight: &mut Flight<'_>,
    ) -> Result<(InodeId, Lsn), BucketError> {
        let mut inode = top.inode;
        let to = top.above.and_then(|above| above.fields.project);
        let quota = Quota {
            directory: inode.id,
            bytes: None,
            inodes: None,
            state: QuotaState::Ending(to),
        };
        inode.fields.project = to;
        let mut change = Change::unlimited(self);
        change.put(&BucketKey::Quota(project), &quota.encode());
        change.inode(&top.place, &inode);
        flight.attributes(inode.id);
        let lsn = change.commit(self, flight).await?;
        self.shared.projects.put(project, &quota);
        Ok((project, lsn))
    }

    /// Takes over, or gives back, what is below the directory of a quota that has begun to begin or
    /// to end. Going over it again changes nothing.
    pub(super) async fn finish_quota(&self, project: InodeId) -> Result<(), BucketError> {
        let key = BucketKey::Quota(project);
        let found = self.look(|tree| value(tree, &key, Quota::decode)).await?;
        let Some(quota) = found else {
            return Ok(());
        };
        let top = quota.directory;
        let mut change = Change::new(self);
        match quota.state {
            QuotaState::Whole => return Ok(()),
            QuotaState::Beginning(from) => {
                self.reassign(top, from, Some(project)).await?;
                let whole = Quota {
                    state: QuotaState::Whole,
                    ..quota
                };
                change.put(&key, &whole.encode());
            }
            QuotaState::Ending(to) => {
                self.reassign(top, Some(project), to).await?;
                change.end_project(project);
            }
        }
        // Who removes the directory takes the quota away.
        let _locks = self.lock(vec![shared(top)]).await?;
        let still = self.look(|tree| value(tree, &key, Quota::decode)).await?;
        if still == Some(quota) {
            change.commit(self, &mut Flight::new(self)).await?;
        }
        Ok(())
    }
}
