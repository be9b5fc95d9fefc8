use std::sync::Arc;

use engine_base::ByteCount;

use super::{SLOT, byte_of, dynamic, health, rig, sim, upkeep, write};
use crate::{Attention, Device, Fault, MemberHealth, Opened, SimDevice, SimOptions};

#[test]
fn a_new_device_takes_the_place_of_another() {
    let rig = rig();
    write(&rig.mirror, 4).unwrap();
    let small = SimDevice::new(SimOptions {
        capacity: ByteCount::new(5 << 20),
        ..SimOptions::seeded(7)
    });
    let refused = rig.mirror.replace(
        "sim-2",
        &Opened {
            device: Arc::new(small),
            empty: true,
        },
    );
    assert!(refused.is_err());
    let new = sim(3);
    let device = dynamic(&new);
    let opened = Opened {
        device,
        empty: true,
    };
    rig.mirror.replace("sim-2", &opened).unwrap();
    assert_eq!(
        health(&rig.mirror),
        [MemberHealth::Current, MemberHealth::Syncing]
    );
    let calls = rig.sims[1].changes();
    // Written before its slot was copied, while it is, and after.
    write(&rig.mirror, 5).unwrap();
    let attention = Attention {
        in_use: &|slot| slot == SLOT,
        unsound: &|_, _| Some(Vec::new()),
        look: false,
    };
    rig.mirror.maintain(&attention);
    write(&rig.mirror, 6).unwrap();
    upkeep(&rig.mirror, true);
    assert_eq!(
        health(&rig.mirror),
        [MemberHealth::Current, MemberHealth::Current]
    );
    assert_eq!(byte_of(&rig.mirror, 1).unwrap(), 6);
    assert_eq!(
        rig.sims[1].changes(),
        calls,
        "the old one is not called any more"
    );
    assert!(
        rig.mirror.replace("sim-2", &opened).is_err(),
        "no such member"
    );
    // The last current copy cannot be replaced.
    rig.sims[0].inject(Fault::FailWrite { nth: 0 });
    write(&rig.mirror, 7).unwrap();
    let another = dynamic(&sim(8));
    let opened = Opened {
        device: another,
        empty: true,
    };
    rig.mirror.replace("sim-3", &opened).unwrap_err();
}
