//! Power cuts at every change of the device while a volume and a bucket are used side by side: what
//! is left is one prefix of one history over both, with all that was acknowledged as durable.
//!
//! The states that count are those that the engine shows itself when nothing happens; that they are
//! right is for the tests of the models.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod act;
mod kept;

use act::act;

use std::fmt::Write as _;
use std::sync::Arc;

use engine_base::{ByteCount, ManualClock, SeededEntropy, VolumeOffset, to_usize};
use engine_bucket::{
    Bucket, BucketError, Buckets, InodeKind, ListOptions, NewInode, NewKind, Node, ObjectMetadata,
    Owner, QuotaLimits, RenameHow, RootOwner, WriteAt,
};
use engine_device::{Device, PageBuf, SimDevice, SimImage, SimOptions};
use engine_format::Compression;
use engine_format::DatasetKind;
use engine_pool::{CheckOptions, CreateOptions, Pool, PoolOptions, StoreError, block_on};
use engine_volume::{Ack, Volumes};
use tests_model::Rng;

const STEPS: usize = 45;
const SEEDS: u64 = 10;
/// With snapshots.
const KEPT_SEEDS: u64 = 6;
const OWNER: Owner = Owner {
    uid: 0,
    gid: 0,
    umask: 0o022,
};

fn device(seed: u64, image: SimImage, crash_at: Option<u64>) -> Arc<SimDevice> {
    let options = SimOptions {
        seed,
        crash_at_change: crash_at,
        capacity: ByteCount::new(1 << 30),
        ..SimOptions::default()
    };
    Arc::new(SimDevice::from_image(image, options))
}

fn empty(seed: u64) -> SimImage {
    let device = device(seed, SimImage::default(), None);
    let create = CreateOptions {
        capacity: Some(ByteCount::new(192 << 20)),
        segment_bytes: Some(2 << 20),
        clock: Arc::new(ManualClock::default()),
        entropy: Arc::new(SeededEntropy::new(seed)),
    };
    Pool::create(&*device, &create).unwrap();
    device.process_kill_image()
}

fn open(device: &Arc<SimDevice>, seed: u64) -> Result<Arc<Pool>, StoreError> {
    let options = PoolOptions {
        memory: ByteCount::new([4 << 20, 256 << 10][to_usize(seed % 2)]),
        clock: Arc::new(ManualClock::default()),
        entropy: Arc::new(SeededEntropy::new(seed)),
        ..PoolOptions::default()
    };
    Pool::open(Arc::clone(device) as Arc<dyn Device>, &options)
}

/// Whether a failure is one that the power's loss has caused; others are part of the history.
fn is_lost(result: Result<(), BucketError>) -> Result<(), StoreError> {
    match result {
        Err(BucketError::Store(error)) => Err(error),
        _ => Ok(()),
    }
}

struct World {
    volumes: Volumes,
    buckets: Buckets,
    bucket: Option<Bucket>,
    /// Snapshots are taken, too.
    keeps: bool,
}

impl World {
    fn new(pool: Arc<Pool>, keeps: bool) -> Self {
        Self {
            volumes: Volumes::new(Arc::clone(&pool)),
            buckets: Buckets::new(pool),
            bucket: None,
            keeps,
        }
    }

    fn bucket(&mut self) -> Result<Bucket, StoreError> {
        if let Some(bucket) = &self.bucket {
            return Ok(bucket.clone());
        }
        match block_on(self.buckets.open("b")) {
            Ok(bucket) => {
                self.bucket = Some(bucket.clone());
                Ok(bucket)
            }
            Err(BucketError::Store(error)) => Err(error),
            Err(error) => panic!("the bucket was created: {error:?}"),
        }
    }

    /// Step `index`; `true` if it and all before it are durable.
    fn step(&mut self, seed: u64, index: usize) -> Result<bool, StoreError> {
        let compression = [Compression::Off, Compression::Lz4][to_usize(seed / 2 % 2)];
        if index == 0 {
            let size = ByteCount::new(1 << 20);
            return block_on(self.volumes.create_with("v", size, compression)).map(|_| true);
        }
        if index == 1 {
            let owner = RootOwner::default();
            let created = block_on(self.buckets.create_with("b", owner, compression));
            return is_lost(created.map(|_| ())).map(|()| true);
        }
        let mut rng = Rng::new(seed << 20 | index as u64);
        if self.keeps && rng.once_in(3) {
            return self.keep(&mut rng);
        }
        let durable = rng.once_in(5);
        let ack = if durable { Ack::Durable } else { Ack::Written };
        if rng.once_in(4) {
            let mut data = PageBuf::zeroed(4096 * to_usize(rng.between(1, 4)));
            data.fill(u8::try_from(rng.below(255)).unwrap());
            let at = VolumeOffset::new(4096 * rng.below(200));
            let volume = self.volumes.open("v")?;
            block_on(volume.write(at, data, ack))?;
            return Ok(durable);
        }
        if rng.once_in(12) {
            self.volumes.pool().checkpoint()?;
            return Ok(true);
        }
        let bucket = self.bucket()?;
        let acted = act(&bucket, &mut rng, durable);
        // What was refused acknowledges nothing.
        let was_done = acted.is_ok();
        is_lost(acted)?;
        Ok(durable && was_done)
    }

    /// Everything that both models show.
    fn shown(&mut self) -> Result<String, StoreError> {
        let mut text = String::new();
        for info in self.volumes.list() {
            let volume = self.volumes.open(&info.name)?;
            let read = block_on(volume.read(VolumeOffset::new(0), 1 << 20))?;
            let sum = crc(read.data().unwrap_or_default());
            writeln!(text, "volume {} {sum}", info.allocated).unwrap();
        }
        if self.buckets.list().is_empty() {
            return Ok(text);
        }
        let bucket = self.bucket()?;
        block_on(self.buckets.pool().clean_up())?;
        let allocated = self.buckets.show("b").unwrap().allocated;
        writeln!(text, "bucket {allocated}").unwrap();
        show(&bucket, &bucket.root(), "/", &mut text);
        for path in ["", "a", "b", "c", "d"] {
            if let Ok(quota) = block_on(bucket.quota(path.as_bytes())) {
                writeln!(text, "quota {path} {quota:?}").unwrap();
            }
        }
        let options = ListOptions {
            max: 10_000,
            ..ListOptions::default()
        };
        for item in block_on(bucket.list(&options)).unwrap().items {
            let key = String::from_utf8_lossy(item.key()).into_owned();
            let head = block_on(bucket.head(item.key())).unwrap().found.unwrap();
            let (size, tag) = (head.info.size, head.info.entity_tag);
            writeln!(text, "key {key} {size} {tag:?}").unwrap();
        }
        self.kept(&mut text)?;
        Ok(text)
    }
}

fn crc(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn show(bucket: &Bucket, node: &Node, path: &str, text: &mut String) {
    let info = block_on(bucket.info(node)).unwrap();
    let (links, size, stored) = (info.links, info.size, info.allocated);
    write!(text, "{path} {:?} {links} {size} {stored} ", info.kind).unwrap();
    if node.kind() != InodeKind::Directory {
        let data = block_on(bucket.read(node, 0, to_usize(size))).unwrap();
        writeln!(text, "{}", crc(&data)).unwrap();
        return;
    }
    let state = block_on(bucket.directory_state(node.id())).unwrap();
    let explicit = info.explicit;
    writeln!(text, "{} {} {explicit}", state.entries, state.keys).unwrap();
    let mut stream = bucket.read_directory(node).unwrap();
    for entry in block_on(stream.read(0, 10_000)).unwrap() {
        let below = format!("{path}{}/", String::from_utf8_lossy(&entry.name));
        let (node, _) = block_on(bucket.lookup(node, &entry.name)).unwrap();
        show(bucket, &node, &below, text);
    }
}

/// Runs until the end or the power's loss: how many steps are durable, were begun, and were done.
fn live(device: &Arc<SimDevice>, seed: u64, keeps: bool) -> (usize, usize, usize) {
    let Ok(pool) = open(device, seed) else {
        return (0, 0, 0);
    };
    let mut world = World::new(pool, keeps);
    let mut durable = 0;
    for index in 0..STEPS {
        match world.step(seed, index) {
            Ok(true) => durable = index + 1,
            Ok(false) => {}
            Err(error) => {
                assert!(device.power_lost(), "seed {seed}, step {index}: {error:?}");
                return (durable, index + 1, index);
            }
        }
    }
    (durable, STEPS, STEPS)
}

/// What is shown after each number of steps when nothing happens.
fn states(seed: u64, image: &SimImage, keeps: bool) -> (Vec<String>, u64) {
    let used = device(seed, image.clone(), None);
    live(&used, seed, keeps);
    let changes = used.changes();
    let used = device(seed, image.clone(), None);
    let mut world = World::new(open(&used, seed).unwrap(), keeps);
    let mut states = vec![world.shown().unwrap()];
    for index in 0..STEPS {
        world.step(seed, index).unwrap();
        states.push(world.shown().unwrap());
    }
    (states, changes)
}

fn recover(seed: u64, image: SimImage, states: &[String], least: usize, most: usize, at: u64) {
    let checked = device(seed, image.clone(), None) as Arc<dyn Device>;
    match engine_pool::check(checked, &CheckOptions::default(), &mut |_| ()) {
        Ok(report) => assert!(
            report.is_clean(),
            "seed {seed}, {at}: {:#?}",
            report.findings
        ),
        Err(error) => assert!(
            matches!(error, StoreError::NoSuperblock { .. }),
            "{error:?}"
        ),
    }
    let device = device(seed, image, None);
    let mut world = World::new(open(&device, seed ^ (at << 32)).unwrap(), false);
    let shown = world.shown().unwrap();
    if states[least..=most].contains(&shown) {
        if at.is_multiple_of(16) {
            world.ends_empty(&format!("seed {seed}, cut at {at}"));
        }
        return;
    }
    for (count, state) in states.iter().enumerate() {
        let seen: Vec<&str> = shown.lines().collect();
        let odd = state.lines().filter(|line| !seen.contains(line)).count();
        eprintln!("after {count} steps: {odd} lines differ");
    }
    eprintln!("{}\nfound:\n{shown}", states[most]);
    panic!("seed {seed}, cut at {at}: no prefix of {least} to {most} steps");
}

#[test]
fn one_prefix_over_volumes_and_buckets() {
    let cuts: u64 = (1..=SEEDS).map(|seed| cuts_of(seed, false)).sum();
    println!("{cuts} power cuts");
}

/// Cuts the power at every change of the device, and kills the process at some; how often.
fn cuts_of(seed: u64, keeps: bool) -> u64 {
    println!("seed {seed}");
    let image = empty(seed);
    let (states, changes) = states(seed, &image, keeps);
    for at in 0..changes {
        let used = device(seed, image.clone(), Some(at));
        let (durable, begun, done) = live(&used, seed, keeps);
        let left = used.crash_image(seed ^ at.rotate_left(17));
        recover(seed, left, &states, durable, begun, at);
        if at % 5 == seed % 5 {
            let left = used.process_kill_image();
            recover(seed, left, &states, done, begun, at);
        }
    }
    changes
}
