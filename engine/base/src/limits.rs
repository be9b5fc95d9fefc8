//! Every bound of the engine in one table. The same table, with reasons, is in `engine/README.md`.

/// Bytes of a block: the unit of checksums, of data alignment in the journal and of a volume's map.
pub const BLOCK_BYTES: usize = 4096;
/// [`BLOCK_BYTES`] for arithmetic on offsets.
pub const BLOCK: u64 = 4096;
/// Bytes of a tree page.
pub const PAGE_BYTES: usize = 16384;
/// Bytes of a write that is whole or absent after a crash, wherever it begins.
pub const WRITE_BYTES_MAX: usize = 1 << 20;
/// Data bytes one batch may carry: such a write, and the block more that it touches if it begins
/// inside one.
pub const BATCH_DATA_BYTES_MAX: usize = WRITE_BYTES_MAX + BLOCK_BYTES;
/// Encoded mutation bytes one batch may carry.
pub const BATCH_MUTATION_BYTES_MAX: usize = 256 << 10;
/// Data bytes of one group: what one device write of the journal carries at most.
pub const GROUP_DATA_BYTES_MAX: usize = 4 << 20;
/// Encoded mutation bytes of one group.
pub const GROUP_MUTATION_BYTES_MAX: usize = 512 << 10;
/// Group writes that may be in flight at once.
pub const GROUPS_IN_FLIGHT_MAX: usize = 4;
/// Logical bytes one extent maps at most.
pub const EXTENT_BYTES_MAX: u64 = 1 << 20;
/// Bytes of a tree key.
pub const KEY_BYTES_MAX: usize = 1280;
/// Bytes of a tree value.
pub const VALUE_BYTES_MAX: usize = 4096;
/// Unsynced journal bytes after which writers wait for a sync.
pub const UNSYNCED_BYTES_MAX: u64 = 512 << 20;
/// Unsynced journal bytes after which a sync is begun in the background.
pub const UNSYNCED_BYTES_SOFT: u64 = 64 << 20;
/// Smallest segment: half of it takes a batch at its limits.
pub const SEGMENT_BYTES_MIN: u64 = 2 << 20;
/// Largest segment.
pub const SEGMENT_BYTES_MAX: u64 = 1 << 30;
/// Segment size of pools that are not small.
pub const SEGMENT_BYTES_DEFAULT: u64 = 64 << 20;
/// Fewest segments of a pool: below this the reserve leaves nothing for data.
pub const SEGMENTS_MIN: u32 = 32;
/// Bytes at the start of a device that hold the superblock slots.
pub const LABEL_BYTES: u64 = 1 << 20;
/// Size of the largest volume.
pub const VOLUME_BYTES_MAX: u64 = 1 << 50;
/// Bytes of a volume's name.
pub const VOLUME_NAME_BYTES_MAX: usize = 255;
/// Datasets a pool may hold.
pub const DATASETS_MAX: usize = 100_000;
/// Journal bytes after which a checkpoint starts.
pub const CHECKPOINT_JOURNAL_BYTES: u64 = 4 << 30;
