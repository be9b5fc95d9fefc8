//! One valid value of each structure with every field set: input of the golden tests and of
//! fuzzing.

mod buckets;
mod mirrors;

pub(crate) use buckets::{directory_state, inode, upload_record};
#[cfg(test)]
pub(crate) use buckets::{inode_id, part_record, touch};
pub(crate) use mirrors::{membership, missing_sector};

use engine_base::limits::BLOCK_BYTES;
use engine_base::{
    ByteCount, Checksum, DatasetId, DeviceId, EpochId, Location, Lsn, PoolId, SegmentId,
    Sixteenths, Slot,
};

use crate::{
    BatchBuilder, CheckpointId, Checksums, Codec, Compression, ContentForm, DatasetKind,
    DatasetName, DatasetRecord, DatasetState, DeltaBuilder, DeltaChange, DeltaPointer,
    DirectoryState, Encryption, ExtentPut, ExtentRef, GroupHeader, Inode, InodeFields, InodeId,
    InodeKind, JournalStart, Page, PagePointer, Redirect, RootsRecord, SegmentEntry, SegmentHeader,
    SegmentKind, SegmentState, SegmentTablePage, Successor, Superblock, UploadRecord, encode_head,
    head_bytes_for,
};

/// The pool of all samples.
pub(crate) const POOL: PoolId = PoolId::new([0x11; 16]);
/// The epoch of all samples.
pub(crate) const EPOCH: EpochId = EpochId::new([0x33; 16]);

pub(crate) fn segment(id: u64) -> SegmentId {
    SegmentId::new(id).expect("samples have no segment 0")
}

pub(crate) fn place(id: u64, offset: u32) -> Location {
    let segment = segment(id);
    Location { segment, offset }
}

pub(crate) fn pointer() -> PagePointer {
    let delta = DeltaPointer {
        location: place(0x0103, 0x5008),
        bytes: 0x40,
        checksum: Checksum::new(0xd4d3_d2d1),
    };
    PagePointer {
        base: place(0x0101, 0x1_0000),
        checksum: Checksum::new(0xb4b3_b2b1),
        copy: Some(place(0x0102, 0x2_0000)),
        delta: Some(delta),
    }
}

pub(crate) fn superblock() -> Superblock {
    let next = Successor {
        segment: segment(0x0807),
        slot: Slot::new(0x31),
    };
    Superblock {
        features_compatible: 0,
        features_read_only: 0,
        features_incompatible: 0,
        pool_id: POOL,
        device_id: DeviceId::new([0x22; 16]),
        checkpoint: CheckpointId::new(0x0102_0304_0506_0708),
        lsn: Lsn::new(0x1112_1314_1516_1718),
        epoch: EPOCH,
        parent_epoch: Some(EpochId::new([0x44; 16])),
        segment_bytes: 64 << 20,
        slots: 0x0203,
        journal: JournalStart {
            slot: Slot::new(0x21),
            location: place(0x0806, 0x0102_3000),
            chain: Checksum::new(0xc4c3_c2c1),
            successor: Some(next),
        },
        next_segment: segment(0x0809),
        next_dataset: DatasetId::new(0x77),
        created_unix_nanos: 0x2122_2324_2526_2728,
        pool_root: Some(pointer()),
        roots_root: Some(PagePointer {
            delta: None,
            ..pointer()
        }),
        segment_table: Some(PagePointer {
            copy: None,
            delta: None,
            ..pointer()
        }),
        segment_table_slot: Slot::new(0x41),
    }
}

pub(crate) fn segment_header() -> SegmentHeader {
    SegmentHeader {
        pool_id: POOL,
        segment: segment(0x0102_0304_0506_0708),
        slot: Slot::new(0x1112_1314),
        kind: SegmentKind::Journal,
        epoch: EPOCH,
        first_lsn: Lsn::new(0x2122_2324_2526_2728),
        previous_segment: SegmentId::new(0x0102_0304_0506_0707),
    }
}

/// Where the sample group lies.
pub(crate) fn group_place() -> Location {
    place(0x0102_0304_0506_0708, 0x0012_3000)
}

pub(crate) fn group_header() -> GroupHeader {
    GroupHeader {
        lsn: Lsn::new(0x1112_1314_1516_1718),
        epoch: EPOCH,
        chain: Checksum::new(0xa4a3_a2a1),
        data_bytes: 0x5000,
        batches: 2,
        successor: Some(Successor {
            segment: segment(0x0102_0304_0506_0709),
            slot: Slot::new(0x3132_3334),
        }),
        durable_lsn: Lsn::new(0x1112_1314_1516_1717),
    }
}

/// One mutation of each kind, in one batch whose extent has two blocks of data.
pub(crate) fn batch() -> Vec<u8> {
    let dataset = DatasetId::new(0x10);
    let mut batch = BatchBuilder::new();
    batch.put(dataset, b"key", b"value");
    batch.delete(dataset, b"gone");
    let extent = ExtentPut {
        offset: 0x0102_0304_0506_0708,
        bytes: 0x1001,
        data_offset: 0x2000,
        skip: 0x0234,
        codec: Codec::None,
    };
    batch.extent_put(dataset, b"p", &extent, &[0x6463_6261, 0x7473_7271]);
    batch.extent_clear(DatasetId::new(0x11), b"", 0x1000, 0x2000);
    batch.finish().expect("it is small")
}

/// The two batches of the sample group.
pub(crate) fn mutations() -> Vec<u8> {
    let mut second = BatchBuilder::new();
    second.put(DatasetId::POOL, b"", b"");
    [batch(), second.finish().expect("it is small")].concat()
}

pub(crate) fn group_head() -> Vec<u8> {
    let mutations = mutations();
    let mut head = vec![0; head_bytes_for(mutations.len())];
    encode_head(&group_header(), &mutations, group_place(), &mut head);
    head
}

/// Checksums of two blocks.
pub(crate) const CHECKSUM_BYTES: [u8; 8] = [1, 2, 3, 4, 5, 6, 7, 8];

pub(crate) fn extent() -> ExtentRef<'static> {
    let checksums = Checksums::from_bytes(&CHECKSUM_BYTES).expect("two checksums");
    let bytes = u32::try_from(BLOCK_BYTES + 1).expect("small");
    let location = place(300, 0x0032_1000);
    ExtentRef::new(location, bytes, 0x0234, Codec::None, checksums).expect("it is valid")
}

pub(crate) fn segment_table() -> SegmentTablePage {
    let journal = SegmentEntry {
        segment: segment(0x0102_0304_0506_0708),
        slot: Some(Slot::new(0x1112_1314)),
        kind: SegmentKind::Journal,
        state: SegmentState::Sealed,
        written_bytes: 0x0122_2324,
        live_bytes: 0x0022_2324,
        live_excess: 0,
        last_lsn: Lsn::new(0x3132_3334_3536_3738),
    };
    let index = SegmentEntry {
        kind: SegmentKind::Index,
        state: SegmentState::Open,
        last_lsn: Lsn::ZERO,
        ..journal
    };
    SegmentTablePage {
        checkpoint: CheckpointId::new(0x4142_4344_4546_4748),
        next: Some(pointer()),
        entries: vec![
            journal,
            index,
            SegmentEntry {
                state: SegmentState::Dead,
                ..journal
            },
            SegmentEntry {
                kind: SegmentKind::Pack,
                ..index
            },
            SegmentEntry {
                state: SegmentState::Moved,
                ..journal
            },
            SegmentEntry {
                slot: None,
                state: SegmentState::Packed,
                ..journal
            },
        ],
    }
}

pub(crate) fn dataset_record() -> DatasetRecord {
    DatasetRecord {
        kind: DatasetKind::Volume,
        state: DatasetState::Live,
        compression: Compression::Off,
        encryption: Encryption::Off,
        size: ByteCount::new(0x0001_0203_0405_0600),
        cleanup_from: Some(0x0000_0203_0405_0600),
        created_unix_nanos: 0x2122_2324_2526_2728,
        name: DatasetName::new("disk-\u{e9}").expect("it obeys the rules"),
        descent: None,
    }
}

pub(crate) fn roots_record() -> RootsRecord {
    let allocated = ByteCount::new(0x0102_0304_0506_0708);
    RootsRecord {
        root: Some(pointer()),
        allocated,
        stored: Sixteenths::of_bytes(allocated.get()),
        kept: None,
    }
}

/// Two parts, as a list.
pub(crate) fn redirect() -> Redirect {
    let at = |block: u32| Location {
        segment: segment(0x0102_0304_0506_0708),
        offset: block * 4096,
    };
    let survivors = [(3, at(1)), (4, at(2)), (0x2fff, at(0x11))];
    Redirect::new(survivors).expect("they are in order")
}

/// The tree of the sample pages.
pub(crate) const TREE: DatasetId = DatasetId::new(0x10);

pub(crate) fn leaf_page() -> Vec<u8> {
    let mut page = Page::new(TREE, 0, b"key:a", b"key:q");
    for (key, value) in [
        ("key:a", "first"),
        ("key:b", ""),
        ("key:cc", "3"),
        ("key:d", "4"),
    ] {
        page.push(key.as_bytes(), value.as_bytes())
            .expect("there is room");
    }
    page.remove(1);
    page.bytes().to_vec()
}

pub(crate) fn delta() -> Vec<u8> {
    let mut builder = DeltaBuilder::default();
    builder.start(TREE, Checksum::new(0xb4b3_b2b1));
    builder.push(DeltaChange {
        key: b"a",
        value: None,
    });
    builder.push(DeltaChange {
        key: b"b",
        value: Some(b"value"),
    });
    builder.push(DeltaChange {
        key: b"bc",
        value: Some(b""),
    });
    builder.finish().0.to_vec()
}
