//! Many snapshots of a bucket and a volume in one pool, and what writers notice of taking one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, ensure};
use engine_base::{ByteCount, Clock, SystemClock, VolumeOffset};
use engine_bucket::{Ack, Bucket, Buckets, ObjectMetadata, RootOwner};
use engine_device::PageBuf;
use engine_format::DatasetKind;
use engine_pool::{Dataset, Pool, block_on};
use engine_volume::Volumes;

use crate::memory::peak_memory;
use crate::samples::Samples;
use crate::{Arguments, OWNER};

const CAPACITY: u64 = 8 << 30;
const BUCKET: &str = "kept";
const VOLUME: &str = "disk";
const VOLUME_BYTES: u64 = 64 << 20;
/// Objects that are there before the first snapshot.
const OBJECTS: u64 = 1000;
/// Snapshots that are taken beside writers.
const BESIDE_WRITERS: u64 = 200;

/// How many snapshots.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Snapshots of each of the two.
    #[arg(long, default_value_t = 5000)]
    pub(crate) snapshots: u64,
}

pub(crate) fn run(arguments: &Arguments, options: &Options) -> anyhow::Result<()> {
    let pool = arguments.create_pool(CAPACITY)?;
    let buckets = Buckets::new(Arc::clone(&pool));
    let volumes = Volumes::new(Arc::clone(&pool));
    block_on(buckets.create(BUCKET, RootOwner::default()))?;
    block_on(volumes.create(VOLUME, ByteCount::new(VOLUME_BYTES)))?;
    let bucket = block_on(buckets.open(BUCKET))?;
    for index in 0..OBJECTS {
        put(&bucket, index, Ack::Written)?;
    }
    let heads = heads(&pool)?;
    beside_writers(&pool, &heads, &bucket)?;
    let mut taking = Samples::default();
    for index in 0..options.snapshots {
        put(&bucket, index % OBJECTS, Ack::Written)?;
        write(&volumes, index)?;
        let label = format!("s{index}");
        taking.time(|| block_on(pool.take_snapshot(&label, &heads)))?;
    }
    say("taking two", &taking);
    drop((bucket, buckets, volumes, heads));
    pool.close()?;
    drop(pool);

    let start = SystemClock.monotonic();
    let pool = arguments.open_pool()?;
    println!("opening: {:?}", SystemClock.monotonic() - start);
    go_through(&pool, options)?;
    println!("peak memory {} MiB", peak_memory()? >> 20);
    Ok(())
}

/// Lists them with their bytes, reads some, and deletes all of them.
fn go_through(pool: &Arc<Pool>, options: &Options) -> anyhow::Result<()> {
    let buckets = Buckets::new(Arc::clone(pool));
    let mut listing = Samples::default();
    let all = listing.time(|| buckets.snapshots(BUCKET))?;
    say("listing those of the bucket", &listing);
    let expected = options.snapshots + BESIDE_WRITERS;
    ensure!(all.len() as u64 == expected, "{} snapshots", all.len());
    let (mut counting, mut reading) = (Samples::default(), Samples::default());
    for info in &all {
        counting.time(|| block_on(buckets.exclusive_bytes(BUCKET, &info.label)))?;
        let read = || {
            let bucket = block_on(buckets.open_snapshot(BUCKET, &info.label))?;
            block_on(bucket.head(&key(7)))
        };
        ensure!(reading.time(read)?.found.is_some(), "an object is gone");
    }
    say("counting the bytes that one alone has", &counting);
    say("opening one and looking an object up", &reading);
    let volumes = Volumes::new(Arc::clone(pool));
    let mut deleting = Samples::default();
    for info in &all {
        deleting.time(|| block_on(buckets.delete_snapshot(BUCKET, &info.label)))?;
        block_on(volumes.delete_snapshot(VOLUME, &info.label))?;
    }
    say("deleting one", &deleting);
    let start = SystemClock.monotonic();
    block_on(pool.clean_up())?;
    println!(
        "giving back the rest: {:?}",
        SystemClock.monotonic() - start
    );
    Ok(())
}

/// How long writes take while snapshots are taken, and while none are.
fn beside_writers(pool: &Arc<Pool>, heads: &[Arc<Dataset>], bucket: &Bucket) -> anyhow::Result<()> {
    for snapshots in [0, BESIDE_WRITERS] {
        let stop = AtomicBool::new(false);
        let (mut taking, volumes) = (Samples::default(), Volumes::new(Arc::clone(pool)));
        let (to_bucket, to_volume) = thread::scope(|scope| {
            let stop = &stop;
            let objects = scope
                .spawn(move || until(stop, |index| put(bucket, index % OBJECTS, Ack::Written)));
            let of = &volumes;
            let blocks = scope.spawn(move || until(stop, |index| write(of, index)));
            let taken: anyhow::Result<()> = (0..BESIDE_WRITERS).try_for_each(|index| {
                pause();
                if index < snapshots {
                    let label = format!("w{index}");
                    taking.time(|| block_on(pool.take_snapshot(&label, heads)))?;
                }
                Ok(())
            });
            stop.store(true, Ordering::Relaxed);
            let ended = (objects.join(), blocks.join());
            taken.map(|()| ended)
        })?;
        println!("{snapshots} snapshots beside two writers:");
        say("taking two", &taking);
        say("an object", &to_bucket.ok().context("a writer panicked")??);
        say("a block", &to_volume.ok().context("a writer panicked")??);
    }
    Ok(())
}

/// Snapshots are not to be all that is going on.
#[expect(
    clippy::disallowed_methods,
    reason = "what is measured goes on meanwhile"
)]
fn pause() {
    thread::sleep(Duration::from_millis(10));
}

fn until(
    stop: &AtomicBool,
    mut write: impl FnMut(u64) -> anyhow::Result<()>,
) -> anyhow::Result<Samples> {
    let (mut samples, mut index) = (Samples::default(), 0);
    while !stop.load(Ordering::Relaxed) {
        samples.time(|| write(index))?;
        index += 1;
    }
    Ok(samples)
}

fn heads(pool: &Pool) -> anyhow::Result<Vec<Arc<Dataset>>> {
    let find = |kind, name| pool.find_dataset(kind, name).context("it was created");
    Ok(vec![
        find(DatasetKind::Bucket, BUCKET)?,
        find(DatasetKind::Volume, VOLUME)?,
    ])
}

fn key(index: u64) -> Vec<u8> {
    format!("directory/{index:06}").into_bytes()
}

fn put(bucket: &Bucket, index: u64, ack: Ack) -> anyhow::Result<()> {
    let mut upload = bucket.upload();
    block_on(upload.write(&[7; 5000]))?;
    let object = ObjectMetadata::default();
    block_on(upload.finish(&key(index), OWNER, &object, None, ack))?;
    Ok(())
}

fn write(volumes: &Volumes, index: u64) -> anyhow::Result<()> {
    let block = 4096 * (index * 7919 % (VOLUME_BYTES / 4096));
    let volume = volumes.open(VOLUME)?;
    let data = PageBuf::zeroed(4096);
    block_on(volume.write(VolumeOffset::new(block), data, engine_volume::Ack::Written))?;
    Ok(())
}

fn say(what: &str, samples: &Samples) {
    println!(
        "{what}: {} times, median {:?}, p99 {:?}, longest {:?}",
        samples.count(),
        samples.median(),
        samples.p99(),
        samples.quantile(1000)
    );
}
