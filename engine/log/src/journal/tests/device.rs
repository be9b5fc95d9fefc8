//! What the journal asks of the device, and when.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

/// One group is not worth a call, unless the sync that waits for it is likely to come next.
#[test]
fn where_syncs_are_frequent_each_group_goes_to_the_device_at_once() {
    let device = device_of(SimImage::default());
    let gated = Gated::new(Arc::clone(&device));
    let wrapper = Arc::clone(&gated) as Arc<dyn Device>;
    let fixture = Fixture::on(device, Some(wrapper), 1, 0);
    let journal = &fixture.journal;
    let mut syncs = 0;
    while gated.written_back() == 0 {
        assert!(syncs < 1000, "syncs never become frequent");
        let lsn = wait(journal.commit(batch(1, 1))).unwrap();
        wait(journal.durable(lsn)).unwrap();
        syncs += 1;
    }
    assert!(syncs > 1, "the first sync says nothing of the next");
    let before = (gated.written_back(), journal.position());
    wait(journal.commit(batch(2, 3))).unwrap();
    let group = journal.position().offset - before.1.offset;
    assert_eq!(gated.written_back() - before.0, u64::from(group));
}

/// A checkpoint takes its LSN while the group is being applied, before the journal says that it is.
#[test]
fn what_is_being_applied_can_be_waited_for() {
    struct Checkpointing(
        std::sync::OnceLock<std::sync::Weak<crate::Journal>>,
        AtomicBool,
    );
    impl crate::Applier for Checkpointing {
        fn apply(&self, group: &crate::ApplyGroup<'_>) {
            let journal = self.0.get().and_then(std::sync::Weak::upgrade).unwrap();
            assert!(journal.applied_lsn() < group.lsn);
            wait(journal.durable(group.lsn)).unwrap();
            self.1.store(true, Ordering::SeqCst);
        }
    }
    let fixture = Fixture::new();
    let applier = Arc::new(Checkpointing(
        std::sync::OnceLock::new(),
        AtomicBool::new(false),
    ));
    let journal = Arc::new(
        crate::Journal::start(crate::JournalOptions {
            device: Arc::clone(&fixture.device) as Arc<dyn Device>,
            geometry: GEOMETRY,
            pool: crate::testing::POOL,
            epoch: fixture.epoch,
            lsn: Lsn::ZERO,
            source: Arc::clone(&fixture.slots) as Arc<dyn crate::SegmentSource>,
            applier: Arc::clone(&applier) as Arc<dyn crate::Applier>,
            poison: Arc::default(),
        })
        .unwrap(),
    );
    applier.0.set(Arc::downgrade(&journal)).unwrap();
    let lsn = wait(journal.commit(batch(1, 1))).unwrap();
    assert!(applier.1.load(Ordering::SeqCst));
    assert_eq!(journal.durable_lsn(), lsn);
}
