use std::panic::{AssertUnwindSafe, catch_unwind};

use engine_base::{SeededEntropy, to_usize};

use super::acl;
use crate::acl::fuzzing::samples;

fn run(value: &[u8], seed: u64) {
    let outcome = catch_unwind(AssertUnwindSafe(|| acl(value)));
    assert!(outcome.is_ok(), "seed {seed}: {value:02x?}");
}

struct Mutator(SeededEntropy);

impl Mutator {
    fn below(&self, bound: usize) -> usize {
        to_usize(self.0.next_u64() % bound as u64)
    }

    fn byte(&self) -> u8 {
        self.0.next_u64().to_le_bytes()[0]
    }

    fn change(&self, value: &mut Vec<u8>) {
        if value.is_empty() {
            value.push(self.byte());
        }
        let at = self.below(value.len());
        match self.below(6) {
            0 | 1 => value[at] ^= 1 << self.below(8),
            2 => value[at] = self.byte(),
            3 => value.truncate(at),
            4 => value.insert(at, self.byte()),
            // Entries twice, and in another order.
            _ => {
                let from = at / 8 * 8 + 4;
                let entry: Vec<u8> = value.iter().skip(from).take(8).copied().collect();
                let to = (4 + self.below(8) * 8).min(value.len());
                value.splice(to..to, entry);
            }
        }
    }
}

#[test]
fn samples_are_lists() {
    for sample in samples() {
        assert!(crate::acl::Acl::decode(&sample).unwrap().is_some());
        run(&sample, 0);
    }
    run(&[], 0);
}

#[test]
fn changed_lists_hold() {
    for seed in 0..5000 {
        let mutator = Mutator(SeededEntropy::new(seed));
        for mut value in samples() {
            for _ in 0..=mutator.below(4) {
                mutator.change(&mut value);
                run(&value, seed);
            }
        }
    }
}

#[test]
fn random_bytes_hold() {
    for seed in 0..2000 {
        let mutator = Mutator(SeededEntropy::new(seed));
        let mut value: Vec<u8> = (0..mutator.below(200)).map(|_| mutator.byte()).collect();
        // Else the version alone decides.
        for (to, byte) in value.iter_mut().zip(2_u32.to_le_bytes()) {
            *to = byte;
        }
        run(&value, seed);
    }
}
