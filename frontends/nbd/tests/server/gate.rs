//! An export whose writes wait until they are let through.

use std::future::{Future, poll_fn};
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::task::{Poll, Waker};

use engine_device::PageBuf;
use frontends_nbd::memory::{MemoryError, MemoryExport};
use frontends_nbd::{Export, ExportInfo, Exports, MapExtent, ReadData};

#[derive(Clone)]
pub(crate) struct Gated {
    pub(crate) inner: MemoryExport,
    pub(crate) gate: Arc<Gate>,
}

/// Is given the offset and bytes of a write.
pub(crate) type Hook = Box<dyn Fn(u64, usize) + Send + Sync>;

#[derive(Default)]
pub(crate) struct Gate {
    state: Mutex<State>,
    changed: Condvar,
    /// Called by every write, on the thread that carries it out, which it may block.
    pub(crate) hook: OnceLock<Hook>,
}

#[derive(Default)]
struct State {
    open: bool,
    waiting: Vec<Waker>,
    /// Writes that came to the gate.
    arrived: usize,
    /// Writes and zeroings in the order of their calls: offset and bytes.
    changes: Vec<(u64, u64)>,
}

impl Gated {
    pub(crate) fn new(size: u64) -> Self {
        Self {
            inner: MemoryExport::new("disk", size),
            gate: Arc::default(),
        }
    }
}

impl Gate {
    pub(crate) fn open(&self) {
        let mut state = self.state.lock().unwrap();
        state.open = true;
        state.waiting.drain(..).for_each(Waker::wake);
    }

    /// Blocks until so many writes came.
    pub(crate) fn wait_arrived(&self, writes: usize) {
        let state = self.state.lock().unwrap();
        drop(
            self.changed
                .wait_while(state, |state| state.arrived < writes)
                .unwrap(),
        );
    }

    /// Offsets and bytes of the writes and zeroings since this was last asked.
    pub(crate) fn take_changes(&self) -> Vec<(u64, u64)> {
        std::mem::take(&mut self.state.lock().unwrap().changes)
    }

    fn note(&self, offset: u64, bytes: u64) {
        self.state.lock().unwrap().changes.push((offset, bytes));
    }

    pub(crate) fn arrived(&self) -> usize {
        self.state.lock().unwrap().arrived
    }

    async fn pass(&self) {
        {
            let mut state = self.state.lock().unwrap();
            state.arrived += 1;
            self.changed.notify_all();
        }
        poll_fn(|cx| {
            let mut state = self.state.lock().unwrap();
            if state.open {
                return Poll::Ready(());
            }
            state.waiting.push(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

impl Exports for Gated {
    type Export = Self;
    type Error = MemoryError;

    fn list(&self) -> Vec<ExportInfo> {
        vec![self.inner.info()]
    }

    fn open(&self, _name: &str) -> Result<Self, MemoryError> {
        Ok(self.clone())
    }
}

impl Export for Gated {
    type Error = MemoryError;
    type Ahead = ();

    fn info(&self) -> ExportInfo {
        self.inner.info()
    }

    fn plug(&self) -> impl Sized {}

    fn is_zeroing_fast(&self, offset: u64, bytes: u64, no_hole: bool) -> bool {
        self.inner.is_zeroing_fast(offset, bytes, no_hole)
    }

    fn read(
        &self,
        offset: u64,
        bytes: u32,
        ahead: Option<()>,
    ) -> impl Future<Output = Result<ReadData, MemoryError>> {
        self.inner.read(offset, bytes, ahead)
    }

    fn read_ahead(&self, offset: u64, bytes: u32) -> Option<()> {
        self.inner.read_ahead(offset, bytes)
    }

    async fn write(&self, offset: u64, data: PageBuf, fua: bool) -> Result<(), MemoryError> {
        self.gate.note(offset, u64::try_from(data.len()).unwrap());
        if let Some(hook) = self.gate.hook.get() {
            hook(offset, data.len());
        }
        self.gate.pass().await;
        self.inner.write(offset, data, fua).await
    }

    fn write_zeroes(
        &self,
        offset: u64,
        bytes: u64,
        no_hole: bool,
        fua: bool,
    ) -> impl Future<Output = Result<(), MemoryError>> {
        self.gate.note(offset, bytes);
        self.inner.write_zeroes(offset, bytes, no_hole, fua)
    }

    fn trim(
        &self,
        offset: u64,
        bytes: u64,
        fua: bool,
    ) -> impl Future<Output = Result<(), MemoryError>> {
        self.inner.trim(offset, bytes, fua)
    }

    fn flush(&self) -> impl Future<Output = Result<(), MemoryError>> {
        self.inner.flush()
    }

    fn cache(&self, offset: u64, bytes: u64) -> impl Future<Output = Result<(), MemoryError>> {
        self.inner.cache(offset, bytes)
    }

    fn map(
        &self,
        offset: u64,
        bytes: u64,
        extents_max: usize,
    ) -> impl Future<Output = Result<Vec<MapExtent>, MemoryError>> {
        self.inner.map(offset, bytes, extents_max)
    }
}
