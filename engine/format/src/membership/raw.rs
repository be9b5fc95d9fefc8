//! The bytes of a membership record.

use std::mem::offset_of;

use engine_base::limits::LABEL_BYTES;
use engine_base::{ByteCount, DeviceId};
use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned, transmute, transmute_ref};

use super::{
    MEMBER_NAME_BYTES_MAX, MEMBERS_MAX, MEMBERSHIP_BYTES, MEMBERSHIP_HISTORY, MEMBERSHIP_MAGIC,
    MemberRecord, Membership,
};
use crate::{FORMAT_VERSION, FormatError, check};

const NAME: &str = "membership record";
const CHECKED_FROM: usize = 12;

/// A record exactly as it lies on the device. Nothing in it has been checked.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy)]
#[repr(C)]
struct RawMembership {
    magic: [u8; 8],
    crc32c: U32,
    version: U32,
    set: [u8; 16],
    device: [u8; 16],
    copy: U32,
    replicas: U32,
    generation: U64,
    generation_id: U64,
    members: U32,
    reserved: [u8; 4],
    history: [U64; MEMBERSHIP_HISTORY],
    entries: [RawMember; MEMBERS_MAX],
    reserved_tail: [u8; 1968],
}

/// One member exactly as it lies on the device.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy)]
#[repr(C)]
struct RawMember {
    device: [u8; 16],
    bytes: U64,
    stale_since: U64,
    name_bytes: U32,
    reserved: [u8; 4],
    name: [u8; MEMBER_NAME_BYTES_MAX],
}

const _: () = assert!(size_of::<RawMembership>() == MEMBERSHIP_BYTES);
const _: () = assert!(size_of::<RawMember>() == 192);
const _: () = assert!(offset_of!(RawMembership, version) == CHECKED_FROM);
const _: () = assert!(offset_of!(RawMembership, copy) == 48);
const _: () = assert!(offset_of!(RawMembership, generation) == 56);
const _: () = assert!(offset_of!(RawMembership, history) == 80);
const _: () = assert!(offset_of!(RawMembership, entries) == 592);

pub(super) fn encode(record: &Membership, copy: u8) -> [u8; MEMBERSHIP_BYTES] {
    assert!(record.members.len() <= MEMBERS_MAX, "too many members");
    let blank = RawMember {
        device: [0; 16],
        bytes: U64::ZERO,
        stale_since: U64::ZERO,
        name_bytes: U32::ZERO,
        reserved: [0; 4],
        name: [0; MEMBER_NAME_BYTES_MAX],
    };
    let mut entries = [blank; MEMBERS_MAX];
    for (raw, member) in entries.iter_mut().zip(&record.members) {
        *raw = RawMember::new(member);
    }
    let mut raw = RawMembership {
        magic: MEMBERSHIP_MAGIC,
        crc32c: U32::ZERO,
        version: U32::new(FORMAT_VERSION),
        set: record.set,
        device: record.device.get(),
        copy: U32::new(u32::from(copy)),
        replicas: U32::new(record.replicas),
        generation: U64::new(record.generation),
        generation_id: U64::new(record.generation_id),
        members: U32::new(engine_base::to_u32(record.members.len())),
        reserved: [0; 4],
        history: record.history.map(U64::new),
        entries,
        reserved_tail: [0; 1968],
    };
    raw.crc32c = U32::new(raw.computed());
    if let Err(error) = raw.verify(copy) {
        panic!("refusing to write a membership record that could not be read: {error}");
    }
    transmute!(raw)
}

pub(super) fn decode(bytes: &[u8; MEMBERSHIP_BYTES], copy: u8) -> Result<Membership, FormatError> {
    let raw: &RawMembership = transmute_ref!(bytes);
    raw.verify(copy)
}

impl RawMembership {
    fn computed(&self) -> u32 {
        let (_, checked) = self.as_bytes().split_at(CHECKED_FROM);
        crc32c::crc32c(checked)
    }

    fn verify(&self, copy: u8) -> Result<Membership, FormatError> {
        check::magic(&self.magic, &MEMBERSHIP_MAGIC, NAME)?;
        check::checksum(self.crc32c.get(), self.computed(), NAME)?;
        check::version(self.version.get(), NAME)?;
        check::number(self.copy.get().into(), copy.into(), NAME, "copy")?;
        check::zero(&self.reserved, NAME, "reserved")?;
        check::zero(&self.reserved_tail, NAME, "reserved")?;
        check::drawn(self.set, NAME, "set_id")?;
        check::drawn(self.device, NAME, "device_id")?;
        let (generation, id) = (self.generation.get(), self.generation_id.get());
        let why = "generations and their ids begin at 1, and there are less than 2^63";
        let counts = (1..1 << 63).contains(&generation);
        check::field(counts, NAME, "generation", generation, why)?;
        check::field(id > 0, NAME, "generation_id", id, why)?;
        let count = self.members.get();
        let why = "a pool lies on 1 to 8 devices";
        let fits = (1..=MEMBERS_MAX).contains(&engine_base::to_usize(count.into()));
        check::field(fits, NAME, "members", count, why)?;
        let replicas = self.replicas.get();
        let why = "there are as many copies as members at most";
        let fits = (1..=count).contains(&replicas);
        check::field(fits, NAME, "replicas", replicas, why)?;
        let (used, unused) = self.entries.split_at(engine_base::to_usize(count.into()));
        for entry in unused {
            check::zero(entry.as_bytes(), NAME, "members")?;
        }
        let members = used.iter().map(|entry| entry.verify(generation));
        let members = members.collect::<Result<Vec<_>, _>>()?;
        let record = Membership {
            set: self.set,
            device: DeviceId::new(self.device),
            replicas,
            generation,
            generation_id: id,
            history: self.history.map(U64::get),
            members,
        };
        record.check_members()?;
        Ok(record)
    }
}

impl RawMember {
    fn new(member: &MemberRecord) -> Self {
        let mut name = [0; MEMBER_NAME_BYTES_MAX];
        for (to, from) in name.iter_mut().zip(member.name.as_bytes()) {
            *to = *from;
        }
        assert!(member.stale_since != Some(0), "generations begin at 1");
        Self {
            device: member.device.get(),
            bytes: U64::new(member.bytes.get()),
            stale_since: U64::new(member.stale_since.unwrap_or(0)),
            name_bytes: U32::new(engine_base::to_u32(member.name.len())),
            reserved: [0; 4],
            name,
        }
    }

    fn verify(&self, generation: u64) -> Result<MemberRecord, FormatError> {
        check::drawn(self.device, NAME, "device_id")?;
        check::zero(&self.reserved, NAME, "reserved")?;
        let bytes = self.bytes.get();
        let why = "a device has a label, and no more than 2^63 bytes";
        let fits = (LABEL_BYTES..=1 << 63).contains(&bytes);
        check::field(fits, NAME, "bytes", bytes, why)?;
        let since = self.stale_since.get();
        let why = "it is not later than the record";
        check::field(since <= generation, NAME, "stale_since", since, why)?;
        let length = self.name_bytes.get();
        let why = "names are UTF-8 of 152 bytes at most, zero behind that";
        let split = self
            .name
            .split_at_checked(engine_base::to_usize(length.into()));
        let name = split.and_then(|(name, rest)| {
            let name = std::str::from_utf8(name).ok()?;
            rest.iter().all(|byte| *byte == 0).then_some(name)
        });
        check::field(name.is_some(), NAME, "name", length, why)?;
        Ok(MemberRecord {
            device: DeviceId::new(self.device),
            bytes: ByteCount::new(bytes),
            stale_since: (since > 0).then_some(since),
            name: name.unwrap_or_default().to_owned(),
        })
    }
}

impl Membership {
    /// Each member is there once, and the one that carries the record is one of them.
    fn check_members(&self) -> Result<(), FormatError> {
        let once = |member: &MemberRecord| {
            let same = |other: &&MemberRecord| other.device == member.device;
            self.members.iter().filter(same).count() == 1
        };
        let why = "each member is there once";
        check::field(self.members.iter().all(once), NAME, "members", 0u64, why)?;
        let why = "the device that carries the record is one of the members";
        let own = self.position(self.device).is_some();
        check::field(own, NAME, "device_id", 0u64, why)
    }
}
