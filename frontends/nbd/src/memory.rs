//! Exports that live in memory: for tests, and for measuring the protocol without an engine.
//!
//! Sparse, with the allocation of every 4 KiB block kept, so that holes and zeroes are told apart
//! as a real engine does. Nothing is durable, and `flush` and `fua` only count.

use std::future::{Future, ready};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use engine_base::{ErrorKind, to_usize};
use engine_device::PageBuf;

use crate::export::{Export, ExportInfo, Exports, ExtentKind, Failure, MapExtent, ReadData, Run};

mod chunk;

use chunk::{CHUNK_BYTES, Chunk};

/// Why a request to memory fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("memory export: {kind:?}")]
pub struct MemoryError {
    /// The kind.
    pub kind: ErrorKind,
}

impl Failure for MemoryError {
    fn kind(&self) -> ErrorKind {
        self.kind
    }
}

/// A range of zeroes that remembers what was written to it. Clones share it.
#[derive(Debug, Clone)]
pub struct MemoryExport(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    info: ExportInfo,
    chunks: Box<[RwLock<Chunk>]>,
    flushes: AtomicU64,
    durable_writes: AtomicU64,
}

impl MemoryExport {
    /// An export of `size` bytes in which nothing is stored.
    #[must_use]
    pub fn new(name: &str, size: u64) -> Self {
        Self::with(ExportInfo {
            name: name.to_owned(),
            size,
            read_only: false,
            description: format!("{size} bytes in memory"),
        })
    }

    /// An export with these facts.
    #[must_use]
    pub fn with(info: ExportInfo) -> Self {
        let chunks = info.size.div_ceil(CHUNK_BYTES);
        Self(Arc::new(Inner {
            chunks: (0..chunks).map(|_| RwLock::default()).collect(),
            info,
            flushes: AtomicU64::new(0),
            durable_writes: AtomicU64::new(0),
        }))
    }

    /// How often it was flushed.
    #[must_use]
    pub fn flushes(&self) -> u64 {
        self.0.flushes.load(Ordering::Relaxed)
    }

    /// How many writes asked to be durable.
    #[must_use]
    pub fn durable_writes(&self) -> u64 {
        self.0.durable_writes.load(Ordering::Relaxed)
    }

    /// Bytes of a range.
    #[must_use]
    pub fn contents(&self, offset: u64, bytes: usize) -> Vec<u8> {
        let mut out = vec![0; bytes];
        self.read_into(offset, &mut out);
        out
    }

    /// Calls `visit` with the chunks of a range: index, first byte in it, number of bytes.
    fn visit(offset: u64, bytes: u64, mut visit: impl FnMut(u64, usize, usize)) {
        let end = offset + bytes;
        let mut at = offset;
        while at < end {
            let start = at % CHUNK_BYTES;
            let now = (CHUNK_BYTES - start).min(end - at);
            visit(at / CHUNK_BYTES, to_usize(start), to_usize(now));
            at += now;
        }
    }

    fn chunk(&self, index: u64) -> RwLockReadGuard<'_, Chunk> {
        let chunk = self
            .0
            .chunks
            .get(to_usize(index))
            .expect("ranges were checked");
        chunk.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn chunk_mut(&self, index: u64) -> RwLockWriteGuard<'_, Chunk> {
        let chunk = self
            .0
            .chunks
            .get(to_usize(index))
            .expect("ranges were checked");
        chunk.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn read_into(&self, offset: u64, mut out: &mut [u8]) {
        let bytes = u64::try_from(out.len()).unwrap_or(u64::MAX);
        Self::visit(offset, bytes, |index, start, now| {
            let (part, rest) = std::mem::take(&mut out).split_at_mut(now);
            self.chunk(index).read(start, part);
            out = rest;
        });
    }

    fn read_now(&self, offset: u64, bytes: u32) -> ReadData {
        let extents = self.extents(offset, bytes.into(), usize::MAX);
        let runs: Vec<Run> = extents
            .iter()
            .map(|extent| Run {
                bytes: u32::try_from(extent.bytes).unwrap_or(bytes),
                hole: extent.kind == ExtentKind::Hole,
            })
            .collect();
        let bytes = to_usize(bytes.into());
        let buf = (!runs.iter().all(|run| run.hole)).then(|| {
            let mut buf = PageBuf::recycled(bytes);
            self.read_into(offset, &mut buf);
            buf
        });
        ReadData {
            buf,
            start: 0,
            bytes,
            runs,
        }
    }

    fn extents(&self, offset: u64, bytes: u64, extents_max: usize) -> Vec<MapExtent> {
        let mut extents: Vec<MapExtent> = Vec::new();
        Self::visit(offset, bytes, |index, start, now| {
            if extents.len() <= extents_max {
                self.chunk(index).extents(start, now, &mut extents);
            }
        });
        extents.truncate(extents_max);
        extents
    }

    fn count(&self, fua: bool) {
        self.0
            .durable_writes
            .fetch_add(u64::from(fua), Ordering::Relaxed);
    }
}

impl Export for MemoryExport {
    type Error = MemoryError;
    /// A copy would take as long as the read.
    type Ahead = ();

    fn info(&self) -> ExportInfo {
        self.0.info.clone()
    }

    fn plug(&self) -> impl Sized {}

    fn is_zeroing_fast(&self, _offset: u64, _bytes: u64, no_hole: bool) -> bool {
        !no_hole
    }

    fn read(
        &self,
        offset: u64,
        bytes: u32,
        _ahead: Option<()>,
    ) -> impl Future<Output = Result<ReadData, MemoryError>> {
        ready(Ok(self.read_now(offset, bytes)))
    }

    fn read_ahead(&self, _offset: u64, _bytes: u32) -> Option<()> {
        None
    }

    fn write(
        &self,
        offset: u64,
        data: PageBuf,
        fua: bool,
    ) -> impl Future<Output = Result<(), MemoryError>> {
        let mut rest: &[u8] = &data;
        let bytes = u64::try_from(data.len()).unwrap_or(u64::MAX);
        Self::visit(offset, bytes, |index, start, now| {
            let (part, after) = rest.split_at(now);
            self.chunk_mut(index).write(start, part);
            rest = after;
        });
        self.count(fua);
        ready(Ok(()))
    }

    fn write_zeroes(
        &self,
        offset: u64,
        bytes: u64,
        no_hole: bool,
        fua: bool,
    ) -> impl Future<Output = Result<(), MemoryError>> {
        Self::visit(offset, bytes, |index, start, now| {
            self.chunk_mut(index).zero(start, now, no_hole);
        });
        self.count(fua);
        ready(Ok(()))
    }

    fn trim(
        &self,
        offset: u64,
        bytes: u64,
        fua: bool,
    ) -> impl Future<Output = Result<(), MemoryError>> {
        self.write_zeroes(offset, bytes, false, fua)
    }

    fn flush(&self) -> impl Future<Output = Result<(), MemoryError>> {
        self.0.flushes.fetch_add(1, Ordering::Relaxed);
        ready(Ok(()))
    }

    fn cache(&self, _offset: u64, _bytes: u64) -> impl Future<Output = Result<(), MemoryError>> {
        ready(Ok(()))
    }

    fn map(
        &self,
        offset: u64,
        bytes: u64,
        extents_max: usize,
    ) -> impl Future<Output = Result<Vec<MapExtent>, MemoryError>> {
        ready(Ok(self.extents(offset, bytes, extents_max)))
    }
}

/// A fixed list of memory exports.
#[derive(Debug, Clone, Default)]
pub struct MemoryExports {
    /// The exports.
    pub exports: Vec<MemoryExport>,
}

impl Exports for MemoryExports {
    type Export = MemoryExport;
    type Error = MemoryError;

    fn list(&self) -> Vec<ExportInfo> {
        self.exports.iter().map(Export::info).collect()
    }

    fn open(&self, name: &str) -> Result<MemoryExport, MemoryError> {
        let found = match (name, self.exports.as_slice()) {
            ("", [only]) => Some(only),
            _ => self
                .exports
                .iter()
                .find(|export| export.0.info.name == name),
        };
        found.cloned().ok_or(MemoryError {
            kind: ErrorKind::NotFound,
        })
    }
}
