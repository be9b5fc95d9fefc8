//! What counts for the quotas of a bucket.

use std::collections::BTreeMap;

use engine_format::{InodeId, Usage};

use super::Check;

/// Of each project what its usage says, and what the records add up to.
#[derive(Default)]
pub(super) struct Usages {
    found: BTreeMap<InodeId, Usage>,
    stated: BTreeMap<InodeId, Usage>,
}

impl Usages {
    /// One more record of a project.
    pub(super) fn count(&mut self, project: InodeId, more: Usage) {
        let found = self.found.entry(project).or_default();
        found.bytes = found.bytes.saturating_add(more.bytes);
        found.inodes += more.inodes;
    }

    /// What the usage of a project says.
    pub(super) fn state(&mut self, project: InodeId, usage: Usage) {
        self.stated.insert(project, usage);
    }

    /// Compares both. Records of a project whose quota is gone are those of files that were open
    /// without a name, or of uploads.
    pub(super) fn compare(&self, check: &mut Check<'_>, owner: &str) {
        for (project, stated) in &self.stated {
            let found = self.found.get(project).copied().unwrap_or_default();
            if found != *stated {
                check.damage(format!(
                    "{owner}: project {} counts {} bytes and {} inodes, but there \
                     are {} and {}; report this",
                    project.get(),
                    stated.bytes,
                    stated.inodes,
                    found.bytes,
                    found.inodes
                ));
            }
        }
    }
}
