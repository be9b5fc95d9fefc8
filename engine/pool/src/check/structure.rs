//! How the records of a bucket fit together: names and inodes, directories and their states, links,
//! and contents and those that they belong to.
//!
//! All of it holds after every batch, so it holds for every state that a check may see. Memory: a
//! few bits for each inode.

mod counts;
mod ids;
mod reach;
mod suspects;
mod tally;

use std::collections::BTreeSet;

use engine_format::{
    BucketKey, ContentForm, DirectoryState, EntryRecord, Held, Inode, InodeId, InodeKind,
    InodeNumbers, PartRecord, PieceRecord, Quota,
};

use super::Check;
use counts::Counts;
use ids::Ids;
use reach::Reach;
pub(super) use suspects::Suspects;
use tally::{Tally, hash};

/// Findings of one kind that are listed; more are counted.
const LISTED_MAX: usize = 20;
/// Bytes of a name at most.
const NAME_BYTES_MAX: usize = engine_format::NAME_BYTES_MAX;

/// The records of one bucket, in the order of their keys.
#[derive(Default)]
pub(super) struct Structure {
    /// Numbers from here on are nobody's.
    next: u64,
    inodes: Ids,
    directories: Ids,
    /// Directories that are there only for the keys below them.
    implicit: Ids,
    small: Ids,
    in_extents: Ids,
    in_pieces: Ids,
    /// Directories of which there are times and counts.
    stated: Ids,
    /// Contents with extents.
    contents: Ids,
    /// Contents that something other than an inode refers to.
    owned: Ids,
    /// Files without a name, and those that are recorded as such.
    nameless: Ids,
    orphans: Ids,
    quotas: BTreeSet<InodeId>,
    usages: BTreeSet<InodeId>,
    reach: Reach,
    links: Tally,
    counts: Tally,
    entries_of: Counts,
    wrong: Wrong,
}

/// What is wrong.
#[derive(Default)]
struct Wrong {
    listed: Vec<String>,
    more: u64,
}

impl Wrong {
    fn add(&mut self, what: String) {
        if self.listed.len() < LISTED_MAX {
            self.listed.push(what);
        } else {
            self.more += 1;
        }
    }
}

impl Structure {
    /// One more record. Those that do not decode were reported before.
    pub(super) fn record(&mut self, key: &[u8], value: &[u8]) {
        let Ok(key) = BucketKey::decode(key) else {
            return;
        };
        match key {
            BucketKey::NextInode => {
                self.next = InodeNumbers::decode(value).map_or(0, |numbers| numbers.next);
            }
            BucketKey::Entry(directory, name) => {
                if let Ok(entry) = EntryRecord::decode(value) {
                    self.entry(directory, name, &entry);
                }
            }
            BucketKey::Inode(id) => {
                if let Ok(inode) = Inode::decode(value) {
                    self.own(id, &inode);
                }
            }
            BucketKey::Extent(content, _) => {
                self.contents.insert(content);
            }
            BucketKey::Small(id) => self.belongs(id, "a small content", |all| &all.small),
            BucketKey::Attribute(id, _) => self.belongs(id, "an attribute", |all| &all.inodes),
            BucketKey::Directory(id) => {
                if let Ok(state) = DirectoryState::decode(value) {
                    self.state(id, &state);
                }
            }
            BucketKey::Part(..) => {
                if let Ok(part) = PartRecord::decode(value) {
                    self.owned.insert(part.content);
                }
            }
            BucketKey::Held(id) => {
                self.owned.insert(id);
                if Held::decode(value) == Ok(Held::Orphan) {
                    self.orphans.insert(id);
                }
            }
            BucketKey::Cleanup(id) => {
                self.owned.insert(id);
            }
            BucketKey::Piece(id, _) => {
                if !self.owned.contains(id) {
                    self.belongs(id, "a piece of content", |all| &all.in_pieces);
                }
                if let Ok(piece) = PieceRecord::decode(value) {
                    self.owned.insert(piece.content);
                }
            }
            BucketKey::Quota(project) => self.quota(project, value),
            BucketKey::Usage(project) => {
                self.usages.insert(project);
            }
            BucketKey::Upload(_) | BucketKey::Shared(_) => {}
        }
    }

    fn entry(&mut self, directory: InodeId, name: &[u8], entry: &EntryRecord) {
        let (id, kind) = (entry.id(), entry.kind());
        self.entries_of
            .entry(directory, name, kind, &mut self.counts);
        let is_directory = kind == InodeKind::Directory;
        let body = if is_directory {
            name.strip_suffix(b"/")
        } else {
            Some(name).filter(|name| !name.is_empty())
        };
        let is_name = |body: &[u8]| body.len() <= NAME_BYTES_MAX && !body.contains(&b'/');
        if !body.is_some_and(is_name) {
            let name = String::from_utf8_lossy(name);
            self.wrong.add(format!(
                "{directory} has the entry {name:?}, which no {kind:?} can have"
            ));
        }
        if is_directory {
            self.reach.entry(directory, id);
        }
        match entry {
            EntryRecord::Link(..) => self.links.found(id, hash(id, [kind as u64, 0, 0]), 1),
            EntryRecord::Inline(inode) => {
                if inode.links != 1 {
                    let links = inode.links;
                    self.wrong
                        .add(format!("{id} has the one name {name:?} and counts {links}"));
                }
                self.inode(inode);
            }
        }
    }

    /// An inode with a record of its own.
    fn own(&mut self, id: InodeId, inode: &Inode) {
        if inode.id != id {
            self.wrong
                .add(format!("the record of {id} is that of {}", inode.id));
        }
        self.inode(inode);
        if id == InodeId::ROOT {
            if inode.kind != InodeKind::Directory {
                self.wrong.add("the root is no directory".to_owned());
            }
            return;
        }
        if inode.kind == InodeKind::Directory {
            self.wrong
                .add(format!("{id} is a directory outside of any other"));
        }
        if inode.links == 0 {
            self.nameless.insert(id);
        }
        let (hash, links) = (hash(id, [inode.kind as u64, 0, 0]), inode.links);
        self.links.stated(id, hash, links.into());
    }

    fn inode(&mut self, inode: &Inode) {
        let id = inode.id;
        if !self.inodes.insert(id) {
            self.wrong.add(format!("{id} is there twice"));
        }
        if id != InodeId::ROOT && id.get() >= self.next {
            self.wrong
                .add(format!("{id} has a number that was never given out"));
        }
        if inode.kind == InodeKind::Directory {
            self.directories.insert(id);
            if !inode.explicit {
                self.implicit.insert(id);
            }
        }
        match inode.content {
            ContentForm::None => {}
            ContentForm::Small => {
                self.small.insert(id);
            }
            ContentForm::Extents => {
                self.in_extents.insert(id);
            }
            ContentForm::Pieces => {
                self.in_pieces.insert(id);
            }
        }
    }

    /// Something of an inode that must be one of those that `of` names.
    fn belongs(&mut self, id: InodeId, what: &str, of: impl Fn(&Self) -> &Ids) {
        if !of(self).contains(id) {
            self.wrong
                .add(format!("there is {what} of {id}, which has none"));
        }
    }

    fn state(&mut self, id: InodeId, state: &DirectoryState) {
        self.stated.insert(id);
        self.belongs(id, "a record of times and counts", |all| &all.directories);
        if self.implicit.contains(id) && state.keys == 0 {
            self.wrong.add(format!(
                "{id} is there only for the keys below it, and there are none"
            ));
        }
        counts::state(id, state, &mut self.counts);
    }

    fn quota(&mut self, project: InodeId, value: &[u8]) {
        self.quotas.insert(project);
        if let Ok(quota) = Quota::decode(value)
            && !self.directories.contains(quota.directory)
        {
            let directory = quota.directory;
            self.wrong.add(format!(
                "there is a quota of {directory}, which is no directory"
            ));
        }
    }

    /// What can be said after the last record; whether all that is added up agrees, too: else a
    /// [`Suspects`] has to look at all records again.
    pub(super) fn finish(&mut self, check: &mut Check<'_>, owner: &str) -> Option<Suspects> {
        self.entries_of.finish(&mut self.counts);
        let mut wrong = std::mem::take(&mut self.wrong);
        if !self.inodes.contains(InodeId::ROOT) {
            wrong.add("there is no root directory".to_owned());
        }
        for id in self.reach.unreached() {
            wrong.add(format!("the root does not lead to the directory {id}"));
        }
        for id in self.directories.without(&[&self.stated]) {
            wrong.add(format!("the directory {id} has no times and counts"));
        }
        for id in self.nameless.without(&[&self.orphans]) {
            wrong.add(format!("{id} has no name, and nothing gives it back"));
        }
        for id in self.orphans.without(&[&self.nameless]) {
            wrong.add(format!("{id} is to be given back, and is not nameless"));
        }
        for id in self.contents.without(&[&self.in_extents, &self.owned]) {
            wrong.add(format!("nothing refers to the content of {id}"));
        }
        for project in self.quotas.symmetric_difference(&self.usages) {
            let project = project.get();
            wrong.add(format!(
                "project {project} has a quota or a usage, but not both"
            ));
        }
        tell(check, owner, wrong);
        let (links, counts) = (&mut self.links, &mut self.counts);
        Suspects::of(std::mem::take(links), std::mem::take(counts))
    }
}

fn tell(check: &mut Check<'_>, owner: &str, wrong: Wrong) {
    for what in wrong.listed {
        check.damage(format!("{owner}: {what}; report this"));
    }
    if wrong.more > 0 {
        let more = wrong.more;
        check.damage(format!("{owner}: {more} more records do not fit together"));
    }
}
