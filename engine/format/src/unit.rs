//! Compressing units, and getting them back.
//!
//! A unit is one LZ4 block in whole stored blocks of 4 KiB, zeroes at the end. Whoever reads one
//! has verified the checksums of what is stored before, so what does not decode was written so.
//! Whatever the bytes, getting them back never panics, never reads or writes outside the two slices
//! and allocates nothing.

use std::cell::RefCell;

use engine_base::limits::BLOCK_BYTES;
use engine_base::{to_u32, to_usize};
use lz4_flex::block::{
    CompressTable, compress_into_with_table, decompress_into, get_maximum_output_size,
};

use crate::{FormatError, UNIT_BYTES_MAX, Unit};

const NAME: &str = "compressed unit";

/// What compressing needs of memory, once a thread.
struct Scratch {
    table: CompressTable,
    output: Vec<u8>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::new(Scratch {
        table: CompressTable::large(),
        output: vec![0; get_maximum_output_size(UNIT_BYTES_MAX)],
    });
}

/// Compresses at most [`UNIT_BYTES_MAX`] bytes by LZ4 and hands what comes out to `take`, unpadded;
/// `None` if it saves no block. What cannot be compressed costs little: LZ4 takes ever larger steps
/// through it.
///
/// # Panics
/// If there are more bytes (programmer error).
pub fn compress_unit<R>(bytes: &[u8], take: impl FnOnce(Unit, &[u8]) -> R) -> Option<R> {
    assert!(bytes.len() <= UNIT_BYTES_MAX, "a unit is 64 KiB at most");
    if bytes.len() <= BLOCK_BYTES {
        return None;
    }
    SCRATCH.with_borrow_mut(|scratch| {
        let Scratch { table, output } = scratch;
        let stored = compress_into_with_table(bytes, output, table)
            .expect("the output takes whatever a unit becomes");
        let unit = Unit::new(NAME, to_u32(bytes.len()), to_u32(stored)).ok()?;
        Some(take(unit, output.get(..stored)?))
    })
}

/// Decompresses the stored blocks of a unit into `bytes`, exactly as long as the unit is.
///
/// # Errors
/// [`FormatError::Unit`] if they do not hold such a unit; `bytes` may have changed.
pub fn decompress_unit(unit: &Unit, stored: &[u8], bytes: &mut [u8]) -> Result<(), FormatError> {
    let failed = |why| FormatError::Unit { why };
    let Some((compressed, padding)) = stored.split_at_checked(unit.stored().into()) else {
        return Err(failed("its stored blocks are cut short"));
    };
    if bytes.len() != to_usize(unit.bytes().into()) {
        return Err(failed("it has another length"));
    }
    if padding.iter().any(|byte| *byte != 0) {
        return Err(failed("its last block is not filled with zeroes"));
    }
    match decompress_into(compressed, bytes) {
        Ok(length) if length == bytes.len() => Ok(()),
        Ok(_) => Err(failed("it decodes to fewer bytes than it should")),
        Err(_) => Err(failed("it does not decode")),
    }
}

#[cfg(test)]
mod tests;
