//! Creating a pool: one superblock that names an empty state.

use engine_base::limits::LABEL_BYTES;
use engine_base::{Checksum, DatasetId, DeviceId, EpochId, Location, Lsn, PoolId, SegmentId, Slot};
use engine_device::{Area, Device, Place};
use engine_format::{CheckpointId, FEATURE_MIRRORS, JournalStart, Superblock, superblock_offset};

use crate::{CreateOptions, Pool, StoreError};

impl Pool {
    /// Makes an empty pool on `device`, which must be empty.
    ///
    /// Durability: when it returns, the pool exists. CRASH: before the superblock is durable the
    /// device is still empty.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] if the capacity is too small or over what the device has;
    /// [`StoreError::Device`].
    pub fn create(device: &dyn Device, options: &CreateOptions) -> Result<(), StoreError> {
        let available = device.available()?;
        let capacity = options.capacity.unwrap_or(available);
        if capacity > available {
            return Err(StoreError::Invalid {
                what: format!("a pool of {capacity} on {}", device.name()),
                why: format!("is over what the device has: {available}"),
            });
        }
        let mut geometry = options.geometry(capacity)?;
        let slots_max = device.slots_max(geometry.segment_bytes)?;
        geometry.slots =
            u32::try_from(slots_max).map_or(geometry.slots, |max| geometry.slots.min(max));
        let several = device.copies(Area::Label) > 1;
        let superblock = Superblock {
            features_compatible: 0,
            features_read_only: 0,
            features_incompatible: if several { FEATURE_MIRRORS } else { 0 },
            pool_id: PoolId::new(options.entropy.id_bytes()),
            device_id: DeviceId::new(options.entropy.id_bytes()),
            checkpoint: CheckpointId::new(0),
            lsn: Lsn::ZERO,
            epoch: EpochId::new(options.entropy.id_bytes()),
            parent_epoch: None,
            segment_bytes: geometry.segment_bytes,
            slots: geometry.slots,
            journal: JournalStart {
                slot: Slot::new(0),
                location: Location {
                    segment: SegmentId::FIRST,
                    offset: 4096,
                },
                chain: Checksum::new(0),
                successor: None,
            },
            next_segment: SegmentId::FIRST.next(),
            next_dataset: DatasetId::FIRST_USER,
            created_unix_nanos: options.clock.unix_nanos(),
            pool_root: None,
            roots_root: None,
            segment_table: None,
            segment_table_slot: Slot::new(0),
        };
        let blank = vec![0; engine_base::to_usize(LABEL_BYTES)];
        device.write(Place::label(0), &[&blank])?;
        device.write(Place::label(superblock_offset(0)), &[&superblock.encode(0)])?;
        device.sync(Area::Label)?;
        Ok(())
    }
}
