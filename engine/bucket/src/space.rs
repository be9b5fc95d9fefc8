//! Sizes and holes.

mod copy;
mod seek;
mod zero;

use std::ops::{ControlFlow, Range};

use engine_base::limits::{BLOCK, BLOCK_BYTES};
use engine_base::{Lsn, align_down, align_up, to_usize};
use engine_format::{BucketKey, Cleanup, ContentForm, Inode};

use crate::change::Change;
use crate::content::{FOUND_AT_ONCE, Span, find_some, small, some_spans, spans};
use crate::flight::Flight;
use crate::look::{inode_at, value};
use crate::node::Node;
use crate::write::{FILE_BYTES_MAX, Locked};
use crate::{Ack, Bucket, BucketError};

pub use seek::Seek;

/// Bytes of a content that one batch clears: beyond, space comes back in steps.
pub(crate) const CLEARED_AT_ONCE: u64 = 1 << 20;

/// What [`Bucket::allocate`] does to a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allocate {
    /// Makes sure that there is room for it now. A log writes every change to a new place, so no
    /// room is set aside.
    Room {
        /// The size stays as it is.
        keep_size: bool,
    },
    /// Gives what is stored back; it reads as zeroes.
    Punch,
    /// Makes it read as zeroes.
    Zero {
        /// The size stays as it is.
        keep_size: bool,
    },
}

impl Bucket {
    /// Sets the size of a file. What lies behind a smaller one is gone for good, whole or not at
    /// all after a crash; behind a larger one there are zeroes.
    ///
    /// # Errors
    /// [`BucketError::NotFound`], [`BucketError::NotRegular`], [`BucketError::TooLarge`],
    /// [`BucketError::Store`].
    pub async fn truncate(&self, node: &Node, size: u64, ack: Ack) -> Result<(), BucketError> {
        if size > FILE_BYTES_MAX {
            return Err(BucketError::TooLarge {
                what: "file",
                max: FILE_BYTES_MAX,
            });
        }
        let mut flight = Flight::new(self);
        self.give_back_dropped().await;
        self.admit_release().await?;
        let locks = self.lock_inodes([node.id()]).await?;
        let mut file = self.locked_file(node).await?;
        let lsn = self.set_size(&mut file, size, &mut flight).await?;
        drop(locks);
        flight.acknowledge(lsn, ack).await
    }

    pub(crate) async fn set_size(
        &self,
        file: &mut Locked<'_>,
        size: u64,
        flight: &mut Flight<'_>,
    ) -> Result<Lsn, BucketError> {
        let old = file.inode.size;
        if size == old {
            // The times change, the content does not.
            let now = self.now();
            (file.inode.modified, file.inode.changed) = (now, now);
            let mut change = Change::new(self);
            change.inode(&file.place, &file.inode);
            flight.attributes(file.inode.id);
            return change.commit(self, flight).await;
        }
        self.finish_tail(&file.inode).await?;
        let mut change = Change::new(self);
        let mut is_tail = false;
        if size < old {
            is_tail = self.cut(&mut change, file, size..old).await?;
        }
        file.inode.size = size;
        self.content_changed(&mut change, file, flight);
        let lsn = change.commit(self, flight).await?;
        if is_tail {
            self.finish_tail(&file.inode).await?;
        }
        Ok(lsn)
    }

    /// Takes the end of a content away; `true` if it is only marked.
    async fn cut(
        &self,
        change: &mut Change,
        file: &mut Locked<'_>,
        range: Range<u64>,
    ) -> Result<bool, BucketError> {
        if file.inode.content == ContentForm::Small {
            let inode = &file.inode;
            let mut content = self.look(|tree| small(tree, inode)).await?;
            content.truncate(to_usize(range.start));
            change.put(&BucketKey::Small(file.inode.id), &content);
            file.inode.allocated = content.len() as u64;
            return Ok(false);
        }
        if file.inode.content == ContentForm::None {
            return Ok(false);
        }
        self.replace(file, range.clone()).await?;
        if range.end - range.start > CLEARED_AT_ONCE {
            let record = Cleanup::Tail(range.start).encode();
            change.put(&BucketKey::Cleanup(file.inode.id), &record);
            return Ok(true);
        }
        let inode = &file.inode;
        let all = self.look(|tree| spans(tree, inode, range.clone())).await?;
        for Span {
            content, at, bytes, ..
        } in all
        {
            change.clear(content, at, bytes);
        }
        Ok(false)
    }

    /// Finishes giving back what lies behind the size that a file was cut to: until then it must
    /// not grow. The caller holds its lock.
    pub(crate) async fn finish_tail(&self, inode: &Inode) -> Result<(), BucketError> {
        let key = BucketKey::Cleanup(inode.id);
        let found = self.look(|tree| value(tree, &key, Cleanup::decode)).await?;
        let Some(Cleanup::Tail(from)) = found else {
            return Ok(());
        };
        let mut at = from;
        while at < FILE_BYTES_MAX {
            let rest = at..FILE_BYTES_MAX;
            let some = self
                .look(|tree| some_spans(tree, inode, rest.clone(), FOUND_AT_ONCE))
                .await?;
            at = some
                .last()
                .map_or(FILE_BYTES_MAX, |last| last.file_at + last.bytes);
            for span in some {
                let range = span.at..span.at + span.bytes;
                self.pool
                    .clear_content(&self.dataset, span.content, range)
                    .await?;
            }
        }
        let mut change = Change::new(self);
        change.delete(&key);
        change.commit(self, &mut Flight::new(self)).await?;
        Ok(())
    }

    /// Changes how a range of a file is stored. Steps of a large range are each whole or absent
    /// after a crash.
    ///
    /// # Errors
    /// As [`Bucket::truncate`]; [`BucketError::Invalid`] for an empty range.
    pub async fn allocate(
        &self,
        node: &Node,
        range: Range<u64>,
        how: Allocate,
        ack: Ack,
    ) -> Result<(), BucketError> {
        if range.is_empty() {
            return Err(BucketError::Invalid {
                what: "the range is empty",
            });
        }
        if range.end > FILE_BYTES_MAX {
            return Err(BucketError::TooLarge {
                what: "file",
                max: FILE_BYTES_MAX,
            });
        }
        let mut flight = Flight::new(self);
        let room = match how {
            Allocate::Room { .. } => to_usize(range.end - range.start),
            Allocate::Punch | Allocate::Zero { .. } => 2 * BLOCK_BYTES,
        };
        let admitted = self.admit(room).await?;
        let locks = self.lock_inodes([node.id()]).await?;
        let mut file = self.locked_file(node).await?;
        let grows = matches!(
            how,
            Allocate::Room { keep_size: false } | Allocate::Zero { keep_size: false }
        );
        let mut lsn = self.pool.durable_lsn();
        if matches!(how, Allocate::Room { .. }) {
            // Only a look, as at the pool.
            drop(self.claim_range(&file.inode, range.clone()).await?);
        } else {
            let inside = range.start..range.end.min(file.inode.size);
            lsn = self.zero(&mut file, inside, &mut flight).await?;
        }
        if grows && range.end > file.inode.size {
            lsn = self.set_size(&mut file, range.end, &mut flight).await?;
        }
        drop(locks);
        drop(admitted);
        flight.acknowledge(lsn, ack).await
    }
}
