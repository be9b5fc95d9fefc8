//! What lies on the members of a mirror.

use engine_base::{ByteCount, DeviceId};

use crate::{MemberRecord, Membership, MissingSector};

pub(crate) fn membership() -> Membership {
    let member = |id: u8, stale_since, name: &str| MemberRecord {
        device: DeviceId::new([id; 16]),
        bytes: ByteCount::new(0x0100_0000_0000),
        stale_since,
        name: name.to_owned(),
    };
    let mut history = [0; 64];
    history[0] = 0x1112;
    history[63] = 0x2122;
    Membership {
        set: [0x55; 16],
        device: DeviceId::new([0xa1; 16]),
        replicas: 2,
        generation: 0x0708,
        generation_id: 0x0102_0304_0506_0708,
        history,
        members: vec![
            member(0xa1, None, "/a"),
            member(0xb2, Some(0x0707), "/b/\u{fc}"),
        ],
    }
}

/// Of the second member of [`membership`].
pub(crate) fn missing_sector() -> MissingSector {
    let mut bits = [0; 472];
    bits[0] = 0x81;
    bits[471] = 0x40;
    MissingSector {
        device: DeviceId::new([0xb2; 16]),
        stale_since: 0x0707,
        index: 3,
        bits,
    }
}
