//! A directory with very many entries is renamed again and again, as a mount does it and as an
//! object API does, while others read: each rename is one change, however much is below the
//! directory, and whoever finds a key gone finds it at its new place.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, ensure};
use engine_base::{Clock, SeededEntropy, SystemClock};
use engine_bucket::{
    Ack, Bucket, BucketError, ListItem, ListOptions, RenameHow, RenamePreconditions,
};
use engine_pool::block_on;

use crate::load::load;
use crate::samples::Samples;
use crate::{Arguments, OWNER, create_bucket};

const CAPACITY: u64 = 8 << 30;
/// Looks of the readers between two renames.
const LOOKS_PER_RENAME: u64 = 100;
/// What the 99th of 100 renames may take.
const RENAME_WITHIN: Duration = Duration::from_millis(10);

/// How much is renamed, and how often.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Entries of the directory.
    #[arg(long, default_value_t = 1_000_000)]
    pub(crate) entries: u64,
    /// Renames of each kind.
    #[arg(long, default_value_t = 100)]
    pub(crate) renames: u64,
    /// Threads that read meanwhile.
    #[arg(long, default_value_t = 8)]
    pub(crate) readers: u64,
    /// Only prints how long renames took.
    #[arg(long)]
    pub(crate) any_time: bool,
}

#[derive(Debug, Clone, Copy)]
enum Door {
    /// As the system call.
    File,
    /// Both keys end with `/`.
    Object,
}

/// The directory wanders: its name is a number, which only grows.
struct Race<'a> {
    bucket: &'a Bucket,
    entries: u64,
    /// The name it may have.
    begun: AtomicU64,
    /// The name it has, or had.
    done: AtomicU64,
    /// How often readers looked.
    looks: AtomicU64,
    is_over: AtomicBool,
}

pub(crate) fn run(arguments: &Arguments, options: &Options) -> anyhow::Result<()> {
    let pool = arguments.create_pool(CAPACITY)?;
    let bucket = create_bucket(&pool, "b")?;
    let start = SystemClock.monotonic();
    let keys = (0..options.entries).map(|entry| key(0, entry));
    block_on(load(&pool, &bucket, keys, |_| Ok(())))?;
    let seconds = (SystemClock.monotonic() - start).as_secs_f64();
    println!("loaded {} entries in {seconds:.1} s", options.entries);
    let race = Race {
        bucket: &bucket,
        entries: options.entries,
        begun: AtomicU64::new(0),
        done: AtomicU64::new(0),
        looks: AtomicU64::new(0),
        is_over: AtomicBool::new(false),
    };
    let (half, all) = (options.renames, 2 * options.renames);
    let mut slow = Vec::new();
    for (door, names) in [(Door::File, 0..half), (Door::Object, half..all)] {
        let done = race.run(door, names, options.readers, arguments.seed)?;
        let Renamed { samples, syncs } = done;
        println!(
            "{door:?}: {} renames, p50 {:?}, p99 {:?}; the syncs after them: p50 {:?}, p99 {:?}; \
             {} looks at it meanwhile",
            samples.count(),
            samples.median(),
            samples.p99(),
            syncs.median(),
            syncs.p99(),
            race.looks.swap(0, Ordering::SeqCst)
        );
        if samples.p99() > RENAME_WITHIN && !options.any_time {
            slow.push(format!("{door:?}: {:?}", samples.p99()));
        }
    }
    let root = bucket.root();
    let (directory, _) = block_on(bucket.lookup(&root, name(all).as_bytes()))?;
    let state = block_on(bucket.directory_state(directory.id()))?;
    ensure!(state.entries == options.entries, "entries were lost");
    drop(directory);
    pool.close()?;
    ensure!(slow.is_empty(), "over {RENAME_WITHIN:?}: {slow:?}");
    Ok(())
}

fn name(number: u64) -> String {
    format!("dir-{number}")
}

fn key(directory: u64, entry: u64) -> String {
    format!("{}/entry-{entry:08}", name(directory))
}

/// How long renames took, and the syncs after them, which are the disk's.
#[derive(Default)]
struct Renamed {
    samples: Samples,
    syncs: Samples,
}

impl Race<'_> {
    /// Renames from each of `names` to the one after it.
    fn run(
        &self,
        door: Door,
        names: Range<u64>,
        readers: u64,
        seed: u64,
    ) -> anyhow::Result<Renamed> {
        self.is_over.store(false, Ordering::SeqCst);
        std::thread::scope(|scope| {
            let reader = |reader| {
                let random = SeededEntropy::new(seed ^ (reader << 32) ^ names.start);
                scope.spawn(move || self.read(reader, &random))
            };
            let readers: Vec<_> = (0..readers).map(reader).collect();
            let renamed = self.rename_all(door, names.clone());
            self.is_over.store(true, Ordering::SeqCst);
            for reader in readers {
                let result = reader
                    .join()
                    .map_err(|_| anyhow::anyhow!("a reader panicked"))?;
                result?;
            }
            renamed
        })
    }

    fn rename_all(&self, door: Door, names: Range<u64>) -> anyhow::Result<Renamed> {
        let mut renamed = Renamed::default();
        for number in names {
            self.wait_for_looks();
            let (from, to) = (name(number), name(number + 1));
            self.begun.store(number + 1, Ordering::SeqCst);
            let done = renamed
                .samples
                .time(|| block_on(self.rename(door, &from, &to)));
            done?;
            self.done.store(number + 1, Ordering::SeqCst);
            renamed.syncs.time(|| block_on(self.bucket.sync()))?;
        }
        Ok(renamed)
    }

    /// Until others have looked some times.
    fn wait_for_looks(&self) {
        let enough = self.looks.load(Ordering::SeqCst) + LOOKS_PER_RENAME;
        while self.looks.load(Ordering::SeqCst) < enough && !self.is_over.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
    }

    async fn rename(&self, door: Door, from: &str, to: &str) -> Result<(), BucketError> {
        match door {
            Door::File => {
                let root = self.bucket.root();
                let (from, to) = ((&root, from.as_bytes()), (&root, to.as_bytes()));
                let how = RenameHow::Replace;
                self.bucket.rename(from, to, how, Ack::Written).await
            }
            Door::Object => {
                let (from, to) = (format!("{from}/"), format!("{to}/"));
                let (from, to) = (from.as_bytes(), to.as_bytes());
                let renamed = self.bucket.rename_object(
                    from,
                    to,
                    OWNER,
                    RenamePreconditions::default(),
                    Ack::Written,
                );
                renamed.await
            }
        }
    }

    /// Looks until the race is over. One that fails ends it.
    fn read(&self, reader: u64, random: &SeededEntropy) -> anyhow::Result<()> {
        while !self.is_over.load(Ordering::SeqCst) {
            let looked = if reader == 0 {
                block_on(self.look_at_names())
            } else {
                let entry = random.next_u64() % self.entries;
                block_on(self.follow(entry, reader.is_multiple_of(2)))
            };
            self.looks.fetch_add(1, Ordering::SeqCst);
            // As a client that waits for the next request: who keeps the processor until it is
            // taken away is likely to be in the middle of a look then.
            std::thread::yield_now();
            if looked.is_err() {
                self.is_over.store(true, Ordering::SeqCst);
                return looked;
            }
        }
        Ok(())
    }

    /// Finds an entry where the directory was; gone from there, it is at the next place.
    async fn follow(&self, entry: u64, by_key: bool) -> anyhow::Result<()> {
        let mut at = self.done.load(Ordering::SeqCst);
        while !self.is_at(at, entry, by_key).await? {
            let begun = self.begun.load(Ordering::SeqCst);
            ensure!(
                begun > at,
                "{} is gone, and was not renamed",
                key(at, entry)
            );
            at += 1;
        }
        if let Some(before) = at.checked_sub(1) {
            let is_twice = self.is_at(before, entry, by_key).await?;
            ensure!(!is_twice, "{} is still there", key(before, entry));
        }
        Ok(())
    }

    async fn is_at(&self, directory: u64, entry: u64, by_key: bool) -> anyhow::Result<bool> {
        let key = key(directory, entry);
        if by_key {
            return Ok(self.bucket.head(key.as_bytes()).await?.found.is_some());
        }
        let root = self.bucket.root();
        let found = self.bucket.lookup(&root, name(directory).as_bytes()).await;
        let directory = match found {
            Ok((directory, _)) => directory,
            Err(BucketError::NotFound { .. }) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        // Wherever the directory is by now, the entry is in it.
        let (_, own) = key.split_once('/').context("a key has a slash")?;
        self.bucket.lookup(&directory, own.as_bytes()).await?;
        Ok(true)
    }

    /// A page of a listing by `/` shows the directory once, and at a place where it was meanwhile.
    async fn look_at_names(&self) -> anyhow::Result<()> {
        let from = self.done.load(Ordering::SeqCst);
        let options = ListOptions {
            delimiter: b"/",
            max: 1000,
            ..ListOptions::default()
        };
        let page = self.bucket.list(&options).await?;
        let to = self.begun.load(Ordering::SeqCst);
        let possible: Vec<_> = (from..=to)
            .map(|number| ListItem::Prefix(format!("{}/", name(number)).into_bytes()))
            .collect();
        let shown = match &page.items[..] {
            [one] => possible.contains(one),
            _ => false,
        };
        ensure!(shown, "shown between {from} and {to}: {:?}", page.items);
        Ok(())
    }
}
