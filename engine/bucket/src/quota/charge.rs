//! What a batch adds to projects.

use std::collections::BTreeMap;

use engine_format::Charge;

use super::*;
use crate::bucket::Locks;
use crate::look::LookError;

/// Records that count, as a batch leaves them, by their keys.
#[derive(Default)]
pub(crate) struct Counts {
    after: BTreeMap<Vec<u8>, Option<(InodeId, Usage)>>,
}

/// What was claimed for a batch, under the locks that say that it is on its way.
pub(crate) struct Claimed<'a> {
    // Let go of before the locks are.
    _claims: Vec<Claim>,
    _locks: Locks<'a>,
}

/// What a project has before and after a batch of what the batch changes.
#[derive(Default, Clone, Copy)]
struct Moved {
    before: Usage,
    after: Usage,
}

impl Counts {
    /// A record is put, or with `None` deleted.
    pub(crate) fn record(&mut self, key: &BucketKey<'_>, value: Option<&[u8]>) {
        let counts = matches!(
            key,
            BucketKey::Entry(..) | BucketKey::Inode(_) | BucketKey::Upload(_)
        );
        if counts {
            let after = value.and_then(|value| engine_format::counted(key, value).ok().flatten());
            self.after.insert(key.encode(), after);
        }
    }
}

impl Moved {
    fn charge(&self) -> Charge {
        let by = |after: u64, before: u64| {
            i64::try_from(i128::from(after) - i128::from(before)).unwrap_or(i64::MAX)
        };
        Charge {
            bytes: by(self.after.bytes, self.before.bytes),
            inodes: by(self.after.inodes, self.before.inodes),
        }
    }

    /// What it grows by.
    const fn growth(&self) -> Usage {
        Usage {
            bytes: self.after.bytes.saturating_sub(self.before.bytes),
            inodes: self.after.inodes.saturating_sub(self.before.inodes),
        }
    }
}

fn add(to: &mut Usage, more: Usage) {
    to.bytes += more.bytes;
    to.inodes += more.inodes;
}

/// By project what a batch moves.
pub(crate) struct Charges(BTreeMap<InodeId, Moved>);

impl Charges {
    /// The mutations of usages.
    pub(crate) fn all(&self) -> impl Iterator<Item = (InodeId, Charge)> {
        let charges = self.0.iter().map(|(id, moved)| (*id, moved.charge()));
        charges.filter(|(_, charge)| *charge != Charge::default())
    }
}

impl Bucket {
    /// Compares what the records of a batch count now and after it. The caller holds the locks on
    /// what they are about, so they stay as they are until then.
    pub(crate) async fn charges(&self, counts: &Counts) -> Result<Charges, BucketError> {
        let charges = self
            .look(|tree| {
                let mut charges: BTreeMap<InodeId, Moved> = BTreeMap::new();
                for (key, after) in &counts.after {
                    let decoded = BucketKey::decode(key)?;
                    let before = tree.get(key, |value| {
                        value.map(|value| engine_format::counted(&decoded, value))
                    })?;
                    let before = before.transpose().map_err(LookError::from)?.flatten();
                    if let Some((project, usage)) = before {
                        add(&mut charges.entry(project).or_default().before, usage);
                    }
                    if let Some((project, usage)) = after {
                        add(&mut charges.entry(*project).or_default().after, *usage);
                    }
                }
                Ok(charges)
            })
            .await?;
        Ok(Charges(charges))
    }

    /// Claims what a batch adds; `own` is what its operation has claimed before.
    pub(crate) async fn claim_all(
        &self,
        charges: &Charges,
        own: Option<&Claim>,
    ) -> Result<Option<Claimed<'_>>, BucketError> {
        let mut growing = Vec::new();
        for (id, moved) in &charges.0 {
            let more = moved.growth();
            let project = self.shared.projects.get(*id);
            if let Some(project) = project.filter(|_| more != Usage::default()) {
                growing.push((project, more));
            }
        }
        if growing.is_empty() {
            return Ok(None);
        }
        let mut claims = Vec::new();
        for (project, more) in &mut growing {
            if let Some(own) = own.filter(|own| own.project.id == project.id) {
                let part = own.split(*more);
                more.bytes -= part.amount().bytes;
                more.inodes -= part.amount().inodes;
                claims.push(part);
            }
        }
        let others = match self.claim_under(LockMode::Shared, &growing).await {
            Err(BucketError::Quota { .. }) => {
                self.claim_under(LockMode::Exclusive, &growing).await?
            }
            claimed => claimed?,
        };
        claims.extend(others.0);
        Ok(Some(Claimed {
            _claims: claims,
            _locks: others.1,
        }))
    }

    async fn claim_under(
        &self,
        mode: LockMode,
        growing: &[(Arc<Project>, Usage)],
    ) -> Result<(Vec<Claim>, Locks<'_>), BucketError> {
        let keys = growing
            .iter()
            .map(|(project, _)| (LockKey::Project(project.id), mode));
        let locks = self.shared.locks.lock(keys.collect()).await;
        let mut claims = Vec::with_capacity(growing.len());
        for (project, more) in growing {
            claims.push(self.try_claim(project, *more).await?);
        }
        Ok((claims, locks))
    }
}
