//! What was written goes to the device early, and what streams leave the host's memory after that.

use std::collections::VecDeque;
use std::time::Duration;

use engine_base::Slot;
use engine_base::limits::BLOCK;
use engine_device::Place;

use super::Journal;
use super::group::ClosedGroup;

/// Bytes after which write-back of what was written is started, unless syncs are frequent.
const WRITEBACK_BYTES: u64 = 4 << 20;
/// Bytes of streams that stay in the host's memory behind the newest: so much a device has on its
/// way, and the less it is, the less memory is touched for the first time.
const STREAMED_BYTES_KEPT: u64 = 32 << 20;
/// Memory of the host counts as dear when writing a block took more processor time than this: a
/// copy takes a third of it, the first touch of memory that a virtual machine has not used for long
/// the double.
const DEAR_BLOCK: Duration = Duration::from_nanos(2500);
/// Ranges of streams whose memory is used again after one that was dear (1 GiB). Then it is seen
/// anew what new memory costs.
const RANGES_AFTER_DEAR: u32 = 256;

/// A range that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Writeback {
    slot: Slot,
    from: u64,
    to: u64,
    /// Bytes in it that need not stay in the host's memory.
    streamed: u64,
    /// Processor time of writing what streams of it.
    cost: Duration,
}

/// What was written and whose write-back was not started.
#[derive(Debug, Default)]
pub(super) struct Pending(Option<Writeback>);

/// Ranges whose write-back was started and that leave the host's memory when enough was written
/// behind them: by then the device has them.
///
/// A log writes over nothing, so each write takes new memory of the host; in a virtual machine,
/// memory that was not used for long costs up to ten times what the copy into it does. What streams
/// leave is what the next writes take. Where new memory is cheap nothing leaves: giving it back
/// costs a tenth of a write. Slots that are used again stay as well: who writes over what lies in
/// the page cache takes no memory at all.
#[derive(Debug, Default)]
pub(super) struct Streamed {
    ranges: VecDeque<Writeback>,
    bytes: u64,
    /// Ranges that are still to be taken in since one was dear.
    left: u32,
    /// Slot and end of the range that lay furthest back: slots are taken from the front on, so what
    /// lies before it was used before.
    furthest: Option<(Slot, u64)>,
}

impl Writeback {
    const fn bytes(&self) -> u64 {
        self.to - self.from
    }

    fn is_dear(&self) -> bool {
        let blocks = u32::try_from(self.streamed / BLOCK).unwrap_or(u32::MAX);
        self.cost > DEAR_BLOCK * blocks
    }
}

impl Pending {
    /// The range whose write-back is due now that `new` was written; `soon`: all of it is, because
    /// a sync is to be expected.
    fn add(&mut self, new: Writeback, soon: bool) -> Option<Writeback> {
        let all = match self.0 {
            Some(range) if range.slot == new.slot => Writeback {
                slot: new.slot,
                from: range.from.min(new.from),
                to: range.to.max(new.to),
                streamed: range.streamed + new.streamed,
                cost: range.cost + new.cost,
            },
            Some(other) => {
                self.0 = Some(new);
                return Some(other);
            }
            None => new,
        };
        if !soon && all.bytes() < WRITEBACK_BYTES {
            self.0 = Some(all);
            return None;
        }
        self.0 = None;
        Some(all)
    }
}

impl Streamed {
    /// Adds a range whose write-back was started, if most of it is of streams and memory is dear.
    /// Returns the ranges whose time has come.
    pub(super) fn push(&mut self, range: Writeback) -> Vec<Writeback> {
        let grows = self.furthest < Some((range.slot, range.to));
        if grows {
            self.furthest = Some((range.slot, range.to));
        }
        if !grows || range.streamed < range.bytes() / 2 {
            return Vec::new();
        }
        if range.is_dear() {
            self.left = RANGES_AFTER_DEAR;
        }
        if self.left == 0 {
            return Vec::new();
        }
        self.left -= 1;
        self.ranges.push_back(range);
        self.bytes += range.bytes();
        let mut old = Vec::new();
        while self.bytes > STREAMED_BYTES_KEPT
            && let Some(first) = self.ranges.pop_front()
        {
            self.bytes -= first.bytes();
            old.push(first);
        }
        old
    }
}

impl Journal {
    /// Has what was written go to the device early, so that a later sync has less to do; off the
    /// write path where there is a background, because a busy device makes the caller wait.
    ///
    /// Where syncs are frequent each group goes at once, on the write path: by the time that the
    /// client knows of its write and asks for the sync, the device has had the write for that long,
    /// and what is left to wait for is hardly more than the device's flush.
    pub(super) fn start_writeback(&self, group: &ClosedGroup, cost: Duration) {
        let written = Writeback {
            slot: group.place.slot,
            from: u64::from(group.offset),
            to: u64::from(group.end.offset),
            streamed: group.streamed_bytes,
            cost,
        };
        let (due, soon) = {
            let sync = &mut self.state.lock().sync;
            let soon = sync.is_frequent();
            (sync.writeback.add(written, soon), soon)
        };
        if let Some(range) = due
            && (soon || !self.request_writeback(range))
        {
            self.write_back(range);
        }
    }

    pub(super) fn write_back(&self, range: Writeback) {
        let place = Place::slot(range.slot, range.from);
        self.device.start_writeback(place, range.bytes());
    }

    /// Tells the host that a range will hardly be read soon. What is not written back yet stays.
    pub(super) fn forget(&self, range: Writeback) {
        let place = Place::slot(range.slot, range.from);
        self.device.forget(place, range.bytes());
    }
}

#[cfg(test)]
mod tests;
