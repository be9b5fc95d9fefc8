//! Making the segment that the journal goes on in.

use engine_base::{Lsn, SegmentId};
use engine_device::{DeviceError, Prepare};
use engine_format::SegmentKind;

use super::Journal;
use crate::segment::HeaderFields;
use crate::{LogError, SegmentPlace, write_segment_header};

impl Journal {
    /// Prepares the successor of the current segment. With `overwritable` its bytes are written once before use, so that later
    /// syncs carry no metadata of the file system underneath: worth its cost only off the write path.
    ///
    /// `false`: another thread is at it, or it failed; then the open group was refused with the reason.
    pub(super) fn prepare_successor(&self, overwritable: bool) -> bool {
        let (first_lsn, previous) = {
            let mut state = self.state.lock();
            if state.next_segment().is_some() {
                return true;
            }
            if state.preparing {
                state.starve();
                return false;
            }
            state.preparing = true;
            (state.next_lsn(), state.position().place.segment)
        };
        let made = self.make_segment(first_lsn, Some(previous), overwritable);
        let mut state = self.state.lock();
        state.preparing = false;
        match made {
            Ok(place) => {
                state.set_next(place);
                let starved = state.take_starved();
                drop(state);
                if let Some(outcome) = starved {
                    outcome.wake_all();
                }
                true
            }
            Err(error) => {
                let open = state.take_open();
                drop(state);
                open.outcome.fail(&error);
                false
            }
        }
    }

    /// A new journal segment: slot taken, prepared, header durable.
    ///
    /// CRASH: before a group names it, the segment is not part of the chain and its slot is free.
    pub(super) fn make_segment(
        &self,
        first_lsn: Lsn,
        previous: Option<SegmentId>,
        overwritable: bool,
    ) -> Result<SegmentPlace, LogError> {
        let place = self.source.allocate(SegmentKind::Journal)?;
        let how = if overwritable {
            Prepare::Overwritable
        } else {
            Prepare::Allocate
        };
        match self.device.prepare(place.slot, how) {
            Ok(()) => {}
            Err(error @ DeviceError::NoSpace { .. }) => {
                self.source.release(place);
                return Err(LogError::HostNoSpace(error));
            }
            Err(error) => {
                self.poison.set(&error);
                return Err(LogError::Poisoned(error));
            }
        }
        let fields = HeaderFields {
            pool: self.pool,
            epoch: self.epoch,
            kind: SegmentKind::Journal,
            first_lsn,
            previous,
        };
        write_segment_header(&*self.device, place, &fields.at(place)).inspect_err(|error| {
            if let LogError::Device(cause) = error {
                self.poison.set(cause);
            }
        })?;
        Ok(place)
    }
}
