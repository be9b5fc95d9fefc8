//! Reading directories through the mount.
//!
//! Entries come in the order of their names, so an entry that is there throughout comes exactly
//! once. A position is a cookie of 64 bits: the number of a stretch of entries whose first name the
//! stream remembers, and a hash of the last name that was read. The names of the latest cookies are
//! kept as they are, so that reading on works when entries were removed meanwhile; an older
//! position whose entry is gone begins again at its stretch.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use engine_format::{BucketKey, EntryRecord, InodeId, InodeKind};
use engine_tree::Tree;

use crate::look::{Look, entry};
use crate::names::is_mountable;
use crate::node::Node;
use crate::{Bucket, BucketError};

/// Entries of one stretch.
const STRETCH: usize = 4096;
/// Latest cookies whose names are kept.
const KEPT: usize = 8192;
const HASH_BITS: u32 = 39;
/// Cookies below this are the frontend's: for `.` and `..`.
pub const COOKIE_MIN: u64 = 1 << HASH_BITS;

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
    /// Names as in the key: each stretch begins behind one.
    stretches: Vec<Vec<u8>>,
    in_stretch: usize,
    /// Cookies and names as in the key.
    kept: VecDeque<(u64, Vec<u8>)>,
    /// The last name that was read for the first time.
    furthest: Vec<u8>,
}

struct Seen {
    /// As in the key.
    key_name: Vec<u8>,
    id: InodeId,
    kind: InodeKind,
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
            stretches: vec![Vec::new()],
            in_stretch: 0,
            kept: VecDeque::new(),
            furthest: Vec::new(),
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
        let after = self.name_of(cookie).await?;
        let id = self.node.id();
        let seen = self.bucket.look(|tree| scan(tree, id, &after, max)).await?;
        let mut entries = Vec::with_capacity(seen.len());
        for one in seen {
            let cookie = self.cookie_of(&one.key_name);
            let name = one.key_name.strip_suffix(b"/").unwrap_or(&one.key_name);
            entries.push(DirectoryEntry {
                name: name.to_vec(),
                id: one.id,
                kind: one.kind,
                cookie,
            });
        }
        Ok(entries)
    }

    fn cookie_of(&mut self, key_name: &[u8]) -> u64 {
        let first_time = *key_name > *self.furthest;
        if first_time {
            if self.in_stretch == STRETCH {
                self.stretches.push(self.furthest.clone());
                self.in_stretch = 0;
            }
            self.in_stretch += 1;
            self.furthest = key_name.to_vec();
        }
        let stretch = self.stretches.partition_point(|first| **first < *key_name);
        let cookie = ((stretch as u64) << HASH_BITS) | hash(key_name);
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back((cookie, key_name.to_vec()));
        cookie
    }

    /// The name behind which a position lies.
    async fn name_of(&self, cookie: u64) -> Result<Vec<u8>, BucketError> {
        if cookie < COOKIE_MIN {
            return Ok(Vec::new());
        }
        if let Some((_, name)) = self.kept.iter().rev().find(|(known, _)| *known == cookie) {
            return Ok(name.clone());
        }
        let stretch = usize::try_from(cookie >> HASH_BITS).unwrap_or(usize::MAX);
        let unknown = BucketError::Invalid {
            what: "the position is not one of this stream",
        };
        let first = self.stretches.get(stretch - 1).ok_or(unknown)?;
        let id = self.node.id();
        let wanted = cookie & (COOKIE_MIN - 1);
        let seen = self
            .bucket
            .look(|tree| scan(tree, id, first, 2 * STRETCH))
            .await?;
        let found = seen.iter().find(|one| hash(&one.key_name) == wanted);
        Ok(found.map_or_else(|| first.clone(), |one| one.key_name.clone()))
    }
}

fn hash(name: &[u8]) -> u64 {
    // FNV-1a, folded.
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in name {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    (hash ^ (hash >> HASH_BITS)) & (COOKIE_MIN - 1)
}

/// Entries behind a name as in the key that a mount can show.
fn scan(tree: &Tree, directory: InodeId, after: &[u8], max: usize) -> Look<Vec<Seen>> {
    let prefix = BucketKey::Entry(directory, &[]).encode();
    let mut from = [&prefix[..], after].concat();
    if !after.is_empty() {
        from.push(0);
    }
    let mut seen: Vec<Seen> = Vec::new();
    while seen.len() < max {
        // Files are looked at again below, so a stretch is taken at once.
        let mut batch: Vec<(Vec<u8>, Result<EntryRecord, _>)> = Vec::new();
        let wanted = max - seen.len();
        tree.scan(&from, |key, value| {
            let Some(name) = key.strip_prefix(&prefix[..]) else {
                return ControlFlow::Break(());
            };
            batch.push((name.to_vec(), EntryRecord::decode(value)));
            if batch.len() == wanted {
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        })?;
        let is_last = batch.len() < wanted;
        if let Some((last, _)) = batch.last() {
            from = [&prefix[..], last, &[0]].concat();
        }
        for (key_name, record) in batch {
            let record = record?;
            let name = key_name.strip_suffix(b"/").unwrap_or(&key_name);
            if !is_mountable(name) || is_hidden(tree, directory, &key_name, &record)? {
                continue;
            }
            seen.push(Seen {
                id: record.id(),
                kind: record.kind(),
                key_name,
            });
        }
        if is_last {
            break;
        }
    }
    Ok(seen)
}

/// Whether a directory has the name of this file.
fn is_hidden(tree: &Tree, directory: InodeId, key_name: &[u8], record: &EntryRecord) -> Look<bool> {
    if record.kind() == InodeKind::Directory {
        return Ok(false);
    }
    let of_directory = [key_name, b"/"].concat();
    Ok(entry(tree, directory, &of_directory)?.is_some())
}
