//! Faults that a test arms, and when they strike.

use crate::Place;

/// A fault. `nth` counts calls of its kind from the moment of arming: 0 is the next one. Each
/// strikes once, except [`Fault::NoSpaceAfter`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A read fails with an I/O error.
    FailRead {
        /// Which.
        nth: u64,
    },
    /// A write fails with an I/O error, after some of its sectors were written.
    FailWrite {
        /// Which.
        nth: u64,
    },
    /// A write fails for want of space, before a byte was written.
    NoSpaceWrite {
        /// Which.
        nth: u64,
    },
    /// A write reports success and stores nothing.
    LoseWrite {
        /// Which.
        nth: u64,
    },
    /// A write reports success and stores its bytes elsewhere.
    MisdirectWrite {
        /// Which.
        nth: u64,
        /// Where they go.
        to: Place,
    },
    /// A sync fails. What was unsynced may be durable in part, and no later sync writes it.
    FailSync {
        /// Which.
        nth: u64,
    },
    /// The host has room for this many more slots that do not exist yet (where slots are ranges:
    /// for this many more calls): then [`crate::Device::prepare`] fails until
    /// [`crate::SimDevice::clear_faults`].
    NoSpaceAfter {
        /// How many.
        slots: u64,
    },
}

/// The kind of call a fault waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    Read,
    Write,
    Sync,
    Prepare,
}

impl Fault {
    const fn call(&self) -> Call {
        match self {
            Self::FailRead { .. } => Call::Read,
            Self::FailWrite { .. }
            | Self::NoSpaceWrite { .. }
            | Self::LoseWrite { .. }
            | Self::MisdirectWrite { .. } => Call::Write,
            Self::FailSync { .. } => Call::Sync,
            Self::NoSpaceAfter { .. } => Call::Prepare,
        }
    }

    /// How many calls are still spared.
    const fn countdown(&mut self) -> &mut u64 {
        match self {
            Self::FailRead { nth }
            | Self::FailWrite { nth }
            | Self::NoSpaceWrite { nth }
            | Self::LoseWrite { nth }
            | Self::MisdirectWrite { nth, .. }
            | Self::FailSync { nth }
            | Self::NoSpaceAfter { slots: nth } => nth,
        }
    }
}

/// The armed faults.
#[derive(Default)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    pub(super) fn arm(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) const fn armed(&self) -> usize {
        self.0.len()
    }

    /// Counts a call, and returns the fault that strikes it.
    pub(super) fn strike(&mut self, call: Call) -> Option<Fault> {
        let mut struck = None;
        self.0.retain_mut(|fault| {
            if fault.call() != call {
                return true;
            }
            let left = fault.countdown();
            if *left > 0 {
                *left -= 1;
                return true;
            }
            struck = struck.or(Some(*fault));
            matches!(fault, Fault::NoSpaceAfter { .. })
        });
        struck
    }
}
