//! What a dataset record says of the datasets that it descends from and that descend from it.

use std::mem::offset_of;

use engine_base::DatasetId;
use zerocopy::little_endian::U64;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::NAME;
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
    /// Being deleted: what only it refers to is given back below this offset.
    pub released: u64,
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
        })
    }
}
