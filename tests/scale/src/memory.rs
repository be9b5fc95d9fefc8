//! What a process takes.

use anyhow::{Context, ensure};

/// What the process may take beside the pool's `memory`.
const PROCESS_BYTES: u64 = 64 << 20;

/// Refuses a process that took more than the pool's memory and a fixed part beside it.
pub(crate) fn check_memory(memory_mib: u64) -> anyhow::Result<()> {
    let peak = peak_memory()?;
    let limit = (memory_mib << 20) + PROCESS_BYTES;
    println!("peak memory {} MiB, limit {} MiB", peak >> 20, limit >> 20);
    ensure!(
        peak <= limit,
        "the process took {peak} bytes, which is over {limit}"
    );
    Ok(())
}

/// The largest resident size of this process so far, in bytes.
pub(crate) fn peak_memory() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .context("no VmHWM")?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kib << 10)
}
