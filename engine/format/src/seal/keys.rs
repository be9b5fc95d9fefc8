//! Keys: one of the operator, and one for each family of datasets.

use std::fmt;

use ring::hkdf::{HKDF_SHA256, KeyType, Salt as HkdfSalt};

use engine_base::DatasetId;

use super::cipher::{cipher, open, seal};
use super::{SessionId, WrappedKey};

/// Bytes of a key.
pub const KEY_BYTES: usize = 32;

/// Random bits that a derived key is drawn with.
pub type Salt = [u8; 32];

/// Does not authenticate: another key, or other bytes than those that were sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it does not authenticate: the key is another one, or the bytes were changed")]
pub struct SealError;

/// The name of a master key: follows from it, and says nothing of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MasterKeyId(pub(super) [u8; 8]);

impl fmt::Display for MasterKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for MasterKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The key of the operator, under which data keys are kept.
#[derive(Clone, PartialEq, Eq)]
pub struct MasterKey([u8; KEY_BYTES]);

/// The key of a family of datasets. Keys of sessions follow from it; nothing is sealed with it.
#[derive(Clone, PartialEq, Eq)]
pub struct DataKey([u8; KEY_BYTES]);

impl MasterKey {
    /// The key of these bytes, which somebody drew.
    #[must_use]
    pub const fn new(bytes: [u8; KEY_BYTES]) -> Self {
        Self(bytes)
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> MasterKeyId {
        let [a, b, c, d, e, f, g, h, ..] = derive(&self.0, &[], &[b"trefoil master key id"]);
        MasterKeyId([a, b, c, d, e, f, g, h])
    }

    /// Wraps the data key of a family. The salt was drawn for that.
    #[must_use]
    pub fn wrap(&self, key: &DataKey, family: DatasetId, salt: Salt) -> WrappedKey {
        let mut wrapped = WrappedKey {
            master: self.id(),
            salt,
            sealed: key.0,
            tag: [0; 16],
        };
        let (cipher, aad) = self.wrapping(&wrapped, family);
        wrapped.tag = seal(&cipher, [0; 12], &aad, &mut wrapped.sealed);
        wrapped
    }

    /// The data key that this key wrapped for that family.
    ///
    /// # Errors
    /// [`SealError`] if it did not.
    pub fn unwrap(&self, wrapped: &WrappedKey, family: DatasetId) -> Result<DataKey, SealError> {
        let (cipher, aad) = self.wrapping(wrapped, family);
        let mut key = wrapped.sealed;
        open(&cipher, [0; 12], &aad, &wrapped.tag, &mut key)?;
        Ok(DataKey(key))
    }

    /// The salt gives a key that seals this once, so any nonce does.
    fn wrapping(
        &self,
        wrapped: &WrappedKey,
        family: DatasetId,
    ) -> (ring::aead::LessSafeKey, Vec<u8>) {
        let family = family.get().to_le_bytes();
        let key = derive(&self.0, &wrapped.salt, &[b"trefoil wrapped key", &family]);
        let aad = [&wrapped.head()[..], &family].concat();
        (cipher(&key), aad)
    }
}

impl DataKey {
    /// The key of these bytes, which somebody drew.
    #[must_use]
    pub const fn new(bytes: [u8; KEY_BYTES]) -> Self {
        Self(bytes)
    }

    pub(super) fn of_session(&self, session: SessionId, salt: &Salt) -> [u8; KEY_BYTES] {
        let session = session.get().to_le_bytes();
        derive(&self.0, salt, &[b"trefoil session", &session])
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({})", self.id())
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey")
    }
}

struct KeyLength;

impl KeyType for KeyLength {
    fn len(&self) -> usize {
        KEY_BYTES
    }
}

/// HKDF-SHA-256 (RFC 5869).
fn derive(key: &[u8; KEY_BYTES], salt: &[u8], info: &[&[u8]]) -> [u8; KEY_BYTES] {
    let mut derived = [0; KEY_BYTES];
    let extracted = HkdfSalt::new(HKDF_SHA256, salt).extract(key);
    extracted
        .expand(info, KeyLength)
        .and_then(|output| output.fill(&mut derived))
        .expect("one block of output is asked for");
    derived
}
