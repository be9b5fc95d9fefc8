//! Where a buffer is zero and where it is not.

use std::ops::Range;

use engine_base::limits::BLOCK_BYTES;

/// A maximal range of whole blocks (the last may be short) that are all zero, or all not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) range: Range<usize>,
    pub(crate) zero: bool,
}

/// The runs of `bytes`, in order, covering all of it.
pub(crate) fn runs(bytes: &[u8]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut at = 0;
    for block in bytes.chunks(BLOCK_BYTES) {
        let zero = is_zero(block);
        let end = at + block.len();
        match runs.last_mut() {
            Some(last) if last.zero == zero => last.range.end = end,
            _ => runs.push(Run {
                range: at..end,
                zero,
            }),
        }
        at = end;
    }
    runs
}

/// Compares with the first sixteen bytes shifted over the rest: one memcmp, which the compiler and
/// libc know how to do fast.
fn is_zero(block: &[u8]) -> bool {
    const HEAD: usize = 16;
    if block.len() <= HEAD {
        return block.iter().all(|&byte| byte == 0);
    }
    let (head, tail) = block.split_at(HEAD);
    head.iter().all(|&byte| byte == 0) && block[..tail.len()] == *tail
}

#[cfg(test)]
mod tests;
