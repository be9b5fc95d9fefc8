//! Opening a pool that was killed: the journal since its checkpoint is replayed into the trees.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Waker};

use benches_micro::{Random, Work};
use criterion::{BatchSize, Criterion, Throughput};
use engine_base::{ByteCount, SeededEntropy, VolumeOffset};
use engine_device::{Device, PageBuf, SimDevice, SimImage, SimOptions};
use engine_pool::{CreateOptions, Pool, PoolOptions, block_on};
use engine_volume::{Ack, Volume, Volumes};

const BLOCKS: u64 = 8192;
const GROUP: usize = 32;

fn options() -> PoolOptions {
    PoolOptions {
        memory: ByteCount::new(64 << 20),
        entropy: Arc::new(SeededEntropy::new(10)),
        ..PoolOptions::default()
    }
}

fn open(image: SimImage) -> (Arc<SimDevice>, Volumes) {
    let device = Arc::new(SimDevice::from_image(image, SimOptions::default()));
    let pool = Pool::open(Arc::clone(&device) as Arc<dyn Device>, &options());
    (device, Volumes::new(pool.expect("a good pool")))
}

fn write_group(volume: &Volume, blocks: &[u64]) {
    let mut cx = Context::from_waker(Waker::noop());
    let plug = volume.plug();
    let mut writes: Vec<Pin<Box<_>>> = Vec::new();
    for block in blocks {
        let mut data = PageBuf::zeroed(4096);
        data[..8].copy_from_slice(&block.to_le_bytes());
        let at = VolumeOffset::new(block * 4096);
        let mut write = Box::pin(volume.write(at, data, Ack::Written));
        if write.as_mut().poll(&mut cx).is_pending() {
            writes.push(write);
        }
    }
    drop(plug);
    for write in writes {
        block_on(write).expect("there is room");
    }
}

/// A pool whose volume was written at random, block by block, in groups; and the journal's bytes.
fn killed() -> (SimImage, u64) {
    let device = SimDevice::new(SimOptions::default());
    let create = CreateOptions {
        capacity: Some(ByteCount::new(512 << 20)),
        entropy: Arc::new(SeededEntropy::new(11)),
        ..CreateOptions::default()
    };
    Pool::create(&device, &create).expect("there is room");
    let (device, volumes) = open(device.process_kill_image());
    let size = ByteCount::new(BLOCKS * 4096);
    block_on(volumes.create("v", size)).expect("a new volume");
    let volume = volumes.open("v").expect("just created");
    volumes.pool().checkpoint().expect("there is room");
    let before = device.stats().segment_bytes;
    let random = Random::new(12);
    let blocks: Vec<u64> = (0..BLOCKS).map(|_| random.below(BLOCKS)).collect();
    blocks
        .chunks(GROUP)
        .for_each(|blocks| write_group(&volume, blocks));
    block_on(volume.flush()).expect("a good device");
    let bytes = device.stats().segment_bytes - before;
    (device.process_kill_image(), bytes)
}

fn open_killed(image: SimImage) -> u64 {
    let (_device, volumes) = open(image);
    volumes.pool().status().live_data.get()
}

pub(crate) fn open_pool(criterion: &mut Criterion) {
    let (image, bytes) = killed();
    let mut work = Work::default();
    work.note_number(bytes);
    work.note_number(open_killed(image.clone()));
    work.print("replay");
    let mut group = criterion.benchmark_group("replay");
    group.sample_size(10);
    group.throughput(Throughput::Bytes(bytes));
    group.bench_function("open", |bencher| {
        bencher.iter_batched(|| image.clone(), open_killed, BatchSize::PerIteration);
    });
    group.finish();
}
