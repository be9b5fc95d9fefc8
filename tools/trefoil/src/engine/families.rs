//! The metrics, by name.

mod doors;
mod scrub;

use engine_pool::{PoolMetrics, PoolStatus};
use frontends_console::{Family, Kind, Sample, Value};

use crate::control::protocol::{DeviceHealth, DeviceRow};

pub(super) use doors::{of_mounts, of_nbd, of_s3};
pub(super) use scrub::of_scrub;

/// Metrics of the pool.
pub(super) fn of_pool(status: &PoolStatus, metrics: &PoolMetrics) -> Vec<Family> {
    let mut all = vec![build()];
    all.extend(space(status));
    all.extend(cleaning(status));
    all.extend(written(metrics));
    all.extend(log(status, metrics));
    all.extend(index(status, metrics));
    all.extend(devices(status, metrics));
    all
}

fn devices(status: &PoolStatus, metrics: &PoolMetrics) -> [Family; 4] {
    let rows = super::devices::rows(status);
    let samples = |value: &dyn Fn(&DeviceRow) -> u64| {
        let sample = |row: &DeviceRow| Sample {
            // Two can have one path: one that is away, and the one that lies where it was.
            labels: vec![("device", row.path.clone()), ("id", row.id.clone())],
            value: Value::Whole(value(row)),
        };
        rows.iter().map(sample).collect()
    };
    [
        Family {
            name: "trefoil_device_healthy",
            help: "1, or 0 for a device that is missing, has failed or is not up to date yet.",
            kind: Kind::Gauge,
            samples: samples(&|row| (row.health == DeviceHealth::Healthy).into()),
        },
        Family {
            name: "trefoil_device_resync_bytes",
            help: "Bytes that a device misses and that are still to be copied to it.",
            kind: Kind::Gauge,
            samples: samples(&|row| row.missing),
        },
        Family {
            name: "trefoil_device_repairs_total",
            help: "Bad stretches of a device that were rewritten from another copy.",
            kind: Kind::Counter,
            samples: samples(&|row| row.repaired),
        },
        Family::counter(
            "trefoil_data_read_repairs_total",
            "Reads of data that another copy has answered.",
            metrics.data_read_repairs,
        ),
    ]
}

fn build() -> Family {
    Family {
        name: "trefoil_build_info",
        help: "Always 1; the version is in the label.",
        kind: Kind::Gauge,
        samples: vec![Sample {
            labels: vec![("version", env!("CARGO_PKG_VERSION").to_owned())],
            value: Value::Whole(1),
        }],
    }
}

fn space(status: &PoolStatus) -> [Family; 8] {
    let gauge = Family::gauge;
    let live = [
        ("data", status.live_data.get()),
        ("index", status.live_index.get()),
    ];
    let segments = [
        ("journal", status.segments.0.into()),
        ("index", status.segments.1.into()),
        ("pack", status.cleaning.packs.into()),
    ];
    [
        gauge(
            "trefoil_pool_healthy",
            "1, or 0 after a device error made the pool read-only.",
            status.poisoned.is_none().into(),
        ),
        gauge(
            "trefoil_pool_capacity_bytes",
            "Bytes of all segments that the pool may have.",
            status.capacity.get(),
        ),
        gauge(
            "trefoil_pool_available_bytes",
            "Bytes that writes may still add before they are refused.",
            status.available.get(),
        ),
        Family::labelled(
            "trefoil_pool_live_bytes",
            "Bytes that are referred to: data, and index at the newest checkpoint.",
            Kind::Gauge,
            "kind",
            &live,
        ),
        gauge(
            "trefoil_pool_dead_bytes",
            "Bytes in segments that nothing refers to.",
            status.dead.get(),
        ),
        Family::labelled(
            "trefoil_pool_segments",
            "Segments in use, by what they hold.",
            Kind::Gauge,
            "kind",
            &segments,
        ),
        gauge(
            "trefoil_volumes",
            "Volumes.",
            u64::try_from(status.volumes).unwrap_or(u64::MAX),
        ),
        gauge(
            "trefoil_buckets",
            "Buckets.",
            u64::try_from(status.buckets).unwrap_or(u64::MAX),
        ),
    ]
}

fn cleaning(status: &PoolStatus) -> [Family; 3] {
    let gauge = Family::gauge;
    [
        gauge(
            "trefoil_cleaning_debt_bytes",
            "Bytes that cleaning has to bring back until as much is free as it keeps free.",
            status.cleaning.debt.get(),
        ),
        gauge(
            "trefoil_cleaning_packed_segments",
            "Segments whose live blocks lie in packs, and that have no room of their own any more.",
            status.cleaning.packed_names.into(),
        ),
        gauge(
            "trefoil_cleaning_redirects_bytes",
            "Memory of what says where moved blocks lie.",
            status.cleaning.redirects.get(),
        ),
    ]
}

fn written(metrics: &PoolMetrics) -> [Family; 5] {
    let (heads, data) = (metrics.journal.head_bytes, metrics.journal.data_bytes);
    let kinds = [
        ("journal_head", heads),
        ("journal_data", data),
        ("index", metrics.index_bytes),
        ("pack", metrics.packed_bytes),
    ];
    let all = heads + data + metrics.index_bytes + metrics.packed_bytes;
    [
        Family::labelled(
            "trefoil_device_written_bytes_total",
            "Bytes written to the device, by what they are.",
            Kind::Counter,
            "kind",
            &kinds,
        ),
        Family::gauge_real(
            "trefoil_index_written_share_ratio",
            "Share of the index in all bytes written since the pool was opened.",
            share(metrics.index_bytes, all),
        ),
        Family::counter(
            "trefoil_client_written_bytes_total",
            "Bytes that clients wrote, as far as they are stored as extents.",
            metrics.client_bytes,
        ),
        Family::gauge_real(
            "trefoil_write_amplification_ratio",
            "Bytes written to the device for each byte that clients wrote.",
            metrics.write_amplification(),
        ),
        Family::counter(
            "trefoil_cleaning_rounds_total",
            "Rounds of cleaning that moved something.",
            metrics.packing_rounds,
        ),
    ]
}

fn log(status: &PoolStatus, metrics: &PoolMetrics) -> [Family; 6] {
    let (counter, gauge) = (Family::counter, Family::gauge);
    [
        counter(
            "trefoil_journal_groups_total",
            "Groups of commits written, each by one device write.",
            metrics.journal.groups,
        ),
        counter(
            "trefoil_journal_syncs_total",
            "Syncs of the journal.",
            metrics.journal.syncs,
        ),
        gauge(
            "trefoil_journal_lsn",
            "Position of the newest readable change.",
            status.lsn.get(),
        ),
        gauge(
            "trefoil_journal_durable_lsn",
            "Everything up to this position is on stable storage.",
            status.durable_lsn.get(),
        ),
        counter(
            "trefoil_checkpoints_total",
            "Checkpoints taken.",
            metrics.checkpoints,
        ),
        gauge(
            "trefoil_checkpoint_number",
            "Number of the newest checkpoint.",
            status.checkpoint.get(),
        ),
    ]
}

fn index(status: &PoolStatus, metrics: &PoolMetrics) -> [Family; 7] {
    let (counter, gauge) = (Family::counter, Family::gauge);
    [
        counter(
            "trefoil_index_pages_written_total",
            "Whole pages written, second copies not counted.",
            metrics.pages_written,
        ),
        counter(
            "trefoil_index_deltas_written_total",
            "Deltas written instead of pages.",
            metrics.deltas_written,
        ),
        counter(
            "trefoil_index_page_reads_total",
            "Pages read because they were not in memory.",
            metrics.page_reads,
        ),
        counter(
            "trefoil_data_checksum_errors_total",
            "Blocks that were read with a wrong checksum.",
            metrics.data_read_errors,
        ),
        gauge(
            "trefoil_memory_pages_bytes",
            "Bytes of pages of the index in memory.",
            status.memory.0.get(),
        ),
        gauge(
            "trefoil_memory_pages_limit_bytes",
            "The budget for them.",
            status.memory.1.get(),
        ),
        gauge(
            "trefoil_memory_pages_dirty_bytes",
            "Of them, what the next checkpoint writes.",
            status.dirty.get(),
        ),
    ]
}

/// `part` of `all`, exact to a millionth.
fn share(part: u64, all: u64) -> f64 {
    const STEPS: u128 = 1_000_000;
    if all == 0 {
        return 0.0;
    }
    let millionths = u128::from(part) * STEPS / u128::from(all);
    u32::try_from(millionths).map_or(1.0, |millionths| f64::from(millionths) / 1e6)
}

#[cfg(test)]
mod tests;
