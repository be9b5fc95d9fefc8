//! Devices of the host's files: a directory of segment files, one big file, or a raw block device.
//!
//! * [`open`] decides what a path is, refuses what is not ours, and locks it.
//! * [`Layout`] says in which file and at which byte a [`Place`] lies, and how space is got and
//!   given back; this module does the transfers, the same for all.
//!
//! Transfers are buffered: what was just written is read from the page cache. [`direct`] reads past
//! it what storage holds.

mod busy;
mod direct;
mod directory;
mod layout;
mod open;
mod open_file;
mod slot_files;
mod space;
mod span;
mod sys;
mod transfer;

use std::io;
use std::num::NonZeroU64;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use engine_base::limits::LABEL_BYTES;
use engine_base::{ByteCount, Slot};
use rustix::fs::{Advice, fadvise};

use self::layout::{Layout, Target};
pub use self::open::{OpenMode, Opened, open_path};
pub(crate) use self::open_file::OpenFile;
use crate::reactor::{self, ReadRequest};
use crate::{
    Area, Device, DeviceError, Geometry, PageBuf, Place, Prepare, ReadFrom, ReadOp, bounds,
};

/// A device in files of the host; see the module.
struct FileDevice {
    name: Arc<str>,
    writable: bool,
    geometry: OnceLock<Geometry>,
    layout: Layout,
}

impl FileDevice {
    /// Turns the host's error into ours.
    fn failed(&self, action: &'static str, place: Place, source: io::Error) -> DeviceError {
        DeviceError::Io {
            action,
            device: Arc::clone(&self.name),
            place,
            source: Arc::new(source),
        }
    }

    /// As [`Self::failed`], for calls that changed nothing when the host had no room.
    fn refused(&self, action: &'static str, place: Place, source: io::Error) -> DeviceError {
        if space::is_out_of_space(&source) {
            return DeviceError::NoSpace {
                action,
                device: Arc::clone(&self.name),
                place,
                source: Arc::new(source),
            };
        }
        self.failed(action, place, source)
    }

    fn check_writable(&self) -> Result<(), DeviceError> {
        if self.writable {
            return Ok(());
        }
        Err(DeviceError::Unusable {
            device: Arc::clone(&self.name),
            reason: "is open for reading only: open it for writing to change it".to_owned(),
            source: None,
        })
    }

    /// The file and byte of `at`, if `bytes` bytes from there lie inside its area.
    fn locate(&self, at: Place, bytes: usize) -> io::Result<Target> {
        bounds::check(self.geometry.get(), at, bytes)?;
        let mut target = self.layout.target(at.area, self.geometry.get())?;
        target.offset += at.offset;
        Ok(target)
    }

    /// Gives the host a hint; it may not take it.
    fn advise(&self, at: Place, bytes: u64, advice: Advice) {
        if let (Ok(target), Some(bytes)) = (self.locate(at, 0), NonZeroU64::new(bytes)) {
            let advised = fadvise(target.file.file(), target.offset, Some(bytes), advice);
            if let Err(error) = advised {
                tracing::trace!(%at, ?advice, %error, "the host does not take a hint");
            }
        }
    }

    /// Reads from the page cache, else on the thread's ring; gives `buf` back if that is full.
    fn start_read(&self, at: Place, mut buf: PageBuf) -> Result<ReadOp, PageBuf> {
        let target = self.locate(at, buf.len()).and_then(|target| {
            let cached = transfer::read_cached(&target, &mut buf)?;
            Ok((!cached).then_some(target))
        });
        let target = match target {
            Ok(Some(target)) => target,
            Ok(None) => return Ok(ReadOp::ready(Ok(buf))),
            Err(source) => return Ok(ReadOp::ready(Err(self.failed("reading", at, source)))),
        };
        let device = Arc::clone(&self.name);
        let Target { file, offset } = target;
        reactor::start_read(ReadRequest {
            file,
            offset,
            buf,
            place: at,
            device,
        })
        .map_err(|request| request.buf)
    }
}

impl Device for FileDevice {
    fn name(&self) -> &str {
        &self.name
    }

    fn available(&self) -> Result<ByteCount, DeviceError> {
        self.layout
            .available()
            .map(ByteCount::new)
            .map_err(|source| self.failed("asking for the size", Place::label(0), source))
    }

    fn is_there(&self) -> Result<(), DeviceError> {
        let there = self.layout.is_there(Path::new(&*self.name));
        there.map_err(|source| DeviceError::Unusable {
            device: Arc::clone(&self.name),
            reason: "is gone, or another device lies there".to_owned(),
            source: Some(Arc::new(source)),
        })
    }

    fn attach(&self, geometry: Geometry) -> Result<(), DeviceError> {
        let unusable = |reason| DeviceError::Unusable {
            device: Arc::clone(&self.name),
            reason,
            source: None,
        };
        if let Some(size) = self.layout.fixed_bytes() {
            let slots = u64::from(geometry.slots) * u64::from(geometry.segment_bytes);
            let needed = LABEL_BYTES.saturating_add(slots);
            if size < needed {
                let reason = format!(
                    "has {} ({size} bytes), but the pool on it needs {} ({needed} bytes); \
                     was it made smaller, or is it another device?",
                    ByteCount::new(size),
                    ByteCount::new(needed),
                );
                if self.writable {
                    return Err(unusable(reason));
                }
                // What is left of it can be read; each slot that is cut fails by itself.
                tracing::error!(device = &*self.name, "{reason}");
            }
        }
        self.geometry
            .set(geometry)
            .map_err(|_| unusable("is attached already; open it again instead".to_owned()))
    }

    fn geometry(&self) -> Option<Geometry> {
        self.geometry.get().copied()
    }

    fn read(&self, at: Place, buf: &mut [u8]) -> Result<(), DeviceError> {
        self.locate(at, buf.len())
            .and_then(|target| transfer::read(&target, buf))
            .map_err(|source| self.failed("reading", at, source))
    }

    fn read_cached(&self, at: Place, buf: &mut [u8]) -> Result<bool, DeviceError> {
        self.locate(at, buf.len())
            .and_then(|target| transfer::read_cached(&target, buf))
            .map_err(|source| self.failed("reading", at, source))
    }

    fn read_async(&self, at: Place, mut buf: PageBuf) -> ReadOp {
        if reactor::has_ring() && !reactor::may_block() {
            buf = match self.start_read(at, buf) {
                Ok(op) => return op,
                Err(buf) => buf,
            };
        }
        ReadOp::ready(self.read(at, &mut buf).map(|()| buf))
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
        match from {
            ReadFrom::Cache => self.read(at, buf),
            ReadFrom::Storage => self
                .locate(at, buf.len())
                .and_then(|target| direct::read(&target, buf))
                .map_err(|source| self.failed("reading from storage", at, source)),
        }
    }

    fn write(&self, at: Place, parts: &[&[u8]]) -> Result<(), DeviceError> {
        self.check_writable()?;
        let bytes = parts.iter().map(|part| part.len()).sum();
        let target = self
            .locate(at, bytes)
            .map_err(|source| self.failed("writing", at, source))?;
        transfer::write(&target, parts).map_err(|failure| match failure.written {
            0 => self.refused("writing", at, failure.source),
            _ => self.failed("writing", at, failure.source),
        })
    }

    fn start_writeback(&self, at: Place, bytes: u64) {
        if let Ok(target) = self.locate(at, 0) {
            sys::start_writeback(target.file.file(), target.offset, bytes);
        }
    }

    fn forget(&self, at: Place, bytes: u64) {
        // What is not written back yet stays.
        self.advise(at, bytes, Advice::DontNeed);
    }

    fn read_ahead(&self, at: Place, bytes: u64) {
        self.advise(at, bytes, Advice::WillNeed);
    }

    fn sync(&self, area: Area) -> Result<(), DeviceError> {
        let at = Place { area, offset: 0 };
        self.locate(at, 0)
            .and_then(|target| target.file.sync_data())
            .map_err(|source| self.failed("syncing", at, source))
    }

    fn prepare(&self, slot: Slot, how: Prepare) -> Result<(), DeviceError> {
        self.check_writable()?;
        bounds::check_slot(self.geometry.get(), slot)
            .and_then(|geometry| self.layout.prepare(slot, geometry, how))
            .map_err(|source| self.refused("allocating space", Place::slot(slot, 0), source))
    }

    fn discard(&self, slot: Slot) -> Result<(), DeviceError> {
        self.check_writable()?;
        bounds::check_slot(self.geometry.get(), slot)
            .and_then(|geometry| self.layout.discard(slot, geometry))
            .map_err(|source| self.failed("giving space back", Place::slot(slot, 0), source))
    }
}

#[cfg(test)]
mod tests;
