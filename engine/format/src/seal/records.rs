//! What the pool's own tree keeps of keys: wrapped data keys, and sessions.

use std::mem::offset_of;

use engine_base::DatasetId;
use zerocopy::little_endian::U64;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::keys::{KEY_BYTES, MasterKeyId, Salt};
use super::{TAG_BYTES, Tag};
use crate::{FormatError, check};

/// Bytes of a wrapped key.
pub const WRAPPED_KEY_BYTES: usize = size_of::<RawWrappedKey>();
/// Bytes of a session.
pub const SEALING_SESSION_BYTES: usize = size_of::<RawSession>();

const WRAPPED: &str = "wrapped key";
const SESSION: &str = "sealing session";
const VERSION: u8 = 1;
const AES_256_GCM: u8 = 1;

/// The data key of a family, as a master key sealed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WrappedKey {
    /// The master key.
    pub master: MasterKeyId,
    /// Drawn for this wrapping.
    pub salt: Salt,
    /// The data key, sealed.
    pub sealed: [u8; KEY_BYTES],
    /// Authenticates it, with the fields before it and the family.
    pub tag: Tag,
}

/// A session: what it takes, besides the data key of its family, to open what was sealed in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealingSession {
    /// The family that it is of.
    pub family: DatasetId,
    /// Drawn for this session.
    pub salt: Salt,
}

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy)]
#[repr(C)]
struct RawHead {
    version: u8,
    cipher: u8,
    reserved: [u8; 6],
}

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy)]
#[repr(C)]
struct RawWrappedKey {
    head: RawHead,
    master: [u8; 8],
    salt: [u8; 32],
    sealed: [u8; KEY_BYTES],
    tag: [u8; TAG_BYTES],
}

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy)]
#[repr(C)]
struct RawSession {
    head: RawHead,
    family: U64,
    salt: [u8; 32],
}

const _: () = assert!(size_of::<RawWrappedKey>() == 96);
const _: () = assert!(offset_of!(RawWrappedKey, sealed) == 48);
const _: () = assert!(size_of::<RawSession>() == 48);
const _: () = assert!(offset_of!(RawSession, salt) == 16);

const HEAD: RawHead = RawHead {
    version: VERSION,
    cipher: AES_256_GCM,
    reserved: [0; 6],
};

impl RawHead {
    fn verify(&self, structure: &'static str) -> Result<(), FormatError> {
        if self.version != VERSION {
            let (found, supported) = (self.version.into(), VERSION.into());
            return Err(FormatError::UnsupportedVersion {
                structure,
                found,
                supported,
            });
        }
        let why = "the only cipher is 1 (AES-256-GCM)";
        check::field(
            self.cipher == AES_256_GCM,
            structure,
            "cipher",
            self.cipher,
            why,
        )?;
        check::zero(&self.reserved, structure, "reserved")
    }
}

fn raw<'a, T: FromBytes + KnownLayout + Immutable>(
    structure: &'static str,
    value: &'a [u8],
) -> Result<&'a T, FormatError> {
    T::ref_from_bytes(value).map_err(|_| match value.len() {
        available if available < size_of::<T>() => FormatError::Truncated {
            structure,
            needed: size_of::<T>(),
            available,
        },
        length => FormatError::Field {
            structure,
            name: "bytes",
            value: length as u64,
            why: "bytes follow it",
        },
    })
}

impl WrappedKey {
    fn raw(&self) -> RawWrappedKey {
        RawWrappedKey {
            head: HEAD,
            master: self.master.0,
            salt: self.salt,
            sealed: self.sealed,
            tag: self.tag,
        }
    }

    /// What is authenticated with the key besides the family: all that lies before it.
    pub(super) fn head(&self) -> Vec<u8> {
        let raw = self.raw();
        let (head, _) = raw.as_bytes().split_at(offset_of!(RawWrappedKey, sealed));
        head.to_vec()
    }

    /// The value.
    #[must_use]
    pub fn encode(&self) -> [u8; WRAPPED_KEY_BYTES] {
        let mut bytes = [0; WRAPPED_KEY_BYTES];
        bytes.copy_from_slice(self.raw().as_bytes());
        bytes
    }

    /// Checks a value; whether it is the right key shows when it is unwrapped.
    ///
    /// # Errors
    /// [`FormatError::Truncated`], [`FormatError::UnsupportedVersion`], [`FormatError::Field`].
    pub fn decode(value: &[u8]) -> Result<Self, FormatError> {
        let raw: &RawWrappedKey = raw(WRAPPED, value)?;
        raw.head.verify(WRAPPED)?;
        Ok(Self {
            master: MasterKeyId(raw.master),
            salt: raw.salt,
            sealed: raw.sealed,
            tag: raw.tag,
        })
    }
}

impl SealingSession {
    /// The value.
    #[must_use]
    pub fn encode(&self) -> [u8; SEALING_SESSION_BYTES] {
        let raw = RawSession {
            head: HEAD,
            family: U64::new(self.family.get()),
            salt: self.salt,
        };
        let mut bytes = [0; SEALING_SESSION_BYTES];
        bytes.copy_from_slice(raw.as_bytes());
        bytes
    }

    /// Checks a value.
    ///
    /// # Errors
    /// [`FormatError::Truncated`], [`FormatError::UnsupportedVersion`], [`FormatError::Field`].
    pub fn decode(value: &[u8]) -> Result<Self, FormatError> {
        let raw: &RawSession = raw(SESSION, value)?;
        raw.head.verify(SESSION)?;
        let family = raw.family.get();
        let valid = family >= DatasetId::FIRST_USER.get();
        let why = "the pool's own trees are not sealed";
        check::field(valid, SESSION, "family", family, why)?;
        Ok(Self {
            family: DatasetId::new(family),
            salt: raw.salt,
        })
    }
}
