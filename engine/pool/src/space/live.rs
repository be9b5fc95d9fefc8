//! Counting what is live: in sixteenths of a byte, since compressed bytes count for less than one
//! each.

use engine_base::Sixteenths;

use super::Segment;

impl Segment {
    /// What is referred to of it.
    pub(crate) const fn weight(&self) -> Sixteenths {
        let rounded = Sixteenths::of_bytes(self.live as u64);
        Sixteenths::new(rounded.get() - self.live_excess as u64)
    }

    /// Sets what is referred to of it; `None` if that is more than a segment has.
    pub(crate) fn set_weight(&mut self, weight: Sixteenths) -> Option<()> {
        let excess = Sixteenths::of_bytes(weight.bytes()).checked_sub(weight)?;
        self.live = u32::try_from(weight.bytes()).ok()?;
        self.live_excess = u8::try_from(excess.get()).ok()?;
        Some(())
    }
}

/// A change of live bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LiveChange {
    /// More is referred to.
    Add(Sixteenths),
    /// Less is.
    Subtract(Sixteenths),
}

/// Bytes that are stored as they are.
pub(super) fn all_of(bytes: u32) -> Sixteenths {
    Sixteenths::of_bytes(bytes.into())
}
