//! Measuring both buckets in turns.

use std::path::PathBuf;

use anyhow::{Context, ensure};
use engine_base::{Clock, SystemClock};
use engine_bucket::{Ack, ListOptions};
use engine_pool::{Pool, block_on};

use super::{Objects, Options};
use crate::disk;
use crate::load::{CONTENT, put};
use crate::samples::Samples;

/// Items of a page of a listing.
const PAGE_ITEMS: usize = 1000;
/// Pages listed for that many other operations.
const OPERATIONS_PER_PAGE: usize = 10;
/// Random reads of the disk in a turn.
const DISK_READS: usize = 500;

/// What is measured.
pub(crate) struct Bench<'a> {
    pub(crate) pool: &'a Pool,
    /// Where the pool's files are.
    pub(crate) directory: PathBuf,
    pub(crate) small: &'a Objects,
    pub(crate) large: &'a Objects,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    /// Puts a new object beside any other, durably.
    Put,
    /// Gets popular objects: those that were put last.
    GetRecent,
    /// Gets popular objects, which lie anywhere.
    GetPopular,
    /// Lists a page behind any key.
    ListAfter,
    /// Lists a page of the directory of any key.
    ListPrefix,
    /// Gets any object; nothing of the pool is in the host's page cache at the beginning.
    GetAny,
    /// Lists a page behind any key, likewise.
    ListCold,
}

impl Operation {
    pub(crate) const ALL: [Self; 7] = [
        Self::Put,
        Self::GetRecent,
        Self::GetPopular,
        Self::ListAfter,
        Self::ListPrefix,
        Self::GetAny,
        Self::ListCold,
    ];

    /// Turns of its own that come before one is measured.
    const fn warm_up(self) -> usize {
        match self {
            Self::GetRecent | Self::GetPopular | Self::GetAny => 5,
            Self::Put | Self::ListAfter | Self::ListPrefix | Self::ListCold => 1,
        }
    }

    const fn is_cold(self) -> bool {
        matches!(self, Self::GetAny | Self::ListCold)
    }

    /// Whether what a read of the disk takes is wanted for comparison.
    const fn reads_disk(self) -> bool {
        self.is_cold() || matches!(self, Self::GetPopular)
    }

    const fn is_listing(self) -> bool {
        matches!(self, Self::ListAfter | Self::ListPrefix | Self::ListCold)
    }
}

/// What one turn found of an operation on a bucket.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    pub(crate) samples: Samples,
    /// Pages of the index that each operation read.
    pub(crate) pages: Vec<u64>,
}

/// Of one operation, turn by turn: the small bucket, the large one.
pub(crate) struct Found {
    pub(crate) operation: Operation,
    pub(crate) turns: Vec<(Turn, Turn)>,
    /// Random reads of the disk, turn by turn.
    pub(crate) disk: Vec<Samples>,
}

pub(crate) fn measure(
    bench: &Bench<'_>,
    options: &Options,
    seed: u64,
) -> anyhow::Result<Vec<Found>> {
    let mut found: Vec<Found> = Operation::ALL
        .map(|operation| Found {
            operation,
            turns: Vec::new(),
            disk: Vec::new(),
        })
        .into();
    for round in 0..options.rounds {
        for of in &mut found {
            let small = bench.turn(bench.small, of.operation, round, options)?;
            let large = bench.turn(bench.large, of.operation, round, options)?;
            of.turns.push((small, large));
            if of.operation.reads_disk() {
                let reads = disk::random_reads(&bench.directory, DISK_READS, seed + round)?;
                of.disk.push(reads);
            }
        }
    }
    Ok(found)
}

impl Bench<'_> {
    fn turn(
        &self,
        objects: &Objects,
        operation: Operation,
        round: u64,
        options: &Options,
    ) -> anyhow::Result<Turn> {
        let mut turn = Turn::default();
        // No name is put twice.
        let run = self.pool.status().lsn.get();
        let count = if operation.is_listing() {
            options.operations.div_ceil(OPERATIONS_PER_PAGE)
        } else {
            options.operations
        };
        // Memory is shared: what is popular of this bucket comes back first, and the pages above
        // the leaves.
        for number in 0..count * operation.warm_up() {
            self.once(objects, operation, &format!("{run}-warm{round}-{number}"))?;
        }
        if operation.is_cold() {
            disk::forget(&self.directory)?;
        }
        for number in 0..count {
            let before = self.pool.metrics().page_reads;
            let time = self.once(objects, operation, &format!("{run}-new{round}-{number}"))?;
            turn.samples.add(time);
            let pages = self.pool.metrics().page_reads - before;
            turn.pages.push(pages);
        }
        Ok(turn)
    }

    /// Carries out one operation; how long that took.
    fn once(
        &self,
        objects: &Objects,
        operation: Operation,
        mark: &str,
    ) -> anyhow::Result<std::time::Duration> {
        let number = match operation {
            Operation::GetRecent => objects.chooser.recent(),
            Operation::GetPopular => objects.chooser.popular(),
            _ => objects.chooser.uniform(),
        };
        let key = objects.key(number);
        let new = format!("{key}-{mark}");
        let prefix = objects.prefix(number);
        let start = SystemClock.monotonic();
        match operation {
            Operation::Put => block_on(put(&objects.bucket, &new, Ack::Durable))?,
            Operation::GetRecent | Operation::GetPopular | Operation::GetAny => {
                block_on(get(objects, &key))?
            }
            Operation::ListAfter | Operation::ListCold => block_on(list(objects, "", &key))?,
            Operation::ListPrefix => block_on(list(objects, &prefix, ""))?,
        }
        Ok(SystemClock.monotonic() - start)
    }
}

async fn get(objects: &Objects, key: &str) -> anyhow::Result<()> {
    let seen = objects.bucket.get(key.as_bytes()).await?;
    let reader = seen.found.with_context(|| format!("{key} is gone"))?;
    let size = usize::try_from(reader.info().size)?;
    let data = reader.read(0, size).await?;
    reader.close().await?;
    ensure!(data == CONTENT, "{key} has another content");
    Ok(())
}

async fn list(objects: &Objects, prefix: &str, after: &str) -> anyhow::Result<()> {
    let options = ListOptions {
        prefix: prefix.as_bytes(),
        start_after: after.as_bytes(),
        max: PAGE_ITEMS,
        ..ListOptions::default()
    };
    let page = objects.bucket.list(&options).await?;
    let is_last = page.items.len() < PAGE_ITEMS;
    ensure!(is_last != page.truncated || !is_last, "a page is short");
    Ok(())
}
