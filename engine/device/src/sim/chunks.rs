//! Sparse bytes: only what was written takes memory, and repetitions hardly any.

use std::collections::BTreeMap;
use std::sync::Arc;

/// Bytes of a chunk.
const CHUNK: usize = 4096;
/// Bytes of the word that may stand for a whole chunk.
const WORD: usize = 8;

/// Bytes that read as zero where nothing was written. Cloning shares the memory.
#[derive(Debug, Clone, Default)]
pub(super) struct Chunks(BTreeMap<usize, Chunk>);

/// Chunks that repeat one word are stored as that word: zeroes, fill bytes and the stamps that
/// large tests write, so that pools of many gigabytes fit in memory.
#[derive(Debug, Clone)]
enum Chunk {
    Word([u8; WORD]),
    Bytes(Arc<[u8; CHUNK]>),
}

impl Chunk {
    const ZERO: Self = Self::Word([0; WORD]);

    fn copy_to(&self, skip: usize, to: &mut [u8]) {
        match self {
            Self::Word([byte, rest @ ..]) if rest.iter().all(|other| other == byte) => {
                to.fill(*byte)
            }
            Self::Word(word) => {
                for (index, byte) in to.iter_mut().enumerate() {
                    *byte = word[(skip + index) % WORD];
                }
            }
            Self::Bytes(bytes) => to.copy_from_slice(&bytes[skip..skip + to.len()]),
        }
    }

    fn overwrite(&mut self, skip: usize, from: &[u8]) {
        if let Self::Word(_) = self {
            let mut bytes = [0; CHUNK];
            self.copy_to(0, &mut bytes);
            *self = Self::Bytes(Arc::new(bytes));
        }
        if let Self::Bytes(bytes) = self {
            Arc::make_mut(bytes)[skip..skip + from.len()].copy_from_slice(from);
            // A chunk of period WORD equals itself shifted by WORD.
            if bytes[WORD..] == bytes[..CHUNK - WORD] {
                let word = bytes
                    .first_chunk::<WORD>()
                    .expect("a chunk is longer than a word");
                *self = Self::Word(*word);
            }
        }
    }
}

impl Chunks {
    pub(super) fn read(&self, offset: usize, buf: &mut [u8]) {
        for (index, skip, range) in pieces(offset, buf.len()) {
            self.0
                .get(&index)
                .unwrap_or(&Chunk::ZERO)
                .copy_to(skip, &mut buf[range]);
        }
    }

    pub(super) fn write(&mut self, offset: usize, bytes: &[u8]) {
        for (index, skip, range) in pieces(offset, bytes.len()) {
            self.0
                .entry(index)
                .or_insert(Chunk::ZERO)
                .overwrite(skip, &bytes[range]);
        }
    }

    /// Uses the memory of `other` for the chunks of a range that are equal in both.
    pub(super) fn share(&mut self, other: &Self, offset: usize, bytes: usize) {
        for (index, ..) in pieces(offset, bytes) {
            if let (Some(Chunk::Bytes(ours)), Some(Chunk::Bytes(theirs))) =
                (self.0.get_mut(&index), other.0.get(&index))
                && ours == theirs
            {
                *ours = Arc::clone(theirs);
            }
        }
    }

    /// Continues a checksum over all that is not zero, and where it is.
    pub(super) fn checksum(&self, mut crc: u32) -> u32 {
        let mut bytes = [0; CHUNK];
        for (index, chunk) in &self.0 {
            if !matches!(chunk, Chunk::Word([0, 0, 0, 0, 0, 0, 0, 0])) {
                chunk.copy_to(0, &mut bytes);
                crc = crc32c::crc32c_append(crc, &index.to_le_bytes());
                crc = crc32c::crc32c_append(crc, &bytes);
            }
        }
        crc
    }

    /// Chunks that take their full size in memory.
    #[cfg(test)]
    pub(super) fn full_chunks(&self) -> usize {
        self.0
            .values()
            .filter(|chunk| matches!(chunk, Chunk::Bytes(_)))
            .count()
    }
}

/// Cuts a range into its chunks: index of the chunk, first byte in it, and the range in the buffer.
fn pieces(
    offset: usize,
    bytes: usize,
) -> impl Iterator<Item = (usize, usize, std::ops::Range<usize>)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let (at, skip) = (offset + done, (offset + done) % CHUNK);
        let range = done..bytes.min(done + CHUNK - skip);
        done = range.end;
        (!range.is_empty()).then_some((at / CHUNK, skip, range))
    })
}

#[cfg(test)]
mod tests;
