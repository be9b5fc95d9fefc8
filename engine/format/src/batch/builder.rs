//! Putting batches together.

use engine_base::limits::BATCH_MUTATION_BYTES_MAX;
use engine_base::{DatasetId, to_u32};
use zerocopy::IntoBytes;
use zerocopy::little_endian::{U16, U32, U64};

use super::{BATCH_HEADER_BYTES, NAME, RawBatch};
use crate::mutation::{
    CHARGE, DELETE, EXTENT_CLEAR, EXTENT_PUT, EXTENT_RELEASE, EXTENT_SHARE, PUT, RawExtentClear,
    RawExtentPut, RawExtentShare, RawMutation, RawSeal, TOUCH,
};
use crate::{
    Charge, Codec, EXTENT_BLOCKS_MAX, ExtentShareRef, FormatError, MutationRef, SealRef, Touch,
    check,
};

/// What an extent put maps, besides the checksums of its blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExtentPut {
    /// First byte of the range in the object.
    pub offset: u64,
    /// Bytes of the range: 1 to 1 MiB.
    pub bytes: u32,
    /// Where the first stored block lies, from the start of the batch's data: a multiple of 4,096.
    pub data_offset: u32,
    /// Bytes of that block before the range's first byte; 0 where it is compressed.
    pub skip: u16,
    /// How the stored bytes are encoded; a unit is that range.
    pub codec: Codec,
}

/// Puts a batch together.
///
/// Adding a mutation that decoding would refuse is a programmer error and panics: keys, values and
/// ranges are checked by whoever takes them from a client. Only the size of the whole is checked at
/// the end.
#[derive(Debug)]
pub struct BatchBuilder {
    bytes: Vec<u8>,
    mutations: usize,
}

impl Default for BatchBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl BatchBuilder {
    /// An empty batch.
    #[must_use]
    pub fn new() -> Self {
        Self::reusing(Vec::new())
    }

    /// An empty batch in the memory of `buffer`, whose content is dropped.
    #[must_use]
    pub fn reusing(mut buffer: Vec<u8>) -> Self {
        buffer.clear();
        buffer.resize(BATCH_HEADER_BYTES, 0);
        Self {
            bytes: buffer,
            mutations: 0,
        }
    }

    /// Number of mutations so far.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.mutations
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.mutations == 0
    }

    /// Encoded bytes so far: at most [`BATCH_MUTATION_BYTES_MAX`] can be finished.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Sets the value of `key`.
    ///
    /// # Panics
    /// If key or value are over the limits.
    pub fn put(&mut self, dataset: DatasetId, key: &[u8], value: &[u8]) {
        self.push(PUT, dataset, key, &[value]);
    }

    /// Removes `key`.
    ///
    /// # Panics
    /// If the key is over the limit.
    pub fn delete(&mut self, dataset: DatasetId, key: &[u8]) {
        self.push(DELETE, dataset, key, &[]);
    }

    /// Maps a range of the object whose keys start with `prefix` to data of this batch.
    ///
    /// # Panics
    /// If the range is not valid, or `checksums` are not one CRC32C for each stored block.
    pub fn extent_put(
        &mut self,
        dataset: DatasetId,
        prefix: &[u8],
        put: &ExtentPut,
        checksums: &[u32],
    ) {
        self.sealed_extent_put(dataset, prefix, put, (checksums, None));
    }

    /// The same of data that was sealed, if it was.
    ///
    /// # Panics
    /// As [`BatchBuilder::extent_put`]; if there is not one tag for each stored block.
    pub fn sealed_extent_put(
        &mut self,
        dataset: DatasetId,
        prefix: &[u8],
        put: &ExtentPut,
        (checksums, seal): (&[u32], Option<SealRef<'_>>),
    ) {
        let raw = RawExtentPut {
            offset: U64::new(put.offset),
            bytes: U32::new(put.bytes),
            data_offset: U32::new(put.data_offset),
            skip: U16::new(match put.codec {
                Codec::None => put.skip,
                Codec::Lz4(unit) => unit.stored(),
            }),
            codec: put.codec.get(),
            sealed: seal.is_some().into(),
        };
        let mut encoded = [U32::ZERO; EXTENT_BLOCKS_MAX];
        let Some(encoded) = encoded.get_mut(..checksums.len()) else {
            panic!(
                "an extent has at most {EXTENT_BLOCKS_MAX} blocks, not {}",
                checksums.len()
            );
        };
        for (to, from) in encoded.iter_mut().zip(checksums) {
            *to = U32::new(*from);
        }
        let (raw, encoded) = (raw.as_bytes(), encoded.as_bytes());
        let Some(seal) = seal else {
            return self.push(EXTENT_PUT, dataset, prefix, &[raw, encoded]);
        };
        let raw_seal = RawSeal {
            session: U32::new(seal.session().get()),
            first: U64::new(seal.first()),
        };
        let payload = [raw, encoded, raw_seal.as_bytes(), seal.tag_bytes()];
        self.push(EXTENT_PUT, dataset, prefix, &payload);
    }

    /// Makes a range of the object whose keys start with `prefix` a hole.
    ///
    /// # Panics
    /// If the range is empty or ends behind byte 2^64 - 1.
    pub fn extent_clear(&mut self, dataset: DatasetId, prefix: &[u8], offset: u64, bytes: u64) {
        let raw = RawExtentClear {
            offset: U64::new(offset),
            bytes: U64::new(bytes),
        };
        self.push(EXTENT_CLEAR, dataset, prefix, &[raw.as_bytes()]);
    }

    /// Says that what a range of the object whose keys start with `prefix` maps is dead.
    ///
    /// # Panics
    /// If the range is empty or ends behind byte 2^64 - 1.
    pub fn extent_release(&mut self, dataset: DatasetId, prefix: &[u8], offset: u64, bytes: u64) {
        let raw = RawExtentClear {
            offset: U64::new(offset),
            bytes: U64::new(bytes),
        };
        self.push(EXTENT_RELEASE, dataset, prefix, &[raw.as_bytes()]);
    }

    /// Maps a range of the object whose keys start with `prefix` to what another range maps.
    ///
    /// # Panics
    /// If a range is empty or ends behind byte 2^64 - 1.
    pub fn extent_share(&mut self, dataset: DatasetId, prefix: &[u8], share: &ExtentShareRef<'_>) {
        let raw = RawExtentShare {
            offset: U64::new(share.offset),
            bytes: U64::new(share.bytes),
            from: U64::new(share.from),
        };
        let payload = [raw.as_bytes(), share.source];
        self.push(EXTENT_SHARE, dataset, prefix, &payload);
    }

    /// Merges `touch` into the directory state at `key`.
    ///
    /// # Panics
    /// If the key is over the limit.
    pub fn touch(&mut self, dataset: DatasetId, key: &[u8], touch: &Touch) {
        self.push(TOUCH, dataset, key, &[&touch.encode()]);
    }

    /// Merges `charge` into the usage at `key`.
    ///
    /// # Panics
    /// If the key is over the limit.
    pub fn charge(&mut self, dataset: DatasetId, key: &[u8], charge: &Charge) {
        self.push(CHARGE, dataset, key, &[&charge.encode()]);
    }

    /// The encoded batch.
    ///
    /// # Errors
    /// [`FormatError::Field`] if it has more bytes or mutations than a batch may have: the caller
    /// splits it.
    pub fn finish(mut self) -> Result<Vec<u8>, FormatError> {
        let size = self.bytes.len();
        let why = "it is more than a batch may carry";
        check::field(
            size <= BATCH_MUTATION_BYTES_MAX,
            NAME,
            "bytes",
            size as u64,
            why,
        )?;
        let mutations = u16::try_from(self.mutations).map_err(|_| FormatError::Field {
            structure: NAME,
            name: "mutations",
            value: self.mutations as u64,
            why,
        })?;
        let header = RawBatch {
            bytes: U32::new(to_u32(size)),
            mutations: U16::new(mutations),
            preconditions: U16::ZERO,
        };
        let (target, _) = self.bytes.split_at_mut(BATCH_HEADER_BYTES);
        target.copy_from_slice(header.as_bytes());
        Ok(self.bytes)
    }

    fn push(&mut self, kind: u8, dataset: DatasetId, key: &[u8], payload: &[&[u8]]) {
        let start = self.bytes.len();
        let header = RawMutation {
            kind,
            reserved: 0,
            key_bytes: U16::new(u16::try_from(key.len()).expect("keys are shorter than 64 KiB")),
            payload_bytes: U32::new(to_u32(payload.iter().map(|part| part.len()).sum())),
            dataset: U64::new(dataset.get()),
        };
        self.bytes.extend_from_slice(header.as_bytes());
        self.bytes.extend_from_slice(key);
        for part in payload {
            self.bytes.extend_from_slice(part);
        }
        let (_, written) = self.bytes.split_at(start);
        if let Err(error) = MutationRef::take(written) {
            panic!("refusing to commit a mutation that could not be replayed: {error}");
        }
        self.mutations += 1;
    }
}
