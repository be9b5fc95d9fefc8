//! A device that is left behind with records that no other one has.

use tests_model::{History, Life, Rng, Workload, observe};

use super::MirrorExplorer;

impl MirrorExplorer {
    /// Cuts the power at every `step`th change. Device `left` keeps all that was written to it,
    /// also what was acknowledged to nobody; the others go on without it, and then it comes back:
    /// what it has alone is of no history any more.
    ///
    /// # Panics
    /// If a pool shows something wrong.
    pub fn leave_behind(&mut self, left: usize, operations: usize, step: usize) {
        let empty = self.empty();
        let whole = self.machine(&empty);
        let (mut history, mut workload) = (History::default(), Workload::new(self.seed));
        let volumes = self.open(&whole, false).expect("power is on");
        Life::new(whole.any(), volumes, &mut history).run(&mut workload, operations);
        for at in (self.seed % step as u64..whole.changes()).step_by(step) {
            let _where = self.whereabouts(&format!("device {left} left behind, power cut"), at);
            let machine = self.machine(&empty).failing_at(at);
            let (mut history, mut workload) = (History::default(), Workload::new(self.seed));
            if let Ok(volumes) = self.open(&machine, false) {
                Life::new(machine.any(), volumes, &mut history).run(&mut workload, operations);
            }
            self.tally.crashes += 1;
            let mut rng = Rng::new(self.seed ^ at.rotate_left(17));
            let mut images = machine.crashed(&mut rng);
            images[left] = machine.killed().swap_remove(left);

            let machine = self.machine(&images).without(left);
            let volumes = self.recover(&machine, &history, (history.durable, true));
            let seen = observe(&volumes).expect("the pool can be read");
            let mut history = History::from_state(seen);
            let mut workload = Workload::new(self.seed ^ at);
            let survivor = machine.other_than(left);
            let goes_on = Life::new(survivor, volumes.clone(), &mut history)
                .run(&mut workload, operations / 4);
            assert!(goes_on, "the others go on");
            drop(volumes);
            let images = if rng.once_in(2) {
                history.durable_up_to(history.written);
                machine.killed()
            } else {
                machine.crashed(&mut rng)
            };
            self.bring_back(&images, left, &history, &mut rng);
        }
    }
}
