//! Reading a content as it was at one moment, whatever becomes of it meanwhile.
//!
//! A reader looks at the live extents. Whoever is about to change some of them in place keeps what
//! was there for the readers first, so a reader that looks at the tree and then at what was kept
//! sees the moment it began at. A file that is replaced or removed stays, without a name, until its
//! last reader is done.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use engine_base::{Lsn, to_usize};
use engine_format::{ContentForm, Inode, InodeKind};
use engine_pool::ReadPin;
use parking_lot::Mutex;

use crate::bucket::Dropped;
use crate::content::{Found, ReadPlan, cut, find, small, spans};
use crate::look::inode_at;
use crate::node::Node;
use crate::object::metadata_of;
use crate::{Bucket, BucketError, Info};

/// What a reader keeps for itself.
#[derive(Default)]
pub(crate) struct ReaderState {
    /// What was there before it was changed, by its first byte; never overlapping.
    kept: Mutex<BTreeMap<u64, (Found, ReadPin)>>,
}

impl ReaderState {
    /// Keeps what `found` names, as far as nothing older was kept.
    pub(crate) fn keep(&self, found: &[Found], pin: &ReadPin) {
        let mut kept = self.kept.lock();
        for new in found {
            let mut at = new.at;
            let end = new.at + new.bytes;
            while at < end {
                let before = kept.range(..=at).next_back();
                let covered = before.map_or(0, |(start, (old, _))| start + old.bytes);
                if covered > at {
                    at = covered;
                    continue;
                }
                let next = kept.range(at..end).next().map_or(end, |(start, _)| *start);
                kept.insert(at, (part(new, at..next), pin.clone()));
                at = next;
            }
        }
    }

    /// `found`, with what was kept in the place of what is there now.
    fn as_it_was(&self, found: Vec<Found>) -> (Vec<Found>, Vec<ReadPin>) {
        let kept = self.kept.lock();
        if kept.is_empty() {
            return (found, Vec::new());
        }
        let (mut result, mut pins) = (Vec::new(), Vec::new());
        for present in found {
            let end = present.at + present.bytes;
            let mut at = present.at;
            while at < end {
                let before = kept.range(..=at).next_back();
                match before.filter(|(start, (old, _))| *start + old.bytes > at) {
                    Some((start, (old, pin))) => {
                        let to = (start + old.bytes).min(end);
                        result.push(part(old, at..to));
                        pins.push(pin.clone());
                        at = to;
                    }
                    None => {
                        let next = kept.range(at..end).next();
                        let to = next.map_or(end, |(start, _)| *start);
                        result.push(part(&present, at..to));
                        at = to;
                    }
                }
            }
        }
        (result, pins)
    }
}

/// A part of what was found.
fn part(of: &Found, range: Range<u64>) -> Found {
    let stored = of.stored.as_ref().map(|stored| {
        let mut stored = stored.clone();
        stored.skip += to_usize(range.start - of.at);
        stored
    });
    Found {
        at: range.start,
        bytes: range.end - range.start,
        stored,
    }
}

/// An object, or any file, as it was when the reader was made. End it with [`ObjectReader::close`]:
/// one that is dropped gives the space of a removed file back only with a later change of the
/// bucket.
pub struct ObjectReader {
    bucket: Bucket,
    node: Option<Node>,
    inode: Inode,
    info: Info,
    metadata: Vec<(Vec<u8>, Vec<u8>)>,
    /// A content that is not in extents, read at once; zeroes behind it.
    small: Option<Vec<u8>>,
    state: Arc<ReaderState>,
    lsn: Lsn,
}

impl std::fmt::Debug for ObjectReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ObjectReader({})", self.inode.id)
    }
}

impl Bucket {
    /// A reader of a file as it is now.
    ///
    /// # Errors
    /// [`BucketError::NotFound`], [`BucketError::NotRegular`], [`BucketError::Store`].
    pub async fn reader(&self, node: &Node) -> Result<ObjectReader, BucketError> {
        let locks = self.lock_inodes([node.id()]).await?;
        let found = self
            .look(|tree| {
                let Some((inode, _)) = inode_at(tree, node.id(), &node.places())? else {
                    return Ok(None);
                };
                let small = match inode.content {
                    ContentForm::Small => Some(small(tree, &inode)?),
                    _ => None,
                };
                let metadata = metadata_of(tree, &inode)?;
                Ok(Some((inode, small, metadata)))
            })
            .await?;
        let (inode, small, metadata) = found.ok_or_else(|| BucketError::no("file"))?;
        if !matches!(inode.kind, InodeKind::File | InodeKind::Directory) {
            return Err(BucketError::NotRegular);
        }
        let state = Arc::new(ReaderState::default());
        let needs_content = small.is_none() && inode.content != ContentForm::None;
        if needs_content {
            node.0.opens.fetch_add(1, Ordering::AcqRel);
            node.0.readers.lock().push(Arc::downgrade(&state));
        }
        let lsn = self.seen([node.id()]);
        drop(locks);
        Ok(ObjectReader {
            bucket: self.clone(),
            node: needs_content.then(|| node.clone()),
            info: Info::of(&inode, None),
            metadata,
            inode,
            small,
            state,
            lsn,
        })
    }
}

impl ObjectReader {
    /// What the file was at that moment.
    #[must_use]
    pub const fn info(&self) -> &Info {
        &self.info
    }

    /// Its metadata as an object at that moment, by names without [`crate::OBJECT_PREFIX`].
    #[must_use]
    pub fn metadata(&self) -> &[(Vec<u8>, Vec<u8>)] {
        &self.metadata
    }

    /// What must be durable before any of it is shown as stored: see [`Bucket::durable`].
    #[must_use]
    pub const fn lsn(&self) -> Lsn {
        self.lsn
    }

    /// Up to `bytes` bytes from `at`; fewer at the end.
    ///
    /// # Errors
    /// [`BucketError::Store`] where data is damaged.
    pub async fn read(&self, at: u64, bytes: usize) -> Result<Vec<u8>, BucketError> {
        let end = at.saturating_add(bytes as u64).min(self.inode.size);
        if at >= end {
            return Ok(Vec::new());
        }
        if let Some(small) = &self.small {
            return Ok(cut(small, at..end));
        }
        let _pin = self.bucket.pool.read_pin();
        let found = self
            .bucket
            .look(|tree| find(tree, &self.inode, at..end))
            .await?;
        // Only now: what was changed before this look was kept before that.
        let (found, _pins) = self.state.as_it_was(found);
        self.bucket.carry_out(ReadPlan::Stored(found)).await
    }

    /// Where the parts begin that the content was put together of, in order; none if it was not.
    /// `None`: the file was changed in place since, so that nobody knows any more.
    ///
    /// # Errors
    /// [`BucketError::Store`].
    pub async fn parts(&self) -> Result<Option<Vec<u64>>, BucketError> {
        let Some(node) = self.node.as_ref().filter(|_| self.is_in_pieces()) else {
            return Ok(Some(Vec::new()));
        };
        let _locks = self.bucket.lock_inodes([node.id()]).await?;
        self.bucket
            .look(|tree| {
                let now = inode_at(tree, node.id(), &node.places())?;
                let is_same = now.is_some_and(|(now, _)| now.changes == self.inode.changes);
                let spans = || spans(tree, &self.inode, 0..self.inode.size);
                let found = is_same.then(spans).transpose()?;
                Ok(found.map(|spans| spans.iter().map(|span| span.file_at).collect()))
            })
            .await
    }

    fn is_in_pieces(&self) -> bool {
        self.inode.content == ContentForm::Pieces
    }

    /// Ends it.
    ///
    /// # Errors
    /// [`BucketError::Store`] if the space of a removed file cannot be given back now; a later
    /// change of the bucket tries again.
    pub async fn close(mut self) -> Result<(), BucketError> {
        if let Some(node) = &self.node {
            self.bucket.release_node(node).await?;
        }
        self.node = None;
        Ok(())
    }
}

impl Drop for ObjectReader {
    fn drop(&mut self) {
        if let Some(node) = self.node.take() {
            self.bucket.shared.drop_later(Dropped::Open(node));
        }
    }
}
