//! A volume of 1 TiB with millions of random blocks: how much memory that takes, and how long it
//! takes to open again after the process was killed. Data blocks are zeroes and stay holes in the
//! device's files, so that the disk holds the index and the heads.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use anyhow::ensure;
use engine_base::{ByteCount, Clock, SeededEntropy, SystemClock, VolumeOffset};
use engine_device::{Device, PageBuf};
use engine_pool::{CreateOptions, Pool, block_on};
use engine_volume::{Ack, Volume, Volumes};
use futures_util::stream::{FuturesUnordered, StreamExt};

use crate::Arguments;
use crate::holey::HoleyDirectory;
use crate::memory::{check_memory, peak_memory};

const TIB: u64 = 1 << 40;
const BLOCK: u64 = 4096;
/// Writes in flight, as a client with a deep queue has them.
const DEPTH: u64 = 32;
const VOLUME: &str = "big";

/// Writes all blocks, checks the memory, and dies as by SIGKILL.
pub(crate) fn fill(arguments: &Arguments) -> anyhow::Result<()> {
    let device: Arc<dyn Device> = Arc::new(HoleyDirectory::create(&arguments.dir)?);
    let create = CreateOptions {
        capacity: Some(ByteCount::new(TIB)),
        ..CreateOptions::default()
    };
    Pool::create(&*device, &create)?;
    let pool = Pool::open(device, &arguments.options())?;
    pool.start_background()?;
    let volumes = Volumes::new(Arc::clone(&pool));
    block_on(volumes.create(VOLUME, ByteCount::new(TIB)))?;
    let volume = volumes.open(VOLUME)?;
    let clock = SystemClock;
    let start = clock.monotonic();
    block_on(write_all(&pool, &volume, arguments))?;
    block_on(volume.flush())?;
    let seconds = (clock.monotonic() - start).as_secs_f64();
    let metrics = pool.metrics();
    println!(
        "wrote {} blocks in {seconds:.1} s: {metrics:?}",
        arguments.blocks
    );
    println!("status {:?}", pool.status());
    check_memory(arguments.memory_mib)?;
    // As SIGKILL: no destructor runs, nothing is closed.
    std::process::abort();
}

/// Blocks in the order of a seed: the same in both phases.
fn block_numbers(arguments: &Arguments) -> impl Iterator<Item = u64> + use<> {
    let random = SeededEntropy::new(arguments.seed);
    (0..arguments.blocks).map(move |_| random.next_u64() % (TIB / BLOCK))
}

async fn write_all(pool: &Pool, volume: &Volume, arguments: &Arguments) -> anyhow::Result<()> {
    let mut numbers = block_numbers(arguments);
    let mut written = 0;
    loop {
        let mut writes = FuturesUnordered::new();
        for number in numbers.by_ref().take(usize::try_from(DEPTH)?) {
            let data = PageBuf::zeroed(4096);
            writes.push(volume.write(VolumeOffset::new(number * BLOCK), data, Ack::Written));
        }
        if writes.is_empty() {
            return Ok(());
        }
        written += writes.len() as u64;
        // Polled once under the plug, all of them join one group.
        {
            let plug = volume.plug();
            let first = poll_fn(|cx| Poll::Ready(writes.poll_next_unpin(cx))).await;
            if let Poll::Ready(Some(result)) = first {
                result?;
            }
            drop(plug);
        }
        while let Some(result) = writes.next().await {
            result?;
        }
        if written.is_multiple_of(1 << 20) {
            let status = pool.status();
            println!(
                "{written} blocks, peak memory {} MiB, pages {}, dirty {}",
                peak_memory()? >> 20,
                status.memory.0,
                status.dirty
            );
        }
    }
}

/// Opens what `fill` left within so many seconds, and reads some of it.
pub(crate) fn open(arguments: &Arguments, within: f64) -> anyhow::Result<()> {
    let clock = SystemClock;
    let start = clock.monotonic();
    let device: Arc<dyn Device> = Arc::new(HoleyDirectory::open(&arguments.dir)?);
    let pool = Pool::open(device, &arguments.options())?;
    let seconds = (clock.monotonic() - start).as_secs_f64();
    println!("opened in {seconds:.2} s");
    let volumes = Volumes::new(Arc::clone(&pool));
    let volume = volumes.open(VOLUME)?;
    for number in block_numbers(arguments).step_by(997) {
        let map = block_on(volume.map(VolumeOffset::new(number * BLOCK), BLOCK, 2))?;
        let stored = map
            .iter()
            .all(|run| run.kind == engine_volume::MapKind::Data);
        ensure!(stored, "block {number} was written and is a hole");
        block_on(volume.read(VolumeOffset::new(number * BLOCK), 4096))?;
    }
    let distinct: std::collections::HashSet<u64> = block_numbers(arguments).collect();
    let allocated = volumes.show(VOLUME)?.allocated;
    ensure!(
        allocated.get() == distinct.len() as u64 * BLOCK,
        "{} blocks were written, {allocated} are allocated",
        distinct.len()
    );
    pool.close()?;
    ensure!(
        seconds <= within,
        "opening took {seconds:.2} s, which is over {within} s"
    );
    Ok(())
}
