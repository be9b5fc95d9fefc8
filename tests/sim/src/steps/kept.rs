//! Steps of snapshots of buckets, and of what is made from them.

use std::sync::Arc;

use engine_bucket::Buckets;
use engine_pool::{StoreError, block_on};
use tests_model::bucket::BucketState;
use tests_model::{ReferencePool, Step};

use super::{Hands, Scene};

/// Snapshots of buckets at once, at most.
const SNAPSHOTS: usize = 5;

type States = Vec<(String, Option<Arc<BucketState>>)>;

fn heads(state: &ReferencePool) -> Vec<String> {
    let names = state.buckets.keys().filter(|name| !name.contains('@'));
    names.cloned().collect()
}

fn kept(state: &ReferencePool) -> Vec<String> {
    let names = state.buckets.keys().filter(|name| name.contains('@'));
    names.cloned().collect()
}

fn split(name: &str) -> (&str, &str) {
    name.split_once('@').unwrap_or((name, ""))
}

impl Hands {
    /// Takes, deletes, goes back to or goes on from a snapshot. `false`: there is nothing to do.
    pub(super) fn kept_step(&mut self, scene: &mut Scene<'_>) -> Result<bool, StoreError> {
        let state = &scene.history.state;
        let (heads, kept) = (heads(state), kept(state));
        if heads.is_empty() {
            return Ok(false);
        }
        let weights = match kept.len() {
            0 => [4, 0, 0, 1],
            SNAPSHOTS.. => [0, 4, 1, 1],
            _ => [4, 3, 2, 2],
        };
        match self.rng.weighted(&weights) {
            0 => self.take(scene, heads)?,
            1 => {
                let name = self.rng.pick(&kept).clone();
                let (of, label) = split(&name);
                let buckets = Buckets::new(Arc::clone(scene.pool));
                let deleted = block_on(buckets.delete_snapshot(of, label));
                scene.tally.count("deleted snapshots of buckets");
                let states = vec![(name, None)];
                scene.note(deleted, Some(Step::Buckets { states }), true)?;
            }
            2 => {
                let name = self.rng.pick(&kept).clone();
                let (of, label) = split(&name);
                let buckets = Buckets::new(Arc::clone(scene.pool));
                let reverted = block_on(buckets.revert(of, label)).map(|_| ());
                scene.tally.count("reverts of buckets");
                let states = vec![(of.to_owned(), scene.bucket(&name))];
                scene.note(reverted, Some(Step::Buckets { states }), true)?;
            }
            _ => {
                let from = if kept.is_empty() || self.rng.once_in(3) {
                    self.rng.pick(&heads).clone()
                } else {
                    self.rng.pick(&kept).clone()
                };
                return self.go_on(scene, &from);
            }
        }
        Ok(true)
    }

    /// Of one bucket, or of all of them at one moment.
    fn take(&mut self, scene: &mut Scene<'_>, heads: Vec<String>) -> Result<(), StoreError> {
        let names = if self.rng.once_in(3) {
            heads
        } else {
            vec![self.rng.pick(&heads).clone()]
        };
        self.labels += 1;
        let label = format!("s{}", self.labels);
        let of: Vec<&str> = names.iter().map(String::as_str).collect();
        let buckets = Buckets::new(Arc::clone(scene.pool));
        let taken = block_on(buckets.take_snapshot(&label, &of)).map(|_| ());
        scene.tally.count("snapshots of buckets");
        let state = |name: &String| (format!("{name}@{label}"), scene.bucket(name));
        let states: States = names.iter().map(state).collect();
        scene.note(taken, Some(Step::Buckets { states }), true)
    }

    /// A bucket that is not there begins as another one is, or was.
    fn go_on(&mut self, scene: &mut Scene<'_>, from: &str) -> Result<bool, StoreError> {
        let is_free = |name: &&&str| !scene.history.state.buckets.contains_key(**name);
        let Some(name) = super::buckets::NAMES.iter().find(is_free) else {
            return Ok(false);
        };
        let source = match from.split_once('@') {
            Some((of, label)) => (of, Some(label)),
            None => (from, None),
        };
        let buckets = Buckets::new(Arc::clone(scene.pool));
        let created = block_on(buckets.create_from(name, source)).map(|_| ());
        scene.tally.count("buckets made from others");
        let states = vec![((*name).to_owned(), scene.bucket(from))];
        scene.note(created, Some(Step::Buckets { states }), true)?;
        Ok(true)
    }
}

impl Scene<'_> {
    fn bucket(&self, name: &str) -> Option<Arc<BucketState>> {
        self.history.state.buckets.get(name).cloned()
    }
}
