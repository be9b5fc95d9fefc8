//! Whether what is to be sealed is, and can be opened by whoever has the key.

use engine_base::DatasetId;
use engine_format::{DatasetRecord, DatasetState, Encryption, ExtentRef};

use super::Check;
use crate::Dataset;
use crate::core::Core;

/// How the data of one dataset is sealed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Seals {
    /// Not at all.
    Open,
    /// In sessions of this family.
    Of(DatasetId),
    /// It is being deleted, and its sessions with it, before its record: nobody reads it any more.
    Going,
}

impl Seals {
    pub(super) fn of(dataset: &Dataset) -> Self {
        let is_going = |record: &DatasetRecord| record.state == DatasetState::Deleting;
        let is_going = dataset.with_record(|record| record.is_some_and(is_going));
        match dataset.encryption() {
            Encryption::Off => Self::Open,
            Encryption::Aes256Gcm if is_going => Self::Going,
            Encryption::Aes256Gcm => Self::Of(dataset.descent().family),
        }
    }
}

impl Check<'_> {
    /// The key of an encrypted dataset is in the pool, whoever can open it.
    pub(super) fn key_of(&mut self, owner: &str, seals: Seals, core: &Core) {
        if let Seals::Of(family) = seals
            && !core.keyring.knows(family)
        {
            self.damage(format!(
                "{owner}: it is encrypted, but the pool has no key of it; restore it from a backup"
            ));
        }
    }

    /// An extent is sealed in a session of its family, or not at all.
    pub(super) fn seal(&mut self, range: &str, seals: Seals, extent: &ExtentRef<'_>, core: &Core) {
        let found = extent.seal().map(|seal| seal.session());
        match (seals, found) {
            (Seals::Open, None) | (Seals::Going, Some(_)) => {}
            (Seals::Of(family), Some(session))
                if core.keyring.family_of(session) == Some(family) => {}
            (Seals::Open, Some(session)) => self.damage(format!(
                "{range}: its data is of {session}, although the dataset is not encrypted; report \
                 this"
            )),
            (Seals::Of(_), Some(session)) => self.damage(format!(
                "{range}: its data is of {session}, which is none of its family; restore that \
                 range from a backup"
            )),
            (Seals::Of(_) | Seals::Going, None) => self.damage(format!(
                "{range}: its data is not sealed, although the dataset is encrypted; report this"
            )),
        }
    }
}
