//! The mirror as the engine sees it.

use std::sync::Arc;

use engine_base::{ByteCount, Slot};

use super::Mirror;
use super::calls::Target;
use super::placement::{Holder, Holders};
use super::status::usable_bytes;
use crate::{
    Area, Attention, Device, DeviceError, Geometry, MemberStatus, OwnRecords, PageBuf, Place,
    Prepare, ReadFrom, ReadOp, Upkeep,
};

impl Device for Mirror {
    fn name(&self) -> &str {
        &self.name
    }

    fn available(&self) -> Result<ByteCount, DeviceError> {
        let members = self.state.lock().record.members.clone();
        let bytes: Vec<_> = members.iter().map(|member| member.bytes.get()).collect();
        Ok(ByteCount::new(usable_bytes(&bytes, self.replicas)))
    }

    fn slots_max(&self, segment_bytes: u32) -> Result<u64, DeviceError> {
        let members = self.member_slots(segment_bytes);
        Ok(super::placement::slots_max(&members, self.replicas))
    }

    fn attach(&self, geometry: Geometry) -> Result<(), DeviceError> {
        self.attach_members(geometry)
    }

    fn geometry(&self) -> Option<Geometry> {
        self.geometry.get().map(|(geometry, _)| *geometry)
    }

    fn read(&self, at: Place, buf: &mut [u8]) -> Result<(), DeviceError> {
        let (device, at) = self.reading(at)?;
        device.read(at, buf)
    }

    fn read_cached(&self, at: Place, buf: &mut [u8]) -> Result<bool, DeviceError> {
        let (device, at) = self.reading(at)?;
        device.read_cached(at, buf)
    }

    fn read_async(&self, at: Place, buf: PageBuf) -> ReadOp {
        match self.reading(at) {
            Ok((device, at)) => device.read_async(at, buf),
            Err(error) => ReadOp::ready(Err(error)),
        }
    }

    fn copies(&self, area: Area) -> usize {
        match area {
            Area::Label => self.members.len(),
            Area::Segment(_) => self.replicas,
        }
    }

    fn has_copy(&self, copy: usize, area: Area) -> bool {
        let found = self.copy_at(copy, Place { area, offset: 0 });
        matches!(found, Ok(Some(_)))
    }

    fn name_of_copy(&self, copy: usize, area: Area) -> String {
        self.copy_name(copy, Place { area, offset: 0 })
    }

    fn read_copy(
        &self,
        copy: usize,
        at: Place,
        from: ReadFrom,
        buf: &mut [u8],
    ) -> Result<(), DeviceError> {
        self.read_one(copy, at, from, buf)
    }

    fn repair(&self, copy: usize, at: Place, bytes: &[u8]) -> Result<(), DeviceError> {
        self.repair_one(copy, at, bytes)
    }

    fn write(&self, at: Place, parts: &[&[u8]]) -> Result<(), DeviceError> {
        match at.area {
            Area::Label => self.write_label(at, parts),
            Area::Segment(slot) => self.write_slot(slot, at.offset, parts),
        }
    }

    fn start_writeback(&self, at: Place, bytes: u64) {
        self.hint(at, |device, at| device.start_writeback(at, bytes));
    }

    fn forget(&self, at: Place, bytes: u64) {
        self.hint(at, |device, at| device.forget(at, bytes));
    }

    fn read_ahead(&self, at: Place, bytes: u64) {
        if let Ok((device, at)) = self.reading(at) {
            device.read_ahead(at, bytes);
        }
    }

    fn sync(&self, area: Area) -> Result<(), DeviceError> {
        match area {
            Area::Label => self.sync_label(),
            Area::Segment(slot) => self.sync_slot(slot),
        }
    }

    fn prepare(&self, slot: Slot, how: Prepare) -> Result<(), DeviceError> {
        let _shared = self.slot_lock(slot).read();
        let targets = self.targets(&self.holders(slot)?);
        self.on_all(slot, &targets, |target| {
            target.device.prepare(Slot::new(target.holder.slot), how)
        })
    }

    fn discard(&self, slot: Slot) -> Result<(), DeviceError> {
        let _shared = self.slot_lock(slot).read();
        let targets = self.targets(&self.holders(slot)?);
        self.dirty.forget(slot.get());
        self.on_all(slot, &targets, |target| {
            target.device.discard(Slot::new(target.holder.slot))
        })
    }

    fn maintain(&self, attention: &Attention<'_>) -> Upkeep {
        self.keep_up(attention)
    }

    fn scrub_own(&self) -> OwnRecords {
        self.scrub_own_records()
    }

    fn members(&self) -> Vec<MemberStatus> {
        self.member_status()
    }
}

impl Mirror {
    pub(super) fn holders(&self, slot: Slot) -> Result<Holders, DeviceError> {
        let geometry = self.geometry.get().map(|(geometry, _)| geometry);
        if let Err(source) = crate::bounds::check_slot(geometry, slot) {
            return Err(DeviceError::Io {
                action: "finding the slot",
                device: Arc::clone(&self.name),
                place: Place::slot(slot, 0),
                source: Arc::new(source),
            });
        }
        Ok(self.placement()?.holders(slot.get()))
    }

    /// Those who are written to.
    pub(super) fn targets(&self, holders: &[Holder]) -> Vec<Target> {
        let targets = holders.iter().filter_map(|holder| {
            let member = self.members.get(holder.member)?;
            let device = member.device()?;
            member.takes_writes(holder.slot).then_some(Target {
                holder: *holder,
                device,
            })
        });
        targets.collect()
    }

    /// Which copy is read first: each slot has its own, so that devices share the load and no byte
    /// is in the page cache twice.
    fn reading(&self, at: Place) -> Result<(Arc<dyn Device>, Place), DeviceError> {
        let copies = self.copies(at.area);
        let first = match at.area {
            Area::Label => 0,
            Area::Segment(slot) => engine_base::to_usize(u64::from(slot.get())) % copies.max(1),
        };
        for copy in (first..copies).chain(0..first) {
            if let Some(found) = self.copy_at(copy, at)? {
                return Ok(found);
            }
        }
        Err(self.no_copy(at))
    }

    fn hint(&self, at: Place, give: impl Fn(&dyn Device, Place)) {
        let Area::Segment(slot) = at.area else {
            return;
        };
        let Ok(holders) = self.holders(slot) else {
            return;
        };
        for target in self.targets(&holders) {
            let at = Place::slot(Slot::new(target.holder.slot), at.offset);
            give(&*target.device, at);
        }
    }
}
