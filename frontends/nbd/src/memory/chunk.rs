//! Sixteen blocks of a memory export.

use crate::export::{ExtentKind, MapExtent};

/// Bytes of a chunk.
pub(super) const CHUNK_BYTES: u64 = 64 << 10;
const CHUNK: usize = 64 << 10;
const BLOCK: usize = 4096;
const BLOCKS: usize = CHUNK / BLOCK;

/// Contents and allocation.
#[derive(Debug)]
pub(super) struct Chunk {
    /// `None` while nothing but zeroes was ever written.
    bytes: Option<Box<[u8]>>,
    blocks: [ExtentKind; BLOCKS],
}

impl Default for Chunk {
    fn default() -> Self {
        Self {
            bytes: None,
            blocks: [ExtentKind::Hole; BLOCKS],
        }
    }
}

impl Chunk {
    pub(super) fn read(&self, start: usize, out: &mut [u8]) {
        match &self.bytes {
            Some(bytes) => {
                let source = bytes.get(start..start + out.len());
                out.copy_from_slice(source.expect("ranges lie in a chunk"));
            }
            None => out.fill(0),
        }
    }

    pub(super) fn write(&mut self, start: usize, data: &[u8]) {
        let bytes = self
            .bytes
            .get_or_insert_with(|| vec![0; CHUNK].into_boxed_slice());
        let target = bytes.get_mut(start..start + data.len());
        target.expect("ranges lie in a chunk").copy_from_slice(data);
        self.mark(
            start / BLOCK,
            (start + data.len()).div_ceil(BLOCK),
            ExtentKind::Data,
        );
    }

    /// Whole blocks change their kind; of the others only bytes are zeroed.
    pub(super) fn zero(&mut self, start: usize, bytes: usize, no_hole: bool) {
        if let Some(all) = &mut self.bytes
            && let Some(range) = all.get_mut(start..start + bytes)
        {
            range.fill(0);
        }
        let kind = if no_hole {
            ExtentKind::Zero
        } else {
            ExtentKind::Hole
        };
        self.mark(start.div_ceil(BLOCK), (start + bytes) / BLOCK, kind);
    }

    fn mark(&mut self, first: usize, end: usize, kind: ExtentKind) {
        if let Some(blocks) = self.blocks.get_mut(first..end) {
            blocks.fill(kind);
        }
    }

    /// Appends the extents of a range, joined with the last of `out` where the kind is the same.
    pub(super) fn extents(&self, start: usize, bytes: usize, out: &mut Vec<MapExtent>) {
        let end = start + bytes;
        let mut at = start;
        while at < end {
            let block_end = (at / BLOCK + 1) * BLOCK;
            let now = block_end.min(end) - at;
            let kind = self
                .blocks
                .get(at / BLOCK)
                .copied()
                .unwrap_or(ExtentKind::Hole);
            let bytes = u64::try_from(now).unwrap_or(0);
            match out.last_mut() {
                Some(last) if last.kind == kind => last.bytes += bytes,
                _ => out.push(MapExtent { bytes, kind }),
            }
            at += now;
        }
    }
}
