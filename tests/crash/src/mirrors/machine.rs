//! Several simulated devices with one power supply.

use std::sync::Arc;

use engine_base::limits::LABEL_BYTES;
use engine_base::{ByteCount, SeededEntropy, Slot};
use engine_device::{
    Area, Device, DeviceError, MirrorOptions, Place, SimDevice, SimImage, SimLayout, SimOptions,
    SimPower, assemble, create,
};
use engine_format::{Membership, membership_offset};
use tests_model::Rng;

/// The devices, and which of them are plugged in.
pub(super) struct Machine {
    seed: u64,
    layout: SimLayout,
    images: Vec<SimImage>,
    power: Arc<SimPower>,
    lost_at: Vec<Option<u64>>,
    sims: Vec<Arc<SimDevice>>,
    present: Vec<usize>,
}

const CAPACITY: u64 = 96 << 20;

impl Machine {
    pub(super) fn new(seed: u64, layout: SimLayout, images: &[SimImage]) -> Self {
        let mut machine = Self {
            seed,
            layout,
            images: images.to_vec(),
            power: Arc::default(),
            lost_at: vec![None; images.len()],
            sims: Vec::new(),
            present: (0..images.len()).collect(),
        };
        machine.plug_in();
        machine
    }

    fn plug_in(&mut self) {
        let sim = |(index, image): (usize, &SimImage)| {
            let options = SimOptions {
                seed: self.seed * 8 + index as u64,
                crash_at_change: self.lost_at[index],
                layout: self.layout,
                capacity: ByteCount::new(CAPACITY),
                ..SimOptions::default()
            };
            let power = Arc::clone(&self.power);
            Arc::new(SimDevice::on_power(image.clone(), options, power))
        };
        self.sims = self.images.iter().enumerate().map(sim).collect();
    }

    /// The power of all fails at this change.
    pub(super) fn failing_at(mut self, change: u64) -> Self {
        self.power = Arc::new(SimPower::failing_at(Some(change)));
        self.plug_in();
        self
    }

    /// One device is lost at this change of its own.
    pub(super) fn losing(mut self, index: usize, change: u64) -> Self {
        self.lost_at[index] = Some(change);
        self.plug_in();
        self
    }

    pub(super) fn only(mut self, index: usize) -> Self {
        self.present = vec![index];
        self
    }

    pub(super) fn without(mut self, index: usize) -> Self {
        self.present.retain(|present| *present != index);
        self
    }

    fn options(degraded: bool, seed: u64) -> MirrorOptions {
        MirrorOptions {
            degraded,
            parallel: false,
            entropy: Arc::new(SeededEntropy::new(seed ^ 0x3117)),
            opener: Arc::new(|name| {
                Err(DeviceError::Unusable {
                    device: name.into(),
                    reason: "is not there".to_owned(),
                    source: None,
                })
            }),
            ..MirrorOptions::default()
        }
    }

    pub(super) fn create(&self, size: ByteCount, seed: u64) -> Arc<dyn Device> {
        let members = self.sims.iter().map(|sim| {
            let device: Arc<dyn Device> = Arc::<SimDevice>::clone(sim);
            (device, size)
        });
        let made = create(members.collect(), 2, &Self::options(false, seed));
        made.expect("devices without faults").device
    }

    pub(super) fn assemble(
        &self,
        degraded: bool,
        seed: u64,
    ) -> Result<Arc<dyn Device>, DeviceError> {
        let devices = self.present.iter().map(|index| {
            let device: Arc<dyn Device> = Arc::<SimDevice>::clone(&self.sims[*index]);
            device
        });
        Ok(assemble(devices.collect(), &Self::options(degraded, seed))?.device)
    }

    pub(super) fn any(&self) -> &Arc<SimDevice> {
        &self.sims[0]
    }

    pub(super) fn sim(&self, index: usize) -> &Arc<SimDevice> {
        &self.sims[index]
    }

    pub(super) fn other_than(&self, lost: usize) -> &Arc<SimDevice> {
        &self.sims[(lost + 1) % self.sims.len()]
    }

    /// Whether that device alone was lost.
    pub(super) fn is_lost(&self, index: usize) -> bool {
        let changes = self.sims[index].changes();
        self.lost_at[index].is_some_and(|at| changes > at)
    }

    pub(super) fn changes(&self) -> u64 {
        self.power.changes()
    }

    /// What a power cut leaves, chosen for each device by itself.
    pub(super) fn crashed(&self, rng: &mut Rng) -> Vec<SimImage> {
        self.sims
            .iter()
            .map(|sim| sim.crash_image(rng.bits()))
            .collect()
    }

    /// What the death of the process leaves.
    pub(super) fn killed(&self) -> Vec<SimImage> {
        self.sims
            .iter()
            .map(|sim| sim.process_kill_image())
            .collect()
    }

    /// Whether every record of the newest generation says that all are current.
    pub(super) fn all_current(&self) -> bool {
        let records = self.images.iter().flat_map(|image| {
            (0..2).filter_map(|copy| {
                let mut bytes = [0; engine_format::MEMBERSHIP_BYTES];
                let _ = image.read(Place::label(membership_offset(copy)), &mut bytes);
                Membership::decode(&bytes, copy).ok()
            })
        });
        let newest = records.max_by_key(|record| record.generation);
        newest.is_some_and(|record| {
            record
                .members
                .iter()
                .all(|member| member.stale_since.is_none())
        })
    }
}

/// Overwrites a stretch with rubbish: of a segment, mostly near its beginning, or of the label
/// where something lies.
pub(super) fn rot(image: &mut SimImage, rng: &mut Rng) {
    let slots = image.slots();
    let area = if slots.is_empty() || rng.once_in(4) {
        Area::Label
    } else {
        let slot: Slot = slots[engine_base::to_usize(rng.below(slots.len() as u64))];
        Area::Segment(slot)
    };
    let offset = match area {
        // One superblock, or one copy of the record: both is a device that is lost.
        Area::Label if rng.once_in(2) => LABEL_BYTES / 2 + rng.below(4096),
        Area::Label => membership_offset(1) + rng.below(4096),
        Area::Segment(_) if rng.once_in(2) => rng.below(64 << 10),
        Area::Segment(_) => rng.below((2 << 20) - 600),
    };
    let mut bytes = vec![0; engine_base::to_usize(1 + rng.below(600))];
    let _ = image.read(Place { area, offset }, &mut bytes);
    for byte in &mut bytes {
        *byte ^= u8::try_from(1 + rng.below(255)).unwrap_or(1);
    }
    image.write(Place { area, offset }, &bytes);
}
