//! Both checkpoints can be opened, each with its journal: also after openings that came to nothing,
//! and when what the journal names was never used.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use engine_base::ByteCount;
use engine_device::{Device, SimDevice, SimImage, SimLayout, SimOptions};
use engine_pool::{CheckOptions, Pool, PoolOptions};
use engine_volume::{Ack, Volumes};
use tests_model::{History, Life, Op, Pattern, Put, Setup, observe};

const SEED: u64 = 12_702;
const KIB: u64 = 1 << 10;

fn device(image: SimImage, layout: SimLayout, cut: Option<u64>) -> Arc<SimDevice> {
    let options = SimOptions {
        seed: SEED,
        capacity: ByteCount::new(96 << 20),
        crash_at_change: cut,
        layout,
        ..SimOptions::default()
    };
    Arc::new(SimDevice::from_image(image, options))
}

fn put(from: u64, bytes: u64, stamp: u64) -> Op {
    Op::Write(vec![Put {
        name: "v".to_owned(),
        range: from..from + bytes,
        pattern: Pattern { stamp },
        ack: Ack::Written,
        dropped: false,
    }])
}

/// A life in which the slot of a segment that died is given back, and then is that of the
/// successor of the journal.
fn operations() -> Vec<Op> {
    let mut all = vec![put(0, 64 * KIB, 2), Op::Flush];
    all.extend((0..6).map(|part| put(part * 256 * KIB, 256 * KIB, 10 + part)));
    all.extend([Op::Checkpoint, Op::Checkpoint]);
    all.extend((0..4).map(|part| put(part * 256 * KIB, 256 * KIB, 20 + part)));
    all.push(Op::Flush);
    all
}

/// Lives the second life until the power is cut; the changes of the device before the checkpoints.
fn live(device: &Arc<SimDevice>, history: &mut History) -> u64 {
    let Ok(volumes) = Setup::small(SEED).open(device, 1) else {
        return 0;
    };
    let mut checkpointed = 0;
    for op in operations() {
        let done = Life::new(device, volumes.clone(), history).perform(&op);
        if done.is_err() {
            break;
        }
        if matches!(op, Op::Checkpoint) {
            checkpointed = device.changes();
        }
    }
    checkpointed
}

fn rewind(image: &SimImage, layout: SimLayout, history: &History, at: u64) {
    let options = CheckOptions {
        rewind: true,
        ..CheckOptions::default()
    };
    let checked = device(image.clone(), layout, None) as Arc<dyn Device>;
    let report = engine_pool::check(checked, &options, &mut |_| ()).unwrap();
    assert!(report.is_clean(), "at change {at}: {:#?}", report.findings);
    let options = PoolOptions {
        rewind: true,
        ..Setup::small(SEED).options(3)
    };
    let used = device(image.clone(), layout, None);
    let pool = Pool::open(used as Arc<dyn Device>, &options)
        .unwrap_or_else(|error| panic!("cut at change {at}: the older checkpoint: {error}"));
    let seen = observe(&Volumes::new(pool)).unwrap();
    assert!(history.find(&seen, 0).is_some(), "cut at change {at}");
}

/// The successor of the journal lay in a slot that the older checkpoint says is dead. The opening
/// after a power cut gave that slot back once more, and the older checkpoint named a segment that
/// was not there.
#[test]
fn the_older_checkpoint_leads_to_a_successor_that_was_not_used() {
    for layout in [SimLayout::Directory, SimLayout::Span] {
        let used = device(SimImage::default(), layout, None);
        Setup::small(SEED).create(&used).unwrap();
        let volumes = Setup::small(SEED).open(&used, 0).unwrap();
        let mut before = History::default();
        for op in [
            Op::Create("v".to_owned(), 4 << 20),
            put(0, 64 * KIB, 1),
            Op::Flush,
        ] {
            Life::new(&used, volumes.clone(), &mut before)
                .perform(&op)
                .unwrap();
        }
        let base = used.process_kill_image();
        let whole = device(base.clone(), layout, None);
        let mut history = History::from_state(before.state.clone());
        let checkpointed = live(&whole, &mut history);
        for at in checkpointed..whole.changes() {
            let used = device(base.clone(), layout, Some(at));
            let mut history = History::from_state(before.state.clone());
            live(&used, &mut history);
            let left = used.crash_image(SEED ^ at.rotate_left(17));
            let opened = device(left.clone(), layout, None);
            let volumes = Setup::small(SEED).open(&opened, 2).unwrap();
            let seen = observe(&volumes).unwrap();
            assert!(history.find(&seen, history.durable).is_some(), "at {at}");
            rewind(&left, layout, &history, at);
            rewind(&opened.process_kill_image(), layout, &history, at);
        }
    }
}
