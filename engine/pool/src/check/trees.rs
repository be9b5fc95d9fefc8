//! The trees of the checkpoint: dataset records, their roots, and the extents of each dataset.

use std::collections::{BTreeMap, HashSet};

use engine_base::{DatasetId, Sixteenths};
use engine_format::{
    DatasetKind, DatasetRecord, DatasetState, FormatError, PoolKey, Redirect, RootsKey,
    RootsRecord, SealingSession, Superblock, WrappedKey,
};

use super::entries::{end_allowed, is_bucket};
use super::extents::Extents;
use super::family::{PlaceInFamily, place_of};
use super::pages::TreeToCheck;
use super::report::{chain, slot_name};
use super::shares::Shares;
use super::usages::Usages;
use super::{Check, Segments, Sums};
use crate::dataset::Allocated;

pub(super) type Records = BTreeMap<DatasetId, DatasetRecord>;
pub(super) type Roots = BTreeMap<DatasetId, RootsRecord>;

/// A dataset in words.
pub(super) fn owner_of(id: DatasetId, record: Option<&DatasetRecord>) -> String {
    match record {
        Some(record) if record.state == DatasetState::Live => {
            format!("{} {:?}", kind_of(record), record.name.as_str())
        }
        Some(record) if record.state == DatasetState::Snapshot => {
            format!("snapshot {:?} ({id})", record.name.as_str())
        }
        Some(record) => {
            format!(
                "deleted {} {:?} ({id})",
                kind_of(record),
                record.name.as_str()
            )
        }
        None => id.to_string(),
    }
}

const fn kind_of(record: &DatasetRecord) -> &'static str {
    match record.kind {
        DatasetKind::Volume => "volume",
        DatasetKind::Bucket => "bucket",
    }
}

impl Check<'_> {
    /// Walks everything, and adds up what it refers to.
    pub(super) fn trees(&mut self, superblock: &Superblock, segments: &Segments) -> Sums {
        let mut sums = Sums::default();
        for (segment, bytes) in &segments.table {
            sums.add_live(*segment, Sixteenths::of_bytes(*bytes));
        }
        let records = self.records(superblock, segments, &mut sums);
        let roots = self.roots(superblock, segments, &mut sums);
        for (id, roots_record) in &roots {
            let record = records.get(id);
            if record.is_none() && !sums.incomplete {
                self.damage(format!(
                    "the tree of {id} has a root but no record: its space is never given back; \
                     report this"
                ));
            }
            let place = place_of(record, &records, &roots);
            self.dataset(*id, roots_record, (record, place), segments, &mut sums);
        }
        self.report.counts.datasets = records.len() as u64;
        sums
    }

    fn records(
        &mut self,
        superblock: &Superblock,
        segments: &Segments,
        sums: &mut Sums,
    ) -> Records {
        let tree = TreeToCheck {
            id: DatasetId::POOL,
            root: superblock.pool_root,
            owner: "the tree of datasets",
            two_copies: true,
            counted_from: None,
        };
        let mut records = Records::new();
        let mut names = HashSet::new();
        self.tree(&tree, segments, sums, &mut |check, page, _| {
            page.for_each_entry(|key, value| {
                let record = match decode_record(key, value) {
                    Ok(None) => None,
                    Ok(Some((id, record))) if is_possible(id, superblock) => Some((id, record)),
                    Ok(Some((id, _))) => {
                        check.inconsistent(format!("there is a record of {id}, an unused id"));
                        None
                    }
                    Err(error) => {
                        let error = chain(&error);
                        check.inconsistent(format!("a dataset record is damaged ({error})"));
                        None
                    }
                };
                let Some((id, record)) = record else { return };
                let name = record.name.as_str();
                if record.state == DatasetState::Live
                    && !names.insert((record.kind, name.to_owned()))
                {
                    check.damage(format!(
                        "two datasets are named {name:?}; delete one of them"
                    ));
                }
                records.insert(id, record);
            });
        });
        records
    }

    fn roots(&mut self, superblock: &Superblock, segments: &Segments, sums: &mut Sums) -> Roots {
        let tree = TreeToCheck {
            id: DatasetId::ROOTS,
            root: superblock.roots_root,
            owner: "the tree of roots",
            two_copies: true,
            counted_from: None,
        };
        let mut roots = Roots::new();
        self.tree(&tree, segments, sums, &mut |check, page, sums| {
            page.for_each_entry(|key, value| {
                let decoded = match RootsKey::decode(key) {
                    Ok(RootsKey::Dataset(id)) => RootsRecord::decode(value).map(|record| {
                        roots.insert(id, record);
                    }),
                    Ok(RootsKey::Redirect { segment, stretch }) => {
                        Redirect::decode(value).map(|redirect| {
                            check.redirect(segment, stretch, &redirect, segments, sums);
                        })
                    }
                    Err(error) => Err(error),
                };
                if let Err(error) = decoded {
                    let error = chain(&error);
                    check.inconsistent(format!("an entry of the roots is damaged ({error})"));
                }
            });
        });
        roots
    }

    fn dataset(
        &mut self,
        id: DatasetId,
        roots_record: &RootsRecord,
        (record, place): (Option<&DatasetRecord>, PlaceInFamily),
        segments: &Segments,
        sums: &mut Sums,
    ) {
        let is_snapshot = record.is_some_and(DatasetRecord::is_snapshot);
        if record.is_some() && is_snapshot != roots_record.kept.is_some() {
            self.inconsistent(format!(
                "{id} is a snapshot by its record or by its root, but not by both"
            ));
        }
        let owner = &*owner_of(id, record);
        let tree = TreeToCheck {
            id: place.family.unwrap_or(id),
            root: roots_record.root,
            owner,
            two_copies: false,
            counted_from: place.pages,
        };
        let was_incomplete = std::mem::take(&mut sums.incomplete);
        let mut extents = Extents {
            owner,
            segments,
            is_bucket: is_bucket(record),
            object: None,
            end_allowed: end_allowed(record),
            mapped_to: 0,
            allocated: Allocated::default(),
            shares: Shares::default(),
            usages: Usages::default(),
            place,
        };
        self.tree(&tree, segments, sums, &mut |check, page, sums| {
            extents.of_page(check, page, sums);
        });
        let allocated = extents.allocated;
        if !sums.incomplete && !extents.shares.agree() {
            self.damage(format!(
                "{owner}: its shared extents are not those that are recorded; report this"
            ));
        }
        if !sums.incomplete {
            extents.usages.compare(self, owner);
        }
        let stated = Allocated {
            bytes: roots_record.allocated.get(),
            stored: roots_record.stored,
        };
        if !sums.incomplete && allocated != stated {
            self.damage(format!(
                "{owner}: the checkpoint says that {stated} are allocated, its extents map \
                 {allocated}; report this"
            ));
        }
        sums.allocated.insert(id, allocated);
        sums.incomplete |= was_incomplete;
    }

    /// Compares the counters of the segments with what was found.
    pub(super) fn compare_counters(&mut self, segments: &Segments, sums: &Sums) {
        if sums.incomplete {
            return;
        }
        for (id, segment) in &segments.all {
            let found = sums.live.get(id).copied().unwrap_or_default();
            let stated = segment.weight();
            if found != stated {
                self.damage(format!(
                    "the segment table says that {id} in {} has {stated} live bytes, but {found} \
                     are referred to; report this",
                    slot_name(segment.slot)
                ));
            }
        }
    }
}

/// A dataset with its record; `None` of a key or a setting.
fn decode_record(
    key: &[u8],
    value: &[u8],
) -> Result<Option<(DatasetId, DatasetRecord)>, FormatError> {
    Ok(match PoolKey::decode(key)? {
        PoolKey::Dataset(id) => Some((id, DatasetRecord::decode(value)?)),
        PoolKey::DataKey(_) => {
            WrappedKey::decode(value)?;
            None
        }
        PoolKey::Session(_) => {
            SealingSession::decode(value)?;
            None
        }
        PoolKey::Setting(_) => None,
    })
}

fn is_possible(id: DatasetId, superblock: &Superblock) -> bool {
    (DatasetId::FIRST_USER..superblock.next_dataset).contains(&id)
}
