//! Lives of a mirrored pool, one after the other.

use engine_pool::block_on;
use engine_volume::Volumes;
use tests_model::{History, Life, Rng, Workload, check_accounting, observe};

use super::MirrorExplorer;

impl MirrorExplorer {
    /// Lives one after the other: in each the power is cut or a device is lost, while an earlier
    /// one may still be catching up.
    ///
    /// # Panics
    /// If a pool shows something wrong.
    pub fn chain(&mut self, lives: u64, operations: usize) {
        let mut rng = Rng::new(self.seed ^ 0x00c0_ffee);
        let mut images = self.empty();
        let mut history = History::default();
        let mut workload = Workload::new(self.seed);
        for life in 0..lives {
            let at = rng.below(operations as u64 * 10);
            let _where = self.whereabouts(&format!("life {life}, power cut"), at);
            let mut machine = self.machine(&images).failing_at(at);
            let whole = machine.all_current();
            let lost = engine_base::to_usize(rng.below(self.members as u64));
            if whole && rng.once_in(2) {
                machine = machine.losing(lost, rng.below(at + 1));
            }
            if let Ok(volumes) = self.open(&machine, false) {
                for _ in 0..4 {
                    let survivor = machine.other_than(lost);
                    let mut life = Life::new(survivor, volumes.clone(), &mut history);
                    if !life.run(&mut workload, operations / 4) {
                        break;
                    }
                    self.catch_up_a_bit(&volumes, rng.below(20));
                }
            }
            let mut left = machine.crashed(&mut rng);
            self.tally.crashes += 1;
            self.tally.losses += u64::from(machine.is_lost(lost));
            if self.machine(&left).all_current() && rng.once_in(2) {
                self.rot(&mut left, &mut rng);
            }
            let machine = self.machine(&left);
            let volumes = self.recover(&machine, &history, (history.durable, false));
            block_on(volumes.pool().clean_up()).expect("no device has failed");
            let seen = observe(&volumes).expect("the pool can be read");
            check_accounting(&volumes, &seen);
            if rng.once_in(2) && self.catch_up(&volumes, rng.below(200)) {
                self.tally.resyncs += 1;
            }
            images = machine.killed();
            history = History::from_state(seen);
        }
    }

    fn catch_up_a_bit(&self, volumes: &Volumes, pieces: u64) {
        for _ in 0..pieces {
            volumes.pool().maintain(false);
        }
    }
}
