//! `ls -U` of a mounted directory with very many entries: the server's memory stays within its
//! bounds, and the listing is complete.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, ensure};
use engine_base::{Clock, SystemClock};
use engine_bucket::Buckets;
use engine_pool::block_on;
use frontends_fuse::{Limits, MountOptions, Mounts};

use crate::Arguments;
use crate::memory::{check_memory, peak_memory};
use crate::objects::{FLAT, LARGE};

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let pool = arguments.open_pool()?;
    let buckets = Buckets::new(pool.clone());
    let mounts = Mounts::new(buckets.clone(), Limits::default());
    let root = arguments.mount_point();
    mounts.mount(LARGE, &root, MountOptions::default())?;
    let bucket = block_on(buckets.open(LARGE))?;
    let (flat, _) = block_on(bucket.lookup(&bucket.root(), FLAT.as_bytes()))?;
    let entries = block_on(bucket.directory_state(flat.id()))?.entries;
    let start = SystemClock.monotonic();
    let before = peak_memory()?;
    let mut list = Command::new("ls")
        .arg("-U")
        .arg(root.join(FLAT))
        .stdout(Stdio::piped())
        .spawn()?;
    let output = list.stdout.take().context("ls has no output")?;
    let mut lines = 0_u64;
    for line in BufReader::new(output).lines() {
        line?;
        lines += 1;
    }
    ensure!(list.wait()?.success(), "ls failed");
    let seconds = (SystemClock.monotonic() - start).as_secs_f64();
    println!(
        "ls -U: {lines} entries in {seconds:.1} s; peak memory of the server {} MiB, before {} MiB",
        peak_memory()? >> 20,
        before >> 20
    );
    ensure!(
        lines == entries,
        "{lines} entries were listed, there are {entries}"
    );
    let cut_off = mounts.shutdown(Duration::from_secs(5));
    ensure!(cut_off == 0, "somebody was cut off");
    pool.close()?;
    check_memory(arguments.memory_mib)
}
