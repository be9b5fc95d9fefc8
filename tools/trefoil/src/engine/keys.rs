//! The access keys of a pool: settings of it, and all of them in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine_base::ErrorKind;
use engine_pool::{Pool, StoreError, block_on};
use frontends_s3::{AccessKey, Keys};
use parking_lot::{Mutex, RwLock};
use serde::{Deserialize, Serialize};

use crate::backend::BackendError;
use crate::control::protocol::{KeyRequest, KeyRow, KeySecret};

/// Names of the settings, before the id.
const PREFIX: &str = "key/";
const ID_BYTES: usize = 20;
const ID_ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const SECRET_BYTES: usize = 40;
const SECRET_ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// Characters of an id and of a secret that are given. A shorter secret is guessed.
const ID_CHARACTERS: std::ops::RangeInclusive<usize> = 3..=128;
const SECRET_CHARACTERS: std::ops::RangeInclusive<usize> = 8..=128;
const UMASK_DEFAULT: u16 = 0o022;
/// Of keys, all of which are in memory.
const KEYS_MAX: usize = 10_000;

/// Every access key of a pool.
pub(crate) struct KeyRing {
    pool: Arc<Pool>,
    keys: RwLock<BTreeMap<String, Known>>,
    /// Held while one is made or deleted, so that memory and pool say the same.
    changing: Mutex<()>,
}

#[derive(Clone)]
struct Known {
    key: Arc<AccessKey>,
    created_unix_nanos: u64,
}

/// A key as it is stored, under its id.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    secret: String,
    bucket: Option<String>,
    read_only: bool,
    uid: u32,
    gid: u32,
    umask: u16,
    posix: bool,
    created_unix_nanos: u64,
}

impl KeyRing {
    /// Reads the keys of `pool`.
    ///
    /// # Errors
    /// The pool's, or that a stored key is not understood.
    pub(crate) fn load(pool: &Arc<Pool>) -> Result<Self, StoreError> {
        let mut keys = BTreeMap::new();
        for (name, value) in block_on(pool.settings(PREFIX.as_bytes()))? {
            let id = String::from_utf8_lossy(&name[PREFIX.len()..]).into_owned();
            let stored: Stored =
                serde_json::from_slice(&value).map_err(|error| StoreError::Inconsistent {
                    what: format!("the stored access key {id:?} is not understood: {error}"),
                })?;
            keys.insert(id.clone(), known(id, stored));
        }
        Ok(Self {
            pool: Arc::clone(pool),
            keys: RwLock::new(keys),
            changing: Mutex::new(()),
        })
    }

    /// A secret that nobody can guess.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] if the system gives no random bytes.
    pub(crate) fn random_secret() -> Result<String, BackendError> {
        random(SECRET_BYTES, SECRET_ALPHABET)
    }

    /// The key with its secret, for a file that only its owner reads.
    pub(crate) fn reveal(&self, id: &str) -> Option<KeySecret> {
        let key = self.find(id)?;
        Some(KeySecret {
            id: key.id.clone(),
            secret: key.secret.clone(),
        })
    }

    /// Makes a key. Durable when it returns.
    ///
    /// # Errors
    /// [`ErrorKind::Exists`], [`ErrorKind::Invalid`], or the pool's.
    pub(crate) fn create(&self, request: &KeyRequest) -> Result<KeySecret, BackendError> {
        let id = match &request.id {
            Some(id) => checked_id(id)?.to_owned(),
            None => random(ID_BYTES, ID_ALPHABET)?,
        };
        let secret = match &request.secret {
            Some(secret) => checked_secret(secret)?.to_owned(),
            None => Self::random_secret()?,
        };
        let stored = Stored {
            secret: secret.clone(),
            bucket: request.bucket.clone(),
            read_only: request.read_only,
            uid: request
                .uid
                .unwrap_or_else(|| rustix::process::getuid().as_raw()),
            gid: request
                .gid
                .unwrap_or_else(|| rustix::process::getgid().as_raw()),
            umask: request.umask.unwrap_or(UMASK_DEFAULT) & 0o777,
            posix: request.posix,
            created_unix_nanos: self.pool.unix_nanos(),
        };
        let _alone = self.changing.lock();
        self.check_room(&id)?;
        let value = serde_json::to_vec(&stored)
            .map_err(|error| BackendError::new(ErrorKind::Invalid, error.to_string()))?;
        block_on(self.pool.set_setting(setting(&id).as_bytes(), Some(&value)))?;
        self.keys
            .write()
            .insert(id.clone(), known(id.clone(), stored));
        Ok(KeySecret { id, secret })
    }

    fn check_room(&self, id: &str) -> Result<(), BackendError> {
        let keys = self.keys.read();
        if keys.contains_key(id) {
            let message = format!("there is a key {id} already; choose another id or delete it");
            return Err(BackendError::new(ErrorKind::Exists, message));
        }
        if keys.len() >= KEYS_MAX {
            let message = format!("a pool keeps at most {KEYS_MAX} keys; delete one");
            return Err(BackendError::new(ErrorKind::Invalid, message));
        }
        Ok(())
    }

    /// Deletes a key. Durable when it returns.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], or the pool's.
    pub(crate) fn delete(&self, id: &str) -> Result<(), BackendError> {
        let _alone = self.changing.lock();
        if !self.keys.read().contains_key(id) {
            let message = format!("there is no key {id}; `trefoil key list` shows all");
            return Err(BackendError::new(ErrorKind::NotFound, message));
        }
        block_on(self.pool.set_setting(setting(id).as_bytes(), None))?;
        self.keys.write().remove(id);
        Ok(())
    }

    /// All keys by id.
    pub(crate) fn list(&self) -> Vec<KeyRow> {
        let row = |known: &Known| KeyRow {
            id: known.key.id.clone(),
            bucket: known.key.bucket.clone(),
            read_only: known.key.read_only,
            uid: known.key.uid,
            gid: known.key.gid,
            umask: known.key.umask,
            posix: known.key.posix,
            created_unix_nanos: known.created_unix_nanos,
        };
        self.keys.read().values().map(row).collect()
    }
}

impl Keys for KeyRing {
    fn find(&self, id: &str) -> Option<Arc<AccessKey>> {
        self.keys.read().get(id).map(|known| Arc::clone(&known.key))
    }
}

fn setting(id: &str) -> String {
    format!("{PREFIX}{id}")
}

fn known(id: String, stored: Stored) -> Known {
    let created_unix_nanos = stored.created_unix_nanos;
    let key = Arc::new(AccessKey {
        id,
        secret: stored.secret,
        bucket: stored.bucket,
        read_only: stored.read_only,
        uid: stored.uid,
        gid: stored.gid,
        umask: stored.umask,
        posix: stored.posix,
    });
    Known {
        key,
        created_unix_nanos,
    }
}

/// A `/` would end the id within the scope of a signature.
fn checked_id(id: &str) -> Result<&str, BackendError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if ID_CHARACTERS.contains(&id.len()) && id.bytes().all(plain) {
        return Ok(id);
    }
    let (least, most) = (ID_CHARACTERS.start(), ID_CHARACTERS.end());
    let message =
        format!("the id {id:?} is refused: it has {least} to {most} of A-Z a-z 0-9 - _ .");
    Err(BackendError::new(ErrorKind::Invalid, message))
}

fn checked_secret(secret: &str) -> Result<&str, BackendError> {
    if SECRET_CHARACTERS.contains(&secret.len()) && secret.bytes().all(|b| b.is_ascii_graphic()) {
        return Ok(secret);
    }
    let (least, most) = (SECRET_CHARACTERS.start(), SECRET_CHARACTERS.end());
    let message =
        format!("the secret is refused: it has {least} to {most} printable ASCII characters");
    Err(BackendError::new(ErrorKind::Invalid, message))
}

/// Characters of `alphabet`, whose length divides 256, so that each is as likely.
fn random(count: usize, alphabet: &[u8]) -> Result<String, BackendError> {
    let mut bytes = vec![0; count];
    getrandom::fill(&mut bytes).map_err(|error| {
        let message = format!("the system gives no random bytes: {error}");
        BackendError::new(ErrorKind::Io, message)
    })?;
    let pick = |byte: &u8| char::from(alphabet[usize::from(*byte) % alphabet.len()]);
    Ok(bytes.iter().map(pick).collect())
}

#[cfg(test)]
mod tests;
