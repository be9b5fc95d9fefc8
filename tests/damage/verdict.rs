//! Judging what a damaged pool does.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use engine_base::{ByteCount, VolumeOffset};
use engine_device::Device;
use engine_pool::{CheckOptions, CheckReport, Pool, StoreError, block_on, check};
use engine_volume::{Volume, Volumes};

use crate::device::{Fault, ImageDevice};
use crate::history::{Killed, Model, options};

/// What a check says.
pub(crate) fn check_with(pool: &Killed, fault: Fault) -> Result<CheckReport, StoreError> {
    let device = ImageDevice::new(&pool.image, fault);
    let options = CheckOptions {
        memory: ByteCount::new(4 << 20),
        ..CheckOptions::default()
    };
    let as_device = Arc::clone(&device) as Arc<dyn Device>;
    let report = check(as_device, &options, &mut |progress| {
        assert!(progress.verified <= progress.total);
    });
    assert_eq!(device.changes(), 0, "a check writes nothing");
    report
}

/// Whether a check sees that something is wrong.
pub(crate) fn is_reported(pool: &Killed, fault: Fault) -> bool {
    check_with(pool, fault).map_or(true, |report| !report.findings.is_empty())
}

/// What opening a damaged pool and reading all of it came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Every byte is right.
    Right,
    /// It does not open.
    Refused,
    /// Some reads failed; every byte that was returned is right.
    PartlyUnreadable,
    /// It is as it was at an earlier moment of the last sync round.
    Earlier,
    /// It returned bytes that were never there together.
    Wrong,
}

/// Opens the pool and reads all volumes.
pub(crate) fn outcome(pool: &Killed, fault: Fault) -> Outcome {
    let device = ImageDevice::new(&pool.image, fault) as Arc<dyn Device>;
    let Ok(opened) = Pool::open(device, &options(2)) else {
        return Outcome::Refused;
    };
    let volumes = Volumes::new(opened);
    let (last, earlier) = pool.states.split_last().unwrap();
    match compare(&volumes, last) {
        Outcome::Wrong => {}
        outcome => return outcome,
    }
    let mut earlier = earlier.iter().rev();
    match earlier.any(|state| compare(&volumes, state) != Outcome::Wrong) {
        true => Outcome::Earlier,
        false => Outcome::Wrong,
    }
}

/// Reads everything.
pub(crate) fn compare(volumes: &Volumes, expected: &Model) -> Outcome {
    let listed = volumes.list();
    let same = listed.len() == expected.len()
        && listed.iter().zip(expected).all(|(info, (name, content))| {
            info.name == *name && info.size.get() == content.len() as u64
        });
    if !same {
        return Outcome::Wrong;
    }
    let mut outcome = Outcome::Right;
    for (name, content) in expected {
        let volume = volumes.open(name).unwrap();
        for (index, piece) in content.chunks(1 << 20).enumerate() {
            match piece_outcome(&volume, index << 20, piece) {
                Outcome::Right => {}
                Outcome::Wrong => return Outcome::Wrong,
                other => outcome = other,
            }
        }
    }
    outcome
}

/// Reads a piece; what cannot be read at once, block by block.
fn piece_outcome(volume: &Volume, at: usize, expected: &[u8]) -> Outcome {
    if let Some(is_right) = read_is_right(volume, at, expected) {
        return if is_right {
            Outcome::Right
        } else {
            Outcome::Wrong
        };
    }
    for (index, block) in expected.chunks(4096).enumerate() {
        if read_is_right(volume, at + index * 4096, block) == Some(false) {
            return Outcome::Wrong;
        }
    }
    Outcome::PartlyUnreadable
}

fn read_is_right(volume: &Volume, at: usize, expected: &[u8]) -> Option<bool> {
    let read = block_on(volume.read(VolumeOffset::new(at as u64), expected.len())).ok()?;
    Some(match read.data() {
        Some(data) => data == expected,
        None => expected.iter().all(|byte| *byte == 0),
    })
}

/// The rules, for a fault in a structure of which `unvouched` says whether it is in the last sync
/// round. `Err` says what was broken.
pub(crate) fn judge(pool: &Killed, fault: Fault, unvouched: bool) -> Result<Outcome, String> {
    let judged = catch_unwind(AssertUnwindSafe(|| {
        let reported = is_reported(pool, fault);
        (reported, outcome(pool, fault))
    }));
    let Ok((reported, outcome)) = judged else {
        return Err("it panics".to_owned());
    };
    match outcome {
        Outcome::Wrong => Err("it returns wrong bytes".to_owned()),
        Outcome::Earlier if !unvouched => Err("it lost what was durable".to_owned()),
        _ if !reported && !unvouched => Err(format!("no check reports it ({outcome:?})")),
        outcome => Ok(outcome),
    }
}
