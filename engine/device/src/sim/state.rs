//! What a running simulated device changes.

use std::io;
use std::sync::Arc;

use engine_base::{SeededEntropy, to_usize};

use super::area::{AreaState, Change, What};
use super::fault::{Call, Fault, Faults};
use super::image::SimImage;
use super::options::{SimLayout, SimOptions, SimStats};
use super::power::SimPower;
use super::survival::Policy;
use crate::{Area, Geometry, Place, ReadFrom, bounds};

/// Everything behind the lock of a [`super::SimDevice`].
pub(super) struct State {
    pub(super) image: SimImage,
    pub(super) geometry: Option<Geometry>,
    pub(super) faults: Faults,
    pub(super) stats: SimStats,
    /// The device is gone: its own power was lost.
    pub(super) power_lost: bool,
    pub(super) power: Arc<SimPower>,
    pub(super) random: SeededEntropy,
    /// Of the last change.
    sequence: u64,
}

/// Whether a call is made with the power on, or is the one during which it goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Power {
    On,
    Failing,
}

pub(super) fn power_loss() -> io::Error {
    io::Error::other("simulated power loss")
}

impl State {
    pub(super) fn new(image: SimImage, seed: u64, power: Arc<SimPower>) -> Self {
        let sequence = image.last_sequence();
        Self {
            image,
            geometry: None,
            faults: Faults::default(),
            stats: SimStats::default(),
            power_lost: false,
            power,
            random: SeededEntropy::new(seed),
            sequence,
        }
    }

    /// Counts a call with `count`; fails if the power was lost before it.
    pub(super) fn begin(
        &mut self,
        options: &SimOptions,
        count: fn(&mut SimStats) -> &mut u64,
    ) -> io::Result<Power> {
        if self.power_lost || self.power.is_lost() {
            return Err(power_loss());
        }
        let before = self.stats;
        *count(&mut self.stats) += 1;
        let reached =
            |at: Option<u64>, before: u64, after: u64| at == Some(before) && after > before;
        let after = self.stats;
        self.power_lost = reached(options.crash_at, before.operations(), after.operations())
            || reached(options.crash_at_change, before.changes(), after.changes());
        let all_lost = self.power.count(after.changes() - before.changes());
        Ok(if self.power_lost || all_lost {
            Power::Failing
        } else {
            Power::On
        })
    }

    /// Reads what is live, or what storage holds.
    pub(super) fn read(
        &mut self,
        options: &SimOptions,
        at: Place,
        from: ReadFrom,
        buf: &mut [u8],
    ) -> io::Result<()> {
        if self.begin(options, |stats| &mut stats.reads)? == Power::Failing {
            return Err(power_loss());
        }
        bounds::check(self.geometry.as_ref(), at, buf.len())?;
        if self.faults.strike(Call::Read).is_some() {
            return Err(io::Error::other("simulated read error"));
        }
        let area = self.area(options, at.area)?;
        let content = match from {
            ReadFrom::Cache => &area.live,
            ReadFrom::Storage => area.stored(),
        };
        content.chunks.read(to_usize(at.offset), buf);
        self.stats.read_bytes += buf.len() as u64;
        Ok(())
    }

    /// Writes, with or without success.
    pub(super) fn write(
        &mut self,
        options: &SimOptions,
        at: Place,
        bytes: &[u8],
    ) -> io::Result<()> {
        let power = self.begin(options, |stats| &mut stats.writes)?;
        bounds::check(self.geometry.as_ref(), at, bytes.len())?;
        self.area(options, at.area)?;
        let mut to = at;
        match self.faults.strike(Call::Write) {
            Some(Fault::NoSpaceWrite { .. }) => return Err(io::ErrorKind::StorageFull.into()),
            Some(Fault::FailWrite { .. }) => return Err(self.write_in_part(options, at, bytes)?),
            Some(Fault::LoseWrite { .. }) => return Ok(()),
            Some(Fault::MisdirectWrite { to: elsewhere, .. }) => {
                bounds::check(self.geometry.as_ref(), elsewhere, bytes.len())?;
                to = elsewhere;
            }
            _ => {}
        }
        let change = self.next_change(What::Write {
            offset: to_usize(to.offset),
            bytes: bytes.into(),
        });
        let area = self.area(options, to.area)?;
        if power == Power::Failing {
            area.change_interrupted(change);
            return Err(power_loss());
        }
        area.change(change);
        match at.area {
            Area::Label => self.stats.label_bytes += bytes.len() as u64,
            Area::Segment(_) => self.stats.segment_bytes += bytes.len() as u64,
        }
        Ok(())
    }

    /// Writes the first bytes of a write, and returns the error of the rest.
    fn write_in_part(
        &mut self,
        options: &SimOptions,
        at: Place,
        bytes: &[u8],
    ) -> io::Result<io::Error> {
        let written = super::survival::below(&self.random, bytes.len() + 1);
        let bytes = Arc::from(&bytes[..written]);
        let change = self.next_change(What::Write {
            offset: to_usize(at.offset),
            bytes,
        });
        self.area(options, at.area)?.change(change);
        Ok(io::Error::other("simulated write error"))
    }

    /// Makes an area durable, or fails and leaves it undecided for ever.
    pub(super) fn sync(&mut self, options: &SimOptions, area: Area) -> io::Result<()> {
        if self.begin(options, |stats| &mut stats.syncs)? == Power::Failing {
            return Err(power_loss());
        }
        bounds::check(self.geometry.as_ref(), Place { area, offset: 0 }, 0)?;
        let failing = self.faults.strike(Call::Sync).is_some();
        if failing {
            let random = SeededEntropy::new(self.random.next_u64());
            self.area(options, area)?
                .settle(|change| Policy::Each.choose(&random, change));
            return Err(io::Error::other("simulated sync error"));
        }
        self.area(options, area)?.sync();
        Ok(())
    }

    /// The area, if it exists.
    pub(super) fn area(&mut self, options: &SimOptions, area: Area) -> io::Result<&mut AreaState> {
        let always = area == Area::Label || options.layout == SimLayout::Span;
        let make = if always {
            AreaState::zeroed
        } else {
            AreaState::default
        };
        let state = self.image.area_or(area, make);
        if state.live.present {
            Ok(state)
        } else {
            Err(io::ErrorKind::NotFound.into())
        }
    }

    /// The next change of the device.
    pub(super) fn next_change(&mut self, what: What) -> Change {
        self.sequence += 1;
        Change {
            sequence: self.sequence,
            what,
        }
    }

    /// A coin toss.
    pub(super) fn toss(&self) -> bool {
        self.random.next_u64().is_multiple_of(2)
    }
}
