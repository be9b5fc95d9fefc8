//! The segment table: the space of a checkpoint as pages.

use std::collections::BTreeMap;

use engine_base::limits::PAGE_BYTES;
use engine_base::{Checksum, SegmentId};
use engine_device::Device;
use engine_format::{
    CheckpointId, PagePointer, SEGMENT_ENTRIES_MAX, SegmentEntry, SegmentTablePage,
};
use engine_log::{IndexStream, LogError, SegmentSource};

use super::Segment;
use crate::StoreError;
use crate::pages::PageReader;

/// Bytes that the table of `entries` takes in the index stream, both copies.
pub(crate) fn table_bytes(entries: usize) -> u64 {
    (pages(entries) * 2 * PAGE_BYTES) as u64
}

fn pages(entries: usize) -> usize {
    entries.div_ceil(SEGMENT_ENTRIES_MAX).max(1)
}

/// Appends the table in exactly `bytes` bytes, which were computed before all entries were known,
/// last page first because each page names the next, and returns the pointer to its first page.
pub(crate) fn write_table(
    checkpoint: CheckpointId,
    entries: &[SegmentEntry],
    bytes: u64,
    stream: &mut IndexStream,
    device: &dyn Device,
    source: &dyn SegmentSource,
) -> Result<Option<PagePointer>, LogError> {
    let mut next = None;
    let mut chunks: Vec<&[SegmentEntry]> = entries.chunks(SEGMENT_ENTRIES_MAX).collect();
    let pages = engine_base::to_usize(bytes) / (2 * PAGE_BYTES);
    assert!(chunks.len() <= pages, "the table grew while it was written");
    chunks.resize(pages, &[]);
    for chunk in chunks.into_iter().rev() {
        let bytes = SegmentTablePage {
            checkpoint,
            next,
            entries: chunk.to_vec(),
        }
        .encode();
        let base = stream.append(device, source, &bytes, engine_base::limits::BLOCK)?;
        let copy = stream.append(device, source, &bytes, engine_base::limits::BLOCK)?;
        let checksum = Checksum::new(crc32c::crc32c(&bytes));
        next = Some(PagePointer {
            base,
            checksum,
            copy: Some(copy),
            delta: None,
        });
    }
    Ok(next)
}

/// The segments of a table, and the pointers to its pages.
pub(crate) struct LoadedTable {
    pub(crate) segments: BTreeMap<SegmentId, Segment>,
    pub(crate) pages: Vec<PagePointer>,
}

/// Reads the table that `first` points to. Its own pages lie in segments that only the table names,
/// so `reader` knows where those are.
pub(crate) fn read_table(
    reader: PageReader<'_>,
    checkpoint: CheckpointId,
    first: Option<PagePointer>,
) -> Result<LoadedTable, StoreError> {
    let mut segments = BTreeMap::new();
    let mut pages = Vec::new();
    let mut next = first;
    while let Some(pointer) = next {
        let page = reader.table_page(&pointer, checkpoint)?;
        for entry in &page.entries {
            segments.insert(entry.segment, from_entry(entry));
        }
        pages.push(pointer);
        if pages.len() > segments.len() + 1 {
            return Err(StoreError::Inconsistent {
                what: format!("the segment table does not end behind {}", pointer.base),
            });
        }
        next = page.next;
    }
    Ok(LoadedTable { segments, pages })
}

fn from_entry(entry: &SegmentEntry) -> Segment {
    Segment {
        slot: entry.slot,
        kind: entry.kind,
        state: entry.state,
        written: entry.written_bytes,
        live: entry.live_bytes,
        live_excess: entry.live_excess,
        last_lsn: entry.last_lsn,
    }
}
