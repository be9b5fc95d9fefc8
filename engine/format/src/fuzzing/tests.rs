use std::panic::{AssertUnwindSafe, catch_unwind};

use engine_base::{SeededEntropy, to_usize};

use super::{TARGETS, Target};

struct Mutator {
    random: SeededEntropy,
}

impl Mutator {
    fn below(&self, bound: usize) -> usize {
        to_usize(self.random.next_u64() % bound as u64)
    }

    fn byte(&self) -> u8 {
        const INTERESTING: [u8; 8] = [0, 1, 2, 0x10, 0x7f, 0x80, 0xfe, 0xff];
        match self.below(2) {
            0 => INTERESTING[self.below(8)],
            _ => self.random.next_u64().to_le_bytes()[0],
        }
    }

    /// Changes `bytes` in one of the ways in which bytes go wrong. Most of a structure that matters
    /// lies at its start.
    fn change(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            bytes.push(self.byte());
        }
        let reach = if self.below(4) == 0 {
            bytes.len()
        } else {
            bytes.len().min(400)
        };
        let at = self.below(reach);
        match self.below(8) {
            0..3 => bytes[at] ^= 1 << self.below(8),
            3 | 4 => bytes[at] = self.byte(),
            5 => {
                let fill = self.byte();
                let end = bytes.len().min(at + 1 + self.below(8));
                bytes[at..end].fill(fill);
            }
            6 => {
                let from = self.below(reach);
                let length = self.below(16).min(bytes.len() - at.max(from));
                bytes.copy_within(from..from + length, at);
            }
            _ => match self.below(3) {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, self.byte()),
                _ => drop(bytes.remove(at)),
            },
        }
    }
}

fn run(target: Target, data: &[u8], seed: u64) {
    let outcome = catch_unwind(AssertUnwindSafe(|| (target.run)(data)));
    let shown = &data[..data.len().min(512)];
    assert!(
        outcome.is_ok(),
        "{} does not hold, seed {seed}: {shown:02x?}",
        target.name
    );
}

#[test]
fn samples_hold() {
    for target in TARGETS {
        run(target, &(target.sample)(), 0);
        run(target, &[], 0);
    }
}

#[test]
fn changed_samples_hold() {
    for target in TARGETS {
        for seed in 0..2000 {
            let mutator = Mutator {
                random: SeededEntropy::new(seed),
            };
            let mut data = (target.sample)();
            for _ in 0..=mutator.below(4) {
                mutator.change(&mut data);
                run(target, &data, seed);
            }
        }
    }
}

#[test]
fn random_bytes_hold() {
    for target in TARGETS {
        for seed in 0..500 {
            let mutator = Mutator {
                random: SeededEntropy::new(seed),
            };
            let length = mutator.below(if seed % 16 == 0 { 20_000 } else { 300 });
            let data: Vec<u8> = (0..length).map(|_| mutator.byte()).collect();
            run(target, &data, seed);
        }
    }
}
