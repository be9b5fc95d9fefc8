//! What a dataset record says of the datasets that it descends from and that descend from it.

use std::mem::offset_of;

use engine_base::DatasetId;
use zerocopy::little_endian::U64;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::{DatasetKind, DatasetState, NAME, PLAIN, RawDatasetRecord, WITH_NUMBERS};
use crate::{FormatError, check};

/// The place of a dataset in its family. Records of datasets that never had a snapshot have none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Descent {
    /// The first dataset of the family: the pages of all of them carry its id.
    pub family: DatasetId,
    /// The first of the datasets that had this name one after the other, each reverted to a
    /// snapshot of the one before: to whom a snapshot belongs.
    pub lineage: DatasetId,
    /// The snapshot whose state it was at first, or went on from last; `None`: nothing is kept of
    /// what it was.
    pub parent: Option<DatasetId>,
    /// Of a snapshot, the dataset whose state it keeps.
    pub head: Option<DatasetId>,
    /// Being deleted: what only it refers to is given back below this offset; of a bucket, in
    /// segments below this id.
    pub released: u64,
    /// Of a bucket, what its numbers begin above.
    pub above: Above,
}

/// Numbers of a bucket that others under its name may have used: it was reverted, and none of them
/// may come again. Zero where there are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Above {
    /// No inode made from now on has a lower number.
    pub inode: u64,
    /// No content changed from now on counts fewer changes.
    pub changes: u64,
}

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy)]
#[repr(C)]
pub(super) struct RawAbove {
    inode: U64,
    changes: U64,
}

const _: () = assert!(size_of::<RawAbove>() == 16);

impl RawAbove {
    pub(super) const fn new(above: Above) -> Self {
        Self {
            inode: U64::new(above.inode),
            changes: U64::new(above.changes),
        }
    }

    pub(super) fn verify(&self) -> Result<Above, FormatError> {
        let above = Above {
            inode: self.inode.get(),
            changes: self.changes.get(),
        };
        let why = "it says nothing";
        check::field(above != Above::default(), NAME, "above", 0_u8, why)?;
        Ok(above)
    }
}

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy)]
#[repr(C)]
pub(super) struct RawDescent {
    family: U64,
    lineage: U64,
    parent: U64,
    head: U64,
    released: U64,
}

const _: () = assert!(size_of::<RawDescent>() == 40);
const _: () = assert!(offset_of!(RawDescent, released) == 32);

impl RawDescent {
    pub(super) fn new(descent: &Descent) -> Self {
        let number = |id: Option<DatasetId>| U64::new(id.map_or(0, DatasetId::get));
        Self {
            family: U64::new(descent.family.get()),
            lineage: U64::new(descent.lineage.get()),
            parent: number(descent.parent),
            head: number(descent.head),
            released: U64::new(descent.released),
        }
    }

    pub(super) fn verify(&self) -> Result<Descent, FormatError> {
        let id = |name, number: U64| {
            let number = number.get();
            let valid = number >= DatasetId::FIRST_USER.get();
            let why = "it is no dataset of a user";
            check::field(valid, NAME, name, number, why)?;
            Ok::<_, FormatError>(DatasetId::new(number))
        };
        let option = |name, number: U64| match number.get() {
            0 => Ok(None),
            _ => id(name, number).map(Some),
        };
        Ok(Descent {
            family: id("family", self.family)?,
            lineage: id("lineage", self.lineage)?,
            parent: option("parent", self.parent)?,
            head: option("head", self.head)?,
            released: self.released.get(),
            above: Above::default(),
        })
    }
}

impl RawDatasetRecord {
    /// The descent before the name, if the version says that there is one.
    pub(super) fn descent<'a>(
        &self,
        state: DatasetState,
        bytes: &'a [u8],
    ) -> Result<(Option<Descent>, &'a [u8]), FormatError> {
        let (descent, name) = if self.version == PLAIN {
            (None, bytes)
        } else {
            let (raw, name) =
                RawDescent::ref_from_prefix(bytes).map_err(|_| FormatError::Truncated {
                    structure: NAME,
                    needed: size_of::<RawDescent>(),
                    available: bytes.len(),
                })?;
            (Some(raw.verify()?), name)
        };
        let head = descent.and_then(|descent| descent.head);
        let valid = match state {
            DatasetState::Live => head.is_none(),
            DatasetState::Deleting => true,
            DatasetState::Snapshot => head.is_some(),
        };
        let why = "a snapshot keeps the state of a dataset, and nothing else does";
        let head = head.map_or(0, DatasetId::get);
        check::field(valid, NAME, "head", head, why)?;
        Ok((descent, name))
    }

    /// The numbers behind the descent, if the version says that there are some.
    pub(super) fn above<'a>(
        &self,
        kind: DatasetKind,
        descent: Option<Descent>,
        bytes: &'a [u8],
    ) -> Result<(Option<Descent>, &'a [u8]), FormatError> {
        if self.version != WITH_NUMBERS {
            return Ok((descent, bytes));
        }
        let why = "only buckets have numbers";
        check::field(kind == DatasetKind::Bucket, NAME, "version", 3_u8, why)?;
        let (raw, name) = RawAbove::ref_from_prefix(bytes).map_err(|_| FormatError::Truncated {
            structure: NAME,
            needed: size_of::<RawAbove>(),
            available: bytes.len(),
        })?;
        let above = raw.verify()?;
        Ok((descent.map(|descent| Descent { above, ..descent }), name))
    }
}
