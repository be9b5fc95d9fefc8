//! Sealing and opening blocks.

use std::fmt;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use super::keys::{KEY_BYTES, SealError};
use super::{DataKey, Salt, SessionId, Tag};

/// Seals and opens the blocks of one session.
///
/// Whoever seals gives each block a number of its own; two blocks with one number would give both
/// away.
pub struct BlockCipher(LessSafeKey);

impl BlockCipher {
    /// The cipher of the session `session` with this salt, of a family with this data key.
    #[must_use]
    pub fn new(key: &DataKey, session: SessionId, salt: &Salt) -> Self {
        Self(cipher(&key.of_session(session, salt)))
    }

    /// Encrypts a block in place.
    #[must_use]
    pub fn seal(&self, number: u64, block: &mut [u8]) -> Tag {
        seal(&self.0, nonce(number), &[], block)
    }

    /// Decrypts a block in place; `Err` if it is not what was sealed with that number: then the
    /// block means nothing.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn open(&self, number: u64, tag: &Tag, block: &mut [u8]) -> Result<(), SealError> {
        open(&self.0, nonce(number), &[], tag, block)
    }
}

impl fmt::Debug for BlockCipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BlockCipher")
    }
}

/// The number, little-endian, and zeroes.
fn nonce(number: u64) -> [u8; NONCE_LEN] {
    let mut nonce = [0; NONCE_LEN];
    let (to, _) = nonce.split_at_mut(size_of::<u64>());
    to.copy_from_slice(&number.to_le_bytes());
    nonce
}

pub(super) fn cipher(key: &[u8; KEY_BYTES]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("the key has 32 bytes"))
}

pub(super) fn seal(key: &LessSafeKey, nonce: [u8; NONCE_LEN], aad: &[u8], data: &mut [u8]) -> Tag {
    let nonce = Nonce::assume_unique_for_key(nonce);
    let tag = key
        .seal_in_place_separate_tag(nonce, Aad::from(aad), data)
        .expect("a block is shorter than what one nonce takes");
    tag.as_ref().try_into().expect("tags have 16 bytes")
}

pub(super) fn open(
    key: &LessSafeKey,
    nonce: [u8; NONCE_LEN],
    aad: &[u8],
    tag: &Tag,
    data: &mut [u8],
) -> Result<(), SealError> {
    let nonce = Nonce::assume_unique_for_key(nonce);
    let opened = key.open_in_place_separate_tag(nonce, Aad::from(aad), (*tag).into(), data, 0..);
    opened.map(|_| ()).map_err(|_unspecified| SealError)
}
