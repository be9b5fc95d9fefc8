use engine_base::DeviceId;

use super::{MEMBERSHIP_BYTES, MISSING_SLOTS, Membership, MissingSector};
use super::{membership_offset, missing_offset};
use crate::testing::{
    Golden, reference_crc32c, refused, refuses_every_flipped_bit, refuses_every_torn_write,
};
use crate::{FormatError, samples};

fn sample() -> Membership {
    samples::membership()
}

fn decode(bytes: &[u8]) -> Result<Membership, FormatError> {
    Membership::decode(bytes.try_into().unwrap(), 1)
}

fn golden() -> Vec<u8> {
    let mut bytes = Golden::zeroed(MEMBERSHIP_BYTES)
        .at(0, "54 52 45 46 4d 42 52 1a")
        .at(12, "01000000")
        .at(16, "55555555555555555555555555555555")
        .at(32, "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1")
        .at(48, "01000000 02000000 0807000000000000 0807060504030201")
        .at(72, "02000000")
        .at(80, "1211")
        .at(584, "2221")
        .at(592, "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1 0000000000010000")
        .at(624, "02000000 00000000 2f61")
        .at(784, "b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2 0000000000010000")
        .at(808, "0707000000000000 05000000 00000000 2f622fc3bc")
        .bytes();
    let crc = reference_crc32c(&bytes[12..]);
    bytes[8..12].copy_from_slice(&crc.to_le_bytes());
    bytes
}

fn patched(at: usize, with: &[u8]) -> Vec<u8> {
    let mut bytes = golden();
    bytes[at..at + with.len()].copy_from_slice(with);
    let crc = reference_crc32c(&bytes[12..]);
    bytes[8..12].copy_from_slice(&crc.to_le_bytes());
    bytes
}

#[test]
fn golden_bytes() {
    assert_eq!(sample().encode(1)[..], golden());
    assert_eq!(decode(&golden()), Ok(sample()));
    assert_eq!(membership_offset(0), 65_536);
    assert_eq!(membership_offset(1), 589_824);
}

#[test]
fn every_flipped_bit_and_torn_write_is_refused() {
    refuses_every_flipped_bit(&golden(), decode);
    let newer = sample().successor(9).encode(1);
    refuses_every_torn_write(&newer, &golden(), decode);
    refuses_every_torn_write(&newer, &[0; MEMBERSHIP_BYTES], decode);
    assert_eq!(refused(Membership::decode(&sample().encode(0), 1)), "copy");
}

#[test]
fn what_no_writer_makes_is_refused_although_the_checksum_fits() {
    let wrong = |at, with: &[u8]| refused(decode(&patched(at, with)));
    assert_eq!(wrong(0, b"X"), "magic");
    assert_eq!(wrong(12, &[2]), "version");
    assert_eq!(wrong(16, &[0; 16]), "set_id");
    assert_eq!(wrong(32, &[0; 16]), "device_id");
    assert_eq!(wrong(32, &[3; 16]), "device_id");
    assert_eq!(wrong(52, &[0]), "replicas");
    assert_eq!(wrong(52, &[3]), "replicas");
    assert_eq!(wrong(56, &[0; 8]), "generation");
    assert_eq!(wrong(64, &[0; 8]), "generation_id");
    assert_eq!(wrong(72, &[0]), "members");
    assert_eq!(wrong(72, &[9]), "members");
    assert_eq!(wrong(76, &[1]), "reserved");
    assert_eq!(wrong(608, &[0; 8]), "bytes");
    assert_eq!(wrong(784, &[0xa1; 16]), "members");
    assert_eq!(wrong(808, &[9, 9]), "stale_since");
    assert_eq!(wrong(816, &[4]), "name");
    assert_eq!(wrong(816, &[200]), "name");
    assert_eq!(wrong(820, &[1]), "reserved");
    assert_eq!(wrong(976, &[1]), "members");
    assert_eq!(wrong(4095, &[1]), "reserved");
}

#[test]
fn histories_are_told_apart() {
    let first = sample();
    let second = first.successor(21);
    let third = second.successor(22);
    assert_eq!(third.generation, first.generation + 2);
    assert_eq!(third.came_from(&first), Some(true));
    assert_eq!(third.came_from(&second), Some(true));
    assert_eq!(third.came_from(&third), Some(true));
    assert_eq!(second.came_from(&third), Some(false));
    let fork = first.successor(77);
    assert_eq!(third.came_from(&fork), Some(false));
    assert_eq!(second.came_from(&fork), Some(false));
    let mut later = third;
    for id in 0..64 {
        later = later.successor(100 + id);
    }
    assert_eq!(later.came_from(&first), None);
    let other = Membership {
        set: [1; 16],
        ..first
    };
    assert_eq!(later.came_from(&other), Some(false));
}

fn sector() -> MissingSector {
    let mut bits = [0; 472];
    bits[0] = 0b101;
    bits[471] = 0x80;
    MissingSector {
        device: DeviceId::new([0xb2; 16]),
        stale_since: 0x0707,
        index: 3,
        bits,
    }
}

#[test]
fn golden_bytes_of_a_map() {
    let mut golden = Golden::zeroed(512)
        .at(0, "54 4d 49 53")
        .at(
            8,
            "b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2 0707000000000000 03000000",
        )
        .at(40, "05")
        .at(511, "80")
        .bytes();
    let crc = reference_crc32c(&golden[8..]);
    golden[4..8].copy_from_slice(&crc.to_le_bytes());
    assert_eq!(sector().encode()[..], golden);
    let decode = |bytes: &[u8]| {
        let device = DeviceId::new([0xb2; 16]);
        MissingSector::decode(bytes.try_into().unwrap(), device, 0x0707, 3)
    };
    assert_eq!(decode(&golden), Ok(sector()));
    refuses_every_flipped_bit(&golden, decode);
    let bytes: &[u8; 512] = golden.first_chunk().unwrap();
    let device = DeviceId::new([0xb2; 16]);
    let other = DeviceId::new([1; 16]);
    let wrong = |device, since, index| refused(MissingSector::decode(bytes, device, since, index));
    assert_eq!(wrong(other, 0x0707, 3), "device_id");
    assert_eq!(wrong(device, 0x0708, 3), "stale_since");
    assert_eq!(wrong(device, 0x0707, 4), "sector");
}

#[test]
fn maps_lie_between_the_records() {
    assert_eq!(missing_offset(0, 0), 131_072);
    assert_eq!(missing_offset(0, MISSING_SLOTS), 131_584);
    assert_eq!(missing_offset(1, MISSING_SLOTS - 1), 172_032);
    assert_eq!(
        missing_offset(7, super::MEMBER_SLOTS_MAX - 1) + 512,
        458_752
    );
}
