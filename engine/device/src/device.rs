//! The trait between the engine and storage.

use std::fmt;
use std::io;
use std::sync::Arc;

use engine_base::limits::LABEL_BYTES;
use engine_base::{ByteCount, Slot};

use crate::{Attention, DeviceError, MemberStatus, OwnRecords, PageBuf, ReadOp, Upkeep};

/// A part of a device that is synced on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Area {
    /// The first MiB: superblocks.
    Label,
    /// One slot.
    Segment(Slot),
}

/// A byte address on a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Place {
    /// Which part.
    pub area: Area,
    /// Bytes from the start of that part.
    pub offset: u64,
}

impl Place {
    /// A byte of the label.
    #[must_use]
    pub const fn label(offset: u64) -> Self {
        Self {
            area: Area::Label,
            offset,
        }
    }

    /// A byte of a slot.
    #[must_use]
    pub const fn slot(slot: Slot, offset: u64) -> Self {
        Self {
            area: Area::Segment(slot),
            offset,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.area {
            Area::Label => write!(f, "label offset {}", self.offset),
            Area::Segment(slot) => write!(f, "{slot} offset {}", self.offset),
        }
    }
}

/// How a device is cut. Known from the superblock, or chosen when a pool is created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    /// Bytes of each slot: a power of two.
    pub segment_bytes: u32,
    /// Number of slots.
    pub slots: u32,
}

/// How much [`Device::prepare`] does for a slot that a segment is about to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prepare {
    /// Space is allocated.
    Allocate,
    /// Space is allocated and written with zeroes where it was never written, so that later syncs
    /// of data written there carry no metadata of the file system underneath.
    Overwritable,
}

/// Where [`Device::read_copy`] takes bytes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadFrom {
    /// The host's page cache, where it has them: what was written, as any other read sees it.
    Cache,
    /// What storage holds, whatever the page cache shows; bytes that were not synced may be written
    /// back first. Slower: for scrub, and for reading again what failed its checksum.
    Storage,
}

/// Storage of one device. Every call is complete or an error: short transfers and EINTR are
/// continued inside.
///
/// Concurrency: all methods may be called from any thread at once; overlapping writes are the
/// caller's mistake. Durability: [`Device::write`] survives the death of the process; only
/// [`Device::sync`] makes it survive a power cut. After a failed write or sync the caller must not
/// write to this device again.
pub trait Device: Send + Sync + 'static {
    /// Path, for messages.
    fn name(&self) -> &str;

    /// Bytes this device could give to a new pool: its size, or what a directory's file system has
    /// free.
    ///
    /// # Errors
    /// If the host cannot tell.
    fn available(&self) -> Result<ByteCount, DeviceError>;

    /// Slots of that size that a new pool could have.
    ///
    /// # Errors
    /// As [`Device::available`].
    fn slots_max(&self, segment_bytes: u32) -> Result<u64, DeviceError> {
        let usable = self.available()?.get().saturating_sub(LABEL_BYTES);
        Ok(usable / u64::from(segment_bytes.max(1)))
    }

    /// Whether the device is where it was opened, and is the one that was.
    ///
    /// # Errors
    /// [`DeviceError::Unusable`]: it is gone, or another one lies there.
    fn is_there(&self) -> Result<(), DeviceError> {
        Ok(())
    }

    /// Fixes how the device is cut. Slots are unusable before. Called once.
    ///
    /// # Errors
    /// [`DeviceError::Unusable`] if the device is smaller than that (a directory never is), with
    /// both sizes.
    fn attach(&self, geometry: Geometry) -> Result<(), DeviceError>;

    /// The geometry given to [`Device::attach`], `None` before.
    fn geometry(&self) -> Option<Geometry>;

    /// Fills `buf` from `at`, blocking the thread.
    ///
    /// # Errors
    /// [`DeviceError::Io`], also when the slot does not exist or is too short.
    fn read(&self, at: Place, buf: &mut [u8]) -> Result<(), DeviceError>;

    /// Fills `buf` if that takes no I/O (page cache); `Ok(false)` if it would have to wait: `buf`
    /// is then unspecified.
    ///
    /// # Errors
    /// As [`Device::read`].
    fn read_cached(&self, at: Place, buf: &mut [u8]) -> Result<bool, DeviceError>;

    /// Starts filling the whole of `buf` and gives it back when done. On a thread with a
    /// [`crate::Reactor`] whose ring works the thread is not blocked; elsewhere the read is done
    /// before this returns.
    fn read_async(&self, at: Place, buf: PageBuf) -> ReadOp;

    /// How many copies of each byte of `area` are kept. They are numbered from 0 on; which number
    /// means which copy stays the same while the device is open.
    fn copies(&self, _area: Area) -> usize {
        1
    }

    /// Whether that copy of `area` is in service: a device that is missing, has failed or is being
    /// brought up to date has copies that are not.
    fn has_copy(&self, copy: usize, _area: Area) -> bool {
        copy == 0
    }

    /// The copies of `area` that are in service, ascending.
    fn copies_in_service(&self, area: Area) -> Vec<usize> {
        let all = 0..self.copies(area);
        all.filter(|copy| self.has_copy(*copy, area)).collect()
    }

    /// What people call the device that has that copy of `area`.
    fn name_of_copy(&self, _copy: usize, _area: Area) -> String {
        self.name().to_owned()
    }

    /// Fills `buf` from one copy only, blocking the thread. No other copy is tried, and nothing is
    /// repaired: who calls this verifies. A device without a page cache reads both ways the same.
    ///
    /// # Errors
    /// [`DeviceError::Io`], also when there is no copy of that number or it is out of service now.
    fn read_copy(
        &self,
        copy: usize,
        at: Place,
        _from: ReadFrom,
        buf: &mut [u8],
    ) -> Result<(), DeviceError> {
        if copy != 0 {
            return Err(DeviceError::no_such_copy(self.name(), copy, at));
        }
        self.read(at, buf)
    }

    /// Writes `bytes` over one copy, syncs, and reads from storage what it then holds: when this
    /// returns, that copy of the range is durable and good. The caller has verified `bytes`, and
    /// keeps the range from being given other bytes meanwhile (a pin against reuse of the slot).
    ///
    /// # Errors
    /// [`DeviceError::Io`] if a call failed or other bytes are read back. After a failed write or
    /// sync the copy must not be written again, as with [`Device::write`]; where there are several,
    /// the one that failed is out of service when this returns.
    fn repair(&self, copy: usize, at: Place, bytes: &[u8]) -> Result<(), DeviceError> {
        repair_single(self, copy, at, bytes)
    }

    /// Writes `parts` one behind the other from `at`.
    ///
    /// # Errors
    /// [`DeviceError::NoSpace`] only if no byte was written; else [`DeviceError::Io`].
    fn write(&self, at: Place, parts: &[&[u8]]) -> Result<(), DeviceError>;

    /// Asks the kernel to start writing a range back without waiting. A hint: never fails.
    fn start_writeback(&self, at: Place, bytes: u64);

    /// Tells the host that a range will hardly be read again, so that its memory serves others. A
    /// hint: never fails, and a device without a cache has nothing to do.
    fn forget(&self, _at: Place, _bytes: u64) {}

    /// Tells the host that a range will be read soon, so that it can begin. A hint: it waits for
    /// nothing and never fails, and a device without a cache has nothing to do.
    fn read_ahead(&self, _at: Place, _bytes: u64) {}

    /// Makes everything written to `area` so far durable (fdatasync).
    ///
    /// # Errors
    /// [`DeviceError::Io`]: what was written since the last sync may or may not be on storage, for
    /// ever.
    fn sync(&self, area: Area) -> Result<(), DeviceError>;

    /// Makes `slot` usable for a new segment; when it returns, the slot exists durably (directory
    /// entry and length). Its old bytes, if any, stay.
    ///
    /// # Errors
    /// [`DeviceError::NoSpace`] if the host has no room; the slot is then as before.
    fn prepare(&self, slot: Slot, how: Prepare) -> Result<(), DeviceError>;

    /// Gives the storage behind `slot` back to the host. Its bytes are unspecified until
    /// [`Device::prepare`].
    ///
    /// # Errors
    /// [`DeviceError::Io`].
    fn discard(&self, slot: Slot) -> Result<(), DeviceError>;

    /// A bit of what is to be done in the background: called again and again, by one thread at a
    /// time. What fails is noted with the device that it failed on.
    fn maintain(&self, _attention: &Attention<'_>) -> Upkeep {
        Upkeep::Idle
    }

    /// Verifies on storage what the device keeps beside what it was given, and rewrites what is
    /// bad. What fails is noted with the device that it failed on.
    fn scrub_own(&self) -> OwnRecords {
        OwnRecords::default()
    }

    /// The devices behind this one.
    fn members(&self) -> Vec<MemberStatus> {
        Vec::new()
    }
}

/// [`Device::repair`] of a device that keeps one copy.
fn repair_single<D: Device + ?Sized>(
    device: &D,
    copy: usize,
    at: Place,
    bytes: &[u8],
) -> Result<(), DeviceError> {
    if copy != 0 {
        return Err(DeviceError::no_such_copy(device.name(), copy, at));
    }
    device.write(at, &[bytes])?;
    device.sync(at.area)?;
    let mut stored = PageBuf::recycled(bytes.len());
    device.read_copy(copy, at, ReadFrom::Storage, &mut stored)?;
    if stored[..] == *bytes {
        return Ok(());
    }
    Err(DeviceError::Io {
        action: "reading back what was repaired",
        device: device.name().into(),
        place: at,
        source: Arc::new(io::Error::other("storage holds other bytes")),
    })
}
