//! The steps of a life: what a client or an operator does next, done on the pool and noted in the
//! history. A new kind of step is a new arm of [`Hands::step`].

mod buckets;
mod kept;
mod note;

use std::sync::Arc;
use std::time::Duration;

use engine_format::Compression;
use engine_pool::{Pool, StoreError, block_on};
use engine_volume::Volumes;
use tests_model::{History, Life, Op, Pattern, Put, Rng, Workload};

use crate::rig::Rig;
use crate::tally::Tally;

/// What goes on over all lives of a seed.
pub(crate) struct Hands {
    rng: Rng,
    workload: Workload,
    /// Only writes of 1 MiB, until nothing more fits.
    fills: bool,
    /// Datasets are compressed now and then.
    compresses: bool,
    stamp: u64,
    labels: u64,
}

/// A pool in use.
pub(crate) struct Scene<'a> {
    pub(crate) rig: &'a Rig,
    pub(crate) pool: &'a Arc<Pool>,
    pub(crate) history: &'a mut History,
    pub(crate) tally: &'a mut Tally,
    /// Writes are not in flight together: where one may fail, or wait, their order is open.
    pub(crate) one_by_one: bool,
    /// Every byte that was ever read was right, and there.
    pub(crate) is_sound: bool,
    pub(crate) at: String,
}

impl Hands {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            rng: Rng::new(!seed),
            workload: Workload::with_snapshots(seed).with_cleaning(),
            labels: 0,
            fills: seed % 16 == 7,
            compresses: seed % 3 == 1,
            stamp: seed << 20 | 1 << 19,
        }
    }

    /// Takes one step.
    ///
    /// # Errors
    /// What ends the life: the power is lost, or a device failed. Whether the step was taken is
    /// open then; it is noted as begun.
    pub(crate) fn step(&mut self, scene: &mut Scene<'_>) -> Result<(), StoreError> {
        let passed = self.rng.below(300);
        scene.rig.clock.advance(Duration::from_millis(passed));
        let fill = if self.fills { 40 } else { 0 };
        let compression = if self.compresses { 12 } else { 0 };
        match self.rng.weighted(&[60, 100, 2, 1, 2 * fill, compression]) {
            0 => {
                let op = self.workload.next(&scene.history.state);
                self.volume_ops(scene, op)
            }
            1 => self.bucket_step(scene),
            2 => {
                scene.tally.count("clean-ups");
                block_on(scene.pool.clean_up())
            }
            3 => {
                scene.tally.count("scrubs");
                let status = scene.pool.scrub(&mut |_| ())?;
                let found = status.found;
                assert!(found == 0 || !scene.is_sound, "{}: {status:#?}", scene.at);
                Ok(())
            }
            4 => self.fill(scene),
            _ => self.set_compression(scene),
        }
    }

    fn set_compression(&mut self, scene: &mut Scene<'_>) -> Result<(), StoreError> {
        let mut all = scene.pool.datasets();
        all.sort_by_key(|info| info.id);
        let next = [Compression::Lz4, Compression::Lz4, Compression::Off];
        let next = *self.rng.pick(&next);
        let mut some = || (!all.is_empty()).then(|| self.rng.pick(&all).id);
        let Some(dataset) = some().and_then(|id| scene.pool.dataset(id)) else {
            return Ok(());
        };
        match block_on(scene.pool.set_compression(&dataset, next)) {
            Err(error) if scene.is_refusal(&error) => {
                scene.tally.count("refusals for want of room");
                Ok(())
            }
            set => {
                scene.tally.count("settings of compression");
                set.map(|_| ())
            }
        }
    }

    fn volume_ops(&mut self, scene: &mut Scene<'_>, op: Op) -> Result<(), StoreError> {
        match op {
            Op::Write(puts) if scene.one_by_one => {
                let mut puts = puts.into_iter().filter(|put| !put.dropped);
                puts.try_for_each(|put| self.volume_op(scene, &Op::Write(vec![put])))
            }
            op => self.volume_op(scene, &op),
        }
    }

    fn volume_op(&mut self, scene: &mut Scene<'_>, op: &Op) -> Result<(), StoreError> {
        let volumes = Volumes::new(Arc::clone(scene.pool));
        let before = scene.history.steps.len();
        let done = Life::new(&scene.rig.device, volumes, scene.history).perform(op);
        let taken = scene.history.steps.len() - before;
        let adds = matches!(op, Op::Write(_) | Op::Create(..));
        match done {
            // One batch, refused before it was anything.
            Err(error) if adds && taken == 1 && scene.is_refusal(&error) => {
                scene.history.refused();
                scene.tally.count("refusals for want of room");
                Ok(())
            }
            done => done,
        }
    }

    fn fill(&mut self, scene: &mut Scene<'_>) -> Result<(), StoreError> {
        const MIB: u64 = 1 << 20;
        let name = "full".to_owned();
        match scene.history.state.volumes.get(&name) {
            None => return self.volume_op(scene, &Op::Create(name, 80 * MIB)),
            Some(volume) if volume.size < 80 * MIB => {
                return self.volume_op(scene, &Op::Resize(name, 80 * MIB));
            }
            Some(_) => {}
        }
        self.stamp += 1;
        let from = self.rng.below(79) * MIB;
        let put = Put {
            name,
            range: from..from + MIB,
            pattern: Pattern { stamp: self.stamp },
            ack: engine_volume::Ack::Written,
            dropped: false,
        };
        self.volume_op(scene, &Op::Write(vec![put]))
    }
}
