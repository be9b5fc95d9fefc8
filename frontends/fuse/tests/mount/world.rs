//! A pool in a directory, a bucket, a mount of it, and the other door: the engine itself.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use engine_base::ByteCount;
use engine_bucket::{Ack, Bucket, Buckets, Info, ObjectMetadata, Owner, RootOwner};
use engine_device::{OpenMode, Opened, open_path};
use engine_pool::{CreateOptions, Pool, PoolOptions, block_on};
use frontends_fuse::{Limits, MountOptions, Mounts};
use tempfile::TempDir;

pub(crate) const OWNER: Owner = Owner {
    uid: 7,
    gid: 8,
    umask: 0o022,
};
const CAPACITY: ByteCount = ByteCount::new(1 << 30);

pub(crate) struct World {
    pub(crate) mounts: Option<Mounts>,
    pub(crate) bucket: Bucket,
    pub(crate) pool: Arc<Pool>,
    pub(crate) root: PathBuf,
    // Last: the mount goes first.
    pub(crate) directory: TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(MountOptions::default())
    }

    pub(crate) fn with(options: MountOptions) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("pool");
        std::fs::create_dir(&data).unwrap();
        let mode = OpenMode::Create {
            capacity: Some(CAPACITY),
        };
        let Opened { device, .. } = open_path(&data, mode).unwrap();
        let create = CreateOptions {
            capacity: Some(CAPACITY),
            ..CreateOptions::default()
        };
        Pool::create(device.as_ref(), &create).unwrap();
        let pool = Pool::open(device, &PoolOptions::default()).unwrap();
        pool.start_background().unwrap();
        let buckets = Buckets::new(Arc::clone(&pool));
        block_on(buckets.create("b", RootOwner::default())).unwrap();
        let bucket = block_on(buckets.open("b")).unwrap();
        let mounts = Mounts::new(buckets, Limits::default());
        let root = directory.path().join("mounted");
        mounts.mount("b", &root, options).unwrap();
        Self {
            mounts: Some(mounts),
            bucket,
            pool,
            root,
            directory,
        }
    }

    pub(crate) fn mounts(&self) -> &Mounts {
        self.mounts.as_ref().unwrap()
    }

    pub(crate) fn path(&self, key: &str) -> PathBuf {
        self.root.join(key)
    }

    /// Requests of the kernel so far.
    pub(crate) fn requests(&self) -> u64 {
        self.mounts().metrics().all_requests()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(mounts) = self.mounts.take() {
            let _ = mounts.shutdown(Duration::from_secs(1));
        }
    }
}

pub(crate) fn put(bucket: &Bucket, key: &str, data: &[u8]) -> Info {
    let mut upload = bucket.upload();
    block_on(upload.write(data)).unwrap();
    let object = ObjectMetadata::default();
    let put = upload.finish(key.as_bytes(), OWNER, &object, None, Ack::Durable);
    block_on(put).unwrap()
}

pub(crate) fn get(bucket: &Bucket, key: &str) -> Option<Vec<u8>> {
    let reader = block_on(bucket.get(key.as_bytes())).unwrap().found?;
    let size = usize::try_from(reader.info().size).unwrap();
    let data = block_on(reader.read(0, size)).unwrap();
    block_on(reader.close()).unwrap();
    Some(data)
}

pub(crate) fn remove(bucket: &Bucket, key: &str) {
    block_on(bucket.remove(key.as_bytes(), None, Ack::Durable)).unwrap();
}

pub(crate) fn rename(bucket: &Bucket, from: &str, to: &str) {
    let (from, to) = (from.as_bytes(), to.as_bytes());
    block_on(bucket.rename_object(from, to, OWNER, Default::default(), Ack::Durable)).unwrap();
}

pub(crate) fn append(bucket: &Bucket, key: &str, at: u64, data: &[u8]) {
    let done = bucket.append_object(key.as_bytes(), at, data, OWNER, Ack::Durable);
    block_on(done).unwrap();
}

pub(crate) fn pattern(bytes: usize, seed: u64) -> Vec<u8> {
    let mut random = Random(seed);
    (0..bytes).map(|_| random.byte()).collect()
}

/// Whether a path leads nowhere.
pub(crate) fn is_absent(path: &Path) -> bool {
    let seen = std::fs::symlink_metadata(path);
    seen.is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
}

/// A small generator: one seed is one run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).unwrap();
        usize::try_from(self.next() % bound).unwrap()
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.next() % 251).unwrap()
    }
}
