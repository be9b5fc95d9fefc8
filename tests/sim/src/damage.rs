//! Damage, and what must hold then: it is noticed, what is returned is right, and the rest is
//! served.

use engine_base::ErrorKind;
use engine_device::{Place, SimImage};
use engine_pool::StoreError;
use tests_model::Rng;

use crate::recovery::{find, search};
use crate::rig::{How, Rest, Rig};
use crate::seed::{Course, Left, Past};
use crate::seen::Seen;
use crate::vouched::Vouched;

const BLOCK: u64 = 4096;
/// Looks for a block that is not empty.
const LOOKS: usize = 64;

/// Damaged data, pages or journal, and what follows from them.
pub(crate) fn is_damage(error: &StoreError) -> bool {
    matches!(error.kind(), ErrorKind::Corrupt)
}

impl Course {
    /// Spoils stored bytes in some places: flipped bits, lost sectors, blocks of somewhere else.
    pub(crate) fn spoil(&mut self, rest: &mut Rest, places: u64, choices: u64) {
        let mut rng = Rng::new(choices);
        let segment_bytes = 2 << 20;
        for _ in 0..places {
            let image = rest.image_mut();
            let Some(at) = stored_block(image, segment_bytes, &mut rng) else {
                continue;
            };
            let mut block = block_at(image, at);
            let what = match rng.below(4) {
                0 => {
                    let sector = 512 * usize::try_from(rng.below(8)).unwrap_or(0);
                    block[sector..sector + 512].fill(0);
                    "lost sectors"
                }
                1 => {
                    let from = stored_block(image, segment_bytes, &mut rng).unwrap_or(at);
                    block = block_at(image, from);
                    "misplaced blocks"
                }
                _ => {
                    let byte = usize::try_from(rng.below(BLOCK)).unwrap_or(0);
                    block[byte] ^= 1 << rng.below(8);
                    "flipped bits"
                }
            };
            image.write(at, &block);
            self.tally().count(what);
        }
    }

    /// What must hold of a pool that may be damaged.
    pub(crate) fn judge_damage(&mut self, left: &Left) {
        let at = &left.at;
        let checked = Rig::new(self.shape, left.rest.clone(), None, 0).check();
        let is_reported = checked.map_or(true, |report| !report.findings.is_empty());
        let life = self.next_life();
        let rig = Rig::new(self.shape, left.rest.clone(), None, life);
        let pool = match rig.open(How::Newest, life) {
            Ok(pool) => pool,
            Err(error) => {
                assert!(
                    is_reported,
                    "{at}: no check reports what is refused: {error:?}"
                );
                self.tally().count("damaged pools that are refused");
                self.accept_loss(left);
                return;
            }
        };
        let seen = Seen::of(&pool, &is_damage);
        let seen = seen.unwrap_or_else(|error| panic!("{at}: reading fails: {error:?}"));
        let count = self
            .find_damaged(&seen, left, is_reported)
            .unwrap_or_else(|difference| {
                let (from, to) = (left.vouched.despite(left.spoilt), left.history.steps.len());
                panic!("{at}: wrong bytes, or no prefix of {from} to {to} steps: {difference}")
            });
        assert!(
            seen.is_whole() || is_reported,
            "{at}: no check reports what cannot be read"
        );
        let what = match (seen.is_whole(), is_reported) {
            (false, _) => "damaged pools that serve the rest",
            (true, true) => "damaged pools that serve everything",
            (true, false) if count < left.least => "torn tails that nothing vouched for",
            (true, false) => "damaged pools where nothing was hit",
        };
        self.tally().count(what);
    }

    /// What must hold where one device of several is spoilt: nothing of it is seen, and a scrub
    /// repairs it.
    pub(crate) fn judge_mirrors(&mut self, left: &Left) {
        let at = &left.at;
        let life = self.next_life();
        let rig = Rig::new(self.shape, left.rest.clone(), None, life);
        let pool = rig.open(How::Newest, life);
        let pool = pool.unwrap_or_else(|error| panic!("{at}: it does not open: {error:?}"));
        let seen = Seen::of(&pool, &|_| false);
        let seen = seen.unwrap_or_else(|error| panic!("{at}: reading fails: {error:?}"));
        find(
            &seen,
            left,
            left.least,
            "what is there beside a spoilt device",
        );
        rig.catch_up(&pool);
        let status = pool.scrub(&mut |_| ());
        let status = status.unwrap_or_else(|error| panic!("{at}: scrubbing fails: {error:?}"));
        assert_eq!(status.found, status.repaired, "{at}: {status:#?}");
        let rig = Rig::new(self.shape, rig.killed(), None, life);
        let report = rig.check();
        let report = report.unwrap_or_else(|error| panic!("{at}: the check fails: {error:?}"));
        let findings = &report.findings;
        assert!(findings.is_empty(), "{at}: after a scrub: {findings:#?}");
        self.tally().count("spoilt devices that were repaired");
    }

    /// After how many steps of this life the pool is as seen. Where its opening was cut, the newest
    /// checkpoint is that of the life before: its last sync round is what nothing vouches for. And
    /// where several places are spoilt, what vouches may be among them: for the last few rounds
    /// nothing else does; for others, a check says so.
    fn find_damaged(&self, seen: &Seen, left: &Left, is_reported: bool) -> Result<usize, String> {
        let is_all_open = left.spoilt > 1 && is_reported;
        let least = |vouched: &Vouched| {
            if is_all_open {
                0
            } else {
                vouched.despite(left.spoilt)
            }
        };
        let found = search(seen, &left.history, least(&left.vouched));
        let Err(difference) = found else { return found };
        let mut is_newest = !left.was_opened;
        for past in self.past.iter().rev() {
            if !is_newest && !is_all_open {
                break;
            }
            is_newest = !past.was_opened;
            if search(seen, &past.history, least(&past.vouched)).is_ok() {
                return Ok(0);
            }
        }
        Err(difference)
    }

    /// With the explicit override it opens as it was at some moment, or not at all.
    fn accept_loss(&mut self, left: &Left) {
        let life = self.next_life();
        let rig = Rig::new(self.shape, left.rest.clone(), None, life);
        let Ok(pool) = rig.open(How::AcceptLoss, life) else {
            return;
        };
        let at = &left.at;
        let seen = Seen::of(&pool, &is_damage);
        let seen = seen.unwrap_or_else(|error| panic!("{at}: reading fails: {error:?}"));
        let is_past = |past: &Past| search(&seen, &past.history, 0).is_ok();
        if let Err(difference) = search(&seen, &left.history, 0)
            && !self.past.iter().any(is_past)
        {
            panic!("{at}: wrong bytes where loss is accepted: {difference}");
        }
        self.tally()
            .count("damaged pools that open where loss is accepted");
    }
}

/// A block with something in it, of the label or of a slot.
fn stored_block(image: &SimImage, segment_bytes: u64, rng: &mut Rng) -> Option<Place> {
    let slots = image.slots();
    for _ in 0..LOOKS {
        let place = if slots.is_empty() || rng.once_in(16) {
            Place::label(*rng.pick(&[0, 524_288]))
        } else {
            // Segments are filled from the front.
            let bound = segment_bytes >> rng.below(7);
            Place::slot(*rng.pick(&slots), rng.below(bound / BLOCK) * BLOCK)
        };
        if block_at(image, place).iter().any(|byte| *byte != 0) {
            return Some(place);
        }
    }
    None
}

/// What is stored there; zeroes where nothing is.
fn block_at(image: &SimImage, at: Place) -> Vec<u8> {
    let mut block = vec![0; 4096];
    let _absent_is_zero = image.read(at, &mut block);
    block
}
