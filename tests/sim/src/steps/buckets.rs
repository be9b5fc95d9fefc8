//! Steps of buckets.

use std::sync::Arc;

use engine_bucket::{Ack, Buckets, QuotaLimits, RootOwner};
use engine_pool::{StoreError, block_on};
use tests_model::bucket::{BucketState, RefBucket, Runner};

use super::{Hands, Scene};

pub(super) const NAMES: [&str; 3] = ["x", "y", "z"];
/// Where a quota may be set.
const PATHS: [&str; 3] = ["", "a", "b"];

impl Hands {
    pub(super) fn bucket_step(&mut self, scene: &mut Scene<'_>) -> Result<(), StoreError> {
        if self.rng.once_in(5) && self.kept_step(scene)? {
            return Ok(());
        }
        let name = *self.rng.pick(&NAMES);
        let buckets = Buckets::new(Arc::clone(scene.pool));
        let known = scene.history.state.buckets.get(name).cloned();
        let Some(known) = known else {
            let created = block_on(buckets.create(name, RootOwner::default()));
            let after = Some(RefBucket::new());
            return scene.settle(name, created.map(|_| ()), after, true);
        };
        match self.rng.weighted(&[40, 2, 3, 3]) {
            0 => {
                let durable = self.rng.once_in(5);
                let ack = if durable { Ack::Durable } else { Ack::Written };
                let mut after = known.reference.clone();
                let done = block_on(buckets.open(name)).and_then(|bucket| {
                    let at = scene.at.clone();
                    let runner = Runner::new(&bucket, &mut after, &mut self.rng, at);
                    runner.whole(ack).step()
                });
                let is_changed = after != known.reference;
                scene.settle(name, done, is_changed.then_some(after), durable)
            }
            1 => {
                // What has snapshots is not deleted.
                let label = format!("{name}@");
                let mut all = scene.history.state.buckets.keys();
                if all.any(|name| name.starts_with(&label)) {
                    return Ok(());
                }
                let deleted = if self.rng.once_in(2) {
                    block_on(buckets.delete_with_contents(name))
                } else {
                    block_on(buckets.delete(name))
                };
                scene.removed(name, &known, deleted)
            }
            2 => {
                let synced =
                    block_on(buckets.open(name)).and_then(|bucket| block_on(bucket.sync()));
                if synced.is_ok() {
                    scene.history.flushed();
                }
                scene.settle(name, synced, None, false)
            }
            _ => self.quota(scene, name, &known),
        }
    }

    fn quota(
        &mut self,
        scene: &mut Scene<'_>,
        name: &str,
        known: &BucketState,
    ) -> Result<(), StoreError> {
        let path = *self.rng.pick(&PATHS);
        let bytes = [None, Some(0), Some(150_000), Some(1 << 40)];
        let limits = QuotaLimits {
            bytes: *self.rng.pick(&bytes),
            inodes: *self.rng.pick(&[None, Some(5), Some(100)]),
        };
        // Another one becomes explicit; that is for the tests of quotas.
        if !known.reference.is_explicit(path.as_bytes()) {
            return Ok(());
        }
        let buckets = Buckets::new(Arc::clone(scene.pool));
        let set = block_on(buckets.open(name))
            .and_then(|bucket| block_on(bucket.set_quota(path.as_bytes(), limits)).map(|_| ()));
        if set.is_ok() {
            scene.history.flushed();
            scene.tally.count("quotas");
        }
        scene.settle(name, set, None, false)
    }
}
