//! What will happen to a pool, drawn before it does.

use std::fmt;

use engine_base::{ByteCount, Slot, to_usize};
use engine_device::{Fault, Place, SimLayout};
use tests_model::Rng;

use crate::rig::Shape;

/// How a life ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The power is cut at this change of the devices, or behind the last step.
    Cut { at: u64 },
    /// The process dies behind the last step.
    Kill,
    /// The pool is closed.
    Close,
}

/// What goes wrong in a life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mishap {
    None,
    /// A call fails, and says so.
    Fails(Fault),
    /// The host has no room for a while.
    HostFull(Fault),
    /// A write is lost or goes astray, and the device says that it was done.
    Lies(Fault),
    /// What the life leaves is spoilt, in so many places.
    Rot {
        places: u64,
    },
}

/// One life of a pool.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) end: End,
    pub(crate) mishap: Mishap,
    /// The step before which the mishap is armed.
    pub(crate) mishap_at: u64,
    pub(crate) steps: u64,
    /// Of what is left of unsynced changes, and of damage.
    pub(crate) choices: u64,
    /// The power goes again while the pool recovers.
    pub(crate) cut_recovery: Option<u64>,
    /// The older checkpoint is opened too.
    pub(crate) rewinds: bool,
    /// The next life begins where the recovery ended, not with what was left before it.
    pub(crate) keeps_recovery: bool,
}

impl Plan {
    pub(crate) fn draw(rng: &mut Rng) -> Self {
        let steps = rng.between(4, 60);
        let mishap = Self::mishap(rng);
        let end = match rng.weighted(&[6, 2, 2]) {
            0 if rng.once_in(5) => End::Cut { at: rng.below(30) },
            0 => End::Cut {
                at: rng.below(steps * 5),
            },
            1 => End::Kill,
            _ => End::Close,
        };
        Self {
            end,
            mishap,
            mishap_at: rng.below(steps),
            steps,
            choices: rng.bits(),
            cut_recovery: rng.once_in(3).then(|| rng.below(24)),
            rewinds: rng.once_in(3),
            keeps_recovery: rng.once_in(2),
        }
    }

    /// After these a life is the last one: what is damaged stays so.
    pub(crate) const fn is_damaging(&self) -> bool {
        matches!(self.mishap, Mishap::Lies(_) | Mishap::Rot { .. })
    }

    fn mishap(rng: &mut Rng) -> Mishap {
        let nth = rng.below(20);
        match rng.weighted(&[10, 2, 2, 2, 1, 1, 2, 1, 5]) {
            0 => Mishap::None,
            1 => Mishap::Fails(Fault::FailWrite { nth }),
            2 => Mishap::Fails(Fault::FailSync { nth: nth / 2 }),
            3 => Mishap::Fails(Fault::FailRead { nth }),
            4 => Mishap::Fails(Fault::NoSpaceWrite { nth }),
            5 => Mishap::HostFull(Fault::NoSpaceAfter { slots: nth / 8 }),
            6 => Mishap::Lies(Fault::LoseWrite { nth }),
            7 => {
                let slot = Slot::new(u32::try_from(rng.below(6)).unwrap_or(0));
                let to = Place::slot(slot, rng.below(100) * 4096);
                Mishap::Lies(Fault::MisdirectWrite { nth, to })
            }
            _ => Mishap::Rot {
                places: rng.between(1, 3),
            },
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} within {} steps", self.end, self.steps)?;
        if self.mishap != Mishap::None {
            write!(f, ", {:?} before step {}", self.mishap, self.mishap_at)?;
        }
        Ok(())
    }
}

/// The pool of a seed.
pub(crate) fn shape(seed: u64) -> Shape {
    let mut rng = Rng::new(seed.rotate_left(8) ^ 0x0005_6a0e);
    let layout = *rng.pick(&[SimLayout::Directory, SimLayout::Span]);
    // With so little, checkpoints happen in the middle of everything.
    let memory = [4 << 20, 512 << 10, 128 << 10][to_usize(rng.below(3))];
    let capacity = [65 << 20, 96 << 20][to_usize(rng.below(2))];
    Shape {
        seed,
        layout,
        capacity: ByteCount::new(capacity),
        memory: ByteCount::new(memory),
        is_slow: rng.once_in(4),
    }
}
