//! The two copies of the superblock.

use engine_device::{Area, Device, DeviceError, Place, ReadFrom};
use engine_format::{CheckpointId, FormatError, SUPERBLOCK_BYTES, Superblock, superblock_offset};

use super::later::{Later, later_epoch};
use crate::core::Core;
use crate::{PoolOptions, StoreError};

/// Why a copy of the superblock is not used.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CopyError {
    /// Its bytes are not a superblock.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// Its bytes cannot be read. The next checkpoint writes over them.
    #[error(transparent)]
    Device(#[from] DeviceError),
}

/// Both copies, as far as they are valid.
#[derive(Debug)]
pub(crate) struct SuperblockCopies {
    copies: [Result<Superblock, CopyError>; 2],
}

/// Reads both copies.
pub(crate) fn read_superblocks(device: &dyn Device) -> SuperblockCopies {
    SuperblockCopies {
        copies: [read_copy(device, 0), read_copy(device, 1)],
    }
}

/// One copy: of a device that keeps it several times the newest, since a crash may have come
/// between them; else why the first is not valid.
fn read_copy(device: &dyn Device, copy: u8) -> Result<Superblock, CopyError> {
    let place = Place::label(superblock_offset(copy));
    let one = |number: usize| -> Result<Superblock, CopyError> {
        let mut bytes = [0; SUPERBLOCK_BYTES];
        device.read_copy(number, place, ReadFrom::Cache, &mut bytes)?;
        Ok(Superblock::decode(&bytes, copy)?)
    };
    let numbers = device.copies_in_service(Area::Label).into_iter();
    let mut found: Result<Superblock, CopyError> = Err(FormatError::BadMagic {
        structure: "superblock",
        found: [0; 8],
    }
    .into());
    for (nth, number) in numbers.enumerate() {
        let next = one(number);
        let better = match (&found, &next) {
            (Err(_), next) => nth == 0 || next.is_ok(),
            (Ok(known), Ok(next)) => next.checkpoint > known.checkpoint,
            (Ok(_), Err(_)) => false,
        };
        if better {
            found = next;
        }
    }
    found
}

impl SuperblockCopies {
    /// The copy to open, and its number: the newest valid one, or with `rewind` the older one.
    pub(crate) fn choose(
        &self,
        device: &str,
        rewind: bool,
    ) -> Result<(u8, Superblock), StoreError> {
        let [first, second] = &self.copies;
        match (first, second) {
            (Err(first), Err(second)) => Err(StoreError::NoSuperblock {
                device: device.to_owned(),
                first: Box::new(first.clone()),
                second: Box::new(second.clone()),
            }),
            (Ok(a), Ok(b)) => {
                if a.pool_id != b.pool_id || a.checkpoint == b.checkpoint {
                    return Err(StoreError::Inconsistent {
                        what: format!("the two superblocks of {device} do not belong together"),
                    });
                }
                let first_is_newer = a.checkpoint > b.checkpoint;
                Ok(if first_is_newer != rewind {
                    (0, a.clone())
                } else {
                    (1, b.clone())
                })
            }
            (Ok(only), Err(other)) => self.only(device, rewind, 0, only, other),
            (Err(other), Ok(only)) => self.only(device, rewind, 1, only, other),
        }
    }

    /// Refuses to open `superblock`, the only valid one, if it leads to an older state than the
    /// lost one did. With `accept_loss` the newest segment of what is given up instead.
    pub(crate) fn lost_epoch(
        &self,
        device: &dyn Device,
        superblock: &Superblock,
        options: &PoolOptions,
    ) -> Result<Option<Later>, StoreError> {
        if options.rewind || self.copies.iter().all(Result::is_ok) {
            return Ok(None);
        }
        let Some(later) = later_epoch(device, superblock) else {
            return Ok(None);
        };
        let checkpoint = superblock.checkpoint.get();
        if options.accept_loss {
            tracing::error!(checkpoint, group = %later.group,
                "the newest superblock is lost: all since this checkpoint was given up as told");
            return Ok(Some(later));
        }
        Err(StoreError::Inconsistent {
            what: format!(
                "the newest superblock of {} is lost: the group at {} was written in a later epoch \
                 than that of checkpoint {checkpoint}, which does not lead there; opening with the \
                 override that accepts loss drops everything written since that epoch",
                device.name(),
                later.group
            ),
        })
    }

    /// Those that are valid.
    pub(crate) fn valid(&self) -> impl Iterator<Item = &Superblock> {
        self.copies.iter().flatten()
    }

    /// Tells the pool what each copy holds.
    pub(crate) fn keep(&self, core: &Core) {
        for (copy, superblock) in (0..).zip(&self.copies) {
            core.set_superblock(copy, superblock.as_ref().ok().cloned());
        }
    }

    /// The number of the newest checkpoint of both.
    pub(crate) fn newest(&self) -> CheckpointId {
        let numbers = self
            .copies
            .iter()
            .flatten()
            .map(|superblock| superblock.checkpoint);
        numbers.max().unwrap_or(CheckpointId::new(0))
    }

    fn only(
        &self,
        device: &str,
        rewind: bool,
        copy: u8,
        superblock: &Superblock,
        other: &CopyError,
    ) -> Result<(u8, Superblock), StoreError> {
        if rewind {
            return Err(StoreError::Invalid {
                what: format!("rewinding {device}"),
                why: format!("only one superblock is valid; the other: {other}"),
            });
        }
        if superblock.checkpoint > CheckpointId::new(0)
            && !matches!(
                other,
                CopyError::Format(FormatError::BadMagic {
                    found: [0, 0, 0, 0, 0, 0, 0, 0],
                    ..
                })
            )
        {
            tracing::warn!(device, copy = 1 - copy, error = %other,
                "a superblock is damaged or cannot be read: the other one is used");
        }
        Ok((copy, superblock.clone()))
    }
}
