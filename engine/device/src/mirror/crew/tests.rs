use std::sync::Arc;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};

use engine_base::{ByteCount, Slot};

use super::{Crew, KEPT, SyncCall};
use crate::{Area, Device, DeviceError, Geometry, PageBuf, Place, Prepare, ReadOp};

/// A device whose syncs meet: each waits until so many are there at once.
struct Meeting {
    barrier: Barrier,
    syncs: AtomicUsize,
}

impl Device for Meeting {
    fn name(&self) -> &'static str {
        "meeting"
    }

    fn available(&self) -> Result<ByteCount, DeviceError> {
        Ok(ByteCount::new(0))
    }

    fn attach(&self, _: Geometry) -> Result<(), DeviceError> {
        Ok(())
    }

    fn geometry(&self) -> Option<Geometry> {
        None
    }

    fn read(&self, _: Place, _: &mut [u8]) -> Result<(), DeviceError> {
        Ok(())
    }

    fn read_cached(&self, _: Place, _: &mut [u8]) -> Result<bool, DeviceError> {
        Ok(false)
    }

    fn read_async(&self, _: Place, buf: PageBuf) -> ReadOp {
        ReadOp::ready(Ok(buf))
    }

    fn write(&self, _: Place, _: &[&[u8]]) -> Result<(), DeviceError> {
        Ok(())
    }

    fn start_writeback(&self, _: Place, _: u64) {}

    fn sync(&self, area: Area) -> Result<(), DeviceError> {
        self.barrier.wait();
        self.syncs.fetch_add(1, Ordering::SeqCst);
        match area {
            Area::Label => Ok(()),
            Area::Segment(slot) => Err(DeviceError::no_such_copy(
                "meeting",
                0,
                Place::slot(slot, 0),
            )),
        }
    }

    fn prepare(&self, _: Slot, _: Prepare) -> Result<(), DeviceError> {
        Ok(())
    }

    fn discard(&self, _: Slot) -> Result<(), DeviceError> {
        Ok(())
    }
}

fn meeting(of: usize) -> Arc<Meeting> {
    Arc::new(Meeting {
        barrier: Barrier::new(of),
        syncs: AtomicUsize::new(0),
    })
}

fn sync(device: &Arc<Meeting>, area: Area) -> SyncCall {
    SyncCall {
        device: Arc::<Meeting>::clone(device),
        area,
    }
}

#[test]
fn calls_run_at_once_and_answer_in_order() {
    let crew = Crew::default();
    assert!(crew.run([]).is_empty());
    let device = meeting(3);
    for _ in 0..100 {
        let bad = Area::Segment(Slot::new(1));
        // They would wait for each other for ever if one came after the other.
        let calls = [Area::Label, bad, Area::Label].map(|area| sync(&device, area));
        let results: Vec<bool> = crew.run(calls).iter().map(Result::is_ok).collect();
        assert_eq!(results, [true, false, true]);
    }
    assert_eq!(crew.idle.lock().len(), 2);
    assert_eq!(device.syncs.load(Ordering::SeqCst), 300);
}

#[test]
fn who_finds_all_busy_gets_another_and_few_are_kept() {
    let crew = Crew::default();
    let callers = KEPT + 2;
    let device = meeting(2 * callers);
    std::thread::scope(|scope| {
        for _ in 0..callers {
            scope.spawn(|| {
                let calls = [Area::Label; 2].map(|area| sync(&device, area));
                assert!(crew.run(calls).iter().all(Result::is_ok));
            });
        }
    });
    assert_eq!(crew.idle.lock().len(), KEPT);
    drop(crew);
    // All threads are joined, so nobody else has it.
    assert_eq!(Arc::strong_count(&device), 1);
}
