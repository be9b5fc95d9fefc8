//! Volumes as NBD exports: types of the one turned into types of the other.

use engine_base::{ErrorKind, VolumeOffset, to_usize};
use engine_device::PageBuf;
use engine_pool::StoreError;
use engine_volume::{Ack, Ahead, MapKind, Volume, VolumeInfo, Volumes};
use frontends_nbd::{Export, ExportInfo, Exports, ExtentKind, Failure, MapExtent, ReadData, Run};

use crate::engine::snapshots::split;

/// Bytes that one step of [`Export::cache`] reads.
const CACHE_STEP_BYTES: u64 = 1 << 20;

/// All volumes of a pool.
pub(super) struct VolumeExports {
    volumes: Volumes,
}

impl VolumeExports {
    pub(super) const fn new(volumes: Volumes) -> Self {
        Self { volumes }
    }
}

/// An error of the engine on its way to a client.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(super) struct ExportError(#[from] StoreError);

impl Failure for ExportError {
    fn kind(&self) -> ErrorKind {
        self.0.kind()
    }
}

impl Exports for VolumeExports {
    type Export = VolumeExport;
    type Error = ExportError;

    fn list(&self) -> Vec<ExportInfo> {
        self.volumes.list().iter().map(export_info).collect()
    }

    fn open(&self, name: &str) -> Result<VolumeExport, ExportError> {
        if let (of, Some(label)) = split(name) {
            return self.open_snapshot(of, label);
        }
        let info = if name.is_empty() {
            self.only()?
        } else {
            self.volumes.show(name)?
        };
        let volume = self.volumes.open(&info.name)?;
        Ok(VolumeExport {
            volume,
            info: export_info(&info),
        })
    }
}

impl VolumeExports {
    /// A volume as it was: it is not listed, but can be opened.
    fn open_snapshot(&self, of: &str, label: &str) -> Result<VolumeExport, ExportError> {
        let volume = self.volumes.open_snapshot(of, label)?;
        let info = ExportInfo {
            name: format!("{of}@{label}"),
            size: volume.size().get(),
            read_only: true,
            description: format!("snapshot of {}", volume.size()),
        };
        Ok(VolumeExport { volume, info })
    }

    /// The default export: the only volume, if there is exactly one.
    fn only(&self) -> Result<VolumeInfo, StoreError> {
        let mut volumes = self.volumes.list();
        match (volumes.pop(), volumes.is_empty()) {
            (Some(only), true) => Ok(only),
            _ => Err(StoreError::NotFound {
                what: "volume",
                name: String::new(),
            }),
        }
    }
}

fn export_info(info: &VolumeInfo) -> ExportInfo {
    ExportInfo {
        name: info.name.clone(),
        size: info.size.get(),
        read_only: false,
        description: format!("volume of {}", info.size),
    }
}

/// One volume.
#[derive(Clone)]
pub(super) struct VolumeExport {
    volume: Volume,
    info: ExportInfo,
}

const fn ack(fua: bool) -> Ack {
    if fua { Ack::Durable } else { Ack::Written }
}

impl Export for VolumeExport {
    type Error = ExportError;
    type Ahead = Ahead;

    fn info(&self) -> ExportInfo {
        self.info.clone()
    }

    fn plug(&self) -> impl Sized {
        self.volume.plug()
    }

    /// Clearing is an entry of the index; keeping the space is writing zeroes.
    fn is_zeroing_fast(&self, _offset: u64, _bytes: u64, no_hole: bool) -> bool {
        !no_hole
    }

    async fn read(
        &self,
        offset: u64,
        bytes: u32,
        ahead: Option<Ahead>,
    ) -> Result<ReadData, ExportError> {
        let (at, bytes) = (VolumeOffset::new(offset), to_usize(bytes.into()));
        let read = self.volume.read_with(at, bytes, ahead).await?;
        let run = |run: engine_volume::Run| Run {
            bytes: run.bytes,
            hole: run.hole,
        };
        Ok(ReadData {
            buf: read.buf,
            start: read.start,
            bytes: read.bytes,
            runs: read.runs.into_iter().map(run).collect(),
        })
    }

    fn read_ahead(&self, offset: u64, bytes: u32) -> Option<Ahead> {
        let bytes = to_usize(bytes.into());
        self.volume.read_ahead(VolumeOffset::new(offset), bytes)
    }

    async fn write(&self, offset: u64, data: PageBuf, fua: bool) -> Result<(), ExportError> {
        Ok(self
            .volume
            .write(VolumeOffset::new(offset), data, ack(fua))
            .await?)
    }

    async fn write_zeroes(
        &self,
        offset: u64,
        bytes: u64,
        no_hole: bool,
        fua: bool,
    ) -> Result<(), ExportError> {
        let at = VolumeOffset::new(offset);
        Ok(self
            .volume
            .write_zeroes(at, bytes, no_hole, ack(fua))
            .await?)
    }

    async fn trim(&self, offset: u64, bytes: u64, fua: bool) -> Result<(), ExportError> {
        Ok(self
            .volume
            .trim(VolumeOffset::new(offset), bytes, ack(fua))
            .await?)
    }

    async fn flush(&self) -> Result<(), ExportError> {
        Ok(self.volume.flush().await?)
    }

    /// Reads and forgets: afterwards the range is in the page cache, if it fits.
    async fn cache(&self, offset: u64, bytes: u64) -> Result<(), ExportError> {
        let end = offset + bytes;
        let mut at = offset;
        while at < end {
            let step = CACHE_STEP_BYTES.min(end - at);
            self.volume
                .read(VolumeOffset::new(at), to_usize(step))
                .await?;
            at += step;
        }
        Ok(())
    }

    async fn map(
        &self,
        offset: u64,
        bytes: u64,
        extents_max: usize,
    ) -> Result<Vec<MapExtent>, ExportError> {
        let extents = self
            .volume
            .map(VolumeOffset::new(offset), bytes, extents_max)
            .await?;
        let extent = |extent: engine_volume::MapExtent| MapExtent {
            bytes: extent.bytes,
            kind: match extent.kind {
                MapKind::Data => ExtentKind::Data,
                MapKind::Hole => ExtentKind::Hole,
            },
        };
        Ok(extents.into_iter().map(extent).collect())
    }
}
