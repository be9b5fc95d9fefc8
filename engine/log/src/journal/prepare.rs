//! Making the segment that the journal goes on in.

use engine_base::{Lsn, SegmentId};
use engine_device::{DeviceError, Prepare};
use engine_format::SegmentKind;

use super::Journal;
use super::close::State;
use crate::segment::HeaderFields;
use crate::{LogError, SegmentPlace, write_segment_header};

/// What the header of a successor says.
struct Wanted {
    first_lsn: Lsn,
    previous: SegmentId,
}

impl Journal {
    /// Prepares the successor of the current segment because the open group cannot be written
    /// without.
    ///
    /// `false`: another thread is at it, or it failed; then the open group was refused with the
    /// reason.
    pub(super) fn prepare_successor(&self) -> bool {
        let wanted = {
            let mut state = self.state.lock();
            if state.preparing {
                state.starve();
                return false;
            }
            if state.next_segment().is_some() {
                return true;
            }
            Wanted::claim(&mut state)
        };
        let made = self.make_segment(wanted.first_lsn, Some(wanted.previous), false);
        let Err(error) = self.prepared(made, false) else {
            return true;
        };
        let open = self.state.lock().take_open();
        open.outcome.fail(&error);
        false
    }

    /// Prepares the successor before anybody needs it. Where syncs are frequent its bytes are
    /// written once before use, so that later syncs carry no metadata of the file system
    /// underneath: worth its cost only off the write path.
    ///
    /// Nobody is refused if it fails: there is room in the current segment still, and space may
    /// come back until there is none.
    pub(crate) fn prepare_early(&self) {
        let (wanted, known, overwritable) = {
            let mut state = self.state.lock();
            if state.preparing {
                return;
            }
            let overwritable = state.sync.is_frequent();
            let known = state.next_segment();
            if known.is_some() && !overwritable {
                return;
            }
            (Wanted::claim(&mut state), known, overwritable)
        };
        if let Some(next) = known {
            self.write_over(next);
            return;
        }
        let made = self.make_segment(wanted.first_lsn, Some(wanted.previous), overwritable);
        if let Err(error) = self.prepared(made, overwritable) {
            tracing::debug!(%error, "no journal segment could be prepared early");
        }
    }

    /// Writes over a successor that was prepared when syncs were rare. Nobody enters it meanwhile.
    fn write_over(&self, next: SegmentPlace) {
        let done = self.device.prepare(next.slot, Prepare::Overwritable);
        if let Err(error) = &done {
            // Room for it was allocated before, so this is no lack of room.
            self.poison.set(error);
        }
        let mut state = self.state.lock();
        state.preparing = false;
        if done.is_ok() {
            state.next_is_overwritable();
        }
        let starved = state.take_starved();
        drop(state);
        if let Some(outcome) = starved {
            outcome.wake_all();
        }
    }

    /// Ends what [`Wanted::claim`] began, and has those go on who waited for it.
    fn prepared(
        &self,
        made: Result<SegmentPlace, LogError>,
        overwritable: bool,
    ) -> Result<(), LogError> {
        let mut state = self.state.lock();
        state.preparing = false;
        let result = made.map(|place| state.set_next(place, overwritable));
        let starved = state.take_starved();
        drop(state);
        if let Some(outcome) = starved {
            outcome.wake_all();
        }
        result
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

impl Wanted {
    fn claim(state: &mut State) -> Self {
        state.preparing = true;
        Self {
            first_lsn: state.next_lsn(),
            previous: state.position().place.segment,
        }
    }
}
