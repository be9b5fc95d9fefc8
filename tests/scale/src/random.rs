//! Which of many: uniform and Zipfian.

use engine_base::SeededEntropy;

/// How much the popular ones are: as in YCSB.
const THETA: f64 = 0.99;

/// Numbers below a count, all alike or by popularity (Gray et al., "Quickly generating
/// billion-record synthetic databases", 1994).
pub(crate) struct Chooser {
    random: SeededEntropy,
    count: u64,
    zeta: f64,
    eta: f64,
}

impl Chooser {
    pub(crate) fn new(count: u64, seed: u64) -> Self {
        let zeta = zeta(count);
        let of_two = zeta_of_two();
        let share = (2.0 / float(count)).powf(1.0 - THETA);
        Self {
            random: SeededEntropy::new(seed),
            count,
            zeta,
            eta: (1.0 - share) / (1.0 - of_two / zeta),
        }
    }

    pub(crate) fn uniform(&self) -> u64 {
        self.random.next_u64() % self.count
    }

    /// The higher, the more popular.
    pub(crate) fn recent(&self) -> u64 {
        self.count - 1 - self.rank()
    }

    /// Popular numbers lie anywhere, not beside each other.
    pub(crate) fn popular(&self) -> u64 {
        SeededEntropy::new(self.rank()).next_u64() % self.count
    }

    /// 0 is the most popular.
    fn rank(&self) -> u64 {
        let unit = float(self.random.next_u64() >> 11) / float(1 << 53);
        let scaled = unit * self.zeta;
        if scaled < 1.0 {
            return 0;
        }
        if scaled < zeta_of_two() {
            return 1;
        }
        let share = (self.eta * unit - self.eta + 1.0).powf(1.0 / (1.0 - THETA));
        truncated(float(self.count) * share).min(self.count - 1)
    }
}

fn zeta(count: u64) -> f64 {
    (1..=count).map(|rank| float(rank).powf(-THETA)).sum()
}

fn zeta_of_two() -> f64 {
    1.0 + 0.5_f64.powf(THETA)
}

#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "statistics"
)]
const fn float(number: u64) -> f64 {
    number as f64
}

#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 0 and a count"
)]
const fn truncated(number: f64) -> u64 {
    number as u64
}
