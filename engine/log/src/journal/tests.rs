//! Group commit, order, syncs, faults, and threads.

use std::sync::Arc;

use engine_base::Lsn;
use engine_device::{Device, Fault, SimImage};

use crate::LogError;
use crate::testing::{Fixture, GEOMETRY, Gated, batch, device_of, poll_once, wait};

#[test]
fn a_commit_is_applied_when_it_resolves() {
    let fixture = Fixture::new();
    let lsn = wait(fixture.journal.commit(batch(1, 1))).unwrap();
    assert_eq!(lsn, Lsn::new(1));
    assert_eq!(fixture.applied.last(), lsn);
    assert_eq!(fixture.journal.durable_lsn(), Lsn::ZERO);
    wait(fixture.journal.durable(lsn)).unwrap();
    assert_eq!(fixture.journal.durable_lsn(), lsn);
}

#[test]
fn commits_under_a_plug_are_one_group_and_one_write() {
    let fixture = Fixture::new();
    let before = fixture.device.stats().writes;
    let plug = fixture.journal.plug();
    let mut commits: Vec<_> = (0..10)
        .map(|byte| fixture.journal.commit(batch(byte, 1)))
        .collect();
    assert!(commits.iter_mut().all(|commit| poll_once(commit).is_none()));
    drop(plug);
    for commit in &mut commits {
        assert_eq!(poll_once(commit).unwrap().unwrap(), Lsn::new(1));
    }
    assert_eq!(fixture.device.stats().writes, before + 1);
    let (groups, _) = fixture
        .replay(fixture.device.process_kill_image(), false)
        .unwrap();
    assert_eq!(groups.len(), 1);
    assert_eq!(groups[0].data_bytes, 10 * 4096);
}

/// Four batches of 1 MiB at once are more than a segment of 2 MiB takes.
#[test]
fn groups_never_reach_behind_their_segment() {
    let fixture = Fixture::new();
    let plug = fixture.journal.plug();
    let mut commits: Vec<_> = (0..20)
        .map(|byte| fixture.journal.commit(batch(byte, 256)))
        .collect();
    for commit in &mut commits {
        let _ = poll_once(commit);
    }
    drop(plug);
    for commit in commits {
        wait(commit).unwrap();
    }
    let (groups, end) = fixture
        .replay(fixture.device.process_kill_image(), false)
        .unwrap();
    assert_eq!(end.lsn, fixture.journal.applied_lsn());
    assert!(
        groups
            .iter()
            .all(|group| group.end.offset <= GEOMETRY.segment_bytes)
    );
    assert_eq!(
        groups.iter().map(|group| group.data_bytes).sum::<u32>(),
        20 << 20
    );
}

#[test]
fn a_batch_over_the_limits_is_refused() {
    let fixture = Fixture::new();
    let mut large = batch(1, 256);
    large.data.push(engine_device::PageBuf::zeroed(8192));
    let error = wait(fixture.journal.commit(large)).unwrap_err();
    assert!(matches!(error, LogError::BatchTooLarge { .. }), "{error}");
}

#[test]
fn a_failed_write_refuses_everything_from_then_on() {
    let fixture = Fixture::new();
    wait(fixture.journal.commit(batch(1, 1))).unwrap();
    wait(fixture.journal.durable(Lsn::new(1))).unwrap();
    fixture.device.inject(Fault::FailWrite { nth: 0 });
    let error = wait(fixture.journal.commit(batch(2, 1))).unwrap_err();
    assert!(matches!(error, LogError::Poisoned(_)), "{error}");
    let error = wait(fixture.journal.commit(batch(3, 1))).unwrap_err();
    assert!(matches!(error, LogError::Poisoned(_)), "{error}");
    assert_eq!(fixture.applied.last(), Lsn::new(1));
    // What was durable before still is.
    wait(fixture.journal.durable(Lsn::new(1))).unwrap();
    let (groups, _) = fixture
        .replay(fixture.device.crash_image(1), false)
        .unwrap();
    assert_eq!(groups[0].lsn, Lsn::new(1));
}

#[test]
fn after_a_failed_sync_nothing_more_becomes_durable() {
    let fixture = Fixture::new();
    let lsn = wait(fixture.journal.commit(batch(1, 1))).unwrap();
    fixture.device.inject(Fault::FailSync { nth: 0 });
    assert!(matches!(
        wait(fixture.journal.durable(lsn)),
        Err(LogError::Poisoned(_))
    ));
    let syncs = fixture.device.stats().syncs;
    assert!(matches!(
        wait(fixture.journal.durable(lsn)),
        Err(LogError::Poisoned(_))
    ));
    assert_eq!(
        fixture.device.stats().syncs,
        syncs,
        "a failed sync is not repeated"
    );
    assert_eq!(fixture.journal.durable_lsn(), Lsn::ZERO);
}

#[test]
fn a_full_pool_refuses_and_goes_on_when_there_is_space_again() {
    let fixture = Fixture::new();
    fixture.slots.limit(1);
    let mut refused = 0;
    for byte in 0..4 {
        match wait(fixture.journal.commit(batch(byte, 250))) {
            Ok(_) => {}
            Err(LogError::NoSpace) => refused += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert!(refused > 0);
    fixture.slots.limit(8);
    let lsn = wait(fixture.journal.commit(batch(9, 250))).unwrap();
    assert_eq!(lsn, fixture.applied.last());
    let (groups, _) = fixture
        .replay(fixture.device.process_kill_image(), false)
        .unwrap();
    assert_eq!(groups.last().unwrap().lsn, lsn);
}

#[test]
fn a_successor_that_cannot_be_made_early_refuses_nobody() {
    let fixture = Fixture::new();
    fixture.slots.limit(1);
    let plug = fixture.journal.plug();
    let mut commit = fixture.journal.commit(batch(1, 1));
    assert!(poll_once(&mut commit).is_none());
    fixture.journal.prepare_early();
    drop(plug);
    assert_eq!(wait(commit).unwrap(), Lsn::new(1));
}

#[test]
fn an_idle_journal_vouches_for_its_last_group() {
    let fixture = Fixture::new();
    let lsn = wait(fixture.journal.commit(batch(1, 1))).unwrap();
    fixture.journal.settle();
    assert_eq!(fixture.journal.durable_lsn(), lsn.next());
    let (groups, end) = fixture
        .replay(fixture.device.crash_image(3), false)
        .unwrap();
    assert_eq!(end.vouched, lsn);
    assert_eq!(groups.len(), 2);
    let writes = fixture.device.stats().writes;
    fixture.journal.settle();
    assert_eq!(fixture.device.stats().writes, writes, "once is enough");
}

#[test]
fn a_closed_journal_refuses() {
    let fixture = Fixture::new();
    wait(fixture.journal.commit(batch(1, 1))).unwrap();
    fixture.journal.close().unwrap();
    let error = wait(fixture.journal.commit(batch(1, 1))).unwrap_err();
    assert!(matches!(error, LogError::Closed));
    assert!(fixture.journal.durable_lsn() >= Lsn::new(1));
}

/// A caller lets its locks go right after it drops a commit: the batch must be applied by then.
#[test]
fn dropping_a_commit_waits_until_its_batch_is_applied() {
    let device = device_of(SimImage::default());
    let gated = Gated::new(Arc::clone(&device));
    let wrapper = Arc::clone(&gated) as Arc<dyn Device>;
    let fixture = Fixture::on(device, Some(wrapper), 1, 0);
    gated.close();
    std::thread::scope(|scope| {
        let plug = fixture.journal.plug();
        let mut commit = fixture.journal.commit(batch(1, 1));
        assert!(poll_once(&mut commit).is_none());
        let leader = scope.spawn(|| fixture.journal.lead());
        gated.wait_for(1);
        let opener = scope.spawn(|| gated.open());
        drop(commit);
        assert_eq!(fixture.applied.last(), Lsn::new(1));
        drop(plug);
        leader.join().unwrap();
        opener.join().unwrap();
    });
}

/// Commits from many threads, some plugged, some durable, some dropped, over many small segments,
/// with and without a background.
#[test]
fn threads_share_groups_and_none_is_forgotten() {
    const THREADS: u8 = 6;
    const COMMITS: u8 = 120;
    for background in [false, true] {
        let fixture = Fixture::new();
        let journal = &fixture.journal;
        std::thread::scope(|scope| {
            let thread = background.then(|| scope.spawn(|| journal.run_background()));
            let run = |thread: u8| {
                move || {
                    for byte in 0..COMMITS {
                        let blocks = usize::from((byte ^ thread) % 5) * 6;
                        if byte % 7 == thread % 7 {
                            let plug = journal.plug();
                            let mut pair = [1, 2].map(|byte| journal.commit(batch(byte, blocks)));
                            let early = pair.each_mut().map(poll_once);
                            drop(plug);
                            for (commit, early) in pair.into_iter().zip(early) {
                                early.unwrap_or_else(|| wait(commit)).unwrap();
                            }
                        } else if byte % 11 == 0 {
                            let mut commit = journal.commit(batch(byte, blocks));
                            let _ = poll_once(&mut commit);
                        } else {
                            let lsn = wait(journal.commit(batch(byte, blocks))).unwrap();
                            assert!(journal.applied_lsn() >= lsn);
                            if byte % 3 == 0 {
                                wait(journal.durable(lsn)).unwrap();
                                assert!(journal.durable_lsn() >= lsn);
                            }
                        }
                    }
                }
            };
            let writers: Vec<_> = (0..THREADS)
                .map(|thread| scope.spawn(run(thread)))
                .collect();
            writers
                .into_iter()
                .for_each(|writer| writer.join().unwrap());
            journal.stop_background();
            if let Some(thread) = thread {
                thread.join().unwrap();
            }
        });
        journal.close().unwrap();
        let (groups, end) = fixture
            .replay(fixture.device.crash_image(5), false)
            .unwrap();
        assert_eq!(end.lsn, journal.applied_lsn());
        let applied = fixture.applied.groups.lock();
        assert_eq!(groups.len(), applied.len());
        for (group, (lsn, mutations, data)) in groups.iter().zip(applied.iter()) {
            assert_eq!((group.lsn, group.data), (*lsn, *data));
            assert!(group.mutations == *mutations, "{lsn}");
        }
    }
}

/// A write fails at a random moment under many threads. The applier asserts that no group is
/// applied behind one that failed; what was acknowledged is found again.
#[test]
fn nothing_is_acknowledged_behind_a_group_that_failed() {
    for round in 0..150 {
        let fixture = Fixture::new();
        fixture.device.inject(Fault::FailWrite { nth: round % 40 });
        let journal = &fixture.journal;
        let acknowledged: u64 = std::thread::scope(|scope| {
            let run = || {
                let mut last = Lsn::ZERO;
                loop {
                    match wait(journal.commit(batch(1, 1))) {
                        Ok(lsn) => last = last.max(lsn),
                        Err(LogError::Poisoned(_)) => return last.get(),
                        Err(error) => panic!("{error}"),
                    }
                }
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(run)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .max()
                .unwrap()
        });
        let (groups, _) = fixture
            .replay(fixture.device.process_kill_image(), false)
            .unwrap();
        let found = groups.last().map_or(0, |group| group.lsn.get());
        assert!(
            found >= acknowledged,
            "round {round}: {found} of {acknowledged}"
        );
    }
}

mod device;
