//! The lives of the pool of one seed, and what must hold after each.

use std::cell::Cell;
use std::sync::{Arc, Once};

use engine_base::ErrorKind;
use engine_device::Fault;
use engine_pool::{Pool, StoreError};
use tests_model::{History, ReferencePool, Rng};

use crate::damage::is_damage;
use crate::plan::{End, Mishap, Plan, shape};
use crate::recovery::find;
use crate::rig::{How, Rest, Rig, Shape};
use crate::seen::Seen;
use crate::steps::{Hands, Scene};
use crate::tally::Tally;
use crate::vouched::Vouched;

/// Lives of a seed at most.
const LIVES: u64 = 8;

/// What one seed came to. Equal seeds have equal ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Events.
    pub tally: Tally,
    /// Checksums of all that the devices held, and of how often they were called, after each life.
    pub digests: Vec<(u32, u64)>,
    /// Steps that were taken.
    pub steps: u64,
}

/// Runs a seed, but for `steps` steps at most.
///
/// # Panics
/// If the pool shows something wrong, says nothing of damage, or fails for no reason.
#[must_use]
pub fn run(seed: u64, steps: u64) -> Outcome {
    tell_seed(seed);
    let shape = shape(seed);
    let mut course = Course {
        shape,
        rng: Rng::new(seed ^ 0x00c0_ffee),
        hands: Hands::new(seed),
        past: Vec::new(),
        is_sound: true,
        left: steps,
        life: 0,
        outcome: Outcome {
            tally: Tally::default(),
            digests: Vec::new(),
            steps: 0,
        },
    };
    course.tally().count("seeds");
    let mut rest = Rest::created(shape);
    let mut state = ReferencePool::default();
    while course.left > 0 && course.life < LIVES {
        let plan = Plan::draw(&mut course.rng);
        (rest, state) = course.life(rest, state, &plan);
        course.outcome.digests.push((rest.digest(), course.left));
        if plan.is_damaging() {
            break;
        }
    }
    course.outcome
}

/// Where a seed is.
pub(crate) struct Course {
    pub(crate) shape: Shape,
    rng: Rng,
    hands: Hands,
    /// What came of the lives before, for who goes back further.
    pub(crate) past: Vec<Past>,
    is_sound: bool,
    left: u64,
    life: u64,
    outcome: Outcome,
}

/// A life that is over, as far as the next one began with it.
pub(crate) struct Past {
    pub(crate) history: History,
    /// As in [`Left`].
    pub(crate) vouched: Vouched,
    pub(crate) was_opened: bool,
}

/// What a life has left, and what of it was promised.
pub(crate) struct Left {
    pub(crate) rest: Rest,
    pub(crate) history: History,
    /// So many steps must be there.
    pub(crate) least: usize,
    /// How many must be there if what was written last is damaged: nothing vouches for that yet.
    pub(crate) vouched: Vouched,
    /// Its opening came to an end: all that was before it is in its checkpoint.
    pub(crate) was_opened: bool,
    /// All devices of several were up to date from then on, but for the one on which things go
    /// wrong.
    pub(crate) was_whole: bool,
    /// Places that were spoilt.
    pub(crate) spoilt: u64,
    pub(crate) at: String,
}

impl Course {
    pub(crate) fn tally(&mut self) -> &mut Tally {
        &mut self.outcome.tally
    }

    /// Identities for the next opening.
    pub(crate) fn next_life(&mut self) -> u64 {
        self.life += 1;
        self.life
    }

    fn life(&mut self, rest: Rest, state: ReferencePool, plan: &Plan) -> (Rest, ReferencePool) {
        let life = self.next_life();
        let at = format!("seed {}, life {life} ({plan})", self.shape.seed);
        let cut = match plan.end {
            End::Cut { at } => Some(at),
            End::Kill | End::Close => None,
        };
        let rig = Rig::new(self.shape, rest, cut, life);
        let mut left = Left {
            rest: rig.killed(),
            history: History::from_state(state),
            least: 0,
            vouched: Vouched::default(),
            was_opened: false,
            was_whole: false,
            spoilt: 0,
            at,
        };
        self.tally().count("lives");
        let reads_fail = matches!(plan.mishap, Mishap::Fails(Fault::FailRead { .. }));
        self.is_sound &= !reads_fail && !matches!(plan.mishap, Mishap::Lies(_));
        self.live(&rig, plan, &mut left);
        let is_killed =
            !rig.power_lost() && (plan.end == End::Kill || plan.choices.is_multiple_of(4));
        left.rest = if is_killed {
            self.tally().count("kills");
            left.least = left.history.written;
            rig.killed()
        } else {
            self.tally().count("power cuts");
            left.least = left.history.durable;
            rig.cut(plan.choices)
        };
        if let Mishap::Rot { places } = plan.mishap {
            left.spoilt = places;
            self.spoil(&mut left.rest, places, plan.choices);
        }
        if plan.is_damaging() {
            if self.shape.is_mirrored() && left.was_whole {
                self.judge_mirrors(&left);
            } else {
                self.judge_damage(&left);
            }
            return (left.rest, left.history.state);
        }
        self.recover(&left, plan)
    }

    /// Opens the pool and uses it as planned.
    fn live(&mut self, rig: &Rig, plan: &Plan, left: &mut Left) {
        let pool = match rig.open(How::Newest, self.life) {
            Ok(pool) => pool,
            Err(error) => {
                assert!(rig.power_lost(), "{}: it does not open: {error:?}", left.at);
                return;
            }
        };
        left.was_opened = true;
        if plan.choices.is_multiple_of(3) {
            rig.catch_up(&pool);
        }
        left.was_whole = rig.is_whole(&pool);
        let failed = self.steps(rig, &pool, plan, left);
        if rig.power_lost() {
            return;
        }
        let struck = rig.armed() == 0;
        rig.clear_faults();
        if let Some(error) = &failed {
            self.explain(plan, error, struck, &left.at);
        }
        // What is in memory is some state that was begun; with nothing wrong, the last one.
        let least = left.history.written;
        let lies = matches!(plan.mishap, Mishap::Lies(_));
        let seen = Seen::of(&pool, &|error| lies && is_damage(error));
        if rig.power_lost() {
            // Who opens a snapshot waits until it is durable.
            return;
        }
        let seen = seen.unwrap_or_else(|error| panic!("{}: reading fails: {error:?}", left.at));
        find(&seen, left, least, "what is in memory");
        if plan.end == End::Close && failed.is_none() {
            match pool.close() {
                Ok(()) => {
                    self.tally().count("closings");
                    left.history.flushed();
                    left.vouched.add(left.history.steps.len());
                }
                // The last step was refused, and what the device said was more than that.
                Err(error) if pool.status().poisoned.is_some() => {
                    self.explain(plan, &error, struck, &left.at);
                }
                Err(error) => assert!(lies, "{}: closing fails: {error:?}", left.at),
            }
        }
    }

    fn steps(
        &mut self,
        rig: &Rig,
        pool: &Arc<Pool>,
        plan: &Plan,
        left: &mut Left,
    ) -> Option<StoreError> {
        for number in 0..plan.steps.min(self.left) {
            if number == plan.mishap_at {
                match plan.mishap {
                    Mishap::Fails(fault) | Mishap::HostFull(fault) | Mishap::Lies(fault) => {
                        rig.inject(fault);
                    }
                    Mishap::None | Mishap::Rot { .. } => {}
                }
            }
            self.left -= 1;
            self.outcome.steps += 1;
            let durable = left.history.durable;
            let mut scene = Scene {
                rig,
                pool,
                history: &mut left.history,
                tally: &mut self.outcome.tally,
                one_by_one: self.shape.is_slow
                    || !matches!(plan.mishap, Mishap::None | Mishap::Rot { .. }),
                is_sound: self.is_sound,
                at: format!("{}, step {number}", left.at),
            };
            let taken = self.hands.step(&mut scene);
            rig.upkeep(pool, plan.choices >> 8 & 3);
            if left.history.durable > durable {
                // The groups of this step say what was durable before it.
                left.vouched.add(durable);
            }
            if let Err(error) = taken {
                return Some(error);
            }
        }
        None
    }

    /// Whether a step may have failed.
    fn explain(&mut self, plan: &Plan, error: &StoreError, struck: bool, at: &str) {
        let kind = error.kind();
        let is_explained = match plan.mishap {
            Mishap::Fails(_) => struck,
            Mishap::HostFull(_) => kind == ErrorKind::NoSpace,
            // Also of a write that went to where nothing is.
            Mishap::Lies(_) => true,
            Mishap::None | Mishap::Rot { .. } => false,
        };
        // A full pool refuses what takes several steps between two of them.
        let is_full = kind == ErrorKind::NoSpace;
        assert!(is_explained || is_full, "{at}: {error:?}");
        self.tally().count(format!("failures of kind {kind:?}"));
    }
}

/// Has panics say which seed it was: some end the process at once.
fn tell_seed(seed: u64) {
    thread_local! {
        static SEED: Cell<u64> = const { Cell::new(0) };
    }
    static HOOK: Once = Once::new();
    SEED.set(seed);
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            eprintln!("seed {}:", SEED.get());
            before(info);
        }));
    });
}
