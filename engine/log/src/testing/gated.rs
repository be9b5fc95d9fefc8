//! A device whose writes can be held up, and that counts what is asked of it.

use std::sync::Arc;

use engine_base::{ByteCount, Slot};
use engine_device::{
    Area, Device, DeviceError, Geometry, PageBuf, Place, Prepare, ReadOp, SimDevice,
};
use parking_lot::{Condvar, Mutex};

/// A device whose group writes wait at a gate, each until it is let through.
pub(crate) struct Gated {
    device: Arc<SimDevice>,
    state: Mutex<Gate>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Gate {
    closed: bool,
    waiting: usize,
    /// Bytes whose write-back was asked for.
    written_back: u64,
}

impl Gated {
    pub(crate) fn new(device: Arc<SimDevice>) -> Arc<Self> {
        Arc::new(Self {
            device,
            state: Mutex::new(Gate::default()),
            changed: Condvar::new(),
        })
    }

    pub(crate) fn written_back(&self) -> u64 {
        self.state.lock().written_back
    }

    pub(crate) fn close(&self) {
        self.state.lock().closed = true;
    }

    pub(crate) fn open(&self) {
        self.state.lock().closed = false;
        self.changed.notify_all();
    }

    /// Waits until `count` writes wait at the gate.
    pub(crate) fn wait_for(&self, count: usize) {
        let mut state = self.state.lock();
        while state.waiting < count {
            self.changed.wait(&mut state);
        }
    }
}

impl Device for Gated {
    fn name(&self) -> &str {
        self.device.name()
    }

    fn available(&self) -> Result<ByteCount, DeviceError> {
        self.device.available()
    }

    fn attach(&self, geometry: Geometry) -> Result<(), DeviceError> {
        self.device.attach(geometry)
    }

    fn geometry(&self) -> Option<Geometry> {
        self.device.geometry()
    }

    fn read(&self, at: Place, buf: &mut [u8]) -> Result<(), DeviceError> {
        self.device.read(at, buf)
    }

    fn read_cached(&self, at: Place, buf: &mut [u8]) -> Result<bool, DeviceError> {
        self.device.read_cached(at, buf)
    }

    fn read_async(&self, at: Place, buf: PageBuf) -> ReadOp {
        self.device.read_async(at, buf)
    }

    fn write(&self, at: Place, parts: &[&[u8]]) -> Result<(), DeviceError> {
        let mut state = self.state.lock();
        state.waiting += 1;
        self.changed.notify_all();
        while state.closed {
            self.changed.wait(&mut state);
        }
        state.waiting -= 1;
        drop(state);
        self.device.write(at, parts)
    }

    fn start_writeback(&self, at: Place, bytes: u64) {
        self.state.lock().written_back += bytes;
        self.device.start_writeback(at, bytes);
    }

    fn sync(&self, area: Area) -> Result<(), DeviceError> {
        self.device.sync(area)
    }

    fn prepare(&self, slot: Slot, how: Prepare) -> Result<(), DeviceError> {
        self.device.prepare(slot, how)
    }

    fn discard(&self, slot: Slot) -> Result<(), DeviceError> {
        self.device.discard(slot)
    }
}
