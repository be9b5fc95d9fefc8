//! A volume that is written over for ever, in blocks of 4 KiB at depth 32: what that writes to the
//! device for each byte of the client, and what it costs in time, at a given share of what the pool
//! takes.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use anyhow::ensure;
use clap::Args;
use engine_base::{ByteCount, SeededEntropy, VolumeOffset, to_usize};
use engine_device::PageBuf;
use engine_pool::{Pool, PoolMetrics, block_on};
use engine_volume::{Ack, Volume, Volumes};
use futures_util::stream::{FuturesUnordered, StreamExt};

use crate::Arguments;
use crate::random::Chooser;
use crate::samples::{Samples, ratio};

const BLOCK: u64 = 4096;
const DEPTH: usize = 32;
const VOLUME: &str = "over";
/// Blocks that are read and compared at the end.
const COMPARED: u64 = 20_000;

#[derive(Args)]
pub(crate) struct Options {
    /// Size of the pool, in MiB.
    #[arg(long, default_value_t = 2048)]
    capacity_mib: u64,
    /// How full the volume makes it, in percent of what an empty pool takes.
    #[arg(long, default_value_t = 80)]
    full: u64,
    /// How many times the pool's size is written over it.
    #[arg(long, default_value_t = 10)]
    times: u64,
    /// Which blocks: Zipfian (0.99) instead of uniform.
    #[arg(long)]
    zipfian: bool,
}

/// The volume, and how often each block was written.
struct Written {
    pool: Arc<Pool>,
    volume: Volume,
    versions: Vec<u32>,
}

/// What was written between two moments.
struct Stage {
    metrics: PoolMetrics,
    bytes: u64,
    times: Samples,
    seconds: f64,
}

pub(crate) fn run(arguments: &Arguments, options: &Options) -> anyhow::Result<()> {
    let capacity = options.capacity_mib << 20;
    let pool = arguments.create_pool(capacity)?;
    let takes = pool.status().available.get();
    let blocks = takes / 100 * options.full / BLOCK;
    let volumes = Volumes::new(Arc::clone(&pool));
    block_on(volumes.create(VOLUME, ByteCount::new(blocks * BLOCK)))?;
    let mut written = Written {
        volume: volumes.open(VOLUME)?,
        versions: vec![0; to_usize(blocks)],
        pool: Arc::clone(&pool),
    };
    println!(
        "a pool of {} MiB that takes {} MiB, {} % of that in use, {} times its size, {}",
        options.capacity_mib,
        takes >> 20,
        options.full,
        options.times,
        if options.zipfian {
            "Zipfian"
        } else {
            "uniform"
        }
    );
    let fresh = written.stage(0..blocks)?;
    println!("fresh: {}", fresh.line());
    let chooser = Chooser::new(blocks, arguments.seed);
    let choose = || match options.zipfian {
        true => chooser.popular(),
        false => chooser.uniform(),
    };
    let part = capacity / BLOCK;
    let mut last = None;
    for turn in 1..=options.times {
        let stage = written.stage((0..part).map(|_| choose()))?;
        println!("{turn:>2}: {}", stage.line());
        last = Some(stage);
    }
    if let Some(last) = last {
        let speed = last.speed() / fresh.speed();
        println!(
            "at the end: {:.0} % of a fresh pool's throughput",
            speed * 100.0
        );
    }
    println!("{:?}", pool.status());
    written.compare(arguments.seed)?;
    pool.close()?;
    Ok(())
}

impl Written {
    fn stage(&mut self, mut numbers: impl Iterator<Item = u64>) -> anyhow::Result<Stage> {
        let before = self.pool.metrics();
        let mut times = Samples::default();
        let (mut bytes, mut whole) = (0, Samples::default());
        whole.time(|| {
            loop {
                let now: Vec<u64> = numbers.by_ref().take(DEPTH).collect();
                if now.is_empty() {
                    return anyhow::Ok(());
                }
                bytes += now.len() as u64 * BLOCK;
                times.time(|| block_on(self.write(&now)))?;
            }
        })?;
        Ok(Stage {
            metrics: difference(&self.pool.metrics(), &before),
            bytes,
            times,
            seconds: whole.median().as_secs_f64(),
        })
    }

    /// All at once, in one group.
    async fn write(&mut self, numbers: &[u64]) -> anyhow::Result<()> {
        let mut writes = FuturesUnordered::new();
        for number in numbers {
            let version = self.versions.get_mut(to_usize(*number));
            let version = version.map_or(0, |version| {
                *version += 1;
                *version
            });
            let at = VolumeOffset::new(number * BLOCK);
            let data = content(*number, version);
            writes.push(self.volume.write(at, data, Ack::Written));
        }
        {
            let plug = self.volume.plug();
            let first = poll_fn(|cx| Poll::Ready(writes.poll_next_unpin(cx))).await;
            if let Poll::Ready(Some(result)) = first {
                result?;
            }
            drop(plug);
        }
        while let Some(result) = writes.next().await {
            result?;
        }
        Ok(())
    }

    fn compare(&self, seed: u64) -> anyhow::Result<()> {
        let random = SeededEntropy::new(!seed);
        for _ in 0..COMPARED {
            let number = random.next_u64() % self.versions.len() as u64;
            let version = self.versions.get(to_usize(number)).copied().unwrap_or(0);
            let read = block_on(self.volume.read(VolumeOffset::new(number * BLOCK), 4096))?;
            let expected = content(number, version);
            let right = read.data() == Some(&*expected);
            ensure!(right, "block {number} is not what was written last");
        }
        println!("{COMPARED} blocks were compared");
        Ok(())
    }
}

/// Its number and its version, in each 512 bytes.
fn content(number: u64, version: u32) -> PageBuf {
    let mut data = PageBuf::zeroed(4096);
    let stamp = (number << 20 | u64::from(version)).to_le_bytes();
    for part in data.chunks_mut(512) {
        part.iter_mut().zip(stamp).for_each(|(to, from)| *to = from);
    }
    data
}

fn difference(now: &PoolMetrics, before: &PoolMetrics) -> PoolMetrics {
    let mut stage = *now;
    stage.journal.head_bytes -= before.journal.head_bytes;
    stage.journal.data_bytes -= before.journal.data_bytes;
    stage.index_bytes -= before.index_bytes;
    stage.packed_bytes -= before.packed_bytes;
    stage.client_bytes -= before.client_bytes;
    stage.packing_rounds -= before.packing_rounds;
    stage.checkpoints -= before.checkpoints;
    stage
}

impl Stage {
    fn speed(&self) -> f64 {
        ratio(self.bytes, 1 << 20) / self.seconds
    }

    fn line(&self) -> String {
        let metrics = &self.metrics;
        let share = |bytes| ratio(bytes, self.bytes);
        format!(
            "{:.2} bytes for each: heads {:.2}, index {:.2}, moved {:.2}; {:.0} MiB/s; 32 writes: \
             median {:.2} ms, p99 {:.2} ms; {} rounds, {} checkpoints",
            metrics.write_amplification(),
            share(metrics.journal.head_bytes),
            share(metrics.index_bytes),
            share(metrics.packed_bytes),
            self.speed(),
            self.times.median().as_secs_f64() * 1e3,
            self.times.p99().as_secs_f64() * 1e3,
            metrics.packing_rounds,
            metrics.checkpoints,
        )
    }
}
