//! The pool as the console shows it.

use std::sync::Arc;

use engine_bucket::Buckets;
use engine_volume::Volumes;
use frontends_console::{Family, Health, Page, Section, Source};

use crate::engine::pool_backend::status_report;
use crate::engine::{devices, families};
use crate::output;
use crate::serve::status_rows;

/// Volumes, or buckets, that the page lists; `trefoil volume list` has no such end.
const ROWS_SHOWN: usize = 1000;

pub(super) struct PoolSource {
    pub(super) volumes: Volumes,
    pub(super) buckets: Buckets,
    pub(super) nbd: Arc<frontends_nbd::Metrics>,
    pub(super) s3: Arc<frontends_s3::Metrics>,
    pub(super) mounts: Arc<frontends_fuse::Metrics>,
}

impl PoolSource {
    fn volumes_section(&self) -> Section {
        let row = |volume: &engine_volume::VolumeInfo| {
            vec![
                volume.name.clone(),
                volume.size.to_string(),
                volume.allocated.to_string(),
                volume.stored.to_string(),
                output::time(volume.created_unix_nanos),
            ]
        };
        let columns = ["name", "size", "allocated", "stored", "created"];
        section("Volumes", &columns, &self.volumes.list(), row)
    }

    fn buckets_section(&self) -> Section {
        let row = |bucket: &engine_bucket::BucketInfo| {
            vec![
                bucket.name.clone(),
                bucket.allocated.to_string(),
                bucket.stored.to_string(),
                output::time(bucket.created_unix_nanos),
            ]
        };
        let columns = ["name", "allocated", "stored", "created"];
        section("Buckets", &columns, &self.buckets.list(), row)
    }
}

/// The first of `all` as rows.
fn section<T>(name: &str, columns: &[&str], all: &[T], row: impl Fn(&T) -> Vec<String>) -> Section {
    let heading = match all.len() {
        count if count > ROWS_SHOWN => format!("{name} (the first {ROWS_SHOWN} of {count})"),
        _ => name.to_owned(),
    };
    Section {
        heading,
        columns: columns.iter().map(|&column| column.to_owned()).collect(),
        rows: all.iter().take(ROWS_SHOWN).map(row).collect(),
    }
}

impl Source for PoolSource {
    fn families(&self) -> Vec<Family> {
        let pool = self.volumes.pool();
        let mut all = families::of_pool(&pool.status(), &pool.metrics());
        all.extend(families::of_scrub(&pool.scrub_status(), pool.unix_nanos()));
        all.extend(families::of_nbd(&self.nbd));
        all.extend(families::of_s3(&self.s3));
        all.extend(families::of_mounts(&self.mounts));
        all
    }

    fn health(&self) -> Health {
        devices::health(&self.volumes.pool().status())
    }

    fn page(&self) -> Page {
        let pool = Section {
            heading: "Pool".to_owned(),
            columns: Vec::new(),
            rows: status_rows(&status_report(&self.volumes)),
        };
        Page {
            title: "Trefoil".to_owned(),
            sections: vec![pool, self.volumes_section(), self.buckets_section()],
        }
    }
}
