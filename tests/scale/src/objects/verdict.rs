//! What is said of the numbers.

use std::time::Duration;

use anyhow::ensure;

use super::measure::{Found, Operation, Turn};
use crate::samples::{Samples, median, ratio};

/// How much longer an operation of the large bucket may take.
const SLOWER_AT_MOST: f64 = 2.0;
/// Random reads of the disk that a get of any object may take besides.
const DISK_READS_PER_GET: f64 = 3.0;
/// Pages of the index that gets read on average: the leaves of the entry and of the content.
const PAGES_PER_GET: f64 = 2.0;
/// Pages of the index that one get reads at most: at the beginning those above the leaves too.
const PAGES_PER_GET_MAX: u64 = 6;
/// Pages of the index that a page of a listing reads at most.
const PAGES_PER_LISTING: u64 = 30;

/// Prints what was found and refuses what is too much. With `any_time` only pages count.
pub(crate) fn judge(found: &[Found], any_time: bool) -> anyhow::Result<()> {
    let mut wrong = Vec::new();
    for of in found {
        print(of);
        wrong.extend(too_many_pages(of));
        if !any_time {
            wrong.extend(too_slow(of));
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("; "));
    Ok(())
}

/// The middle of all turns, in microseconds.
fn middle(turns: impl Iterator<Item = Duration>) -> f64 {
    let all: Vec<f64> = turns.map(|time| time.as_secs_f64() * 1e6).collect();
    median(&all)
}

fn p99_of(of: &Found, which: fn(&(Turn, Turn)) -> &Turn) -> f64 {
    middle(of.turns.iter().map(|turn| which(turn).samples.p99()))
}

fn p50_of(of: &Found, which: fn(&(Turn, Turn)) -> &Turn) -> f64 {
    middle(of.turns.iter().map(|turn| which(turn).samples.median()))
}

const fn small(turns: &(Turn, Turn)) -> &Turn {
    &turns.0
}

const fn large(turns: &(Turn, Turn)) -> &Turn {
    &turns.1
}

fn print(of: &Found) {
    let pages = pages_of(of);
    println!(
        "{:?}: p50 {:.0} us beside {:.0}, p99 {:.0} us beside {:.0}; p50 / p50 {:.2}, p99 / p99 \
         {:.2}; pages of the index read: {:.2} by one operation, 99 of 100 at most {}, all at \
         most {}",
        of.operation,
        p50_of(of, large),
        p50_of(of, small),
        p99_of(of, large),
        p99_of(of, small),
        p50_of(of, large) / p50_of(of, small),
        p99_of(of, large) / p99_of(of, small),
        pages.average(),
        pages.of_99,
        pages.most,
    );
    if !of.disk.is_empty() {
        println!(
            "    a random read of the disk: p50 {:.0} us, p99 {:.0} us",
            disk_p50(of),
            disk_p99(of),
        );
    }
}

fn disk_p50(of: &Found) -> f64 {
    middle(of.disk.iter().map(Samples::median))
}

fn disk_p99(of: &Found) -> f64 {
    middle(of.disk.iter().map(|reads| reads.p99()))
}

fn too_slow(of: &Found) -> Option<String> {
    let (found, limit) = match of.operation {
        // What is popular is in memory; the rest decides on more than half of all gets of the
        // other kind, where each leaf holds something popular and much that is not.
        Operation::GetRecent => (p50_of(of, large), SLOWER_AT_MOST * p50_of(of, small)),
        Operation::GetPopular => {
            let disk = DISK_READS_PER_GET * disk_p50(of);
            (p50_of(of, large), SLOWER_AT_MOST * p50_of(of, small) + disk)
        }
        // Of the disk alone.
        Operation::ListCold => return None,
        Operation::GetAny => {
            let disk = DISK_READS_PER_GET * disk_p99(of);
            (p99_of(of, large), SLOWER_AT_MOST * p99_of(of, small) + disk)
        }
        _ => (p99_of(of, large), SLOWER_AT_MOST * p99_of(of, small)),
    };
    let name = of.operation;
    (found > limit).then(|| format!("{name:?} took {found:.0} us, the limit is {limit:.0} us"))
}

/// Pages of the index that operations on the large bucket read.
struct Pages {
    operations: u64,
    all: u64,
    of_99: u64,
    most: u64,
}

fn pages_of(of: &Found) -> Pages {
    let turns = of.turns.iter().map(large);
    let mut pages: Vec<u64> = turns.flat_map(|turn| turn.pages.iter().copied()).collect();
    pages.sort_unstable();
    Pages {
        operations: pages.len() as u64,
        all: pages.iter().sum(),
        of_99: pages.get(pages.len() * 99 / 100).copied().unwrap_or(0),
        most: pages.last().copied().unwrap_or(0),
    }
}

impl Pages {
    fn average(&self) -> f64 {
        ratio(self.all, self.operations)
    }
}

fn too_many_pages(of: &Found) -> Option<String> {
    let pages = pages_of(of);
    let too_many = match of.operation {
        Operation::Put => false,
        Operation::GetRecent | Operation::GetPopular | Operation::GetAny => {
            pages.average() > PAGES_PER_GET || pages.most > PAGES_PER_GET_MAX
        }
        Operation::ListAfter | Operation::ListPrefix | Operation::ListCold => {
            pages.most > PAGES_PER_LISTING
        }
    };
    too_many.then(|| format!("{:?} read too many pages of the index", of.operation))
}
