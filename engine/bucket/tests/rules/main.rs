//! The rules of what the two views of a bucket show, one by one.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod abandoned;
mod above;
mod acls;
mod appends;
mod attributes;
mod bounds;
mod census;
mod compressed;
mod contents;
mod damage;
mod deleted;
mod keys;
mod limits;
mod linked;
mod metadata;
mod moved;
mod multipart;
mod observers;
mod positions;
mod quotas;
mod refused;
mod shared;
mod shown;
mod sizes;
mod snapshots;
mod steps;
mod structure;
mod threads;
mod wandering;
mod whole;

use std::sync::Arc;

use engine_base::{ByteCount, ManualClock, SeededEntropy};
use engine_bucket::{
    Ack, Bucket, Buckets, Info, NewInode, NewKind, Node, ObjectMetadata, Owner, RootOwner,
};
use engine_device::{Device, SimDevice, SimImage, SimOptions};
use engine_pool::{CheckOptions, CreateOptions, Pool, PoolOptions, block_on};

pub(crate) const OWNER: Owner = Owner {
    uid: 7,
    gid: 8,
    umask: 0o022,
};

/// A pool with one bucket, on a device that outlives it.
pub(crate) struct World {
    device: Arc<SimDevice>,
    pub(crate) buckets: Buckets,
    pub(crate) bucket: Bucket,
}

fn device(image: SimImage) -> Arc<SimDevice> {
    let options = SimOptions {
        capacity: ByteCount::new(1 << 30),
        ..SimOptions::default()
    };
    Arc::new(SimDevice::from_image(image, options))
}

fn open(device: &Arc<SimDevice>, life: u64, memory: u64) -> Buckets {
    let options = PoolOptions {
        memory: ByteCount::new(memory),
        clock: Arc::new(ManualClock::default()),
        entropy: Arc::new(SeededEntropy::new(life)),
        ..PoolOptions::default()
    };
    let device = Arc::clone(device) as Arc<dyn Device>;
    Buckets::new(Pool::open(device, &options).unwrap())
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(256 << 20, 4 << 20)
    }

    /// With a pool of so many bytes, and so many in memory.
    pub(crate) fn with(capacity: u64, memory: u64) -> Self {
        let used = device(SimImage::default());
        let create = CreateOptions {
            capacity: Some(ByteCount::new(capacity)),
            segment_bytes: Some(2 << 20),
            clock: Arc::new(ManualClock::default()),
            entropy: Arc::new(SeededEntropy::new(5)),
        };
        Pool::create(&*used, &create).unwrap();
        let buckets = open(&used, 0, memory);
        block_on(buckets.create("b", RootOwner::default())).unwrap();
        let bucket = block_on(buckets.open("b")).unwrap();
        Self {
            device: used,
            buckets,
            bucket,
        }
    }

    /// The process dies and the pool is opened again; what is left on the device is whole.
    pub(crate) fn kill(self) -> Self {
        let image = self.device.process_kill_image();
        let checked = device(image.clone()) as Arc<dyn Device>;
        let report = engine_pool::check(checked, &CheckOptions::default(), &mut |_| ()).unwrap();
        assert!(report.is_clean(), "{:#?}", report.findings);
        Self::from_image(image)
    }

    /// Opens what lies on a device.
    pub(crate) fn from_image(image: SimImage) -> Self {
        let device = device(image);
        let buckets = open(&device, 9, 4 << 20);
        let bucket = block_on(buckets.open("b")).unwrap();
        Self {
            device,
            buckets,
            bucket,
        }
    }

    pub(crate) fn image(&self) -> SimImage {
        self.device.process_kill_image()
    }

    pub(crate) fn allocated(&self) -> u64 {
        self.buckets.show("b").unwrap().allocated.get()
    }
}

pub(crate) fn put(bucket: &Bucket, key: &[u8], data: &[u8]) -> Info {
    let mut upload = bucket.upload();
    block_on(upload.write(data)).unwrap();
    let object = ObjectMetadata {
        entity_tag: Some(b"tag".to_vec()),
        ..ObjectMetadata::default()
    };
    block_on(upload.finish(key, OWNER, &object, None, Ack::Durable)).unwrap()
}

pub(crate) fn get(bucket: &Bucket, key: &[u8]) -> Option<Vec<u8>> {
    let reader = block_on(bucket.get(key)).unwrap().found?;
    let size = usize::try_from(reader.info().size).unwrap();
    let data = block_on(reader.read(0, size)).unwrap();
    block_on(reader.close()).unwrap();
    Some(data)
}

pub(crate) fn new(kind: NewKind<'_>) -> NewInode<'_> {
    NewInode {
        kind,
        mode: 0o755,
        uid: 1,
        gid: 2,
    }
}

pub(crate) fn create(bucket: &Bucket, parent: &Node, name: &[u8], kind: NewKind<'_>) -> Node {
    let made = block_on(bucket.create(parent, name, &new(kind), Ack::Written));
    made.unwrap().0
}

pub(crate) fn pattern(bytes: usize, seed: usize) -> Vec<u8> {
    let byte = |index: usize| u8::try_from((index * 31 + index / 251 + seed) % 253).unwrap();
    (0..bytes).map(byte).collect()
}
