mod conformance;
mod crash;
mod faults;

use engine_base::{SeededEntropy, Slot};

use super::survival::below;
use super::{SimDevice, SimOptions};
use crate::{Area, Device, DeviceError, Geometry, Place, Prepare};

const GEOMETRY: Geometry = Geometry {
    segment_bytes: 1 << 20,
    slots: 16,
};
const ZERO: Slot = Slot::new(0);

fn device(options: SimOptions) -> SimDevice {
    let device = SimDevice::new(options);
    device.attach(GEOMETRY).unwrap();
    device
}

fn reboot(image: super::SimImage, seed: u64) -> SimDevice {
    let device = SimDevice::from_image(image, SimOptions::seeded(seed));
    device.attach(GEOMETRY).unwrap();
    device
}

fn read_byte(device: &SimDevice, at: Place) -> u8 {
    let mut byte = [0xee];
    device.read(at, &mut byte).unwrap();
    byte[0]
}

/// A run of random calls, all from `seed`; ends at the first error.
fn random_run(device: &dyn Device, seed: u64) -> Result<(), DeviceError> {
    let random = SeededEntropy::new(seed);
    for _ in 0..60 {
        let slot = Slot::new(u32::try_from(below(&random, 4)).unwrap());
        let offset = below(&random, 64) as u64 * 512;
        let fill = u8::try_from(below(&random, 255) + 1).unwrap();
        match below(&random, 8) {
            0 => device.prepare(slot, Prepare::Allocate)?,
            1 if below(&random, 4) == 0 => {
                device.prepare(slot, Prepare::Allocate)?;
                device.discard(slot)?;
            }
            2 => device.sync(Area::Label)?,
            3 => {
                device.prepare(slot, Prepare::Overwritable)?;
                device.sync(Area::Segment(slot))?;
            }
            4 => device.write(Place::label(offset), &[&[fill; 700]])?,
            5 => device.read(Place::label(offset), &mut [0; 100])?,
            _ => {
                device.prepare(slot, Prepare::Allocate)?;
                device.write(Place::slot(slot, offset), &[&[fill; 512], &[fill; 3000]])?;
            }
        }
    }
    Ok(())
}
