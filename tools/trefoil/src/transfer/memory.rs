//! A pool in memory, for the tests of the control protocol and the transfers.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use engine_base::limits::{BLOCK, BLOCK_BYTES};
use engine_base::{ByteCount, ErrorKind, VolumeOffset, to_usize};

use crate::backend::{Backend, BackendError, Piece, Scrubs, Snapshots, VolumeIo};
use crate::control::protocol::{
    Compression, DeviceRow, Encryption, RangeRow, RotationReport, ScrubReport, SnapshotRow,
    StatusReport, VolumeRow,
};
use crate::transfer::Monitor;
pub(crate) use counting::Counting;

mod counting;

type Blocks = BTreeMap<u64, Vec<u8>>;

#[derive(Default)]
struct Volume {
    size: u64,
    blocks: Blocks,
    flushed: Option<Blocks>,
}

#[derive(Default, Clone)]
pub(crate) struct MemoryPool {
    volumes: Arc<Mutex<BTreeMap<String, Volume>>>,
    /// Writes that still succeed.
    pub(crate) writes_left: Arc<Mutex<Option<u32>>>,
}

struct MemoryIo {
    pool: MemoryPool,
    name: String,
    size: u64,
}

fn row(name: &str, volume: &Volume) -> VolumeRow {
    VolumeRow {
        id: 16,
        name: name.to_owned(),
        size: volume.size,
        allocated: volume.blocks.len() as u64 * BLOCK,
        stored: volume.blocks.len() as u64 * BLOCK,
        compression: Compression::Off,
        encryption: Encryption::Off,
        locked_by: None,
        created_unix_nanos: 0,
    }
}

fn absent(name: &str) -> BackendError {
    BackendError::new(ErrorKind::NotFound, format!("there is no volume {name}"))
}

impl MemoryPool {
    fn with<T>(&self, name: &str, act: impl FnOnce(&mut Volume) -> T) -> Result<T, BackendError> {
        self.volumes
            .lock()
            .unwrap()
            .get_mut(name)
            .map(act)
            .ok_or_else(|| absent(name))
    }

    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        let read = |volume: &mut Volume| {
            assert_eq!(
                volume.flushed.as_ref(),
                Some(&volume.blocks),
                "an import ends with a flush"
            );
            let mut bytes = vec![0; to_usize(volume.size.next_multiple_of(BLOCK))];
            for (&block, content) in &volume.blocks {
                let at = to_usize(block * BLOCK);
                bytes[at..at + BLOCK_BYTES].copy_from_slice(content);
            }
            bytes.truncate(to_usize(volume.size));
            bytes
        };
        self.with(name, read).unwrap()
    }

    pub(crate) fn exists(&self, name: &str) -> bool {
        self.volumes.lock().unwrap().contains_key(name)
    }
}

impl Backend for MemoryPool {
    fn volume_create_with(
        &self,
        name: &str,
        size: ByteCount,
        _: (Compression, Encryption),
    ) -> Result<VolumeRow, BackendError> {
        let volume = Volume {
            size: size.get(),
            ..Volume::default()
        };
        let created = row(name, &volume);
        match self.volumes.lock().unwrap().insert(name.to_owned(), volume) {
            None => Ok(created),
            Some(_) => Err(BackendError::new(ErrorKind::Exists, "taken")),
        }
    }

    fn volume_set(&self, name: &str, _: Compression) -> Result<VolumeRow, BackendError> {
        self.volume_show(name)
    }

    fn volume_list(&self) -> Result<Vec<VolumeRow>, BackendError> {
        assert!(!self.exists("panic"), "a bug in the server");
        let volumes = self.volumes.lock().unwrap();
        let all = volumes.iter();
        Ok(all.map(|(name, volume)| row(name, volume)).collect())
    }

    fn volume_show(&self, name: &str) -> Result<VolumeRow, BackendError> {
        self.with(name, |volume| row(name, volume))
    }

    fn volume_resize(&self, name: &str, size: ByteCount) -> Result<VolumeRow, BackendError> {
        self.with(name, |volume| volume.size = size.get())?;
        self.volume_show(name)
    }

    fn volume_delete(&self, name: &str) -> Result<(), BackendError> {
        self.volumes
            .lock()
            .unwrap()
            .remove(name)
            .map(drop)
            .ok_or_else(|| absent(name))
    }

    fn volume_open(&self, name: &str) -> Result<Box<dyn VolumeIo>, BackendError> {
        let size = self.with(name, |volume| volume.size)?;
        Ok(Box::new(MemoryIo {
            pool: self.clone(),
            name: name.to_owned(),
            size,
        }))
    }

    fn status(&self) -> Result<StatusReport, BackendError> {
        Err(BackendError::new(
            ErrorKind::Poisoned,
            "no status\nin memory",
        ))
    }

    fn master_key_rotate(&self, _: &Path) -> Result<RotationReport, BackendError> {
        Err(BackendError::new(ErrorKind::Invalid, "no keys in memory"))
    }

    fn device_replace(&self, _: &str, _: &Path) -> Result<Vec<DeviceRow>, BackendError> {
        Err(BackendError::new(
            ErrorKind::Invalid,
            "no devices in memory",
        ))
    }
}

impl Scrubs for MemoryPool {
    fn scrub(&self, _: bool, _: &mut dyn Monitor) -> Result<ScrubReport, BackendError> {
        Ok(ScrubReport::default())
    }
}

impl Snapshots for MemoryPool {
    fn snapshot_create(&self, _: &str, _: &[String]) -> Result<Vec<SnapshotRow>, BackendError> {
        Err(no_snapshots())
    }

    fn snapshot_list(&self, _: Option<&str>) -> Result<Vec<SnapshotRow>, BackendError> {
        Err(no_snapshots())
    }

    fn snapshot_delete(&self, _: &str) -> Result<(), BackendError> {
        Err(no_snapshots())
    }

    fn snapshot_revert(&self, _: &str) -> Result<(), BackendError> {
        Err(no_snapshots())
    }

    fn volume_create_from(
        &self,
        _: &str,
        _: &str,
        _: Option<ByteCount>,
    ) -> Result<VolumeRow, BackendError> {
        Err(no_snapshots())
    }

    fn volume_diff(&self, _: &str, _: &str) -> Result<Vec<RangeRow>, BackendError> {
        Err(no_snapshots())
    }
}

fn no_snapshots() -> BackendError {
    BackendError::new(ErrorKind::Invalid, "memory keeps no snapshots")
}

impl MemoryIo {
    fn each_block(&self, at: VolumeOffset, bytes: u64, mut act: impl FnMut(&mut Blocks, u64)) {
        assert_eq!(at.get() % BLOCK, 0);
        let end = at.get() + bytes;
        assert!(
            end.is_multiple_of(BLOCK) || end == self.size,
            "{at:?} {bytes}"
        );
        let every = |volume: &mut Volume| {
            for block in at.get() / BLOCK..end.div_ceil(BLOCK) {
                act(&mut volume.blocks, block);
            }
        };
        self.pool.with(&self.name, every).unwrap();
    }
}

impl VolumeIo for MemoryIo {
    fn size(&self) -> ByteCount {
        ByteCount::new(self.size)
    }

    fn read(&self, at: VolumeOffset, buf: &mut [u8]) -> Result<(), BackendError> {
        let mut chunks = buf.chunks_mut(BLOCK_BYTES);
        let length = chunks.len() as u64 * BLOCK;
        let bytes = length.min(self.size - at.get());
        self.each_block(at, bytes, |blocks, block| {
            let chunk = chunks.next().unwrap();
            match blocks.get(&block) {
                Some(content) => chunk.copy_from_slice(&content[..chunk.len()]),
                None => chunk.fill(0),
            }
        });
        Ok(())
    }

    fn write(&self, at: VolumeOffset, bytes: &[u8]) -> Result<(), BackendError> {
        if let Some(left) = self.pool.writes_left.lock().unwrap().as_mut() {
            let Some(fewer) = left.checked_sub(1) else {
                return Err(BackendError::new(ErrorKind::NoSpace, "the pool is full"));
            };
            *left = fewer;
        }
        let mut chunks = bytes.chunks(BLOCK_BYTES);
        self.each_block(at, bytes.len() as u64, |blocks, block| {
            let mut content = chunks.next().unwrap().to_vec();
            content.resize(BLOCK_BYTES, 0);
            blocks.insert(block, content);
        });
        Ok(())
    }

    fn clear(&self, at: VolumeOffset, bytes: ByteCount) -> Result<(), BackendError> {
        self.each_block(at, bytes.get(), |blocks, block| drop(blocks.remove(&block)));
        Ok(())
    }

    fn flush(&self) -> Result<(), BackendError> {
        self.pool.with(&self.name, |volume| {
            volume.flushed = Some(volume.blocks.clone())
        })
    }

    /// At most three pieces at a time, so that callers have to ask again.
    fn map(&self, at: VolumeOffset, bytes: ByteCount) -> Result<Vec<Piece>, BackendError> {
        let mut pieces: Vec<Piece> = Vec::new();
        self.each_block(at, bytes.get(), |blocks, block| {
            let data = blocks.contains_key(&block);
            match pieces.last_mut() {
                Some(last) if last.data == data => {
                    last.bytes = ByteCount::new(last.bytes.get() + BLOCK);
                }
                _ => pieces.push(Piece {
                    bytes: ByteCount::new(BLOCK),
                    data,
                }),
            }
        });
        pieces.truncate(3);
        Ok(pieces)
    }
}
