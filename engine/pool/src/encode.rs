//! What is written, as it will be stored: compressed and sealed, on the caller's thread, before
//! anything is locked.
//!
//! Compressed data is put together in units that end at multiples of 64 KiB of the object, so that
//! what is written over it in the same way replaces whole units. What does not compress stays as it
//! is, in extents as long as ever; where nothing of a write does, its buffer is not even copied.

use std::ops::Range;

use engine_base::limits::{BLOCK, BLOCK_BYTES, EXTENT_BYTES_MAX};
use engine_base::{DatasetId, align_up, to_u32, to_usize};
use engine_device::PageBuf;
use engine_format::{
    BatchBuilder, Codec, Compression, ExtentPut, SEALED_BYTES_MAX, SealRef, UNIT_BYTES_MAX, Unit,
    compress_unit,
};

use crate::keyring::{Sealed, Sealer};

/// Data of a batch, and the extents that it becomes.
#[derive(Debug)]
pub struct Encoded {
    data: PageBuf,
    checksums: Vec<u32>,
    bytes: usize,
    sealed: Option<Sealed>,
    /// `None`: the data is what was given, as it was.
    parts: Option<Vec<Part>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Part {
    /// First byte, from the start of what was given.
    from: usize,
    bytes: usize,
    form: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// From this byte of the data on.
    Plain(usize),
    Unit(usize, Unit),
}

impl Encoded {
    /// `bytes` bytes that belong at `offset` of an object, the start of a block, in whole blocks
    /// `data`.
    ///
    /// # Panics
    /// If there are more bytes than blocks (programmer error).
    #[must_use]
    pub fn new(compression: Compression, offset: u64, given: (PageBuf, usize)) -> Self {
        Self::sealed(None, compression, offset, given)
    }

    /// The same, sealed after it was compressed, if anything seals it.
    ///
    /// # Panics
    /// As [`Encoded::new`].
    #[must_use]
    pub fn sealed(
        sealer: Option<&Sealer>,
        compression: Compression,
        offset: u64,
        (data, bytes): (PageBuf, usize),
    ) -> Self {
        assert!(bytes <= data.len(), "what is put is there");
        let (mut data, parts) = match compression {
            Compression::Off => (data, None),
            Compression::Lz4 => {
                let mut encoder = Encoder {
                    data,
                    bytes,
                    output: None,
                    parts: Vec::new(),
                };
                encoder.run(offset);
                encoder.finish()
            }
        };
        let sealed = sealer.map(|sealer| sealer.seal(&mut data));
        let checksums = data.chunks(BLOCK_BYTES).map(crc32c::crc32c).collect();
        Self {
            data,
            checksums,
            bytes,
            sealed,
            parts,
        }
    }

    /// Bytes that it adds to the data of its batch.
    #[must_use]
    pub fn data_bytes(&self) -> usize {
        self.data.len()
    }

    /// Puts it at `offset` of the object whose keys start with `prefix`, where its data will lie
    /// behind `data_bytes` bytes of the batch's data; that data.
    pub fn add_to(
        self,
        batch: &mut BatchBuilder,
        (dataset, prefix): (DatasetId, &[u8]),
        offset: u64,
        data_bytes: usize,
    ) -> PageBuf {
        let whole = [Part {
            from: 0,
            bytes: self.bytes,
            form: Form::Plain(0),
        }];
        for part in self.parts.as_deref().unwrap_or(&whole) {
            let at = offset + part.from as u64;
            match part.form {
                Form::Unit(start, unit) => {
                    let put = ExtentPut {
                        offset: at,
                        bytes: unit.bytes(),
                        data_offset: to_u32(data_bytes + start),
                        skip: 0,
                        codec: Codec::Lz4(unit),
                    };
                    let first = start / BLOCK_BYTES;
                    let last = first + to_usize(unit.blocks().into());
                    batch.sealed_extent_put(dataset, prefix, &put, self.stored(first..last));
                }
                Form::Plain(start) => {
                    self.add_plain(batch, (dataset, prefix), part, (offset, data_bytes + start));
                }
            }
        }
        self.data
    }

    /// What an extent says of these blocks.
    fn stored(&self, blocks: Range<usize>) -> (&[u32], Option<SealRef<'_>>) {
        let checksums = self.checksums.get(blocks.clone()).unwrap_or_default();
        // Never without: as data that is not sealed it would be lost.
        let part = |sealed| Sealed::part(sealed, blocks).expect("each block has one tag");
        (checksums, self.sealed.as_ref().map(part))
    }

    /// More than an extent takes becomes several.
    fn add_plain(
        &self,
        batch: &mut BatchBuilder,
        (dataset, prefix): (DatasetId, &[u8]),
        part: &Part,
        (offset, data_at): (u64, usize),
    ) {
        let Form::Plain(start) = part.form else {
            return;
        };
        let extent = match self.sealed {
            None => to_usize(EXTENT_BYTES_MAX),
            Some(_) => SEALED_BYTES_MAX,
        };
        let first = start / BLOCK_BYTES;
        let last = first + part.bytes.div_ceil(BLOCK_BYTES);
        for (index, first) in (first..last).step_by(extent / BLOCK_BYTES).enumerate() {
            let from = index * extent;
            let put = ExtentPut {
                offset: offset + (part.from + from) as u64,
                bytes: to_u32((part.bytes - from).min(extent)),
                data_offset: to_u32(data_at + from),
                skip: 0,
                codec: Codec::None,
            };
            let end = last.min(first + extent / BLOCK_BYTES);
            batch.sealed_extent_put(dataset, prefix, &put, self.stored(first..end));
        }
    }
}

/// Goes through the units of what was given.
struct Encoder {
    data: PageBuf,
    bytes: usize,
    /// What is stored, once that differs from what was given, and how far it is filled.
    output: Option<(PageBuf, usize)>,
    parts: Vec<Part>,
}

impl Encoder {
    fn run(&mut self, offset: u64) {
        let unit = UNIT_BYTES_MAX as u64;
        let mut from = 0;
        while from < self.bytes {
            let at = offset + from as u64;
            let end = to_usize(align_up(at + 1, unit) - offset).min(self.bytes);
            self.unit(from, end);
            from = end;
        }
    }

    fn unit(&mut self, from: usize, end: usize) {
        let Self { data, output, .. } = self;
        let bytes = data.get(from..end).unwrap_or_default();
        let part = |form| Part {
            from,
            bytes: end - from,
            form,
        };
        let compressed = compress_unit(bytes, |unit, stored| {
            let (to, filled) = output.get_or_insert_with(|| copy_before(data, from));
            let start = *filled;
            append(to, filled, stored);
            part(Form::Unit(start, unit))
        });
        if let Some(part) = compressed {
            return self.parts.push(part);
        }
        let start = match output {
            None => from,
            Some((to, filled)) => {
                let start = *filled;
                append(to, filled, bytes);
                start
            }
        };
        match self.parts.last_mut() {
            Some(Part {
                bytes,
                form: Form::Plain(_),
                ..
            }) => *bytes += end - from,
            _ => self.parts.push(part(Form::Plain(start))),
        }
    }

    fn finish(self) -> (PageBuf, Option<Vec<Part>>) {
        match self.output {
            None => (self.data, None),
            Some((mut output, filled)) => {
                output.truncate(filled);
                (output, Some(self.parts))
            }
        }
    }
}

/// A buffer for what is stored, with what was not compressed so far.
fn copy_before(data: &PageBuf, filled: usize) -> (PageBuf, usize) {
    let mut output = PageBuf::recycled(data.len());
    if let (Some(to), Some(from)) = (output.get_mut(..filled), data.get(..filled)) {
        to.copy_from_slice(from);
    }
    (output, filled)
}

/// Appends bytes, and zeroes up to the next block: never more than the blocks that they came from.
fn append(to: &mut PageBuf, filled: &mut usize, bytes: &[u8]) {
    let end = to_usize(align_up((*filled + bytes.len()) as u64, BLOCK));
    let room = to.get_mut(*filled..end).unwrap_or_default();
    let (head, padding) = room.split_at_mut(bytes.len().min(room.len()));
    head.copy_from_slice(bytes);
    padding.fill(0);
    *filled = end;
}

#[cfg(test)]
mod tests;
