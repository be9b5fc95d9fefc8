//! A device whose bytes are shared, with one fault, and whose writes go to a layer of their own:
//! one of these costs nothing to make, so that a pool can be opened thousands of times a second.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::{Arc, OnceLock};

use engine_base::limits::{BLOCK, BLOCK_BYTES, LABEL_BYTES};
use engine_base::{ByteCount, Slot};
use engine_device::{
    Area, Device, DeviceError, Geometry, PageBuf, Place, Prepare, ReadOp, SimImage,
};
use std::sync::Mutex;

/// The bytes of a pool. A slot that is missing was never used.
#[derive(Debug, Clone)]
pub(crate) struct Image {
    pub(crate) label: Vec<u8>,
    pub(crate) slots: BTreeMap<u32, Vec<u8>>,
    pub(crate) geometry: Geometry,
}

/// What is wrong with the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// The bits of `mask` in this byte.
    Flip {
        place: Place,
        mask: u8,
    },
    /// The area's file ends after this many bytes.
    Cut {
        area: Area,
        bytes: u64,
    },
    /// The area's bytes from here on are zero.
    Zero {
        place: Place,
        bytes: u64,
    },
}

impl Image {
    pub(crate) fn of(image: &SimImage, geometry: Geometry) -> Arc<Self> {
        let area = |area, bytes: u64| {
            let mut content = vec![0; usize::try_from(bytes).unwrap()];
            let _absent_is_zero = image.read(Place { area, offset: 0 }, &mut content);
            content
        };
        let slots = image.slots().into_iter().map(|slot| {
            let bytes = u64::from(geometry.segment_bytes);
            (slot.get(), area(Area::Segment(slot), bytes))
        });
        Arc::new(Self {
            label: area(Area::Label, LABEL_BYTES),
            slots: slots.collect(),
            geometry,
        })
    }

    pub(crate) fn area(&self, area: Area) -> Option<&[u8]> {
        match area {
            Area::Label => Some(&self.label),
            Area::Segment(slot) => self.slots.get(&slot.get()).map(Vec::as_slice),
        }
    }

    /// `bytes` bytes that must be there.
    pub(crate) fn read(&self, place: Place, bytes: usize) -> &[u8] {
        let from = usize::try_from(place.offset).unwrap();
        &self.area(place.area).unwrap()[from..from + bytes]
    }
}

type Chunk = (Area, u64);

/// An image with a fault. Writes are kept apart.
pub(crate) struct ImageDevice {
    image: Arc<Image>,
    fault: Fault,
    geometry: OnceLock<Geometry>,
    written: Mutex<Written>,
}

#[derive(Default)]
struct Written {
    chunks: HashMap<Chunk, Box<[u8; BLOCK_BYTES]>>,
    prepared: Vec<Slot>,
    /// Where a cut file ends after writes behind its end.
    regrown: u64,
    calls: u64,
}

impl ImageDevice {
    pub(crate) fn new(image: &Arc<Image>, fault: Fault) -> Arc<Self> {
        Arc::new(Self {
            image: Arc::clone(image),
            fault,
            geometry: OnceLock::new(),
            written: Mutex::default(),
        })
    }

    /// Calls that change something.
    pub(crate) fn changes(&self) -> u64 {
        self.written.lock().unwrap().calls
    }

    fn failed(&self, action: &'static str, place: Place, kind: io::ErrorKind) -> DeviceError {
        DeviceError::Io {
            action,
            device: "image".into(),
            place,
            source: Arc::new(kind.into()),
        }
    }

    fn check(&self, at: Place, bytes: usize) -> Result<(), io::ErrorKind> {
        let end = at.offset.checked_add(bytes as u64);
        let end = end.ok_or(io::ErrorKind::InvalidInput)?;
        let size = match at.area {
            Area::Label => LABEL_BYTES,
            Area::Segment(slot) => {
                let geometry = self.geometry.get().ok_or(io::ErrorKind::InvalidInput)?;
                if slot.get() >= geometry.slots {
                    return Err(io::ErrorKind::InvalidInput);
                }
                u64::from(geometry.segment_bytes)
            }
        };
        if end > size {
            return Err(io::ErrorKind::InvalidInput);
        }
        Ok(())
    }

    fn fill(&self, written: &Written, at: Place, buf: &mut [u8]) -> Result<(), io::ErrorKind> {
        self.check(at, buf.len())?;
        let end = at.offset + buf.len() as u64;
        if let Fault::Cut { area, bytes } = self.fault
            && area == at.area
            && end > bytes.max(written.regrown)
        {
            return Err(io::ErrorKind::UnexpectedEof);
        }
        let from = usize::try_from(at.offset).unwrap();
        match self.image.area(at.area) {
            Some(bytes) => buf.copy_from_slice(&bytes[from..from + buf.len()]),
            None if is_prepared(written, at.area) => buf.fill(0),
            None => return Err(io::ErrorKind::NotFound),
        }
        self.spoil(at, buf);
        if written.chunks.is_empty() {
            return Ok(());
        }
        for chunk in at.offset / BLOCK..end.div_ceil(BLOCK) {
            if let Some(bytes) = written.chunks.get(&(at.area, chunk)) {
                let first = (chunk * BLOCK).max(at.offset);
                let last = ((chunk + 1) * BLOCK).min(end);
                let to = usize::try_from(first - at.offset).unwrap();
                let from = usize::try_from(first - chunk * BLOCK).unwrap();
                let length = usize::try_from(last - first).unwrap();
                buf[to..to + length].copy_from_slice(&bytes[from..from + length]);
            }
        }
        Ok(())
    }

    /// Applies the fault to bytes of the image.
    fn spoil(&self, at: Place, buf: &mut [u8]) {
        let end = at.offset + buf.len() as u64;
        let index = |offset: u64| usize::try_from(offset.clamp(at.offset, end) - at.offset);
        match self.fault {
            Fault::Flip { place, mask }
                if place.area == at.area && (at.offset..end).contains(&place.offset) =>
            {
                buf[index(place.offset).unwrap()] ^= mask;
            }
            Fault::Cut { area, bytes } if area == at.area => {
                buf[index(bytes).unwrap()..].fill(0);
            }
            Fault::Zero { place, bytes } if place.area == at.area => {
                let (from, to) = (index(place.offset), index(place.offset + bytes));
                buf[from.unwrap()..to.unwrap()].fill(0);
            }
            _ => {}
        }
    }

    fn put(&self, written: &mut Written, at: Place, part: &[u8]) -> Result<(), io::ErrorKind> {
        self.check(at, part.len())?;
        if self.image.area(at.area).is_none() && !is_prepared(written, at.area) {
            return Err(io::ErrorKind::NotFound);
        }
        let end = at.offset + part.len() as u64;
        if matches!(self.fault, Fault::Cut { area, .. } if area == at.area) {
            written.regrown = written.regrown.max(end.next_multiple_of(BLOCK));
        }
        for chunk in at.offset / BLOCK..end.div_ceil(BLOCK) {
            let key = (at.area, chunk);
            if !written.chunks.contains_key(&key) {
                let mut bytes = Box::new([0; BLOCK_BYTES]);
                let place = Place {
                    area: at.area,
                    offset: chunk * BLOCK,
                };
                self.fill(written, place, &mut bytes[..])?;
                written.chunks.insert(key, bytes);
            }
            let first = (chunk * BLOCK).max(at.offset);
            let last = ((chunk + 1) * BLOCK).min(end);
            let from = usize::try_from(first - at.offset).unwrap();
            let to = usize::try_from(first - chunk * BLOCK).unwrap();
            let length = usize::try_from(last - first).unwrap();
            let bytes = written.chunks.get_mut(&key).unwrap();
            bytes[to..to + length].copy_from_slice(&part[from..from + length]);
        }
        Ok(())
    }
}

fn is_prepared(written: &Written, area: Area) -> bool {
    written
        .prepared
        .iter()
        .any(|slot| Area::Segment(*slot) == area)
}

impl Device for ImageDevice {
    fn name(&self) -> &str {
        "image"
    }

    fn available(&self) -> Result<ByteCount, DeviceError> {
        Ok(ByteCount::new(1 << 40))
    }

    fn attach(&self, geometry: Geometry) -> Result<(), DeviceError> {
        assert!(self.geometry.set(geometry).is_ok(), "attached once");
        Ok(())
    }

    fn geometry(&self) -> Option<Geometry> {
        self.geometry.get().copied()
    }

    fn read(&self, at: Place, buf: &mut [u8]) -> Result<(), DeviceError> {
        self.fill(&self.written.lock().unwrap(), at, buf)
            .map_err(|kind| self.failed("reading", at, kind))
    }

    fn read_cached(&self, at: Place, buf: &mut [u8]) -> Result<bool, DeviceError> {
        self.read(at, buf).map(|()| true)
    }

    fn read_async(&self, at: Place, mut buf: PageBuf) -> ReadOp {
        ReadOp::ready(self.read(at, &mut buf).map(|()| buf))
    }

    fn write(&self, at: Place, parts: &[&[u8]]) -> Result<(), DeviceError> {
        let mut written = self.written.lock().unwrap();
        written.calls += 1;
        let mut to = at;
        for part in parts {
            self.put(&mut written, to, part)
                .map_err(|kind| self.failed("writing", at, kind))?;
            to.offset += part.len() as u64;
        }
        Ok(())
    }

    fn start_writeback(&self, _at: Place, _bytes: u64) {}

    fn sync(&self, _area: Area) -> Result<(), DeviceError> {
        self.written.lock().unwrap().calls += 1;
        Ok(())
    }

    fn prepare(&self, slot: Slot, _how: Prepare) -> Result<(), DeviceError> {
        let mut written = self.written.lock().unwrap();
        written.calls += 1;
        written.prepared.push(slot);
        if let Fault::Cut { area, .. } = self.fault
            && area == Area::Segment(slot)
        {
            written.regrown = u64::from(self.image.geometry.segment_bytes);
        }
        Ok(())
    }

    fn discard(&self, _slot: Slot) -> Result<(), DeviceError> {
        self.written.lock().unwrap().calls += 1;
        Ok(())
    }
}
