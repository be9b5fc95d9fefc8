//! What a device that is several does in the background, and what it must be told for it.

use std::ops::Range;

use engine_base::Slot;

use crate::DeviceError;

/// Reads what the device that catches up has itself of a slot, from a byte of it on.
pub type ReadOwn<'a> = &'a dyn Fn(u64, &mut [u8]) -> Result<(), DeviceError>;

/// Tells what of a slot is not to be copied; see [`Attention::unsound`].
pub type TellUnsound<'a> = &'a dyn Fn(Slot, ReadOwn<'_>) -> Option<Vec<Range<u64>>>;

/// What [`crate::Device::maintain`] needs to know.
pub struct Attention<'a> {
    /// Whether a slot holds anything that matters, or is about to.
    pub in_use: &'a dyn Fn(Slot) -> bool,
    /// The bytes of a slot that no copy in service has good, as far as that can be told: ascending,
    /// none twice. They are not copied to the device that catches up, whose own may be good. Bad
    /// copies that would be copied are rewritten from good ones before this returns. `None`: it
    /// cannot be told now, so the slot is to be copied later.
    pub unsound: TellUnsound<'a>,
    /// Look whether devices are gone or came back: opens files, so not every time.
    pub look: bool,
}

/// What [`crate::Device::maintain`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upkeep {
    /// There is nothing to do.
    Idle,
    /// This many bytes were copied; there is more.
    Copied(u64),
}

/// What [`crate::Device::scrub_own`] found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OwnRecords {
    /// Bytes read.
    pub bytes: u64,
    /// Copies of records that were bad.
    pub found: u64,
    /// Those of them that were rewritten.
    pub repaired: u64,
}
