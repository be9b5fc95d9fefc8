//! Replay: from a checkpoint's position to the end of what was accepted.
//!
//! Only the chain is followed: at each place one group with the expected LSN, epoch, chain and a
//! checksum that is seeded with the place. So leftovers of recycled slots and clients' data that
//! looks like a group never parse.
//!
//! End or damage. Where the chain breaks, the rest of the segment and its successors are searched
//! for a group that says that the missing one was durable. If there is one, this is damage; if not,
//! a torn tail, which nobody was told is durable. Groups that a later one vouches for are passed on
//! without reading their data; the others only if every block of it is good.
//!
//! Where a device keeps several copies, each group is looked for on all of them (`merge.rs`).

mod end;
mod group;
mod heads;
mod merge;
mod restore;
mod successor;
mod unsound;
mod verify;
mod voucher;

use std::collections::VecDeque;

use engine_base::{EpochId, Location, Lsn, PoolId};
use engine_device::{Device, Geometry, Place};

use crate::{JournalPosition, LogError, SegmentPlace};
pub use end::{ReplayEnd, ReplayedSegment};
use merge::{Merged, MergedHeads};
pub use restore::AcceptedGroup;
pub use unsound::unsound_blocks;

/// A replay that has not begun.
pub struct Replay<'a> {
    /// Where the journal is.
    pub device: &'a dyn Device,
    /// How the device is cut.
    pub geometry: Geometry,
    /// The pool.
    pub pool: PoolId,
    /// The epoch whose journal is replayed: that of the checkpoint.
    pub epoch: EpochId,
    /// The checkpoint's LSN.
    pub lsn: Lsn,
    /// The checkpoint's position.
    pub start: JournalPosition,
    /// Accept an end even though a later group vouches for what is missing, or although what lies
    /// there cannot be read: everything from there on is lost.
    pub accept_loss: bool,
}

/// One group to apply.
#[derive(Debug)]
pub struct ReplayedGroup {
    /// Its position in history.
    pub lsn: Lsn,
    /// Its encoded batches, not yet looked at.
    pub mutations: Vec<u8>,
    /// Where its data lies.
    pub data: Location,
    /// The journal just behind it.
    pub end: JournalPosition,
    accepted: AcceptedGroup,
    /// Every copy has its head.
    whole: bool,
}

struct Walk<'a> {
    replay: &'a Replay<'a>,
    heads: MergedHeads<'a>,
    at: JournalPosition,
    expect: Lsn,
    pending: VecDeque<ReplayedGroup>,
    end: ReplayEnd,
    /// It went on although a place could not be read.
    unread: bool,
}

impl Replay<'_> {
    /// Passes every accepted group to `visit`, in order.
    ///
    /// # Errors
    /// [`LogError::Damaged`], [`LogError::Unreadable`] if the journal cannot be read, or what
    /// `visit` returns.
    pub fn run<E: From<LogError>>(
        &self,
        visit: &mut dyn FnMut(&ReplayedGroup) -> Result<(), E>,
    ) -> Result<ReplayEnd, E> {
        let mut walk = Walk {
            replay: self,
            heads: MergedHeads::new(self.device, self.geometry),
            at: self.start,
            expect: self.lsn.next(),
            pending: VecDeque::new(),
            end: ReplayEnd {
                lsn: self.lsn,
                vouched: self.lsn,
                segments: vec![ReplayedSegment {
                    place: self.start.place,
                    end: self.start.offset,
                    last_lsn: self.lsn,
                }],
                unvouched: Vec::new(),
                beyond: Vec::new(),
                incomplete: Vec::new(),
                groups: 0,
                lost_from: None,
                torn: None,
            },
            unread: false,
        };
        while walk.step()? {
            while walk
                .pending
                .front()
                .is_some_and(|group| group.lsn <= walk.end.vouched)
            {
                walk.note_incomplete();
                walk.pass_on(visit)?;
            }
        }
        walk.judge_end()?;
        while let Some(group) = walk.pending.front() {
            let (lsn, accepted) = (group.lsn, group.accepted);
            match verify::good_data(self.device, &accepted, &group.mutations) {
                Ok(Some(_)) => walk.end.unvouched.push(accepted),
                Ok(None) => {
                    walk.end.torn = Some(lsn);
                    break;
                }
                Err(error) => {
                    let place = Place::slot(accepted.place.slot, group.data.offset.into());
                    walk.cannot_read(lsn, place, error)?;
                    walk.end.lost_from = Some(lsn);
                    break;
                }
            }
            walk.pass_on(visit)?;
        }
        Ok(walk.end.looked_at(&walk.pending, walk.at.next))
    }
}

impl Walk<'_> {
    /// Accepts the next group; `false` where the chain ends.
    fn step(&mut self) -> Result<bool, LogError> {
        if let Some(head) = self.head_at(self.at.place, self.at.offset)? {
            self.accept(self.at.place, self.at.offset, head);
            return Ok(true);
        }
        let Some(next) = self.at.next else {
            return Ok(false);
        };
        let first = u32::try_from(engine_base::limits::BLOCK).unwrap_or(u32::MAX);
        match self.head_at(next, first)? {
            Some(head) => {
                self.accept(next, first, head);
                Ok(true)
            }
            None => Ok(false),
        }
    }

    /// The head at a place, if it is the one expected there.
    fn head_at(&mut self, place: SegmentPlace, offset: u32) -> Result<Option<Merged>, LogError> {
        let (expect, epoch, chain) = (self.expect, self.replay.epoch, self.at.chain);
        let read = self.heads.read(place, offset, |head| {
            head.header.lsn == expect && head.header.epoch == epoch && head.header.chain == chain
        });
        read.or_else(|error| {
            self.cannot_read(expect, Place::slot(place.slot, offset.into()), error)?;
            Ok(None)
        })
    }

    /// Whether to go on without what lies there: the group `lsn`, if any.
    fn cannot_read(&mut self, lsn: Lsn, place: Place, error: LogError) -> Result<(), LogError> {
        let LogError::Device(source) = error else {
            return Err(error);
        };
        if !self.replay.accept_loss {
            return Err(LogError::Unreadable { lsn, place, source });
        }
        tracing::error!(error = %source, %lsn, %place, "the journal cannot be read");
        self.unread = true;
        Ok(())
    }

    fn accept(&mut self, place: SegmentPlace, offset: u32, merged: Merged) {
        let Merged { head, whole } = merged;
        let header = &head.header;
        let entered = place != self.at.place;
        let named = header.successor.map(SegmentPlace::from);
        let end = JournalPosition {
            place,
            offset: offset + head.head_bytes + header.data_bytes,
            chain: head.checksum,
            next: named.or(if entered { None } else { self.at.next }),
        };
        self.end.vouched = self.end.vouched.max(header.durable_lsn);
        let data = Location {
            segment: place.segment,
            offset: offset + head.head_bytes,
        };
        self.at = end;
        self.expect = header.lsn.next();
        self.pending.push_back(ReplayedGroup {
            lsn: header.lsn,
            data,
            end,
            accepted: AcceptedGroup {
                lsn: header.lsn,
                place,
                from: offset,
                head_bytes: head.head_bytes,
                data_bytes: header.data_bytes,
                checksum: head.checksum,
            },
            whole,
            mutations: head.mutations,
        });
    }

    fn note_incomplete(&mut self) {
        if let Some(group) = self.pending.front().filter(|group| !group.whole) {
            self.end.incomplete.push(group.accepted);
        }
    }

    fn pass_on<E: From<LogError>>(
        &mut self,
        visit: &mut dyn FnMut(&ReplayedGroup) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some(group) = self.pending.pop_front() else {
            return Ok(());
        };
        visit(&group)?;
        self.end.lsn = group.lsn;
        self.end.groups += 1;
        let used = ReplayedSegment {
            place: group.end.place,
            end: group.end.offset,
            last_lsn: group.lsn,
        };
        match self.end.segments.last_mut() {
            Some(last) if last.place == used.place => *last = used,
            _ => self.end.segments.push(used),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
