//! The simulated device as the engine sees it.

use std::io;
use std::sync::Arc;

use engine_base::limits::LABEL_BYTES;
use engine_base::{ByteCount, Slot};

use super::area::{AreaState, What};
use super::fault::Call;
use super::state::{Power, State, power_loss};
use super::{SimDevice, SimLayout};
use crate::{
    Area, Device, DeviceError, Geometry, PageBuf, Place, Prepare, ReadFrom, ReadOp, bounds,
};

impl Device for SimDevice {
    fn name(&self) -> &str {
        &self.name
    }

    fn available(&self) -> Result<ByteCount, DeviceError> {
        Ok(self.options.capacity)
    }

    fn attach(&self, geometry: Geometry) -> Result<(), DeviceError> {
        let unusable = |reason| DeviceError::Unusable {
            device: Arc::clone(&self.name),
            reason,
            source: None,
        };
        let slots = u64::from(geometry.slots) * u64::from(geometry.segment_bytes);
        let needed = LABEL_BYTES.saturating_add(slots);
        let has = self.options.capacity.get();
        if self.options.layout == SimLayout::Span && has < needed {
            return Err(unusable(format!(
                "has {has} bytes, but the pool on it needs {needed} bytes"
            )));
        }
        let mut state = self.state.lock();
        if state.geometry.is_some() {
            return Err(unusable(
                "is attached already; open it again instead".to_owned(),
            ));
        }
        state.geometry = Some(geometry);
        Ok(())
    }

    fn geometry(&self) -> Option<Geometry> {
        self.state.lock().geometry
    }

    fn read(&self, at: Place, buf: &mut [u8]) -> Result<(), DeviceError> {
        let result = self
            .state
            .lock()
            .read(&self.options, at, ReadFrom::Cache, buf);
        result.map_err(|source| self.failed("reading", at, source))
    }

    fn read_cached(&self, at: Place, buf: &mut [u8]) -> Result<bool, DeviceError> {
        if self.options.reads_yield && self.state.lock().toss() {
            return Ok(false);
        }
        self.read(at, buf).map(|()| true)
    }

    fn read_async(&self, at: Place, mut buf: PageBuf) -> ReadOp {
        let result = self.read(at, &mut buf).map(|()| buf);
        if self.options.reads_yield && self.state.lock().toss() {
            return ReadOp::yielding(result);
        }
        ReadOp::ready(result)
    }

    fn read_copy(
        &self,
        copy: usize,
        at: Place,
        from: ReadFrom,
        buf: &mut [u8],
    ) -> Result<(), DeviceError> {
        if copy != 0 {
            return Err(DeviceError::no_such_copy(&self.name, copy, at));
        }
        let result = self.state.lock().read(&self.options, at, from, buf);
        result.map_err(|source| self.failed("reading", at, source))
    }

    fn write(&self, at: Place, parts: &[&[u8]]) -> Result<(), DeviceError> {
        let bytes = parts.concat();
        let result = self.state.lock().write(&self.options, at, &bytes);
        result.map_err(|source| self.refused("writing", at, source))
    }

    /// Nothing: write-back makes nothing durable that one may rely on, and a crash may spare
    /// unsynced writes anyhow.
    fn start_writeback(&self, _at: Place, _bytes: u64) {}

    fn sync(&self, area: Area) -> Result<(), DeviceError> {
        let result = self.state.lock().sync(&self.options, area);
        result.map_err(|source| self.failed("syncing", Place { area, offset: 0 }, source))
    }

    fn prepare(&self, slot: Slot, _how: Prepare) -> Result<(), DeviceError> {
        let result = self.prepare_slot(&mut self.state.lock(), slot);
        result.map_err(|source| self.refused("allocating space", Place::slot(slot, 0), source))
    }

    fn discard(&self, slot: Slot) -> Result<(), DeviceError> {
        let result = self.discard_slot(&mut self.state.lock(), slot);
        result.map_err(|source| self.failed("giving space back", Place::slot(slot, 0), source))
    }
}

impl SimDevice {
    /// A new slot exists durably when this returns, and may exist if the power goes during it.
    fn prepare_slot(&self, state: &mut State, slot: Slot) -> io::Result<()> {
        let power = state.begin(&self.options, |stats| &mut stats.prepares)?;
        bounds::check_slot(state.geometry.as_ref(), slot)?;
        let area = Area::Segment(slot);
        let exists = state.image.area(area).is_some_and(|area| area.live.present);
        let needs_room = !exists || self.options.layout == SimLayout::Span;
        if needs_room && state.faults.strike(Call::Prepare).is_some() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let made = power == Power::On || state.toss();
        if !exists && made {
            *state.image.area_or(area, AreaState::zeroed) = AreaState::zeroed();
        }
        if power == Power::Failing {
            Err(power_loss())
        } else {
            Ok(())
        }
    }

    /// A host may ignore a discard where slots are ranges; it never takes effect durably by itself.
    fn discard_slot(&self, state: &mut State, slot: Slot) -> io::Result<()> {
        let power = state.begin(&self.options, |stats| &mut stats.discards)?;
        bounds::check_slot(state.geometry.as_ref(), slot)?;
        let stays_present = self.options.layout == SimLayout::Span;
        let ignored = stays_present && state.toss();
        let change = state.next_change(What::Discard { stays_present });
        if let Ok(area) = state.area(&self.options, Area::Segment(slot))
            && !ignored
        {
            match power {
                Power::On => area.change(change),
                Power::Failing => area.change_interrupted(change),
            }
        }
        if power == Power::Failing {
            Err(power_loss())
        } else {
            Ok(())
        }
    }

    /// As [`Self::failed`], for calls that changed nothing when there was no room.
    fn refused(&self, action: &'static str, place: Place, source: io::Error) -> DeviceError {
        if source.kind() != io::ErrorKind::StorageFull {
            return self.failed(action, place, source);
        }
        let (device, source) = (Arc::clone(&self.name), Arc::new(source));
        DeviceError::NoSpace {
            action,
            device,
            place,
            source,
        }
    }
}
