//! Finding out which inode it is of which something does not add up.

use engine_format::{BucketKey, DirectoryState, EntryRecord, Inode, InodeId};

use super::counts::Found;
use super::tally::Tally;
use super::{Wrong, tell};
use crate::check::Check;

/// Looks at those inodes again of which something does not add up.
pub(in crate::check) struct Suspects {
    links: Tally,
    counts: Tally,
    found: Found,
}

impl Suspects {
    /// Those of groups that do not agree; `None` if all do.
    pub(super) fn of(links: Tally, counts: Tally) -> Option<Self> {
        let agree = links.agrees() && counts.agrees();
        (!agree).then(|| Self {
            links,
            counts,
            found: Found::default(),
        })
    }

    /// One more record, in any order.
    pub(in crate::check) fn record(&mut self, key: &[u8], value: &[u8]) {
        let Ok(key) = BucketKey::decode(key) else {
            return;
        };
        match key {
            BucketKey::Entry(directory, name) => {
                let Ok(entry) = EntryRecord::decode(value) else {
                    return;
                };
                if self.counts.is_suspect(directory) {
                    self.found.entry(directory, name, entry.kind());
                }
                if let EntryRecord::Link(id, kind) = entry
                    && self.links.is_suspect(id)
                {
                    self.found.link(id, kind);
                }
            }
            BucketKey::Inode(id) if self.links.is_suspect(id) => {
                if let Ok(inode) = Inode::decode(value)
                    && id != InodeId::ROOT
                {
                    self.found.inode(&inode);
                }
            }
            BucketKey::Directory(id) if self.counts.is_suspect(id) => {
                if let Ok(state) = DirectoryState::decode(value) {
                    self.found.state(id, &state);
                }
            }
            _ => {}
        }
    }

    /// Tells what differs.
    pub(in crate::check) fn finish(self, check: &mut Check<'_>, owner: &str) {
        let mut wrong = Wrong::default();
        self.found.compare(|what| wrong.add(what));
        tell(check, owner, wrong);
    }
}
