//! Listing objects in the order of their whole keys.
//!
//! A walk over the entries of directories in their order in the tree. What is rolled up into a
//! common prefix is passed over by one seek; a directory whose name ends the prefix is not looked
//! into, because one that is not explicit always holds a key.

mod frames;

use std::collections::VecDeque;
use std::ops::ControlFlow;

use engine_base::Lsn;
use engine_format::{BucketKey, EntryRecord, InodeId, InodeKind};
use engine_tree::Tree;

use crate::attributes::Info;
use crate::look::{Look, entry, inode_of};
use crate::{Bucket, BucketError};

pub(crate) use frames::entries as entries_of;
use frames::{Frame, behind_all, entries, frames_for};

/// Entries taken from the tree at once.
const ENTRIES_AT_ONCE: usize = 256;

/// Of these, so many leaves are worth reading ahead: who takes as many entries as fit one look goes
/// on behind them.
pub(crate) const fn leaves_of(entries: usize) -> usize {
    entries / 16
}

/// What to list.
#[derive(Debug, Clone, Copy, Default)]
pub struct ListOptions<'a> {
    /// Keys begin with this.
    pub prefix: &'a [u8],
    /// Keys that contain this behind the prefix are rolled up to it; empty: none are.
    pub delimiter: &'a [u8],
    /// Keys are above this. If it is a common prefix of this very listing, all that it stands for
    /// is passed over: so the last item of a page is where the next one begins.
    pub start_after: &'a [u8],
    /// Items at most.
    pub max: usize,
}

/// An item of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListItem {
    /// An object.
    Object {
        /// Its whole key.
        key: Vec<u8>,
        /// What is known of it.
        info: Info,
    },
    /// Keys that begin with this are rolled up.
    Prefix(Vec<u8>),
}

impl ListItem {
    /// The key, or the common prefix.
    #[must_use]
    pub fn key(&self) -> &[u8] {
        match self {
            Self::Object { key, .. } | Self::Prefix(key) => key,
        }
    }
}

/// A page of a listing.
#[derive(Debug, Clone)]
pub struct ListPage {
    /// In the order of their bytes.
    pub items: Vec<ListItem>,
    /// There are more, behind the last item.
    pub truncated: bool,
    /// What must be durable before the page is shown: see [`Bucket::durable`].
    pub lsn: Lsn,
}

struct Walk<'a> {
    bucket: &'a Bucket,
    options: ListOptions<'a>,
    stack: Vec<Frame>,
    page: Vec<ListItem>,
    /// Whose changes the page shows.
    seen: Vec<InodeId>,
}

impl Bucket {
    /// A page of the objects of the bucket.
    ///
    /// # Errors
    /// [`BucketError::Store`].
    pub async fn list(&self, options: &ListOptions<'_>) -> Result<ListPage, BucketError> {
        let mut walk = Walk {
            bucket: self,
            options: *options,
            stack: Vec::new(),
            page: Vec::new(),
            seen: Vec::new(),
        };
        let truncated = match walk.first_bound() {
            Some(bound) => walk.run(bound).await?,
            None => false,
        };
        let Walk { page, seen, .. } = walk;
        Ok(ListPage {
            items: page,
            truncated,
            lsn: self.seen(seen),
        })
    }
}

impl Walk<'_> {
    /// The lowest key that can be an item; `None`: there is none.
    fn first_bound(&self) -> Option<Vec<u8>> {
        let after = self.options.start_after;
        if after.is_empty() {
            return Some(self.options.prefix.to_vec());
        }
        let behind = match self.rolled_up(after) {
            Some(prefix) if prefix.len() == after.len() => behind_all(after)?,
            _ => [after, &[0]].concat(),
        };
        Some(behind.max(self.options.prefix.to_vec()))
    }

    /// The common prefix that a key is rolled up to.
    fn rolled_up<'k>(&self, key: &'k [u8]) -> Option<&'k [u8]> {
        let delimiter = self.options.delimiter;
        if delimiter.is_empty() {
            return None;
        }
        let rest = key.strip_prefix(self.options.prefix)?;
        let at = rest
            .windows(delimiter.len())
            .position(|window| window == delimiter)?;
        Some(&key[..self.options.prefix.len() + at + delimiter.len()])
    }

    /// `true` if there are more items than fit the page.
    async fn run(&mut self, bound: Vec<u8>) -> Result<bool, BucketError> {
        self.seek(&bound).await?;
        while let Some((key, record)) = self.next().await? {
            let prefix = self.options.prefix;
            if !key.starts_with(prefix) {
                if *key > *prefix {
                    return Ok(false);
                }
                // A directory on the way to the prefix.
                if prefix.starts_with(&key) && record.kind() == InodeKind::Directory {
                    self.enter(record.id(), key);
                }
                continue;
            }
            if std::str::from_utf8(&key).is_err() {
                continue;
            }
            if self.add(key, record).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Takes an entry up; `true` if the page is full and this did not fit.
    async fn add(&mut self, key: Vec<u8>, record: EntryRecord) -> Result<bool, BucketError> {
        let is_directory = record.kind() == InodeKind::Directory;
        if !is_directory && record.kind() != InodeKind::File {
            return Ok(false);
        }
        if let Some(prefix) = self.rolled_up(&key) {
            if self.page.len() >= self.options.max {
                return Ok(true);
            }
            let prefix = prefix.to_vec();
            let rest = behind_all(&prefix);
            // A directory is passed over by not going into it.
            let goes_on = !is_directory || prefix.len() < key.len();
            self.seen.push(record.id());
            self.page.push(ListItem::Prefix(prefix));
            if goes_on {
                match rest {
                    Some(bound) => self.seek(&bound).await?,
                    None => self.stack.clear(),
                }
            }
            return Ok(false);
        }
        let id = record.id();
        let object = match record {
            EntryRecord::Inline(inode) => Some(inode),
            // Links to files were followed where they were read.
            EntryRecord::Link(..) => None,
        };
        if let Some(inode) = object.filter(|inode| !is_directory || inode.explicit) {
            if self.page.len() >= self.options.max {
                return Ok(true);
            }
            self.seen.push(id);
            let info = Info::of(&inode, None);
            let key = key.clone();
            self.page.push(ListItem::Object { key, info });
        }
        if is_directory {
            self.enter(id, key);
        }
        Ok(false)
    }

    /// Goes on with the first key that is not below `bound`.
    async fn seek(&mut self, bound: &[u8]) -> Result<(), BucketError> {
        self.stack.clear();
        let frames = self.bucket.look(|tree| frames_for(tree, bound)).await?;
        self.seen.extend(frames.iter().map(|frame| frame.id));
        self.stack = frames;
        Ok(())
    }

    fn enter(&mut self, id: InodeId, base: Vec<u8>) {
        self.seen.push(id);
        self.stack.push(Frame {
            id,
            base,
            entries: VecDeque::new(),
            next: Some(Vec::new()),
        });
    }

    /// The next entry, with the key that it has.
    async fn next(&mut self) -> Result<Option<(Vec<u8>, EntryRecord)>, BucketError> {
        let at_once = self.options.max.saturating_add(1).min(ENTRIES_AT_ONCE);
        loop {
            let Some(frame) = self.stack.last_mut() else {
                return Ok(None);
            };
            if let Some((name, record)) = frame.entries.pop_front() {
                return Ok(Some(([&frame.base[..], &name].concat(), record)));
            }
            let Some(from) = frame.next.take() else {
                self.stack.pop();
                continue;
            };
            let id = frame.id;
            let found = self
                .bucket
                .look_along(leaves_of(at_once), |tree| entries(tree, id, &from, at_once))
                .await?;
            if found.len() == at_once {
                let last = found.back().map(|(name, _)| [name, &[0][..]].concat());
                frame.next = last;
            }
            frame.entries = found;
        }
    }
}
