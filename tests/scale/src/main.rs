//! What only shows where there is much of it: memory, and whether anything slows down.
//!
//! `fill` and `open`: a volume of 1 TiB, killed and opened again. `objects`: a bucket of millions
//! of objects beside a small one. `list`: a mounted directory of a bucket that `objects` left.
//! `rename`: a directory of a million entries is renamed while others read it. `overwrite`: a
//! volume is written over for ever, so that cleaning has to keep up. `snapshots`: thousands of
//! snapshots in one pool, and what writers notice of taking one.

mod disk;
mod holey;
mod kept;
mod listing;
mod load;
mod memory;
mod objects;
mod overwrite;
mod random;
mod renames;
mod samples;
mod volume;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Parser, Subcommand};
use engine_base::ByteCount;
use engine_bucket::{Bucket, Buckets, Owner, RootOwner};
use engine_device::{OpenMode, Opened, open_path};
use engine_pool::{CreateOptions, Pool, PoolOptions, block_on};

const OWNER: Owner = Owner {
    uid: 0,
    gid: 0,
    umask: 0o022,
};

#[derive(Parser)]
struct Arguments {
    /// Where the pool's files go.
    #[arg(long)]
    dir: PathBuf,
    /// Memory of the pool, in MiB.
    #[arg(long, default_value_t = 256)]
    memory_mib: u64,
    /// Random blocks of the volume.
    #[arg(long, default_value_t = 20_000_000)]
    blocks: u64,
    /// Of everything that is chosen at random.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(subcommand)]
    phase: Phase,
}

#[derive(Subcommand)]
enum Phase {
    /// Writes all blocks of a volume, checks the memory, and dies as by SIGKILL.
    Fill,
    /// Opens within the given time, and reads a sample.
    Open {
        /// Seconds that opening may take.
        #[arg(long, default_value_t = 3.0)]
        within: f64,
    },
    /// Loads a large and a small bucket and compares how fast both are.
    Objects(objects::Options),
    /// Mounts the bucket that `objects` left, and lists its largest directory with `ls -U`.
    List,
    /// Renames a large directory again and again while it is read.
    Rename(renames::Options),
    /// Writes over a volume again and again, and says what that costs.
    Overwrite(overwrite::Options),
    /// Takes many snapshots of a bucket and a volume, opens the pool again, and deletes them.
    Snapshots(kept::Options),
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    println!("seed {}", arguments.seed);
    match &arguments.phase {
        Phase::Fill => volume::fill(&arguments),
        Phase::Open { within } => volume::open(&arguments, *within),
        Phase::Objects(options) => objects::run(&arguments, options),
        Phase::List => listing::run(&arguments),
        Phase::Rename(options) => renames::run(&arguments, options),
        Phase::Overwrite(options) => overwrite::run(&arguments, options),
        Phase::Snapshots(options) => kept::run(&arguments, options),
    }
}

impl Arguments {
    fn options(&self) -> PoolOptions {
        PoolOptions {
            memory: ByteCount::new(self.memory_mib << 20),
            ..PoolOptions::default()
        }
    }

    /// A new pool of so many bytes in `dir`, open, with its background.
    fn create_pool(&self, capacity: u64) -> anyhow::Result<Arc<Pool>> {
        let capacity = Some(ByteCount::new(capacity));
        std::fs::create_dir_all(&self.dir)?;
        let Opened { device, .. } = open_path(&self.data(), OpenMode::Create { capacity })?;
        let create = CreateOptions {
            capacity,
            ..CreateOptions::default()
        };
        Pool::create(device.as_ref(), &create)?;
        let pool = Pool::open(device, &self.options())?;
        pool.start_background()?;
        Ok(pool)
    }

    /// The pool that is in `dir`.
    fn open_pool(&self) -> anyhow::Result<Arc<Pool>> {
        let Opened { device, .. } = open_path(&self.data(), OpenMode::ReadWrite)?;
        let pool = Pool::open(device, &self.options())?;
        pool.start_background()?;
        Ok(pool)
    }

    fn data(&self) -> PathBuf {
        self.dir.join("pool")
    }

    fn mount_point(&self) -> PathBuf {
        self.dir.join("mounted")
    }
}

fn create_bucket(pool: &Arc<Pool>, name: &str) -> anyhow::Result<Bucket> {
    let buckets = Buckets::new(Arc::clone(pool));
    block_on(buckets.create(name, RootOwner::default()))?;
    Ok(block_on(buckets.open(name))?)
}
