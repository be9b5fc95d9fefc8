//! Setting and showing quotas.

use engine_base::Lsn;
use engine_format::QuotaState;

use super::*;
use crate::Ack;
use crate::change::Change;
use crate::flight::Flight;
use crate::key::{Key, Way};
use crate::look::{inode_of, own};
use crate::names::{alone, shared};
use crate::node::Place;

/// What to limit; what is `None` stays as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QuotaLimits {
    /// Bytes that are stored at most; 0: any number.
    pub bytes: Option<u64>,
    /// Inodes at most, the directory itself too; 0: any number.
    pub inodes: Option<u64>,
}

/// A quota and what counts for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QuotaInfo {
    /// Bytes that are stored at most; `None`: any number.
    pub bytes: Option<u64>,
    /// Inodes at most; `None`: any number.
    pub inodes: Option<u64>,
    /// Bytes that are stored of contents, and of parts of unfinished uploads.
    pub bytes_used: u64,
    /// Inodes: files, directories and what else has a name.
    pub inodes_used: u64,
}

/// A directory that a quota is, or is to be, of.
pub(super) struct Top {
    pub(super) inode: Inode,
    pub(super) place: Place,
    /// The directory above; `None`: it is the root.
    pub(super) above: Option<Inode>,
}

impl QuotaLimits {
    fn over(&self, known: Option<&Quota>, directory: InodeId) -> Quota {
        let limit = |new: Option<u64>, old: Option<u64>| match new {
            Some(limit) => Some(limit).filter(|limit| *limit > 0),
            None => old,
        };
        Quota {
            directory,
            bytes: limit(self.bytes, known.and_then(|known| known.bytes)),
            inodes: limit(self.inodes, known.and_then(|known| known.inodes)),
            state: QuotaState::Whole,
        }
    }
}

impl Bucket {
    /// Limits what a directory and all below it may take; the path is that of a key without a `/`
    /// at its end, the empty one is the whole bucket. What is there already is counted before this
    /// resolves, in steps, while others go on; what is over the limit stays. Without any limit the
    /// quota ends, and what it counted goes to that of the directory above, if there is one.
    ///
    /// What is below another quota counts for the nearest one only. The directory becomes explicit;
    /// a quota goes when its directory is removed, and moves with it.
    ///
    /// Durability: when it resolves, the quota survives a power cut. One that was begun and not
    /// ended is carried on by the next call, or the next opening.
    ///
    /// # Errors
    /// [`BucketError::NotFound`] of the directory, [`BucketError::Name`], [`BucketError::Store`].
    pub async fn set_quota(
        &self,
        path: &[u8],
        limits: QuotaLimits,
    ) -> Result<QuotaInfo, BucketError> {
        let _one = self.lock(vec![alone(LockKey::Quotas)]).await?;
        self.carry_on().await?;
        if limits
            .bytes
            .max(limits.inodes)
            .is_some_and(|limit| limit > 0)
        {
            self.pool.allow_quotas().await?;
        }
        let changed = self.change_quota(path, limits).await?;
        if let Some((project, lsn)) = changed {
            self.acknowledge(lsn, Ack::Durable).await?;
            self.finish_quota(project).await?;
        }
        self.sync().await?;
        match self.quota(path).await {
            Err(BucketError::NotFound { what: "quota" }) => Ok(QuotaInfo::default()),
            info => info,
        }
    }

    /// The quota of a directory, or with an empty path of the whole bucket.
    ///
    /// # Errors
    /// [`BucketError::NotFound`] of the directory, or if it has no quota of its own;
    /// [`BucketError::Name`], [`BucketError::Store`].
    pub async fn quota(&self, path: &[u8]) -> Result<QuotaInfo, BucketError> {
        let top = self.top(path).await?.0;
        let project = self.project_at(&top.inode);
        let project = project.ok_or_else(|| BucketError::no("quota"))?;
        let (quota, usage) = self
            .look(|tree| {
                let quota = value(tree, &BucketKey::Quota(project), Quota::decode)?;
                let usage = value(tree, &BucketKey::Usage(project), Usage::decode)?;
                Ok((quota, usage.unwrap_or_default()))
            })
            .await?;
        let quota = quota.ok_or_else(|| BucketError::no("quota"))?;
        Ok(QuotaInfo {
            bytes: quota.bytes,
            inodes: quota.inodes,
            bytes_used: usage.bytes,
            inodes_used: usage.inodes,
        })
    }

    /// The directory of a path, and the way to it; `None`: it is the root.
    async fn top(&self, path: &[u8]) -> Result<(Top, Option<(Key, Way)>), BucketError> {
        if path.is_empty() {
            let root = self.look(|tree| own(tree, InodeId::ROOT)).await?;
            let top = Top {
                inode: root.ok_or_else(|| BucketError::no("bucket"))?,
                place: Place::Own,
                above: None,
            };
            return Ok((top, None));
        }
        let key = Key::parse(&[path, b"/"].concat())?;
        let way = self.way(&key).await?;
        let found = way.found.clone();
        let found = found.ok_or_else(|| BucketError::no("directory"))?;
        let top = Top {
            inode: self.look(|tree| inode_of(tree, found.clone())).await?,
            place: Place::Entry {
                parent: None,
                directory: way.directory(),
                name: key.key_name(),
            },
            above: Some(way.last().inode.clone()),
        };
        Ok((top, Some((key, way))))
    }

    /// Changes the limits; or begins or ends a quota, which the caller then finishes.
    async fn change_quota(
        &self,
        path: &[u8],
        limits: QuotaLimits,
    ) -> Result<Option<(InodeId, Lsn)>, BucketError> {
        let admitted = self.admit(0).await?;
        loop {
            let (seen, way) = self.top(path).await?;
            let mut keys = vec![alone(LockKey::Directory(seen.inode.id))];
            if let Some((key, way)) = &way {
                keys.push((LockKey::Shape, LockMode::Shared));
                keys.push(shared(way.directory()));
                keys.push(alone(LockKey::Name(way.directory(), key.name().to_vec())));
            }
            let mut flight = Flight::new(self);
            let locks = self.lock(keys).await?;
            let inodes = self.lock_inodes([seen.inode.id]).await?;
            let (top, now) = self.top(path).await?;
            let is_same = match (&way, &now) {
                (Some((_, seen)), Some((_, now))) => seen.is_like(now),
                _ => true,
            };
            if !is_same || top.inode.id != seen.inode.id {
                continue;
            }
            let changed = self.change_top(top, limits, &mut flight).await?;
            drop((inodes, locks, admitted));
            return Ok(changed);
        }
    }

    /// As [`Bucket::change_quota`], of a directory that is locked.
    async fn change_top(
        &self,
        top: Top,
        limits: QuotaLimits,
        flight: &mut Flight<'_>,
    ) -> Result<Option<(InodeId, Lsn)>, BucketError> {
        let Some(project) = self.project_at(&top.inode) else {
            let quota = limits.over(None, top.inode.id);
            if quota.bytes.is_none() && quota.inodes.is_none() {
                return Ok(None);
            }
            return self.begin_quota(top, quota, flight).await.map(Some);
        };
        let key = BucketKey::Quota(project);
        let known = self.look(|tree| value(tree, &key, Quota::decode)).await?;
        let quota = limits.over(known.as_ref(), top.inode.id);
        if quota.bytes.is_none() && quota.inodes.is_none() {
            return self.end_quota(top, project, flight).await.map(Some);
        }
        let mut change = Change::new(self);
        change.put(&key, &quota.encode());
        let lsn = change.commit(self, flight).await?;
        self.shared.projects.put(project, &quota);
        Ok(Some((project, lsn)))
    }
}
