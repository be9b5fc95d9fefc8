//! Reading directories through the mount.
//!
//! Entries come in the order of their names, so an entry that is there throughout comes exactly
//! once. A position is a cookie of 64 bits: the number of a stretch of entries, and the code of a
//! name in it (see [`stretch`]). The names of the latest cookies are kept as they are. For an older
//! position its stretch is read again, without what has no higher code: so it does not matter
//! whether its entry is still there.

mod stretch;

use std::collections::VecDeque;
use std::ops::ControlFlow;

use engine_format::{BucketKey, EntryRecord, InodeId, InodeKind};
use engine_tree::Tree;

use crate::list::leaves_of;
use crate::look::{Look, entry};
use crate::names::is_mountable;
use crate::node::Node;
use crate::{Bucket, BucketError};

use stretch::{CODE_BITS, Stretch, StretchBuilder};

/// Entries looked at in one look, shown or not.
const ENTRIES_AT_ONCE: usize = 256;
/// Latest cookies whose names are kept.
const KEPT: usize = 8192;
/// Cookies below this are the frontend's: for `.` and `..`.
pub const COOKIE_MIN: u64 = 1 << CODE_BITS;

/// An entry of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryEntry {
    /// Its name.
    pub name: Vec<u8>,
    /// The inode's number.
    pub id: InodeId,
    /// What it is.
    pub kind: InodeKind,
    /// The position behind it.
    pub cookie: u64,
}

/// A directory that is being read.
#[derive(Debug)]
pub struct DirectoryStream {
    bucket: Bucket,
    node: Node,
    stretches: Vec<Stretch>,
    /// Cookies and names as in the key.
    kept: VecDeque<(u64, Vec<u8>)>,
    /// The last name, as in the key, that belongs to a stretch.
    covered: Vec<u8>,
}

struct Seen {
    /// As in the key.
    key_name: Vec<u8>,
    id: InodeId,
    kind: InodeKind,
}

/// What one look has found.
struct Step {
    seen: Vec<Seen>,
    /// The lowest name that was not looked at; `None`: there is no more.
    next: Option<Vec<u8>>,
}

/// Where reading goes on.
struct Position {
    /// The lowest name.
    from: Vec<u8>,
    /// In the stretch of this number only what has a higher code than this.
    above: Option<(u64, u64)>,
}

impl Bucket {
    /// A stream over the entries of a directory that a mount can show.
    ///
    /// # Errors
    /// [`BucketError::NotDirectory`].
    pub fn read_directory(&self, node: &Node) -> Result<DirectoryStream, BucketError> {
        if node.kind() != InodeKind::Directory {
            return Err(BucketError::NotDirectory);
        }
        Ok(DirectoryStream {
            bucket: self.clone(),
            node: node.clone(),
            stretches: Vec::new(),
            kept: VecDeque::new(),
            covered: Vec::new(),
        })
    }
}

impl DirectoryStream {
    /// Up to `max` entries behind a position that an entry of this stream had; 0 is the beginning.
    ///
    /// # Errors
    /// [`BucketError::Invalid`] for a position that was never given out, [`BucketError::Store`].
    pub async fn read(
        &mut self,
        cookie: u64,
        max: usize,
    ) -> Result<Vec<DirectoryEntry>, BucketError> {
        let Position { mut from, above } = self.position_of(cookie)?;
        let mut entries = Vec::new();
        while entries.len() < max {
            let step = self.step(&from, max - entries.len()).await?;
            for one in step.seen {
                self.cover(&one.key_name).await?;
                let (stretch, code) = self.code_of(&one.key_name);
                if above.is_some_and(|(number, least)| number == stretch && code <= least) {
                    continue;
                }
                entries.push(self.entry_of(one, stretch << CODE_BITS | code));
            }
            match step.next {
                Some(next) => from = next,
                None => break,
            }
        }
        Ok(entries)
    }

    async fn step(&self, from: &[u8], max: usize) -> Result<Step, BucketError> {
        let id = self.node.id();
        let leaves = leaves_of(max.min(ENTRIES_AT_ONCE));
        self.bucket
            .look_along(leaves, |tree| scan(tree, id, from, max))
            .await
    }

    fn entry_of(&mut self, seen: Seen, cookie: u64) -> DirectoryEntry {
        let name = seen.key_name.strip_suffix(b"/").unwrap_or(&seen.key_name);
        let entry = DirectoryEntry {
            name: name.to_vec(),
            id: seen.id,
            kind: seen.kind,
            cookie,
        };
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back((cookie, seen.key_name));
        entry
    }

    /// The number of the stretch that a covered name belongs to, from 1, and its code there.
    fn code_of(&self, key_name: &[u8]) -> (u64, u64) {
        let number = self
            .stretches
            .partition_point(|stretch| *stretch.after < *key_name);
        let stretch = number.checked_sub(1).and_then(|at| self.stretches.get(at));
        let code = stretch.map_or(0, |stretch| stretch.code(key_name));
        (number as u64, code)
    }

    /// Begins stretches until one takes this name.
    async fn cover(&mut self, key_name: &[u8]) -> Result<(), BucketError> {
        while *key_name > *self.covered {
            let mut builder = StretchBuilder::new(&self.covered);
            let mut next = Some(behind(&self.covered));
            while let Some(from) = next.take() {
                let step = self.step(&from, ENTRIES_AT_ONCE).await?;
                if step.seen.iter().all(|one| builder.add(&one.key_name)) {
                    next = step.next;
                }
            }
            let (stretch, last) = builder.finish();
            self.stretches.push(stretch);
            // Without any, this one was removed meanwhile.
            self.covered = last.unwrap_or_else(|| key_name.to_vec());
        }
        Ok(())
    }

    /// Where a position lies.
    fn position_of(&self, cookie: u64) -> Result<Position, BucketError> {
        let at = |from, above| Ok(Position { from, above });
        if cookie < COOKIE_MIN {
            return at(Vec::new(), None);
        }
        let kept = self.kept.iter().filter(|(known, _)| *known == cookie);
        // A name that came later may have the code of another one: then nothing is left out.
        if let Some((_, name)) = kept.min_by(|a, b| a.1.cmp(&b.1)) {
            return at(behind(name), None);
        }
        let (number, code) = (cookie >> CODE_BITS, cookie & (COOKIE_MIN - 1));
        let index = usize::try_from(number - 1).unwrap_or(usize::MAX);
        let stretch = self.stretches.get(index).ok_or(BucketError::Invalid {
            what: "the position is not one of this stream",
        })?;
        at(behind(&stretch.after), Some((number, code)))
    }
}

/// The lowest name above this one.
fn behind(name: &[u8]) -> Vec<u8> {
    let mut behind = name.to_vec();
    if !name.is_empty() {
        behind.push(0);
    }
    behind
}

/// Entries with names as in the key from this one on that a mount can show.
fn scan(tree: &Tree, directory: InodeId, from: &[u8], max: usize) -> Look<Step> {
    let prefix = BucketKey::Entry(directory, &[]).encode();
    let wanted = max.min(ENTRIES_AT_ONCE);
    // Names are looked at again below, so they are taken first.
    let mut batch: Vec<(Vec<u8>, Result<EntryRecord, _>)> = Vec::new();
    tree.scan(&[&prefix[..], from].concat(), |key, value| {
        let Some(name) = key.strip_prefix(&prefix[..]) else {
            return ControlFlow::Break(());
        };
        batch.push((name.to_vec(), EntryRecord::decode(value)));
        if batch.len() == wanted {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    })?;
    let last = batch.last().filter(|_| batch.len() == wanted);
    let next = last.map(|(name, _)| behind(name));
    let mut seen = Vec::with_capacity(batch.len());
    for (key_name, record) in batch {
        let record = record?;
        let name = key_name.strip_suffix(b"/").unwrap_or(&key_name);
        if is_mountable(name) && !is_hidden(tree, directory, &key_name, &record)? {
            seen.push(Seen {
                id: record.id(),
                kind: record.kind(),
                key_name,
            });
        }
    }
    Ok(Step { seen, next })
}

/// Whether a directory has the name of this file.
fn is_hidden(tree: &Tree, directory: InodeId, key_name: &[u8], record: &EntryRecord) -> Look<bool> {
    if record.kind() == InodeKind::Directory {
        return Ok(false);
    }
    let of_directory = [key_name, b"/"].concat();
    Ok(entry(tree, directory, &of_directory)?.is_some())
}
