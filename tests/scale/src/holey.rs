//! A directory of segment files in which blocks of zeroes stay holes.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use engine_base::{ByteCount, Slot};
use engine_device::{Area, Device, DeviceError, Geometry, PageBuf, Place, Prepare, ReadOp};
use parking_lot::Mutex;

const BLOCK: usize = 4096;
/// Open files kept: a pool of 1 TiB has 16,384 slots.
const OPEN_FILES: usize = 256;

pub(crate) struct HoleyDirectory {
    dir: PathBuf,
    name: String,
    geometry: OnceLock<Geometry>,
    files: Mutex<HashMap<Area, Arc<File>>>,
}

impl HoleyDirectory {
    pub(crate) fn create(dir: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(dir)?;
        let device = Self::open(dir)?;
        device
            .file(Area::Label)?
            .set_len(engine_base::limits::LABEL_BYTES)?;
        Ok(device)
    }

    pub(crate) fn open(dir: &Path) -> io::Result<Self> {
        Ok(Self {
            dir: dir.to_owned(),
            name: dir.display().to_string(),
            geometry: OnceLock::new(),
            files: Mutex::new(HashMap::new()),
        })
    }

    fn file(&self, area: Area) -> io::Result<Arc<File>> {
        let mut files = self.files.lock();
        if let Some(file) = files.get(&area) {
            return Ok(Arc::clone(file));
        }
        if files.len() >= OPEN_FILES {
            files.clear();
        }
        let name = match area {
            Area::Label => "label".to_owned(),
            Area::Segment(slot) => format!("{:08x}", slot.get()),
        };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let file = Arc::new(options.open(self.dir.join(name))?);
        files.insert(area, Arc::clone(&file));
        Ok(file)
    }

    fn failed(&self, action: &'static str, place: Place, error: io::Error) -> DeviceError {
        let (device, source) = (self.name.as_str().into(), Arc::new(error));
        DeviceError::Io {
            action,
            device,
            place,
            source,
        }
    }

    fn write_all(&self, at: Place, parts: &[&[u8]]) -> io::Result<()> {
        let file = self.file(at.area)?;
        let mut offset = at.offset;
        for part in parts {
            let is_hole = part.len().is_multiple_of(BLOCK) && part.iter().all(|byte| *byte == 0);
            if !is_hole {
                file.write_all_at(part, offset)?;
            }
            offset += part.len() as u64;
        }
        Ok(())
    }
}

impl Device for HoleyDirectory {
    fn name(&self) -> &str {
        &self.name
    }

    fn available(&self) -> Result<ByteCount, DeviceError> {
        Ok(ByteCount::new(1 << 50))
    }

    fn attach(&self, geometry: Geometry) -> Result<(), DeviceError> {
        let _ = self.geometry.set(geometry);
        Ok(())
    }

    fn geometry(&self) -> Option<Geometry> {
        self.geometry.get().copied()
    }

    fn read(&self, at: Place, buf: &mut [u8]) -> Result<(), DeviceError> {
        self.file(at.area)
            .and_then(|file| file.read_exact_at(buf, at.offset))
            .map_err(|error| self.failed("reading", at, error))
    }

    fn read_cached(&self, at: Place, buf: &mut [u8]) -> Result<bool, DeviceError> {
        self.read(at, buf).map(|()| true)
    }

    fn read_async(&self, at: Place, mut buf: PageBuf) -> ReadOp {
        let result = self.read(at, &mut buf).map(|()| buf);
        ReadOp::ready(result)
    }

    fn write(&self, at: Place, parts: &[&[u8]]) -> Result<(), DeviceError> {
        self.write_all(at, parts)
            .map_err(|error| self.failed("writing", at, error))
    }

    fn start_writeback(&self, _: Place, _: u64) {}

    fn sync(&self, area: Area) -> Result<(), DeviceError> {
        let place = Place { area, offset: 0 };
        self.file(area)
            .and_then(|file| file.sync_data())
            .map_err(|error| self.failed("syncing", place, error))
    }

    fn prepare(&self, slot: Slot, _: Prepare) -> Result<(), DeviceError> {
        let bytes = self
            .geometry
            .get()
            .map_or(0, |geometry| u64::from(geometry.segment_bytes));
        self.file(Area::Segment(slot))
            // Emptied first: where a block of zeroes is written, nothing of the slot's past may
            // show.
            .and_then(|file| file.set_len(0).and_then(|()| file.set_len(bytes)))
            .map_err(|error| self.failed("preparing", Place::slot(slot, 0), error))
    }

    fn discard(&self, slot: Slot) -> Result<(), DeviceError> {
        self.file(Area::Segment(slot))
            .and_then(|file| file.set_len(0))
            .map_err(|error| self.failed("discarding", Place::slot(slot, 0), error))
    }
}
