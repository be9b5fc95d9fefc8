//! Snapshots of both datasets, what goes on from them, and reverts.

use super::*;

/// Labels and names: few, so that they come again.
const LABELS: [&str; 3] = ["x", "y", "z"];
const CLONES: [&str; 2] = ["c", "d"];

impl World {
    /// One operation on snapshots; `true`: it was done, and is durable with all before it.
    pub(super) fn keep(&mut self, rng: &mut Rng) -> Result<bool, StoreError> {
        let label = *rng.pick(&LABELS);
        let clone = *rng.pick(&CLONES);
        let done = match rng.below(8) {
            0..=2 => {
                let pool = self.volumes.pool();
                let head = |kind, name| pool.find_dataset(kind, name).unwrap();
                let heads = [
                    head(DatasetKind::Volume, "v"),
                    head(DatasetKind::Bucket, "b"),
                ];
                block_on(pool.take_snapshot(label, &heads))
                    .map_err(BucketError::from)
                    .map(drop)
            }
            3 => block_on(self.buckets.delete_snapshot("b", label)),
            4 => block_on(self.volumes.delete_snapshot("v", label)).map_err(BucketError::from),
            5 => {
                let reverted = block_on(self.buckets.revert("b", label));
                self.bucket = None;
                reverted.map(drop)
            }
            6 => block_on(self.buckets.create_from(clone, ("b", Some(label)))).map(drop),
            _ => block_on(self.buckets.delete_with_contents(clone)),
        };
        match done {
            // It is there already, or is not.
            Err(BucketError::Store(StoreError::Exists { .. } | StoreError::NotFound { .. })) => {
                Ok(false)
            }
            done => {
                let was_done = done.is_ok();
                is_lost(done).map(|()| was_done)
            }
        }
    }

    /// What all snapshots and clones show.
    pub(super) fn kept(&self, text: &mut String) -> Result<(), StoreError> {
        for info in self.volumes.snapshots("v")? {
            let volume = self.volumes.open_snapshot("v", &info.label)?;
            let read = block_on(volume.read(VolumeOffset::new(0), 1 << 20))?;
            let sum = crc(read.data().unwrap_or_default());
            writeln!(text, "v@{} {} {sum}", info.label, info.allocated).unwrap();
        }
        for info in self.buckets.snapshots("b").unwrap_or_default() {
            let bucket = block_on(self.buckets.open_snapshot("b", &info.label)).unwrap();
            writeln!(text, "b@{}", info.label).unwrap();
            show(&bucket, &bucket.root(), "/", text);
        }
        for name in CLONES {
            let bucket = match block_on(self.buckets.open(name)) {
                Ok(bucket) => bucket,
                Err(BucketError::NotFound { .. }) => continue,
                Err(error) => panic!("{name}: {error:?}"),
            };
            writeln!(text, "clone {name}").unwrap();
            show(&bucket, &bucket.root(), "/", text);
        }
        Ok(())
    }

    /// Everything goes: then nothing is live.
    pub(super) fn ends_empty(self, at: &str) {
        for label in LABELS {
            let _ = block_on(self.buckets.delete_snapshot("b", label));
            let _ = block_on(self.volumes.delete_snapshot("v", label));
        }
        for info in self.buckets.list() {
            block_on(self.buckets.delete_with_contents(&info.name)).unwrap();
        }
        for info in self.volumes.list() {
            block_on(self.volumes.delete(&info.name)).unwrap();
        }
        block_on(self.buckets.pool().clean_up()).unwrap();
        let left = self.buckets.pool().status().live_data;
        assert_eq!(left.get(), 0, "{at}");
    }
}

#[test]
fn one_prefix_with_snapshots_of_volumes_and_buckets() {
    let cuts: u64 = (101..=100 + KEPT_SEEDS)
        .map(|seed| cuts_of(seed, true))
        .sum();
    println!("{cuts} power cuts");
}
