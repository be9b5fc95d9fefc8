//! Batches: atomic sets of mutations, one after the other in the head of a group.

use engine_base::limits::BATCH_MUTATION_BYTES_MAX;
use engine_base::to_usize;
use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::mutation::{RawExtentPut, RawMutation};
use crate::{FormatError, MutationRef, check};

pub use builder::{BatchBuilder, ExtentPut};

const NAME: &str = "batch";

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy)]
#[repr(C)]
struct RawBatch {
    bytes: U32,
    mutations: U16,
    preconditions: U16,
}

const BATCH_HEADER_BYTES: usize = size_of::<RawBatch>();
const _: () = assert!(BATCH_HEADER_BYTES == 8);

/// A batch whose header has been checked, borrowed from its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchRef<'a> {
    bytes: &'a [u8],
    body: &'a [u8],
    count: u16,
}

impl<'a> BatchRef<'a> {
    /// The whole batch as it is encoded.
    #[must_use]
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Number of mutations.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count as usize
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Its mutations in order. An error is the last item.
    #[must_use]
    pub const fn mutations(&self) -> Mutations<'a> {
        Mutations {
            rest: self.body,
            left: self.count,
        }
    }
}

/// The batches in the mutation bytes of a group, or in the bytes of one batch, in order. An error
/// is the last item.
#[must_use]
pub const fn batches(mutation_bytes: &[u8]) -> Batches<'_> {
    Batches {
        rest: mutation_bytes,
    }
}

/// See [`batches`].
#[derive(Debug, Clone)]
pub struct Batches<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Batches<'a> {
    type Item = Result<BatchRef<'a>, FormatError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        match take_batch(self.rest) {
            Ok((batch, rest)) => {
                self.rest = rest;
                Some(Ok(batch))
            }
            Err(error) => {
                self.rest = &[];
                Some(Err(error))
            }
        }
    }
}

fn take_batch(bytes: &[u8]) -> Result<(BatchRef<'_>, &[u8]), FormatError> {
    let truncated = |needed| FormatError::Truncated {
        structure: NAME,
        needed,
        available: bytes.len(),
    };
    let (raw, _) = RawBatch::ref_from_prefix(bytes).map_err(|_| truncated(BATCH_HEADER_BYTES))?;
    let size = to_usize(raw.bytes.get().into());
    let valid = (BATCH_HEADER_BYTES..=BATCH_MUTATION_BYTES_MAX).contains(&size);
    check::field(
        valid,
        NAME,
        "bytes",
        size as u64,
        "it is not the size of a batch",
    )?;
    let preconditions = raw.preconditions.get();
    check::field(
        preconditions == 0,
        NAME,
        "preconditions",
        preconditions,
        "version 1 has none",
    )?;
    let (batch, rest) = bytes
        .split_at_checked(size)
        .ok_or_else(|| truncated(size))?;
    let (_, body) = batch.split_at(BATCH_HEADER_BYTES);
    Ok((
        BatchRef {
            bytes: batch,
            body,
            count: raw.mutations.get(),
        },
        rest,
    ))
}

/// See [`BatchRef::mutations`].
#[derive(Debug, Clone)]
pub struct Mutations<'a> {
    rest: &'a [u8],
    left: u16,
}

impl<'a> Mutations<'a> {
    fn take(&mut self) -> Result<Option<MutationRef<'a>>, FormatError> {
        let Some(left) = self.left.checked_sub(1) else {
            let behind = self.rest.len() as u64;
            check::field(
                behind == 0,
                NAME,
                "bytes",
                behind,
                "bytes follow the last mutation",
            )?;
            return Ok(None);
        };
        let (mutation, rest) = MutationRef::take(self.rest)?;
        *self = Self { rest, left };
        Ok(Some(mutation))
    }
}

impl<'a> Iterator for Mutations<'a> {
    type Item = Result<MutationRef<'a>, FormatError>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = self.take();
        if item.is_err() {
            *self = Self { rest: &[], left: 0 };
        }
        item.transpose()
    }
}

/// Adds `add` bytes (a multiple of 4,096) to every data offset of one encoded batch, because its
/// data follows that of others in a group.
///
/// # Errors
/// [`FormatError`] if the bytes are not one valid batch, or its data would not fit a group there;
/// the bytes are then unspecified.
pub fn rebase_data_offsets(batch: &mut [u8], add: u32) -> Result<(), FormatError> {
    let size = batch.len();
    let (parsed, behind) = take_batch(batch)?;
    check::field(
        behind.is_empty(),
        NAME,
        "bytes",
        behind.len() as u64,
        "there is one batch",
    )?;
    let mut left = parsed.count;
    let mut at = BATCH_HEADER_BYTES;
    while left > 0 {
        let (_, rest) = batch.split_at(at);
        let (mutation, behind) = MutationRef::take(rest)?;
        let next = size - behind.len();
        if let MutationRef::ExtentPut { key, extent, .. } = mutation {
            let body = at + size_of::<RawMutation>() + key.len();
            let moved = extent.data_offset.saturating_add(add);
            let (_, body) = batch.split_at_mut(body);
            patch_data_offset(body, moved);
            let (_, again) = batch.split_at(at);
            MutationRef::take(again)?;
        }
        (at, left) = (next, left - 1);
    }
    check::field(
        at == size,
        NAME,
        "bytes",
        size as u64,
        "bytes follow the last mutation",
    )
}

fn patch_data_offset(body: &mut [u8], data_offset: u32) {
    let (raw, _) = RawExtentPut::mut_from_prefix(body).expect("the payload was decoded before");
    raw.data_offset = U32::new(data_offset);
}

mod builder;
#[cfg(test)]
mod tests;
