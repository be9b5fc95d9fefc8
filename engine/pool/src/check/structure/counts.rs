//! Entries of directories, and names of inodes that have a record of their own.

use std::collections::BTreeMap;

use engine_format::{DirectoryState, Inode, InodeId, InodeKind};

use super::tally::{Tally, hash};

/// Entries, directories among them, and keys among them.
type Counted = [u64; 3];

/// The entries of one directory after the other: they come together.
#[derive(Default)]
pub(super) struct Counts {
    current: Option<(InodeId, Counted)>,
}

fn add(counted: &mut Counted, name: &[u8], kind: InodeKind) {
    let is_directory = kind == InodeKind::Directory;
    let is_object = is_directory || kind == InodeKind::File;
    let is_key = is_object && std::str::from_utf8(name).is_ok();
    let [entries, directories, keys] = counted;
    *entries += 1;
    *directories += u64::from(is_directory);
    *keys += u64::from(is_key);
}

impl Counts {
    pub(super) fn entry(
        &mut self,
        directory: InodeId,
        name: &[u8],
        kind: InodeKind,
        to: &mut Tally,
    ) {
        if self.current.is_none_or(|(id, _)| id != directory) {
            self.finish(to);
            self.current = Some((directory, Counted::default()));
        }
        if let Some((_, counted)) = &mut self.current {
            add(counted, name, kind);
        }
    }

    /// Adds the last directory.
    pub(super) fn finish(&mut self, to: &mut Tally) {
        if let Some((id, counted)) = self.current.take() {
            to.found(id, hash(id, counted), 1);
        }
    }
}

const fn counted_of(state: &DirectoryState) -> Counted {
    [state.entries, state.directories, state.keys]
}

/// What a directory says of its entries. One without any is in no entry, either.
pub(super) fn state(id: InodeId, state: &DirectoryState, to: &mut Tally) {
    let counted = counted_of(state);
    if counted != Counted::default() {
        to.stated(id, hash(id, counted), 1);
    }
}

/// What there is of some inodes, and what is said of it.
#[derive(Default)]
pub(super) struct Found {
    entries: BTreeMap<InodeId, (Counted, Option<Counted>)>,
    links: BTreeMap<InodeId, Names>,
}

/// Names of an inode, and what its record says.
#[derive(Default)]
struct Names {
    found: u64,
    stated: Option<u32>,
    kinds: Vec<InodeKind>,
}

impl Names {
    fn of_kind(&mut self, kind: InodeKind) {
        if !self.kinds.contains(&kind) {
            self.kinds.push(kind);
        }
    }
}

impl Found {
    pub(super) fn entry(&mut self, directory: InodeId, name: &[u8], kind: InodeKind) {
        add(
            &mut self.entries.entry(directory).or_default().0,
            name,
            kind,
        );
    }

    pub(super) fn state(&mut self, id: InodeId, state: &DirectoryState) {
        self.entries.entry(id).or_default().1 = Some(counted_of(state));
    }

    pub(super) fn link(&mut self, id: InodeId, kind: InodeKind) {
        let names = self.links.entry(id).or_default();
        names.found += 1;
        names.of_kind(kind);
    }

    pub(super) fn inode(&mut self, inode: &Inode) {
        let names = self.links.entry(inode.id).or_default();
        names.stated = Some(inode.links);
        names.of_kind(inode.kind);
    }

    /// Says what differs.
    pub(super) fn compare(&self, mut wrong: impl FnMut(String)) {
        for (id, (found, stated)) in &self.entries {
            let [entries, directories, keys] = found;
            match stated {
                Some(stated) if stated == found => {}
                Some([said, of_directories, of_keys]) => wrong(format!(
                    "the directory {id} counts {said} entries, {of_directories} directories and \
                     {of_keys} keys, but there are {entries}, {directories} and {keys}"
                )),
                None => wrong(format!(
                    "there are {entries} entries in {id}, which is no directory"
                )),
            }
        }
        for (id, names) in &self.links {
            match names.stated {
                None => wrong(format!(
                    "{} names lead to {id}, which has no record",
                    names.found
                )),
                Some(links) if u64::from(links) != names.found => wrong(format!(
                    "{id} counts {links} names, but there are {}",
                    names.found
                )),
                Some(_) if names.kinds.len() > 1 => {
                    wrong(format!("{id} is of another kind than a name of it says"));
                }
                Some(_) => {}
            }
        }
    }
}
