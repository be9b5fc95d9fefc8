//! The journal's state: the open group, the tail, and how a group is closed.

use std::collections::VecDeque;
use std::sync::Arc;

use engine_base::limits::{
    BATCH_DATA_BYTES_MAX, BLOCK_BYTES, GROUP_DATA_BYTES_MAX, GROUP_MUTATION_BYTES_MAX,
    GROUPS_IN_FLIGHT_MAX,
};
use engine_base::{Checksum, EpochId, Location, Lsn, Slot, to_u32, to_usize};
use engine_device::PageBuf;
use engine_format::{GroupHeader, encode_head, head_bytes_for, rebase_data_offsets};

use super::commit::BatchData;
use super::group::{ClosedGroup, GroupOutcome, OpenGroup};
use crate::{JournalPosition, SegmentPlace};

/// Bytes at the end of a segment kept for the group that names the successor.
const NAMING_GROUP_BYTES: u32 = to_u32_const(BLOCK_BYTES);

const fn to_u32_const(bytes: usize) -> u32 {
    assert!(bytes <= 1 << 20);
    #[expect(clippy::cast_possible_truncation, reason = "asserted above")]
    {
        bytes as u32
    }
}

/// A group that was closed and is not yet applied.
#[derive(Debug)]
pub(super) struct InFlight {
    pub(super) lsn: Lsn,
    /// There once the write is done.
    pub(super) written: Option<ClosedGroup>,
    pub(super) outcome: Arc<GroupOutcome>,
}

/// What closing the open group needs or gives.
#[derive(Debug)]
pub(super) enum Close {
    /// Nothing to write, or too much in flight: whoever finishes goes on.
    Nothing,
    /// Too many bytes are unsynced: sync, then ask again.
    SyncFirst,
    /// The segment is full and no successor is prepared: prepare one, then ask again.
    PrepareFirst,
    /// Write this.
    Group(Box<ClosedGroup>),
}

/// A segment with groups that no sync covers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unsynced {
    pub(super) slot: Slot,
    pub(super) last_lsn: Lsn,
}

/// What a group may carry: the limits of the engine, less where segments are small.
#[derive(Debug, Clone, Copy)]
struct GroupLimits {
    data_bytes: usize,
    mutation_bytes: usize,
}

impl GroupLimits {
    fn new(segment_bytes: u32) -> Self {
        let segment = to_usize(u64::from(segment_bytes));
        Self {
            data_bytes: GROUP_DATA_BYTES_MAX
                .min(segment / 2)
                .max(BATCH_DATA_BYTES_MAX),
            mutation_bytes: GROUP_MUTATION_BYTES_MAX.min(segment / 8),
        }
    }
}

/// Segments filled between two that are left early: bounds the room that is lost by that.
const SEGMENTS_BETWEEN_EARLY: u32 = 8;

/// What is known of the bytes under the tail and in the successor.
#[derive(Debug, Clone, Copy, Default)]
struct Overwritable {
    /// Groups of the tail's segment that name the successor.
    naming_groups: u32,
    tail: bool,
    next: bool,
    /// Segments entered since one was left early; 0: never one was.
    segments_since: u32,
}

#[derive(Debug)]
pub(super) struct State {
    limits: GroupLimits,
    pub(super) open: OpenGroup,
    next_lsn: Lsn,
    epoch: EpochId,
    /// `None` only while the journal is being started.
    tail: Option<JournalPosition>,
    /// The prepared successor, named or not.
    next: Option<SegmentPlace>,
    /// Whether syncs of data in the tail's segment, and in the successor, carry no metadata of the
    /// file system underneath.
    overwritable: Overwritable,
    pub(super) preparing: bool,
    pub(super) in_flight: VecDeque<InFlight>,
    pub(super) applying: bool,
    pub(super) closed: bool,
    /// A member of the open group was told to wait although it would lead.
    starved: bool,
    pub(super) sync: super::sync::SyncState,
    /// The durable LSN that the newest group carries.
    pub(super) carried: Lsn,
    /// The newest LSN that is worth vouching for.
    pub(super) last_batch_lsn: Lsn,
}

impl State {
    pub(super) fn new(lsn: Lsn, epoch: EpochId, segment_bytes: u32) -> Self {
        Self {
            limits: GroupLimits::new(segment_bytes),
            open: OpenGroup::default(),
            next_lsn: lsn.next(),
            epoch,
            tail: None,
            next: None,
            overwritable: Overwritable::default(),
            preparing: false,
            in_flight: VecDeque::with_capacity(GROUPS_IN_FLIGHT_MAX),
            applying: false,
            closed: false,
            starved: false,
            sync: super::sync::SyncState::new(lsn),
            carried: lsn,
            last_batch_lsn: lsn,
        }
    }

    /// Puts the tail at the start of the epoch's first segment.
    pub(super) fn begin(&mut self, place: SegmentPlace) {
        assert!(self.tail.is_none());
        let [a, b, c, d, ..] = self.epoch.get();
        self.tail = Some(JournalPosition {
            place,
            offset: to_u32(BLOCK_BYTES),
            chain: Checksum::new(u32::from_le_bytes([a, b, c, d])),
            next: None,
        });
    }

    /// Behind the newest closed group.
    pub(super) fn position(&self) -> JournalPosition {
        self.tail.expect("the journal was started")
    }

    pub(super) fn next_segment(&self) -> Option<SegmentPlace> {
        self.next
    }

    pub(super) fn set_next(&mut self, next: SegmentPlace, overwritable: bool) {
        assert!(self.next.is_none(), "a successor is prepared once");
        self.next = Some(next);
        self.overwritable.next = overwritable;
    }

    /// The successor's bytes were written once; nothing of the journal lies there yet.
    pub(super) fn next_is_overwritable(&mut self) {
        self.overwritable.next = true;
    }

    /// The LSN that the next group gets.
    pub(super) fn next_lsn(&self) -> Lsn {
        self.next_lsn
    }

    /// Whether it is time to prepare the successor: a quarter of the segment is used, or syncs are
    /// frequent and it is not fit for that.
    pub(super) fn wants_successor(&self, segment_bytes: u32) -> bool {
        let unfit = self.sync.is_frequent() && !self.overwritable.tail && !self.overwritable.next;
        let due = self.next.is_none() && self.position().offset > segment_bytes / 4;
        !self.preparing && (due || unfit)
    }

    /// Whether to leave the segment before it is full, for one in which syncs are cheaper.
    fn leaves_early(&self) -> bool {
        let Overwritable {
            naming_groups,
            tail,
            next,
            segments_since,
        } = self.overwritable;
        // Were only the last group to name the successor and it rotted, everything behind it would
        // look like a torn tail: nothing hints at a segment that is left long before its end.
        let named = naming_groups >= 2;
        let may = segments_since >= SEGMENTS_BETWEEN_EARLY || segments_since == 0;
        !tail && next && named && may && self.sync.is_frequent()
    }

    /// The group whose turn it is to be applied, if it is written.
    pub(super) fn next_to_apply(&mut self) -> Option<ClosedGroup> {
        let written = self.in_flight.front_mut()?.written.take()?;
        self.in_flight.pop_front();
        self.sync.written(written.lsn, written.bytes());
        Some(written)
    }

    /// The open group, marked so that its members are woken when there is room again.
    pub(super) fn starve(&mut self) -> Arc<GroupOutcome> {
        self.starved = true;
        Arc::clone(&self.open.outcome)
    }

    /// The open group, if its members must be woken so that one of them leads.
    pub(super) fn take_starved(&mut self) -> Option<Arc<GroupOutcome>> {
        std::mem::take(&mut self.starved).then(|| Arc::clone(&self.open.outcome))
    }

    /// Adds a batch to the open group; `None` if there is no room, and nothing was taken: lead
    /// first.
    pub(super) fn join(
        &mut self,
        batch: &mut BatchData,
        data_bytes: usize,
    ) -> Option<Arc<GroupOutcome>> {
        let open = &mut self.open;
        let fits = open.mutations.len() + batch.mutations.len() <= self.limits.mutation_bytes
            && open.data_bytes + data_bytes <= self.limits.data_bytes;
        if !fits {
            return None;
        }
        rebase_data_offsets(&mut batch.mutations, to_u32(open.data_bytes))
            .expect("the models build batches with the encoder");
        open.mutations.append(&mut batch.mutations);
        open.data.append(&mut batch.data);
        open.data_bytes += data_bytes;
        if batch.streamed {
            open.streamed_bytes += data_bytes;
        }
        open.batches += 1;
        Some(Arc::clone(&open.outcome))
    }

    /// Takes the open group away and starts a new one, e.g. to refuse it.
    pub(super) fn take_open(&mut self) -> OpenGroup {
        std::mem::take(&mut self.open)
    }

    /// Fixes LSN and place of what is written next. `durable` goes into the head; `carry` closes a
    /// group even if nobody joined.
    pub(super) fn close(&mut self, segment_bytes: u32, durable: Lsn, carry: bool) -> Close {
        let empty = self.open.batches == 0;
        if empty && !carry {
            return Close::Nothing;
        }
        if self.in_flight.len() >= GROUPS_IN_FLIGHT_MAX {
            self.starved = true;
            return Close::Nothing;
        }
        if self.sync.too_much_unsynced() {
            self.starved = true;
            return Close::SyncFirst;
        }
        let head = head_bytes_for(self.open.mutations.len());
        let bytes = to_u32(head + self.open.data_bytes);
        let full = self.position().offset + bytes + NAMING_GROUP_BYTES > segment_bytes;
        let early = !full && !self.preparing && self.leaves_early();
        if full || early {
            // While the successor is being written over it must not be entered.
            let Some(next) = self.next.filter(|_| !self.preparing) else {
                return Close::PrepareFirst;
            };
            if self.position().next.is_none() {
                let mut naming = self.close_group(OpenGroup::default(), durable);
                naming.naming = true;
                return Close::Group(Box::new(naming));
            }
            self.enter(next, early);
        }
        let open = self.take_open();
        Close::Group(Box::new(self.close_group(open, durable)))
    }

    /// Moves the tail to the successor, which the last group has named.
    fn enter(&mut self, next: SegmentPlace, early: bool) {
        let tail = self.tail.as_mut().expect("the journal was started");
        assert_eq!(
            tail.next,
            Some(next),
            "a segment is left only after it named its successor"
        );
        tail.place = next;
        tail.offset = to_u32(BLOCK_BYTES);
        tail.next = None;
        self.next = None;
        let since = if early {
            1
        } else {
            self.overwritable.segments_since.saturating_add(1)
        };
        self.overwritable = Overwritable {
            naming_groups: 0,
            tail: self.overwritable.next,
            next: false,
            segments_since: since,
        };
    }

    fn close_group(&mut self, open: OpenGroup, durable: Lsn) -> ClosedGroup {
        let start = self.position();
        let head_bytes = head_bytes_for(open.mutations.len());
        let header = GroupHeader {
            lsn: self.next_lsn,
            epoch: self.epoch,
            chain: start.chain,
            data_bytes: to_u32(open.data_bytes),
            batches: open.batches,
            successor: self.next.map(SegmentPlace::successor),
            durable_lsn: durable,
        };
        let mut head = PageBuf::zeroed(head_bytes);
        let at = Location {
            segment: start.place.segment,
            offset: start.offset,
        };
        let chain = encode_head(&header, &open.mutations, at, &mut head);
        let end = JournalPosition {
            place: start.place,
            offset: start.offset + to_u32(head_bytes) + header.data_bytes,
            chain,
            next: self.next,
        };
        self.tail = Some(end);
        if self.next.is_some() {
            self.overwritable.naming_groups += 1;
        }
        self.next_lsn = header.lsn.next();
        self.carried = durable;
        if open.batches > 0 {
            self.last_batch_lsn = header.lsn;
        }
        self.sync.closed(
            start.place.slot,
            header.lsn,
            u64::from(end.offset - start.offset),
        );
        self.in_flight.push_back(InFlight {
            lsn: header.lsn,
            written: None,
            outcome: Arc::clone(&open.outcome),
        });
        ClosedGroup {
            lsn: header.lsn,
            place: start.place,
            offset: start.offset,
            head,
            mutations: open.mutations,
            data: open.data,
            end,
            streamed_bytes: open.streamed_bytes as u64,
            outcome: open.outcome,
            naming: false,
        }
    }
}
