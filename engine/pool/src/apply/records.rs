//! Datasets that come and go.

use std::sync::Arc;

use engine_base::{DatasetId, Location};
use engine_format::{DatasetRecord, PoolKey};
use engine_tree::Tree;

use super::{ApplyError, Turn};
use crate::Dataset;
use crate::core::Core;
use crate::dataset::Allocated;
use crate::family::{Growth, Kept};

impl Core {
    /// `applied`: data before this place was applied before.
    pub(super) fn put_record(
        &self,
        turn: &mut Turn,
        key: &[u8],
        value: &[u8],
        applied: Location,
    ) -> Result<(), ApplyError> {
        let id = match PoolKey::decode(key)? {
            PoolKey::Dataset(id) => id,
            key => return Ok(self.note_key(&key, value)?),
        };
        let record = DatasetRecord::decode(value)?;
        let new = match self.catalog.get(id) {
            Some(_) => None,
            None => Some(self.make(turn, id, &record, applied)?),
        };
        self.catalog.put(id, record, |record| match new {
            Some(dataset) => {
                dataset.set_record(record);
                dataset
            }
            None => unreachable!("only apply adds datasets"),
        });
        Ok(())
    }

    /// A dataset that is not in the catalog yet.
    fn make(
        &self,
        turn: &mut Turn,
        id: DatasetId,
        record: &DatasetRecord,
        applied: Location,
    ) -> Result<Dataset, ApplyError> {
        let find = |id| self.catalog.get(id).ok_or(ApplyError::NoDataset(id));
        let grown = &mut turn.families.grown;
        let (head, parent, family) = record.descent.map_or((None, None, id), |descent| {
            (descent.head, descent.parent, descent.family)
        });
        let (tree, allocated, kept) = match (head, parent) {
            (Some(head), _) => {
                let source = find(head)?;
                grown.push(Growth::Kept {
                    snapshot: id,
                    head,
                    family,
                });
                let tree = source.tree.write().keep();
                let kept = Kept::new(applied);
                (tree, source.all_allocated(), Some(kept))
            }
            (None, Some(parent)) => {
                let source = find(parent)?;
                grown.push(Growth::Branched {
                    head: id,
                    parent,
                    family,
                });
                let tree = source.tree.read().branch();
                (tree, source.all_allocated(), None)
            }
            (None, None) => (
                Tree::empty(id, Arc::clone(&self.budget)),
                Allocated::default(),
                None,
            ),
        };
        Ok(Dataset::new(id, Some(record.clone()), tree, allocated).with_kept(kept))
    }

    pub(super) fn delete_record(&self, turn: &mut Turn, key: &[u8]) -> Result<(), ApplyError> {
        let id = match PoolKey::decode(key)? {
            PoolKey::Dataset(id) => id,
            PoolKey::DataKey(family) => {
                self.keyring.remove_key(family);
                return Ok(());
            }
            PoolKey::Session(id) => {
                self.keyring.remove_session(id);
                return Ok(());
            }
            PoolKey::Setting(_) => return Ok(()),
        };
        let Some(removed) = self.catalog.remove(id) else {
            return Ok(());
        };
        let families = &mut turn.families;
        // Whoever still has a handle finds it empty: its pages may be overwritten soon.
        let mut tree = removed.tree.write();
        if removed.kept().is_none() {
            families.heads.push((id, tree.take_remains()));
            return Ok(());
        }
        if tree.is_dirty() {
            let mut captured = tree.capture();
            // Clean pages could not be evicted until the checkpoint.
            captured.prune();
            families.unwritten.push((Arc::clone(&removed), captured));
        }
        tree.forget(None);
        families.snapshots.push(id);
        Ok(())
    }
}
