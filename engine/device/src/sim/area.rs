//! One area: its bytes now, its bytes after a power cut, and what lies between.

use std::sync::Arc;

use super::chunks::Chunks;
use super::survival::Survival;

/// What a disk writes whole or not at all.
pub(super) const SECTOR: usize = 512;

/// One state of an area's bytes.
#[derive(Debug, Clone, Default)]
pub(super) struct Content {
    /// Whether the area exists; always true where slots are ranges.
    pub(super) present: bool,
    pub(super) chunks: Chunks,
}

/// Something that was done and not synced.
#[derive(Debug, Clone)]
pub(super) struct Change {
    /// Position in the order of all changes of the device.
    pub(super) sequence: u64,
    pub(super) what: What,
}

#[derive(Debug, Clone)]
pub(super) enum What {
    Write {
        offset: usize,
        bytes: Arc<[u8]>,
    },
    /// The area ceases to exist; or where slots are ranges, becomes zero.
    Discard {
        stays_present: bool,
    },
}

impl Change {
    /// The sectors that the change touches.
    pub(super) fn sectors(&self) -> usize {
        match &self.what {
            What::Write { offset, bytes } => sectors(*offset, bytes.len()).count(),
            What::Discard { .. } => 1,
        }
    }

    /// Does what survives of the change to `content`.
    fn apply(&self, content: &mut Content, survival: &Survival) {
        match &self.what {
            What::Write { offset, bytes } => {
                for (index, range) in sectors(*offset, bytes.len()).enumerate() {
                    if survival.includes(index) {
                        content.chunks.write(offset + range.start, &bytes[range]);
                    }
                }
            }
            What::Discard { stays_present } => {
                if survival.includes(0) {
                    *content = Content {
                        present: *stays_present,
                        chunks: Chunks::default(),
                    };
                }
            }
        }
    }
}

/// Cuts a write at the boundaries of sectors; ranges in the written bytes.
fn sectors(offset: usize, bytes: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    let first = SECTOR - offset % SECTOR;
    let starts = std::iter::once(0).chain((first..bytes).step_by(SECTOR));
    starts
        .map(move |start| start..bytes.min((offset + start) / SECTOR * SECTOR + SECTOR - offset))
        .filter(|range| !range.is_empty())
}

/// One area of a device or of an image.
#[derive(Debug, Clone, Default)]
pub(super) struct AreaState {
    /// What reads see.
    pub(super) live: Content,
    durable: Content,
    /// From `durable` to `live`, in order.
    unsynced: Vec<Change>,
}

impl AreaState {
    /// An area that exists, durably, and is all zero.
    pub(super) fn zeroed() -> Self {
        let content = Content {
            present: true,
            chunks: Chunks::default(),
        };
        Self {
            live: content.clone(),
            durable: content,
            unsynced: Vec::new(),
        }
    }

    /// Makes a change that is not durable yet.
    pub(super) fn change(&mut self, change: Change) {
        match &change.what {
            // Not cut into sectors: this is the hot path of large tests.
            What::Write { offset, bytes } => self.live.chunks.write(*offset, bytes),
            What::Discard { .. } => change.apply(&mut self.live, &Survival::All),
        }
        self.unsynced.push(change);
    }

    /// A change that the power cut interrupted.
    pub(super) fn change_interrupted(&mut self, change: Change) {
        self.unsynced.push(change);
    }

    /// Makes all changes durable.
    pub(super) fn sync(&mut self) {
        for change in self.unsynced.drain(..) {
            match &change.what {
                What::Write { offset, bytes } => {
                    self.durable.chunks.write(*offset, bytes);
                    self.durable
                        .chunks
                        .share(&self.live.chunks, *offset, bytes.len());
                }
                What::Discard { .. } => change.apply(&mut self.durable, &Survival::All),
            }
        }
    }

    /// Makes of each change durable what `choose` says, and forgets the rest: a later sync does not
    /// write it any more, although reads still see it.
    pub(super) fn settle(&mut self, mut choose: impl FnMut(&Change) -> Survival) {
        for change in self.unsynced.drain(..) {
            change.apply(&mut self.durable, &choose(&change));
        }
    }

    /// What a read past the page cache sees: such a read has unsynced changes written back first.
    /// Those of a sync that failed are not written any more, although the page cache shows them.
    pub(super) const fn stored(&self) -> &Content {
        if self.unsynced.is_empty() {
            &self.durable
        } else {
            &self.live
        }
    }

    /// Only what is durable is left.
    pub(super) fn lose_power(&mut self) {
        self.unsynced.clear();
        self.live = self.durable.clone();
    }

    /// Changes stored bytes behind everybody's back.
    pub(super) fn damage(&mut self, offset: usize, bytes: &[u8]) {
        self.live.chunks.write(offset, bytes);
        self.durable.chunks.write(offset, bytes);
    }

    /// Whether the area is there, or could be again after a power cut.
    pub(super) const fn exists(&self) -> bool {
        self.live.present || self.durable.present
    }

    pub(super) const fn unsynced(&self) -> &[Change] {
        self.unsynced.as_slice()
    }

    /// Continues a checksum over what reads see and over what a power cut leaves.
    pub(super) fn checksum(&self, mut crc: u32) -> u32 {
        for content in [&self.live, &self.durable] {
            crc = crc32c::crc32c_append(crc, &[u8::from(content.present)]);
            crc = content.chunks.checksum(crc);
        }
        crc
    }
}

#[cfg(test)]
mod tests;
