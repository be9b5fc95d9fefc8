//! Copying ranges of files: both refer to the same stored bytes then.

use engine_format::SMALL_BYTES_MAX;

use super::*;

/// Bytes that one step copies at most.
const STEP_BYTES: u64 = 4 << 20;

/// Fewer bytes than this are read and written. To share them costs more than the block they are
/// written to, and could leave parts of one block on both sides of them, to two extents that are
/// not marked as shared: a block of such an extent is its own.
const SHARED_BYTES_MIN: u64 = BLOCK;

/// The two ends of a step.
#[derive(Clone, Copy)]
struct Ends<'a> {
    from: (&'a Node, u64),
    to: (&'a Node, u64),
    bytes: u64,
}

/// What a step came to.
struct Copied {
    bytes: u64,
    /// Bytes that the source had from the step's start on.
    left: u64,
    lsn: Lsn,
}

impl Bucket {
    /// Copies bytes of one file to another, or to another place of the same one, as far as the
    /// source went when the first of them was copied; returns how many. What is stored is not
    /// copied: both refer to it from then on, and it is given back when the last one is gone. Steps
    /// of up to 4 MiB are each whole or absent after a crash.
    ///
    /// # Errors
    /// As [`Bucket::write`].
    pub async fn copy_range(
        &self,
        from: (&Node, u64),
        to: (&Node, u64),
        mut bytes: u64,
        ack: Ack,
    ) -> Result<u64, BucketError> {
        let end = to.1.checked_add(bytes);
        if end.is_none_or(|end| end > FILE_BYTES_MAX) {
            return Err(BucketError::TooLarge {
                what: "file",
                max: FILE_BYTES_MAX,
            });
        }
        self.pool.allow_sharing().await?;
        let mut flight = Flight::new(self);
        let (mut copied, mut lsn) = (0, self.pool.durable_lsn());
        while copied < bytes {
            let ends = Ends {
                from: (from.0, from.1 + copied),
                to: (to.0, to.1 + copied),
                bytes: (bytes - copied).min(STEP_BYTES),
            };
            let step = self.copy_step(ends, &mut flight).await?;
            if step.bytes == 0 {
                break;
            }
            if copied == 0 {
                // A file that is copied behind its own end grows with each step.
                bytes = bytes.min(step.left);
            }
            lsn = step.lsn.max(lsn);
            copied += step.bytes;
        }
        flight.acknowledge(lsn, ack).await?;
        Ok(copied)
    }

    async fn copy_step(
        &self,
        ends: Ends<'_>,
        flight: &mut Flight<'_>,
    ) -> Result<Copied, BucketError> {
        let admitted = self.admit(0).await?;
        let locks = self.lock_inodes([ends.from.0.id(), ends.to.0.id()]).await?;
        let source = self.locked_file(ends.from.0).await?.inode;
        let left = source.size.saturating_sub(ends.from.1);
        let mut bytes = ends.bytes.min(left);
        if bytes == 0 {
            let lsn = self.pool.durable_lsn();
            return Ok(Copied { bytes, left, lsn });
        }
        let is_small = source.content == ContentForm::Small && ends.from.1 < SMALL_BYTES_MAX as u64;
        let is_same = ends.from.0.id() == ends.to.0.id();
        let overlaps = is_same && ends.from.1.abs_diff(ends.to.1) < bytes;
        if is_small || overlaps || bytes < SHARED_BYTES_MIN {
            if is_small {
                bytes = bytes.min(SMALL_BYTES_MAX as u64 - ends.from.1);
            }
            let bytes = to_usize(bytes.min(CLEARED_AT_ONCE));
            let data = self.read_locked(&source, ends.from.1, bytes as u64).await?;
            drop((locks, admitted));
            let at = crate::WriteAt::Byte(ends.to.1);
            self.write(ends.to.0, at, &data, Ack::Written).await?;
            let (bytes, lsn) = (bytes as u64, self.pool.applied_lsn());
            return Ok(Copied { bytes, left, lsn });
        }
        let file = self.locked_file(ends.to.0).await?;
        let range = (ends.from.1, ends.to.1, bytes);
        let (bytes, lsn) = self.share_step(file, &source, range, flight).await?;
        Ok(Copied { bytes, left, lsn })
    }

    /// Shares a range of a file whose lock is held with another one.
    async fn share_step(
        &self,
        mut file: Locked<'_>,
        source: &Inode,
        (from, to, bytes): (u64, u64, u64),
        flight: &mut Flight<'_>,
    ) -> Result<(u64, Lsn), BucketError> {
        let file = &mut file;
        if to + bytes > file.inode.size {
            self.finish_tail(&file.inode).await?;
        }
        if file.inode.content == ContentForm::Small {
            self.move_to_extents(file).await?;
        }
        if file.inode.content == ContentForm::None {
            file.inode.content = ContentForm::Extents;
            file.inode.allocated = 0;
        }
        // What lies behind a small content's record are zeroes.
        let (stored, bytes) = match source.content {
            ContentForm::Small => (0, bytes),
            _ => self.stored_in(source, from..from + bytes).await?,
        };
        self.replace(file, to..to + bytes).await?;
        let mut change = Change::new(self);
        let inode = &file.inode;
        let there = self.look(|tree| spans(tree, inode, to..to + bytes)).await?;
        let here = self
            .look(|tree| spans(tree, source, from..from + bytes))
            .await?;
        for target in &there {
            for span in &here {
                share_common(&mut change, (target, to), (span, from));
            }
        }
        file.inode.size = file.inode.size.max(to + bytes);
        file.inode.allocated += stored;
        self.content_changed(&mut change, file, flight);
        let lsn = change.commit(self, flight).await?;
        Ok((bytes, lsn))
    }

    /// How many bytes are stored of a range, as far as one look goes, and how far that is.
    pub(crate) async fn stored_in(
        &self,
        inode: &Inode,
        range: Range<u64>,
    ) -> Result<(u64, u64), BucketError> {
        let found = self
            .look(|tree| find_some(tree, inode, range.clone(), FOUND_AT_ONCE))
            .await?;
        let stored = found.iter().filter(|part| part.stored.is_some());
        let stored = stored.map(|part| part.bytes).sum();
        let end = found.last().map_or(range.end, |last| last.at + last.bytes);
        Ok((stored, end - range.start))
    }
}

/// Shares what two spans have in common, each counted from the start of its range.
fn share_common(change: &mut Change, to: (&Span, u64), from: (&Span, u64)) {
    let in_range = |(span, start): (&Span, u64)| {
        let first = span.file_at - start;
        first..first + span.bytes
    };
    let (there, here) = (in_range(to), in_range(from));
    let common = there.start.max(here.start)..there.end.min(here.end);
    if common.is_empty() {
        return;
    }
    let at = |span: &Span, range: &Range<u64>| (span.content, span.at + common.start - range.start);
    let bytes = common.end - common.start;
    change.share(at(to.0, &there), at(from.0, &here), bytes);
}
