//! A bucket of millions of small objects beside a small one: neither putting, nor getting, nor
//! listing may become slow, and memory keeps within its bounds.

mod measure;
mod verdict;

use std::sync::Arc;

use engine_base::{Clock, SystemClock};
use engine_bucket::{Bucket, Buckets};
use engine_pool::{Pool, block_on};

use crate::load::load;
use crate::memory::{check_memory, peak_memory};
use crate::random::Chooser;
use crate::{Arguments, create_bucket};
use measure::{Bench, measure};

/// What the large bucket is called.
pub(crate) const LARGE: &str = "large";
/// The directory in it that has a tenth of all objects directly below it.
pub(crate) const FLAT: &str = "flat";
const CAPACITY: u64 = 16 << 30;
/// Writers that loading stands for: each puts its keys in their order.
const WRITERS: u64 = 9;
const KEYS_PER_DIRECTORY: u64 = 1000;

/// How many objects, and how often they are used.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Objects of the large bucket.
    #[arg(long, default_value_t = 10_000_000)]
    pub(crate) objects: u64,
    /// Objects of the small one.
    #[arg(long, default_value_t = 10_000)]
    pub(crate) reference: u64,
    /// Turns, in each of which both buckets are measured.
    #[arg(long, default_value_t = 5)]
    pub(crate) rounds: u64,
    /// Operations of one kind in a turn.
    #[arg(long, default_value_t = 2000)]
    pub(crate) operations: usize,
    /// Measures the buckets that an earlier run has loaded.
    #[arg(long)]
    pub(crate) loaded: bool,
    /// Only prints how long things took.
    #[arg(long)]
    pub(crate) any_time: bool,
}

/// A bucket of objects with known keys.
pub(crate) struct Objects {
    pub(crate) bucket: Bucket,
    pub(crate) chooser: Chooser,
    count: u64,
}

pub(crate) fn run(arguments: &Arguments, options: &Options) -> anyhow::Result<()> {
    let pool = if options.loaded {
        arguments.open_pool()?
    } else {
        arguments.create_pool(CAPACITY)?
    };
    let of = |name, count| -> anyhow::Result<Objects> {
        let bucket = if options.loaded {
            block_on(Buckets::new(Arc::clone(&pool)).open(name))?
        } else {
            create_bucket(&pool, name)?
        };
        Ok(Objects {
            bucket,
            chooser: Chooser::new(count, arguments.seed),
            count,
        })
    };
    let small = of("small", options.reference)?;
    let large = of(LARGE, options.objects)?;
    if !options.loaded {
        small.load(&pool)?;
        large.load(&pool)?;
    }
    block_on(large.bucket.sync())?;
    pool.checkpoint()?;
    println!("{:?}", pool.status());
    println!("{:?}", pool.metrics());
    let bench = Bench {
        pool: &pool,
        directory: arguments.data(),
        small: &small,
        large: &large,
    };
    let found = measure(&bench, options, arguments.seed)?;
    println!("{:?}", pool.metrics());
    drop((small, large));
    let judged = verdict::judge(&found, options.any_time);
    check_memory(arguments.memory_mib)?;
    pool.close()?;
    judged
}

impl Objects {
    /// The key of an object. Every tenth lies in one directory; the others in small ones that lie
    /// in one of each writer.
    pub(crate) fn key(&self, number: u64) -> String {
        if number.is_multiple_of(10) {
            return format!("{FLAT}/{number:010}");
        }
        let (writer, own) = (number % WRITERS, number / WRITERS);
        let directory = own / KEYS_PER_DIRECTORY;
        format!("tree/{writer:02}/{directory:06}/{own:010}")
    }

    /// The directory of an object, with the `/`.
    pub(crate) fn prefix(&self, number: u64) -> String {
        let mut key = self.key(number);
        key.truncate(key.rfind('/').map_or(0, |slash| slash + 1));
        key
    }

    fn load(&self, pool: &Pool) -> anyhow::Result<()> {
        let start = SystemClock.monotonic();
        let keys = (0..self.count).map(|number| self.key(number));
        block_on(load(pool, &self.bucket, keys, |count| {
            let status = pool.status();
            println!(
                "{count} objects, peak memory {} MiB, pages {}, dirty {}, index {}",
                peak_memory()? >> 20,
                status.memory.0,
                status.dirty,
                status.live_index,
            );
            Ok(())
        }))?;
        let seconds = (SystemClock.monotonic() - start).as_secs_f64();
        println!("loaded {} objects in {seconds:.1} s", self.count);
        Ok(())
    }
}
