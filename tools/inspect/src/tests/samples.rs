//! A device with one of each structure.

use engine_base::limits::BLOCK_BYTES;
use engine_base::{
    ByteCount, Checksum, DatasetId, DeviceId, EpochId, Location, Lsn, PoolId, SegmentId, Slot,
};
use engine_device::{Device, Geometry, Place, Prepare, SimDevice, SimImage, SimOptions};
use engine_format::{
    BatchBuilder, CheckpointId, Checksums, Codec, Compression, DatasetKind, DatasetName,
    DatasetRecord, DatasetState, DeltaBuilder, DeltaChange, Encryption, ExtentBuf, ExtentPut,
    ExtentRef, GroupHeader, JournalStart, Page, PagePointer, SegmentEntry, SegmentHeader,
    SegmentKind, SegmentState, SegmentTablePage, Superblock, dataset_key, encode_head,
    head_bytes_for, superblock_offset,
};

pub(super) const SEGMENT_BYTES: u32 = 2 << 20;
pub(super) const POOL: PoolId = PoolId::new([7; 16]);
pub(super) const EPOCH: EpochId = EpochId::new([9; 16]);
pub(super) const JOURNAL: Slot = Slot::new(3);
pub(super) const INDEX: Slot = Slot::new(5);
/// Where the page, the delta and the table lie in the index segment.
pub(super) const PAGE_AT: u32 = 4096;
pub(super) const DELTA_AT: u32 = 4096 + 16_384;
pub(super) const TABLE_AT: u32 = 8192 + 16_384;

pub(super) fn segment(id: u64) -> SegmentId {
    SegmentId::new(id).unwrap()
}

pub(super) fn superblock() -> Superblock {
    Superblock {
        features_compatible: 0,
        features_read_only: 0,
        features_incompatible: 0,
        pool_id: POOL,
        device_id: DeviceId::new([8; 16]),
        checkpoint: CheckpointId::new(41),
        lsn: Lsn::new(99),
        epoch: EPOCH,
        parent_epoch: None,
        segment_bytes: SEGMENT_BYTES,
        slots: 40,
        journal: JournalStart {
            slot: JOURNAL,
            location: Location {
                segment: segment(11),
                offset: 4096,
            },
            chain: Checksum::new(0x0102_0304),
            successor: None,
        },
        next_segment: segment(13),
        next_dataset: DatasetId::new(18),
        created_unix_nanos: 5,
        pool_root: None,
        roots_root: None,
        segment_table: Some(PagePointer {
            base: Location {
                segment: segment(12),
                offset: TABLE_AT,
            },
            checksum: Checksum::new(6),
            copy: None,
            delta: None,
        }),
        segment_table_slot: INDEX,
    }
}

pub(super) fn header(id: u64, slot: Slot, kind: SegmentKind) -> SegmentHeader {
    SegmentHeader {
        pool_id: POOL,
        segment: segment(id),
        slot,
        kind,
        epoch: EPOCH,
        first_lsn: Lsn::new(if kind == SegmentKind::Journal { 100 } else { 0 }),
        previous_segment: None,
    }
}

pub(super) fn record() -> Vec<u8> {
    let record = DatasetRecord {
        kind: DatasetKind::Volume,
        state: DatasetState::Live,
        compression: Compression::Off,
        encryption: Encryption::Off,
        size: ByteCount::new(1 << 30),
        cleanup_from: None,
        created_unix_nanos: 5,
        name: DatasetName::new("disk").unwrap(),
        descent: None,
    };
    record.encode()
}

/// A group with one batch: a put of a dataset record, and an extent with its block of data.
pub(super) fn group() -> Vec<u8> {
    let block = [0x5a; BLOCK_BYTES];
    let mut batch = BatchBuilder::new();
    batch.put(DatasetId::POOL, &dataset_key(DatasetId::new(16)), &record());
    let put = ExtentPut {
        offset: 8192,
        bytes: 4096,
        data_offset: 0,
        skip: 0,
        codec: Codec::None,
    };
    batch.extent_put(DatasetId::new(17), &[], &put, &[crc32c::crc32c(&block)]);
    let mutations = batch.finish().unwrap();
    let header = GroupHeader {
        lsn: Lsn::new(100),
        epoch: EPOCH,
        chain: Checksum::new(0x0102_0304),
        data_bytes: 4096,
        batches: 1,
        successor: None,
        durable_lsn: Lsn::new(98),
    };
    let place = Location {
        segment: segment(11),
        offset: 4096,
    };
    let mut head = vec![0; head_bytes_for(mutations.len())];
    encode_head(&header, &mutations, place, &mut head);
    [&head[..], &block].concat()
}

pub(super) fn leaf() -> Page {
    let sums = 0x0a0b_0c0d_u32.to_le_bytes();
    let location = Location {
        segment: segment(11),
        offset: 8192,
    };
    let sums = Checksums::from_bytes(&sums).unwrap();
    let extent = ExtentRef::new(location, 4096, 0, Codec::None, sums).unwrap();
    let mut page = Page::new(DatasetId::new(17), 0, &[], &[]);
    let key = 8192_u64.to_be_bytes();
    page.push(&key, ExtentBuf::new(&extent).as_bytes()).unwrap();
    page
}

pub(super) fn delta(page: &Page) -> Vec<u8> {
    let mut builder = DeltaBuilder::default();
    builder.start(DatasetId::new(17), page.checksum());
    builder.push(DeltaChange {
        key: &8192_u64.to_be_bytes(),
        value: None,
    });
    builder.finish().0.to_vec()
}

pub(super) fn table() -> Vec<u8> {
    let entry = SegmentEntry {
        segment: segment(11),
        slot: Some(JOURNAL),
        kind: SegmentKind::Journal,
        state: SegmentState::Open,
        written_bytes: 12_288,
        live_bytes: 4096,
        live_excess: 0,
        last_lsn: Lsn::new(99),
    };
    let page = SegmentTablePage {
        checkpoint: CheckpointId::new(41),
        next: None,
        entries: vec![entry],
    };
    page.encode().to_vec()
}

/// A device with one of each; copy 1 of the superblock is blank.
pub(super) fn image() -> SimImage {
    let device = SimDevice::new(SimOptions::seeded(1));
    let geometry = Geometry {
        segment_bytes: SEGMENT_BYTES,
        slots: 40,
    };
    device.attach(geometry).unwrap();
    device.prepare(JOURNAL, Prepare::Allocate).unwrap();
    device.prepare(INDEX, Prepare::Allocate).unwrap();
    let write = |place, bytes: &[u8]| device.write(place, &[bytes]).unwrap();
    write(Place::label(superblock_offset(0)), &superblock().encode(0));
    let journal = header(11, JOURNAL, SegmentKind::Journal);
    write(Place::slot(JOURNAL, 0), &journal.encode());
    write(Place::slot(JOURNAL, 4096), &group());
    let index = header(12, INDEX, SegmentKind::Index);
    write(Place::slot(INDEX, 0), &index.encode());
    let page = leaf();
    write(Place::slot(INDEX, PAGE_AT.into()), page.bytes());
    write(Place::slot(INDEX, DELTA_AT.into()), &delta(&page));
    write(Place::slot(INDEX, TABLE_AT.into()), &table());
    device.process_kill_image()
}
