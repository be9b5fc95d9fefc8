//! The pool as the console shows it.

use std::sync::Arc;

use engine_volume::Volumes;
use frontends_console::{Family, Health, Page, Section, Source};
use frontends_nbd::Metrics;

use crate::engine::families;
use crate::engine::pool_backend::status_report;
use crate::output;
use crate::serve::status_rows;

/// Volumes that the page lists; metrics and `trefoil volume list` have no such end.
const VOLUMES_SHOWN: usize = 1000;

pub(super) struct PoolSource {
    volumes: Volumes,
    nbd: Arc<Metrics>,
}

impl PoolSource {
    pub(super) const fn new(volumes: Volumes, nbd: Arc<Metrics>) -> Self {
        Self { volumes, nbd }
    }

    fn volumes_section(&self) -> Section {
        let all = self.volumes.list();
        let heading = match all.len() {
            count if count > VOLUMES_SHOWN => {
                format!("Volumes (the first {VOLUMES_SHOWN} of {count})")
            }
            _ => "Volumes".to_owned(),
        };
        let row = |volume: &engine_volume::VolumeInfo| {
            vec![
                volume.name.clone(),
                volume.size.to_string(),
                volume.allocated.to_string(),
                output::time(volume.created_unix_nanos),
            ]
        };
        let columns = ["name", "size", "allocated", "created"];
        Section {
            heading,
            columns: columns.map(str::to_owned).to_vec(),
            rows: all.iter().take(VOLUMES_SHOWN).map(row).collect(),
        }
    }
}

impl Source for PoolSource {
    fn families(&self) -> Vec<Family> {
        let pool = self.volumes.pool();
        let mut all = families::of_pool(&pool.status(), &pool.metrics());
        all.extend(families::of_nbd(&self.nbd));
        all
    }

    fn health(&self) -> Health {
        match self.volumes.pool().status().poisoned {
            None => Health::Passing,
            Some(cause) => Health::Failing(format!(
                "the pool is read-only after an error of its device: {cause}"
            )),
        }
    }

    fn page(&self) -> Page {
        let pool = Section {
            heading: "Pool".to_owned(),
            columns: Vec::new(),
            rows: status_rows(&status_report(&self.volumes)),
        };
        Page {
            title: "Trefoil".to_owned(),
            sections: vec![pool, self.volumes_section()],
        }
    }
}
