//! Every structure on disk: bytes to checked values and back, one file per structure. FORMAT.md is
//! the reference; the structs here repeat its tables and the compiler checks their sizes and
//! offsets.
//!
//! Rules of this crate:
//! * A `Raw...` struct is the bytes as they lie there; only `verify` turns it into a value with
//!   typed fields.
//! * Decoding never panics, whatever the bytes: what is not exactly as the format says is a
//!   [`FormatError`].
//! * Encoding what decoding would refuse is a programmer error and panics before anything is
//!   written.
//! * No I/O, and no decisions: which superblock is opened or where replay ends is decided by the
//!   callers.
#![deny(clippy::indexing_slicing)]

mod batch;
mod bucket;
mod check;
mod checkpoint_id;
mod checksums;
mod dataset_record;
mod delta;
mod error;
mod extent;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod group;
mod membership;
mod mutation;
mod name;
mod page;
mod page_pointer;
mod pool_key;
mod redirect;
mod roots;
#[cfg(any(test, feature = "fuzzing"))]
mod samples;
mod scrub;
mod seal;
mod segment_header;
mod segment_table;
mod superblock;
#[cfg(test)]
mod testing;
mod unit;
mod varint;

pub use batch::{
    BatchBuilder, BatchRef, Batches, ExtentPut, Mutations, batches, rebase_data_offsets,
};
pub use bucket::{
    ATTRIBUTE_BYTES_MAX, BucketKey, CHARGE_BYTES, Charge, Cleanup, ContentForm, DirectoryState,
    EntryRecord, Held, INODE_FIELDS_BYTES_MAX, Inode, InodeFields, InodeId, InodeKind,
    InodeNumbers, NAME_BYTES_MAX, PartRecord, Piece as PieceRecord, Quota, QuotaState,
    SMALL_BYTES_MAX, Shared as SharedRecord, SharedKey, TOUCH_BYTES, Touch, UploadRecord, Usage,
    counted,
};
pub use checkpoint_id::CheckpointId;
pub use checksums::Checksums;
pub use dataset_record::{
    Above, Compression, DATASET_KEY_BYTES, DATASET_KEY_PREFIX, DATASET_RECORD_BYTES_MAX,
    DatasetKind, DatasetRecord, DatasetState, Descent, Encryption, dataset_key,
};
pub use delta::{
    DELTA_BYTES_MAX, DELTA_BYTES_MIN, DELTA_CHANGE_BYTES, DeltaBuilder, DeltaChange, DeltaRef,
};
pub use error::{FormatError, Identity};
pub use extent::{
    Codec, EXTENT_BLOCKS_MAX, EXTENT_VALUE_BYTES_MAX, ExtentBuf, ExtentRef, UNIT_BYTES_MAX, Unit,
    position_in_unit,
};
pub use group::{
    GROUP_HEADER_BYTES, GroupHead, GroupHeader, HeadSizes, Successor, decode_head, encode_head,
    head_bytes_for, peek_head,
};
pub use membership::{
    MEMBER_NAME_BYTES_MAX, MEMBER_SLOTS_MAX, MEMBERS_MAX, MEMBERSHIP_BYTES, MEMBERSHIP_HISTORY,
    MEMBERSHIP_MAGIC, MISSING_SECTOR_BYTES, MISSING_SLOTS, MemberRecord, Membership, MissingSector,
    SetId, membership_offset, missing_offset,
};
pub use mutation::{ExtentPutRef, ExtentShareRef, MutationRef};
pub use name::{DatasetName, NameError};
pub use page::{PAGE_ENTRY_BYTES, PAGE_SPACE_BYTES, Page, PageFull, shared_prefix, verify_page};
pub use page_pointer::{
    DELTA_ALIGNMENT, DeltaPointer, PAGE_POINTER_BYTES, PagePointer, RawPagePointer,
};
pub use pool_key::{
    PoolKey, SETTING_BYTES_MAX, SETTING_NAME_BYTES_MAX, data_key_key, session_key, setting_key,
};
pub use redirect::{REDIRECT_BLOCKS, REDIRECT_PARTS_MAX, Redirect, RedirectPart};
pub use roots::{
    KEPT_ROOTS_RECORD_BYTES, KeptCut, ROOTS_KEY_BYTES, ROOTS_RECORD_BYTES, RootsKey, RootsRecord,
    redirect_key, roots_key,
};
pub use scrub::{LOST_RANGES_MAX, LOST_SETTING, LostPart, LostRange, SCRUB_SETTING, ScrubRecord};
pub use seal::{
    BlockCipher, DataKey, KEY_BYTES, MasterKey, MasterKeyId, SEALED_BLOCKS_MAX, SEALED_BYTES_MAX,
    SEALING_SESSION_BYTES, Salt, SealError, SealRef, SealingSession, SessionId, TAG_BYTES, Tag,
    WRAPPED_KEY_BYTES, WrappedKey,
};
pub use segment_header::{SEGMENT_HEADER_BYTES, SegmentHeader, SegmentKind};
pub use segment_table::{SEGMENT_ENTRIES_MAX, SegmentEntry, SegmentState, SegmentTablePage};
pub use superblock::{
    FEATURE_BUCKET_SNAPSHOTS, FEATURE_BUCKETS, FEATURE_COMPRESSION, FEATURE_ENCRYPTION,
    FEATURE_MIRRORS, FEATURE_PACKS, FEATURE_QUOTAS, FEATURE_SETTINGS, FEATURE_SHARING,
    FEATURE_SNAPSHOTS, JournalStart, SUPERBLOCK_BYTES, Superblock, superblock_offset,
};

pub use unit::{compress_unit, decompress_unit};

/// The version of the format that this build reads and writes.
pub const FORMAT_VERSION: u32 = 1;
