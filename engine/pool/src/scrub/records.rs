//! What scrubbing keeps over a restart.

use std::ops::ControlFlow;

use engine_base::DatasetId;
use engine_base::limits::BLOCK;
use engine_format::{
    BucketKey, FEATURE_SETTINGS, InodeId, LOST_SETTING, LostPart, LostRange, SCRUB_SETTING,
    ScrubRecord,
};
use engine_log::LogError;
use engine_tree::{ExtentError, Piece, Tree, extent_lookup};

use crate::{Dataset, Pool, StoreError, block_on};

/// Data of an object, as the tree says now.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    /// First byte in the object.
    pub(super) offset: u64,
    pub(super) bytes: u32,
    /// Of the first block.
    pub(super) location: engine_base::Location,
    /// Bytes of the first block, or of the unit, before the first byte.
    pub(super) skip: u16,
    /// It is a part of a unit: with any block of that all of it is lost. The places of its bytes
    /// are then as if the unit were not compressed: they only tell whether it is still there.
    pub(super) in_unit: bool,
    /// Of each block, little-endian.
    pub(super) checksums: Vec<u8>,
}

impl Stored {
    pub(super) fn blocks(&self) -> usize {
        self.checksums.len() / size_of::<u32>()
    }

    /// The bytes of the object that need a block, and where the first of them lies.
    pub(super) fn of_block(&self, block: usize) -> LostRange {
        let skip = u64::from(self.skip);
        let end = skip + u64::from(self.bytes);
        let (from, to) = match self.in_unit {
            true => (skip, end),
            false => {
                let start = block as u64 * BLOCK;
                (start.max(skip), (start + BLOCK).min(end))
            }
        };
        LostRange {
            part: LostPart::Data,
            dataset: engine_base::DatasetId::POOL,
            content: None,
            offset: self.offset + (from - skip),
            bytes: to.saturating_sub(from),
            location: engine_base::Location {
                segment: self.location.segment,
                offset: self.location.offset + u32::try_from(from).unwrap_or(u32::MAX),
            },
            pass: 0,
        }
    }
}

fn stored(
    tree: &Tree,
    prefix: &[u8],
    offset: u64,
    bytes: u64,
) -> Result<Vec<Stored>, engine_tree::Missing> {
    let mut found = Vec::new();
    let looked = extent_lookup(tree, prefix, offset, bytes, |piece| {
        if let Piece::Data {
            offset,
            bytes,
            extent,
        } = piece
        {
            found.push(Stored {
                offset,
                bytes,
                location: extent.location(),
                skip: extent.skip(),
                in_unit: extent.codec().unit().is_some(),
                checksums: extent.checksums().as_bytes().to_vec(),
            });
        }
        ControlFlow::Continue(())
    });
    match looked {
        Err(ExtentError::Map(missing)) => Err(missing),
        // An entry that is no extent maps nothing that could be read.
        Ok(()) | Err(_) => Ok(found),
    }
}

impl Pool {
    /// What a range of an object maps now. What a page says that cannot be read is left out.
    pub(super) async fn stored(
        &self,
        dataset: &Dataset,
        content: Option<InodeId>,
        offset: u64,
        bytes: u64,
    ) -> Result<Vec<Stored>, StoreError> {
        let prefix = content.map_or_else(Vec::new, |content| BucketKey::extents(content).to_vec());
        let look = |tree: &Tree| stored(tree, &prefix, offset, bytes);
        match self.look(dataset, look).await {
            Err(error) if error.is_damage() => Ok(Vec::new()),
            found => found,
        }
    }

    /// Drops from the list what nothing refers to any more.
    pub(super) async fn refresh_lost(&self) -> Result<(), StoreError> {
        let all = self.scrubber.lost.lock().all();
        for range in all {
            if range.part != LostPart::Data {
                let is_there = range.dataset < DatasetId::FIRST_USER
                    || self.core.catalog.get(range.dataset).is_some();
                if !is_there {
                    self.scrubber.lost.lock().replace(&range, &[]);
                }
                continue;
            }
            let left = match self.core.catalog.get(range.dataset) {
                None => Vec::new(),
                Some(dataset) => {
                    let found = self.stored(&dataset, range.content, range.offset, range.bytes);
                    still_there(&range, &found.await?)
                }
            };
            if left != [range] {
                self.scrubber.lost.lock().replace(&range, &left);
            }
        }
        Ok(())
    }

    /// Reads what was kept, once.
    pub(crate) fn load_scrub(&self) -> Result<(), StoreError> {
        if self.scrubber.state.lock().is_loaded {
            return Ok(());
        }
        let kept = block_on(self.settings(SCRUB_SETTING))?;
        let record = kept.first().map(|(_, value)| ScrubRecord::decode(value));
        let mut lost = Vec::new();
        for (_, value) in block_on(self.settings(LOST_SETTING))? {
            match LostRange::decode_list(&value) {
                Ok(mut ranges) => lost.append(&mut ranges),
                Err(error) => tracing::warn!(%error, "a list of what is lost is not used"),
            }
        }
        self.scrubber.lost.lock().restore(lost);
        let mut state = self.scrubber.state.lock();
        state.is_loaded = true;
        match record {
            Some(Ok(record)) => state.record = record,
            // A pass begins anew.
            Some(Err(error)) => tracing::warn!(%error, "the state of scrubbing is not used"),
            None => {}
        }
        Ok(())
    }

    /// Keeps how far scrubbing is, and what is lost. On a full pool it is kept in memory only.
    pub(super) fn save_scrub(&self) -> Result<(), StoreError> {
        match self.try_save_scrub() {
            Err(StoreError::NoSpace { .. } | StoreError::Log(LogError::NoSpace)) => Ok(()),
            saved => saved,
        }
    }

    fn try_save_scrub(&self) -> Result<(), StoreError> {
        block_on(self.refresh_lost())?;
        let unsaved = self.scrubber.lost.lock().unsaved();
        for (index, value) in unsaved {
            let number = u16::try_from(index).unwrap_or(u16::MAX).to_be_bytes();
            let name = [LOST_SETTING, &number].concat();
            block_on(self.set_setting(&name, value.as_deref()))?;
            self.scrubber.lost.lock().was_saved(index, value);
        }
        let record = self.scrubber.state.lock().record.encode();
        block_on(self.set_setting(SCRUB_SETTING, Some(&record)))
    }

    /// Begins a pass.
    pub(super) fn begin_pass(&self) {
        self.scrubber.lost.lock().begin_pass();
        let now = self.unix_nanos();
        let mut state = self.scrubber.state.lock();
        let record = &mut state.record;
        record.pass += 1;
        record.is_running = true;
        record.began = now;
        (record.verified, record.dataset) = (0, 0);
        record.key.clear();
        record.left_out = 0;
        (state.wanted, state.has_new_copies) = (false, false);
    }

    /// Ends one that came to its end.
    pub(super) fn end_pass(&self) {
        self.scrubber.lost.lock().end_pass();
        let now = self.unix_nanos();
        let mut state = self.scrubber.state.lock();
        let record = &mut state.record;
        record.is_running = false;
        (record.whole_began, record.whole_ended) = (record.began, now);
        record.dataset = 0;
        record.key.clear();
        let pass = record.pass;
        state.finished = pass;
        state.failed = None;
        drop(state);
        self.scrubber.changed.notify_all();
    }

    /// Whether settings may be written without checkpoints that say so first.
    pub(super) fn has_settings(&self) -> bool {
        let features = self
            .core
            .features
            .load(std::sync::atomic::Ordering::Acquire);
        features & FEATURE_SETTINGS != 0
    }
}

/// The parts of a range that are mapped to where it was lost.
fn still_there(range: &LostRange, found: &[Stored]) -> Vec<LostRange> {
    let mut left: Vec<LostRange> = Vec::new();
    for stored in found {
        let from = stored.offset - range.offset;
        let lies_at = u64::from(stored.location.offset) + u64::from(stored.skip);
        let lay_at = u64::from(range.location.offset) + from;
        if stored.location.segment != range.location.segment || lies_at != lay_at {
            continue;
        }
        let mut part = *range;
        part.offset += from;
        part.bytes = stored.bytes.into();
        part.location.offset = u32::try_from(lay_at).unwrap_or(u32::MAX);
        match left.last_mut() {
            Some(last) if last.offset + last.bytes == part.offset => last.bytes += part.bytes,
            _ => left.push(part),
        }
    }
    left
}
