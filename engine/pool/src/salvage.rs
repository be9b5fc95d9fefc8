//! Reading what is left of a damaged pool. Nothing is written.
//!
//! The newest checkpoint that can be loaded is taken, and its journal is replayed into memory as
//! far as it goes. In the place of a page of which no copy is good there are no entries; what pages
//! that are whole lead to is all there, and what the journal says about the range of a lost page,
//! too. Counters may be wrong and are not looked at.

mod datasets;
mod lost;

use std::ops::ControlFlow;
use std::sync::Arc;

use engine_base::limits::BLOCK_BYTES;
use engine_base::{ByteCount, DatasetId, Location, Sixteenths, to_u32};
use engine_device::{Device, PageBuf, ReadFrom};
use engine_format::{ExtentRef, MasterKey, Superblock};

use crate::check::chain;
use crate::core::Core;
use crate::dataset::Allocated;
use crate::keyring::Sealed;
use crate::open::{Loaded, geometry_of, is_creation, later_epoch, read_superblocks};
use crate::{MEMORY_DEFAULT, PoolOptions, StoreError};
pub use datasets::SalvagedDataset;
pub use lost::LostKeys;
pub(crate) use lost::LostPages;

/// Entries that one look takes.
const ENTRIES_PER_LOOK: usize = 256;

/// How a damaged pool is read.
#[derive(Debug, Clone)]
pub struct SalvageOptions {
    /// Bytes for tree pages in memory.
    pub memory: ByteCount,
    /// Take the older of the two checkpoints.
    pub rewind: bool,
    /// Keys of encrypted datasets.
    pub master_keys: Vec<MasterKey>,
}

impl Default for SalvageOptions {
    fn default() -> Self {
        Self {
            memory: MEMORY_DEFAULT,
            rewind: false,
            master_keys: Vec::new(),
        }
    }
}

/// What is left of a pool.
pub struct Salvage {
    core: Arc<Core>,
    notes: Vec<String>,
}

impl std::fmt::Debug for Salvage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Salvage")
            .field("notes", &self.notes)
            .finish_non_exhaustive()
    }
}

/// Entries in the order of their keys.
#[derive(Debug, Default)]
pub struct SalvagedEntries {
    /// Keys and values.
    pub entries: Vec<(Vec<u8>, Vec<u8>)>,
    /// Where the next look begins; `None`: there is no more.
    pub next: Option<Vec<u8>>,
}

/// Opens what is left of the pool on `device`, which is not attached yet.
///
/// # Errors
/// [`StoreError::NoSuperblock`], [`StoreError::Device`] if the device is smaller than the pool, or
/// why no checkpoint can be loaded.
pub fn salvage(device: Arc<dyn Device>, options: &SalvageOptions) -> Result<Salvage, StoreError> {
    let copies = read_superblocks(&*device);
    let mut valid: Vec<Superblock> = copies.valid().cloned().collect();
    valid.sort_by_key(|superblock| std::cmp::Reverse(superblock.checkpoint));
    if valid.is_empty() || options.rewind {
        // Says why there is none.
        let (_, chosen) = copies.choose(device.name(), options.rewind)?;
        valid = vec![chosen];
    }
    let mut notes = Vec::new();
    let mut refused = None;
    if let Some(newest) = valid.first() {
        device.attach(geometry_of(newest))?;
        if valid.len() == 1 && !options.rewind && later_epoch(&*device, newest).is_some() {
            notes.push("the newest superblock is lost, and all that was written since".to_owned());
        }
    }
    for superblock in &valid {
        match load(&device, superblock, options, &mut notes) {
            Ok(core) => return Ok(Salvage { core, notes }),
            Err(error) => {
                let number = superblock.checkpoint.get();
                let why = chain(&error);
                notes.push(format!("checkpoint {number} cannot be loaded ({why})"));
                refused = refused.or(Some(error));
            }
        }
    }
    Err(refused.unwrap_or_else(|| StoreError::Inconsistent {
        what: "there is no superblock".to_owned(),
    }))
}

fn load(
    device: &Arc<dyn Device>,
    superblock: &Superblock,
    options: &SalvageOptions,
    notes: &mut Vec<String>,
) -> Result<Arc<Core>, StoreError> {
    let options = PoolOptions {
        memory: options.memory,
        accept_loss: true,
        master_keys: options.master_keys.clone(),
        repair: false,
        ..PoolOptions::default()
    };
    let lost = LostPages::default();
    let loaded = Loaded::read_around(device, superblock, superblock.epoch, &options, lost)?;
    let core = Arc::clone(&loaded.core);
    if is_creation(superblock.checkpoint) {
        return Ok(core);
    }
    count_without_end(&core);
    match loaded.replay(superblock, &options) {
        Ok(end) => {
            if let Some(from) = end.lost_from {
                notes.push(format!(
                    "the journal is damaged: all changes from {from} on are lost"
                ));
            }
        }
        Err(error) => {
            let lsn = core.turn.lock().lsn;
            let why = chain(&error);
            notes.push(format!(
                "the journal cannot be replayed behind {lsn}: all later changes are lost ({why})"
            ));
        }
    }
    Ok(core)
}

/// Counters that nothing takes below zero, however wrong they are.
fn count_without_end(core: &Core) {
    const PLENTY: u32 = 1 << 31;
    let mut space = core.space.lock();
    for segment in space.segments.values_mut() {
        (segment.live, segment.live_excess) = (PLENTY, 0);
    }
    space.count_reclaimable();
    drop(space);
    for dataset in core.catalog.all() {
        dataset.add_allocated(Allocated {
            bytes: 1 << 62,
            stored: Sixteenths::new(1 << 62),
        });
    }
}

impl Salvage {
    /// What is lost beside pages and data, in words.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let mut notes = self.notes.clone();
        notes.extend(self.lost().notes());
        notes
    }

    /// Pages that were found to be lost so far, each once.
    #[must_use]
    pub fn lost_keys(&self) -> Vec<LostKeys> {
        self.lost().pages()
    }

    fn lost(&self) -> &LostPages {
        // Set by `load`.
        static NONE: LostPages = LostPages::new();
        self.core.lost.as_ref().unwrap_or(&NONE)
    }

    /// The next entries of a dataset from a key on.
    ///
    /// # Errors
    /// [`StoreError`] only where it is not one of what is stored: what is lost is left out.
    pub fn entries(&self, dataset: DatasetId, from: &[u8]) -> Result<SalvagedEntries, StoreError> {
        let Some(dataset) = self.core.catalog.get(dataset) else {
            return Ok(SalvagedEntries::default());
        };
        let mut found = SalvagedEntries::default();
        {
            let mut tree = dataset.tree.write();
            self.core.page_reader().with_pages(&mut tree, |tree| {
                found = SalvagedEntries::default();
                tree.scan(from, |key, value| {
                    if found.entries.len() == ENTRIES_PER_LOOK {
                        found.next = Some(key.to_vec());
                        return ControlFlow::Break(());
                    }
                    found.entries.push((key.to_vec(), value.to_vec()));
                    ControlFlow::Continue(())
                })
            })?;
        }
        self.core.evict_over_budget(&dataset);
        Ok(found)
    }

    /// The value of a key.
    ///
    /// # Errors
    /// As [`Salvage::entries`].
    pub fn value(&self, dataset: DatasetId, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(dataset) = self.core.catalog.get(dataset) else {
            return Ok(None);
        };
        let mut tree = dataset.tree.write();
        self.core.page_reader().with_pages(&mut tree, |tree| {
            tree.get(key, |value| value.map(<[u8]>::to_vec))
        })
    }

    /// The stored blocks of an extent, each from the first copy that is good, opened if they were
    /// sealed; and of each block whether there is one. Blocks without one are zero.
    #[must_use]
    pub fn read(&self, extent: &ExtentRef<'_>) -> (PageBuf, Vec<bool>) {
        let location = extent.location();
        let mut buf = PageBuf::zeroed(extent.checksums().len() * BLOCK_BYTES);
        let mut good = Vec::with_capacity(extent.checksums().len());
        let sealed = Sealed::of(extent);
        let blocks = buf.chunks_exact_mut(BLOCK_BYTES).enumerate();
        for ((index, block), checksum) in blocks.zip(extent.checksums().iter()) {
            let at = Location {
                segment: location.segment,
                offset: location.offset + to_u32(index * BLOCK_BYTES),
            };
            let is_good = self.read_block(at, checksum.get(), block)
                && self.core.open_block(sealed.as_ref(), index, block).is_ok();
            if !is_good {
                block.fill(0);
            }
            good.push(is_good);
        }
        (buf, good)
    }

    fn read_block(&self, at: Location, checksum: u32, block: &mut [u8]) -> bool {
        let Ok((place, _)) = self.core.run_at(at, BLOCK_BYTES) else {
            return false;
        };
        let device = &self.core.device;
        (0..device.copies(place.area)).any(|copy| {
            let read = device.read_copy(copy, place, ReadFrom::Cache, block);
            read.is_ok() && crc32c::crc32c(block) == checksum
        })
    }
}
