//! Several devices as one.

use std::sync::Arc;

use engine_base::SeededEntropy;
use engine_device::{Device, DeviceError, MemberHealth, MirrorOptions, Upkeep, assemble, create};
use engine_pool::{Pool, StoreError};

use super::{How, Rig};

/// Copies that are kept.
const COPIES: usize = 2;
/// Steps of upkeep after which devices of this size must be up to date.
const UPKEEP_MAX: u32 = 10_000;

/// What the devices are put together for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Open,
    /// Whatever is lost with those that are not there.
    Degraded,
    Look,
}

impl From<How> for Use {
    fn from(how: How) -> Self {
        match how {
            How::Degraded => Self::Degraded,
            How::Newest | How::Rewind | How::AcceptLoss => Self::Open,
        }
    }
}

impl Rig {
    fn options(&self, life: u64, purpose: Use) -> MirrorOptions {
        let seed = self.shape.seed ^ (life + 1).rotate_left(24) ^ 0x3117;
        MirrorOptions {
            degraded: purpose == Use::Degraded,
            read_only: purpose == Use::Look,
            parallel: false,
            entropy: Arc::new(SeededEntropy::new(seed)),
            opener: Arc::new(|name| {
                Err(DeviceError::Unusable {
                    device: name.into(),
                    reason: "is not there".to_owned(),
                    source: None,
                })
            }),
        }
    }

    /// The devices of a new pool.
    pub(super) fn created(&self) -> Arc<dyn Device> {
        if !self.shape.is_mirrored() {
            return Arc::clone(&self.device) as Arc<dyn Device>;
        }
        let members = self.devices.iter().map(|device| {
            let device = Arc::clone(device) as Arc<dyn Device>;
            (device, self.shape.capacity)
        });
        let made = create(members.collect(), COPIES, &self.options(0, Use::Open));
        made.expect("devices without faults").device
    }

    /// Those that are plugged in, as the device of the pool.
    pub(super) fn put_together(
        &self,
        life: u64,
        purpose: Use,
    ) -> Result<Arc<dyn Device>, StoreError> {
        if !self.shape.is_mirrored() {
            return Ok(Arc::clone(&self.device) as Arc<dyn Device>);
        }
        let devices = self.devices.iter().enumerate();
        let plugged = devices.filter(|(number, _)| self.only.is_none_or(|only| only == *number));
        let plugged = plugged.map(|(_, device)| Arc::clone(device) as Arc<dyn Device>);
        Ok(assemble(plugged.collect(), &self.options(life, purpose))?.device)
    }

    /// The device on which things go wrong alone, where there are two.
    pub(crate) fn victim_alone(mut self) -> Option<Self> {
        self.only = Some(self.shape.victim());
        (self.devices.len() == 2).then_some(self)
    }

    /// A bit of what the background does for devices that are behind.
    pub(crate) fn upkeep(&self, pool: &Pool, pieces: u64) {
        if self.shape.is_mirrored() {
            for _ in 0..pieces {
                pool.maintain(false);
            }
        }
    }

    /// All devices are up to date when this returns, unless the power went meanwhile.
    ///
    /// # Panics
    /// If that does not come to an end.
    pub(crate) fn catch_up(&self, pool: &Pool) {
        if !self.shape.is_mirrored() {
            return;
        }
        for _ in 0..UPKEEP_MAX {
            if pool.maintain(false) == Upkeep::Idle {
                // Without power the devices refuse everything, and count as failed.
                let is_over = all_current(pool) || self.power_lost();
                assert!(is_over, "{:#?}", pool.status().members);
                return;
            }
        }
        panic!("catching up does not end: {:#?}", pool.status().members);
    }

    /// Whether all devices of an open pool are up to date.
    pub(crate) fn is_whole(&self, pool: &Pool) -> bool {
        !self.shape.is_mirrored() || all_current(pool)
    }
}

fn all_current(pool: &Pool) -> bool {
    let members = pool.status().members;
    members
        .iter()
        .all(|member| member.health == MemberHealth::Current)
}
