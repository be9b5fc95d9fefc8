//! Scrubbing as the control socket sees it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use engine_base::{DatasetId, ErrorKind};
use engine_bucket::Buckets;
use engine_format::{DatasetKind, DatasetState, InodeId, LostPart, LostRange};
use engine_pool::{Pool, block_on};

use super::pool_backend::PoolBackend;
use crate::backend::{BackendError, Scrubs};
use crate::control::protocol::{LostRow, Progress, ScrubReport};
use crate::transfer::Monitor;

/// Ranges that a report lists.
const LOST_SHOWN: usize = 1000;
/// How often it is told how far a pass is.
const LOOK: Duration = Duration::from_millis(100);

impl Scrubs for PoolBackend {
    fn scrub(&self, wait: bool, monitor: &mut dyn Monitor) -> Result<ScrubReport, BackendError> {
        let pool = self.volumes().pool();
        let wanted = pool.request_scrub()?;
        if wait {
            wait_for(pool, wanted, monitor)?;
        }
        Ok(report(pool))
    }
}

/// Waits for the end of a pass.
fn wait_for(pool: &Pool, wanted: u64, monitor: &mut dyn Monitor) -> Result<(), BackendError> {
    loop {
        let status = pool.wait_for_scrub(wanted, LOOK);
        if status.finished >= wanted {
            return Ok(());
        }
        if let Some(why) = status.failed {
            return Err(BackendError::new(ErrorKind::Io, why));
        }
        if status.pass >= wanted {
            let (done, total) = (status.progress.verified, status.progress.total);
            monitor.progress(Progress {
                done: done.get(),
                total: total.get(),
            })?;
        }
    }
}

/// What is known now. What is lost is asked for only if there is something.
pub(super) fn report(pool: &std::sync::Arc<Pool>) -> ScrubReport {
    let lost = if pool.scrub_status().lost_ranges > 0 {
        lost_rows(pool)
    } else {
        Vec::new()
    };
    let status = pool.scrub_status();
    let age = pool
        .unix_nanos()
        .saturating_sub(status.oldest_unverified_unix_nanos);
    ScrubReport {
        running: status.running,
        pass: status.pass,
        verified: status.progress.verified.get(),
        total: status.progress.total.get(),
        found: status.found,
        repaired: status.repaired,
        ended_unix_nanos: status.ended_unix_nanos,
        oldest_unverified_unix_nanos: status.oldest_unverified_unix_nanos,
        oldest_unverified_seconds: age / 1_000_000_000,
        lost_ranges: status.lost_ranges,
        lost_bytes: status.lost.get(),
        lost,
    }
}

fn lost_rows(pool: &std::sync::Arc<Pool>) -> Vec<LostRow> {
    let mut lost = match block_on(pool.lost()) {
        Ok(lost) => lost,
        Err(error) => {
            tracing::warn!(%error, "what is lost cannot be listed");
            return Vec::new();
        }
    };
    lost.truncate(LOST_SHOWN);
    let keys = keys_of(pool, &lost);
    lost.iter().map(|range| row(pool, &keys, range)).collect()
}

type Keys = BTreeMap<(DatasetId, InodeId), Vec<u8>>;

/// The keys of contents of which something is lost.
fn keys_of(pool: &std::sync::Arc<Pool>, lost: &[LostRange]) -> Keys {
    let mut contents: BTreeMap<DatasetId, BTreeSet<InodeId>> = BTreeMap::new();
    for range in lost.iter().filter(|range| range.part == LostPart::Data) {
        if let Some(content) = range.content {
            contents.entry(range.dataset).or_default().insert(content);
        }
    }
    let buckets = Buckets::new(std::sync::Arc::clone(pool));
    let mut keys = Keys::new();
    for (dataset, contents) in contents {
        match block_on(buckets.keys_of(dataset, &contents)) {
            Ok(found) => keys.extend(found.into_iter().map(|(id, key)| ((dataset, id), key))),
            Err(error) => tracing::warn!(%error, "names of what is lost cannot be found"),
        }
    }
    keys
}

fn row(pool: &Pool, keys: &Keys, range: &LostRange) -> LostRow {
    let key = range
        .content
        .and_then(|content| keys.get(&(range.dataset, content)));
    LostRow {
        dataset: dataset_name(pool, range.dataset),
        key: match (key, range.content, range.part) {
            (Some(key), ..) => Some(String::from_utf8_lossy(key).into_owned()),
            (None, Some(content), LostPart::Data) => Some(format!("(content {})", content.get())),
            _ => None,
        },
        what: match range.part {
            LostPart::Data => "data",
            LostPart::Index => "index",
            LostPart::Header => "header",
        }
        .to_owned(),
        offset: range.offset,
        bytes: range.bytes,
    }
}

/// `volume/NAME`, `volume/NAME@LABEL`, `bucket/NAME`; the pool itself, or one that is going.
fn dataset_name(pool: &Pool, id: DatasetId) -> String {
    let Some(record) = pool.dataset(id).and_then(|dataset| dataset.record()) else {
        return "pool".to_owned();
    };
    let kind = match record.kind {
        DatasetKind::Volume => "volume",
        DatasetKind::Bucket => "bucket",
    };
    let name = record.name.as_str();
    match (record.state, record.descent) {
        (DatasetState::Live, _) => format!("{kind}/{name}"),
        (DatasetState::Snapshot, Some(descent)) => {
            let of = pool.datasets().into_iter().find(|info| {
                let lineage = info.record.descent.map_or(info.id, |of| of.lineage);
                lineage == descent.lineage
            });
            let of = of.map_or_else(String::new, |info| info.record.name.as_str().to_owned());
            format!("{kind}/{of}@{name}")
        }
        _ => format!("{kind}/{name} (deleted)"),
    }
}
