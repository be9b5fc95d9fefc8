//! The datasets of an open pool, by id and by name.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use engine_base::DatasetId;
use engine_format::{DatasetKind, DatasetRecord, DatasetState};
use parking_lot::RwLock;

use crate::Dataset;

#[derive(Debug, Default)]
struct Maps {
    by_id: BTreeMap<DatasetId, Arc<Dataset>>,
    /// Live datasets only. Each kind has names of its own.
    by_name: HashMap<(DatasetKind, String), DatasetId>,
    /// Snapshots that are not being deleted, by lineage and label.
    by_label: BTreeMap<(DatasetId, String), DatasetId>,
    /// Snapshots, each with what went on from it.
    by_parent: BTreeSet<(DatasetId, DatasetId)>,
    next: Option<DatasetId>,
}

/// Changed by apply only.
#[derive(Debug)]
pub(crate) struct Catalog {
    maps: RwLock<Maps>,
    /// The pool's own tree, as a dataset.
    pub(crate) pool: Arc<Dataset>,
}

impl Catalog {
    pub(crate) fn new(pool: Arc<Dataset>, next: DatasetId) -> Self {
        let maps = Maps {
            next: Some(next),
            ..Maps::default()
        };
        Self {
            maps: RwLock::new(maps),
            pool,
        }
    }

    /// The lowest id that no dataset ever had.
    pub(crate) fn next_id(&self) -> DatasetId {
        self.maps.read().next.unwrap_or(DatasetId::FIRST_USER)
    }

    pub(crate) fn get(&self, id: DatasetId) -> Option<Arc<Dataset>> {
        if id == DatasetId::POOL {
            return Some(Arc::clone(&self.pool));
        }
        self.maps.read().by_id.get(&id).cloned()
    }

    pub(crate) fn find(&self, kind: DatasetKind, name: &str) -> Option<Arc<Dataset>> {
        let maps = self.maps.read();
        maps.by_name
            .get(&(kind, name.to_owned()))
            .and_then(|id| maps.by_id.get(id))
            .cloned()
    }

    /// The snapshot of a lineage with this label.
    pub(crate) fn snapshot(&self, lineage: DatasetId, label: &str) -> Option<Arc<Dataset>> {
        let maps = self.maps.read();
        maps.by_label
            .get(&(lineage, label.to_owned()))
            .and_then(|id| maps.by_id.get(id))
            .cloned()
    }

    /// The snapshots of a lineage, by label.
    pub(crate) fn snapshots_of(&self, lineage: DatasetId) -> Vec<Arc<Dataset>> {
        let maps = self.maps.read();
        maps.by_label
            .range((lineage, String::new())..(lineage.next(), String::new()))
            .filter_map(|(_, id)| maps.by_id.get(id).cloned())
            .collect()
    }

    /// The datasets that went on from a snapshot, those that are being deleted too.
    pub(crate) fn children_of(&self, parent: DatasetId) -> Vec<Arc<Dataset>> {
        let maps = self.maps.read();
        maps.by_parent
            .range((parent, DatasetId::POOL)..(parent.next(), DatasetId::POOL))
            .filter_map(|(_, id)| maps.by_id.get(id).cloned())
            .collect()
    }

    /// All datasets of users, the invisible ones too, by id.
    pub(crate) fn all(&self) -> Vec<Arc<Dataset>> {
        self.maps.read().by_id.values().cloned().collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.maps.read().by_id.len()
    }

    /// The dataset after `id`, going round; for eviction.
    pub(crate) fn after(&self, id: DatasetId) -> Option<Arc<Dataset>> {
        let maps = self.maps.read();
        let next = maps
            .by_id
            .range(id.next()..)
            .next()
            .or_else(|| maps.by_id.iter().next());
        next.map(|(_, dataset)| Arc::clone(dataset))
    }

    /// The lowest id of a dataset above `id`.
    pub(crate) fn next_above(&self, id: DatasetId) -> Option<DatasetId> {
        let maps = self.maps.read();
        maps.by_id.range(id.next()..).next().map(|(id, _)| *id)
    }

    /// Notes a record that was put; `make` makes the dataset if the id is new.
    pub(crate) fn put(
        &self,
        id: DatasetId,
        record: DatasetRecord,
        make: impl FnOnce(DatasetRecord) -> Dataset,
    ) {
        let mut maps = self.maps.write();
        if maps.next.is_none_or(|next| next <= id) {
            maps.next = Some(id.next());
        }
        maps.forget(id);
        if let Some(parent) = record.descent.and_then(|descent| descent.parent) {
            maps.by_parent.insert((parent, id));
        }
        if let (DatasetState::Snapshot, Some(label)) = (record.state, label_of(&record)) {
            maps.by_label.insert(label, id);
        }
        if record.state == DatasetState::Live {
            maps.by_name.insert(full_name(&record), id);
        }
        match maps.by_id.get(&id) {
            Some(known) => known.set_record(record),
            None => {
                maps.by_id.insert(id, Arc::new(make(record)));
            }
        }
    }

    /// Forgets a dataset whose record was deleted.
    pub(crate) fn remove(&self, id: DatasetId) -> Option<Arc<Dataset>> {
        let mut maps = self.maps.write();
        maps.forget(id);
        maps.by_id.remove(&id)
    }
}

impl Maps {
    /// Forgets the name that a dataset has, and what it went on from.
    fn forget(&mut self, id: DatasetId) {
        let Some(record) = self.by_id.get(&id).and_then(|known| known.record()) else {
            return;
        };
        if let Some(parent) = record.descent.and_then(|descent| descent.parent) {
            self.by_parent.remove(&(parent, id));
        }
        let name = full_name(&record);
        if self.by_name.get(&name) == Some(&id) {
            self.by_name.remove(&name);
        }
        if let Some(label) = label_of(&record)
            && self.by_label.get(&label) == Some(&id)
        {
            self.by_label.remove(&label);
        }
    }
}

fn label_of(record: &DatasetRecord) -> Option<(DatasetId, String)> {
    let lineage = record.descent?.lineage;
    Some((lineage, record.name.as_str().to_owned()))
}

fn full_name(record: &DatasetRecord) -> (DatasetKind, String) {
    (record.kind, record.name.as_str().to_owned())
}

#[cfg(test)]
mod tests;
