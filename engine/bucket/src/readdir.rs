//! Reading directories through the mount.
//!
//! Entries come in the order of their names, so an entry that is there throughout comes exactly
//! once. A position is a cookie of 64 bits: the number of a stretch of entries, and the code of a
//! name in it (see [`stretch`]). For an older position its stretch is read again, without what has
//! no higher code: so it does not matter whether its entry is still there. Entries that come while
//! the directory is read are not shown where reading has looked ahead (see [`layout`]), but when it
//! is read from the beginning again. In a large directory that ends older positions.

mod layout;
mod stretch;

use std::ops::ControlFlow;

use engine_format::{BucketKey, EntryRecord, InodeId, InodeKind};
use engine_tree::Tree;

use crate::list::leaves_of;
use crate::look::{Look, entry};
use crate::names::is_mountable;
use crate::node::Node;
use crate::{Bucket, BucketError};

use layout::{Layout, Position};
use stretch::CODE_BITS;

/// Entries looked at in one look, shown or not.
const ENTRIES_AT_ONCE: usize = 256;
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
    layout: Layout,
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
            layout: Layout::default(),
        })
    }
}

impl DirectoryStream {
    /// Up to `max` entries behind a position that an entry of this stream had; 0 is the beginning.
    /// What came since the last reading from the beginning may be left out.
    ///
    /// # Errors
    /// [`BucketError::Invalid`] for a position that was never given out, or in a large directory
    /// before reading began from the beginning again; [`BucketError::Store`].
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
                if self.layout.is_below(above, &one.key_name) {
                    continue;
                }
                self.enter(&one.key_name).await?;
                if let Some(cookie) = self.layout.cookie_of(&one.key_name) {
                    entries.push(entry_of(&one, cookie));
                }
            }
            match step.next {
                Some(next) => from = next,
                None => break,
            }
        }
        Ok(entries)
    }

    fn position_of(&mut self, cookie: u64) -> Result<Position, BucketError> {
        if cookie < COOKIE_MIN {
            self.layout.begin();
            return Ok(Position::default());
        }
        let known = self.layout.position_of(cookie);
        known.ok_or(BucketError::Invalid {
            what: "the position is not one of this stream",
        })
    }

    async fn step(&self, from: &[u8], max: usize) -> Result<Step, BucketError> {
        let id = self.node.id();
        let leaves = leaves_of(max.min(ENTRIES_AT_ONCE));
        self.bucket
            .look_along(leaves, |tree| scan(tree, id, from, max))
            .await
    }
}

fn entry_of(seen: &Seen, cookie: u64) -> DirectoryEntry {
    let name = seen.key_name.strip_suffix(b"/").unwrap_or(&seen.key_name);
    DirectoryEntry {
        name: name.to_vec(),
        id: seen.id,
        kind: seen.kind,
        cookie,
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
