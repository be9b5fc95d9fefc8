//! The survivors of a stretch: one bit for each block, and their two forms on disk.

use engine_base::to_usize;
use zerocopy::FromBytes;
use zerocopy::little_endian::U16;

use super::{NAME, REDIRECT_BLOCKS, WORD, truncated};
use crate::{FormatError, check};

pub(super) fn set(words: &mut Vec<u64>, block: u32) {
    let index = to_usize(u64::from(block / WORD));
    if words.len() <= index {
        words.resize(index + 1, 0);
    }
    if let Some(word) = words.get_mut(index) {
        *word |= 1 << (block % WORD);
    }
}

pub(super) fn blocks_of(words: &[u64]) -> impl Iterator<Item = u32> {
    (0..).zip(words).flat_map(|(index, word)| {
        let is_set = move |bit: &u32| word & (1 << bit) != 0;
        (0..WORD).filter(is_set).map(move |bit| index * WORD + bit)
    })
}

/// Checks a bitmap.
pub(super) fn words_of_bitmap(bytes: &[u8]) -> Result<Vec<u64>, FormatError> {
    let most = to_usize(u64::from(REDIRECT_BLOCKS / 8));
    let valid = bytes.len() <= most && bytes.last().is_some_and(|last| *last != 0);
    let why = "it ends with the byte of the last survivor";
    check::field(valid, NAME, "bitmap", bytes.len() as u64, why)?;
    let mut words = vec![0; bytes.len().div_ceil(size_of::<u64>())];
    for (word, bytes) in words.iter_mut().zip(bytes.chunks(size_of::<u64>())) {
        let mut whole = [0; size_of::<u64>()];
        whole
            .iter_mut()
            .zip(bytes)
            .for_each(|(to, from)| *to = *from);
        *word = u64::from_le_bytes(whole);
    }
    Ok(words)
}

/// Checks a list.
pub(super) fn words_of_list(bytes: &[u8]) -> Result<Vec<u64>, FormatError> {
    let list = <[U16]>::ref_from_bytes(bytes).map_err(|_| truncated(bytes.len() + 1, bytes))?;
    let (mut words, mut before) = (Vec::new(), None);
    for block in list {
        let block = u32::from(block.get());
        let valid = block < REDIRECT_BLOCKS && before.is_none_or(|before| before < block);
        let why = "survivors ascend and lie in the stretch";
        check::field(valid, NAME, "survivor", block, why)?;
        before = Some(block);
        set(&mut words, block);
    }
    Ok(words)
}
