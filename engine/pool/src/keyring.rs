//! Keys in memory: what the pool's tree says of them, and what the operator's keys open of that.
//!
//! Apply and loading put here what records say; nothing else changes it. A key that is missing, or
//! is another one, is noticed by whoever asks for it: nothing that keeps the pool alive does.

mod making;
mod rotate;
mod sealer;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use engine_base::{DatasetId, Entropy};
use engine_format::{
    BlockCipher, DataKey, DatasetRecord, Encryption, FormatError, KEY_BYTES, MasterKey,
    MasterKeyId, PoolKey, Salt, SealingSession, SessionId, WrappedKey,
};
use parking_lot::{Mutex, RwLock};

use crate::core::Core;
use crate::{DatasetInfo, Pool, StoreError};
pub use rotate::Rotation;
pub(crate) use sealer::Sealed;
pub use sealer::Sealer;

/// The keys of a pool. Its locks are innermost.
#[derive(Debug)]
pub(crate) struct Keyring {
    /// New keys are wrapped by the first.
    masters: RwLock<Vec<MasterKey>>,
    state: RwLock<State>,
    /// What this opening seals with.
    sealers: Mutex<HashMap<DatasetId, Arc<Sealer>>>,
    /// The lowest number that no session has or had.
    next_session: Mutex<u32>,
}

#[derive(Debug, Default)]
struct State {
    families: BTreeMap<DatasetId, Family>,
    sessions: BTreeMap<SessionId, Session>,
}

#[derive(Debug)]
struct Family {
    wrapped: WrappedKey,
    /// `None`: no master key opens it.
    key: Option<DataKey>,
}

#[derive(Debug)]
struct Session {
    record: SealingSession,
    /// Once it was asked for.
    cipher: Option<Arc<BlockCipher>>,
}

impl Keyring {
    pub(crate) fn new(masters: Vec<MasterKey>) -> Self {
        Self {
            masters: RwLock::new(masters),
            state: RwLock::default(),
            sealers: Mutex::default(),
            next_session: Mutex::new(1),
        }
    }

    /// A record says that this is the wrapped key of a family.
    pub(crate) fn put_key(&self, family: DatasetId, wrapped: WrappedKey) {
        let key = self.unwrap(&wrapped, family);
        let known = Family { wrapped, key };
        self.state.write().families.insert(family, known);
    }

    pub(crate) fn remove_key(&self, family: DatasetId) {
        self.state.write().families.remove(&family);
        self.sealers.lock().remove(&family);
    }

    /// A record says that there is this session.
    pub(crate) fn put_session(&self, id: SessionId, record: SealingSession) {
        let session = Session {
            record,
            cipher: None,
        };
        self.state.write().sessions.insert(id, session);
        let mut next = self.next_session.lock();
        *next = (*next).max(id.get().saturating_add(1));
    }

    pub(crate) fn remove_session(&self, id: SessionId) {
        self.state.write().sessions.remove(&id);
    }

    fn unwrap(&self, wrapped: &WrappedKey, family: DatasetId) -> Option<DataKey> {
        let masters = self.masters.read();
        let by = masters
            .iter()
            .find(|master| master.id() == wrapped.master)?;
        match by.unwrap(wrapped, family) {
            Ok(key) => Some(key),
            Err(error) => {
                let master = wrapped.master;
                tracing::error!(%family, %master, %error, "a wrapped key is refused");
                None
            }
        }
    }

    /// The master key that a dataset waits for; `None` if it can be read.
    pub(crate) fn locks(&self, id: DatasetId, record: &DatasetRecord) -> Option<MasterKeyId> {
        if record.encryption == Encryption::Off {
            return None;
        }
        let family = record.descent.map_or(id, |descent| descent.family);
        let state = self.state.read();
        let family = state.families.get(&family)?;
        family.key.is_none().then_some(family.wrapped.master)
    }

    /// The data key of a family.
    fn key(&self, family: DatasetId) -> Result<DataKey, StoreError> {
        let state = self.state.read();
        let known = state.families.get(&family).ok_or_else(|| no_key(family))?;
        let master = known.wrapped.master;
        known
            .key
            .clone()
            .ok_or(StoreError::Locked { family, master })
    }

    /// What opens the blocks of a session.
    pub(crate) fn cipher(&self, id: SessionId) -> Result<Arc<BlockCipher>, StoreError> {
        let unknown = || StoreError::Inconsistent {
            what: format!("data is of {id}, of which there is no record"),
        };
        let record = {
            let state = self.state.read();
            let session = state.sessions.get(&id).ok_or_else(unknown)?;
            if let Some(cipher) = &session.cipher {
                return Ok(Arc::clone(cipher));
            }
            session.record
        };
        let key = self.key(record.family)?;
        let cipher = Arc::new(BlockCipher::new(&key, id, &record.salt));
        if let Some(session) = self.state.write().sessions.get_mut(&id) {
            session.cipher = Some(Arc::clone(&cipher));
        }
        Ok(cipher)
    }

    /// A number that no session has, or had since the pool was opened.
    fn reserve_session(&self) -> Result<SessionId, StoreError> {
        let refused = || StoreError::Invalid {
            what: "sealing data".to_owned(),
            why: "the pool has no more numbers for sessions; copy the data to another pool"
                .to_owned(),
        };
        let mut next = self.next_session.lock();
        let id = SessionId::new(*next).ok_or_else(refused)?;
        *next = next.checked_add(1).ok_or_else(refused)?;
        Ok(id)
    }

    fn sealer(&self, family: DatasetId) -> Option<Arc<Sealer>> {
        self.sealers.lock().get(&family).map(Arc::clone)
    }

    /// What seals the data of a family from now on: the first that came.
    fn add_sealer(&self, family: DatasetId, sealer: Sealer) -> Arc<Sealer> {
        let mut sealers = self.sealers.lock();
        Arc::clone(sealers.entry(family).or_insert_with(|| Arc::new(sealer)))
    }

    fn sessions_of(&self, family: DatasetId) -> Vec<SessionId> {
        let state = self.state.read();
        let of = |(id, session): (&SessionId, &Session)| {
            (session.record.family == family).then_some(*id)
        };
        state.sessions.iter().filter_map(of).collect()
    }

    /// Whether there is a wrapped key of that family.
    pub(crate) fn knows(&self, family: DatasetId) -> bool {
        self.state.read().families.contains_key(&family)
    }

    /// The family of a session; `None` if there is no such session.
    pub(crate) fn family_of(&self, session: SessionId) -> Option<DatasetId> {
        let state = self.state.read();
        state
            .sessions
            .get(&session)
            .map(|session| session.record.family)
    }
}

fn no_key(family: DatasetId) -> StoreError {
    StoreError::Inconsistent {
        what: format!("the family of {family} is encrypted, but has no key"),
    }
}

/// Random bytes for a key, or to derive one with.
fn draw(entropy: &dyn Entropy) -> Salt {
    let mut bytes = [0; KEY_BYTES];
    for half in bytes.chunks_exact_mut(KEY_BYTES / 2) {
        half.copy_from_slice(&entropy.id_bytes());
    }
    bytes
}

impl Core {
    /// What an entry of the pool's tree says of keys, if it does.
    pub(crate) fn note_key(&self, key: &PoolKey<'_>, value: &[u8]) -> Result<(), FormatError> {
        match *key {
            PoolKey::DataKey(family) => {
                self.keyring.put_key(family, WrappedKey::decode(value)?);
            }
            PoolKey::Session(id) => {
                self.keyring.put_session(id, SealingSession::decode(value)?);
            }
            PoolKey::Dataset(_) | PoolKey::Setting(_) => {}
        }
        Ok(())
    }

    /// Opens blocks that were verified, if they were sealed.
    pub(crate) fn open_blocks(&self, sealed: &[Sealed], buf: &mut [u8]) -> Result<(), StoreError> {
        let mut rest = buf;
        for part in sealed {
            let cipher = self.keyring.cipher(part.session)?;
            rest = part.open(&cipher, rest)?;
        }
        Ok(())
    }

    /// Opens one block of an extent, if that was sealed.
    pub(crate) fn open_block(
        &self,
        sealed: Option<&Sealed>,
        index: usize,
        block: &mut [u8],
    ) -> Result<(), StoreError> {
        let Some(sealed) = sealed else { return Ok(()) };
        let cipher = self.keyring.cipher(sealed.session)?;
        sealed.only(index).open(&cipher, block).map(|_| ())
    }
}

impl Pool {
    /// Whether there is a master key: datasets can be encrypted.
    #[must_use]
    pub fn has_master_key(&self) -> bool {
        !self.core.keyring.masters.read().is_empty()
    }

    /// The master key that a dataset waits for; `None` if it can be read.
    #[must_use]
    pub fn missing_key(&self, info: &DatasetInfo) -> Option<MasterKeyId> {
        self.core.keyring.locks(info.id, &info.record)
    }
}
