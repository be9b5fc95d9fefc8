//! The heads of the journal that replay would go through, as storage has them.

use std::sync::Arc;

use engine_base::{ByteCount, Slot};
use engine_device::{
    Area, Device, DeviceError, Geometry, PageBuf, Place, Prepare, ReadFrom, ReadOp,
};
use engine_format::Superblock;
use engine_log::{JournalPosition, LogError, Replay, SegmentPlace};

use super::pass::{Ended, Pass};

impl Pass<'_> {
    /// The heads of the groups behind the newest checkpoint. Where one is bad, checkpoints make all
    /// of them superfluous: memory has what they say.
    pub(super) fn heads(&mut self) -> Result<(), Ended> {
        let (mut bad, mut has_bad_data) = (0, false);
        {
            let _pin = self.pool.read_pin();
            let durable = self.pool.durable_lsn();
            let Some(superblock) = self.core().newest_superblock() else {
                return Ok(());
            };
            let start = SegmentPlace {
                segment: superblock.journal.location.segment,
                slot: superblock.journal.slot,
            };
            for copy in self
                .core()
                .device
                .copies_in_service(Area::Segment(start.slot))
            {
                match self.heads_of(&superblock, start, copy, durable) {
                    Heads::Good => {}
                    Heads::Bad => bad += 1,
                    Heads::BadData => has_bad_data = true,
                }
            }
        }
        if bad > 0 || has_bad_data {
            self.found(bad);
            tracing::warn!("the journal is damaged: checkpoints are taken in its place");
            // Two, so that the older one does not need it, either.
            self.pool.checkpoint()?;
            self.pool.checkpoint()?;
            self.repaired(bad);
        }
        Ok(())
    }

    fn heads_of(
        &self,
        superblock: &Superblock,
        place: SegmentPlace,
        copy: usize,
        durable: engine_base::Lsn,
    ) -> Heads {
        let stored = OneCopy {
            device: Arc::clone(&self.core().device),
            copy,
        };
        let replay = Replay {
            device: &stored,
            geometry: self.core().geometry,
            pool: superblock.pool_id,
            epoch: superblock.epoch,
            lsn: superblock.lsn,
            start: JournalPosition {
                place,
                offset: superblock.journal.location.offset,
                chain: superblock.journal.chain,
                next: superblock.journal.successor.map(SegmentPlace::from),
            },
            accept_loss: false,
        };
        // What is behind the durable ones is being written.
        match replay.run::<LogError>(&mut |_| Ok(())) {
            Ok(end) if end.lsn >= durable => Heads::Good,
            Ok(end) if end.torn.is_some() => Heads::BadData,
            Err(LogError::Damaged { lsn, .. }) if lsn > durable => Heads::Good,
            Ok(_) | Err(_) => Heads::Bad,
        }
    }
}

/// What replay would find.
enum Heads {
    Good,
    Bad,
    /// A group that replay would give up for its data, with all behind it. The next pass, which
    /// looks at the extents, counts it.
    BadData,
}

/// One copy of a device, as storage has it, for replay.
struct OneCopy {
    device: Arc<dyn Device>,
    copy: usize,
}

impl OneCopy {
    fn refused(&self, place: Place) -> DeviceError {
        DeviceError::Io {
            action: "changing what is only looked at",
            device: self.device.name().into(),
            place,
            source: Arc::new(std::io::ErrorKind::Unsupported.into()),
        }
    }
}

impl Device for OneCopy {
    fn name(&self) -> &str {
        self.device.name()
    }

    fn available(&self) -> Result<ByteCount, DeviceError> {
        self.device.available()
    }

    fn attach(&self, _: Geometry) -> Result<(), DeviceError> {
        Ok(())
    }

    fn geometry(&self) -> Option<Geometry> {
        self.device.geometry()
    }

    fn read(&self, at: Place, buf: &mut [u8]) -> Result<(), DeviceError> {
        self.device.read_copy(self.copy, at, ReadFrom::Storage, buf)
    }

    fn read_cached(&self, at: Place, buf: &mut [u8]) -> Result<bool, DeviceError> {
        self.read(at, buf).map(|()| true)
    }

    fn read_async(&self, at: Place, mut buf: PageBuf) -> ReadOp {
        ReadOp::ready(self.read(at, &mut buf).map(|()| buf))
    }

    fn write(&self, at: Place, _: &[&[u8]]) -> Result<(), DeviceError> {
        Err(self.refused(at))
    }

    fn start_writeback(&self, _: Place, _: u64) {}

    fn sync(&self, area: Area) -> Result<(), DeviceError> {
        Err(self.refused(Place { area, offset: 0 }))
    }

    fn prepare(&self, slot: Slot, _: Prepare) -> Result<(), DeviceError> {
        Err(self.refused(Place::slot(slot, 0)))
    }

    fn discard(&self, slot: Slot) -> Result<(), DeviceError> {
        Err(self.refused(Place::slot(slot, 0)))
    }
}
