//! Work that can be repeated and compared.

use engine_base::SeededEntropy;

/// Random numbers of a seed.
#[derive(Debug)]
pub struct Random(SeededEntropy);

impl Random {
    /// The numbers of `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(SeededEntropy::new(seed))
    }

    /// A number below `bound`, which is not 0.
    #[must_use]
    pub fn below(&self, bound: u64) -> u64 {
        self.0.next_u64() % bound
    }

    /// Random bytes.
    #[must_use]
    pub fn bytes(&self, count: usize) -> Vec<u8> {
        let words = (0..count.div_ceil(8)).flat_map(|_| self.0.next_u64().to_le_bytes());
        words.take(count).collect()
    }
}

/// A key as volumes have them.
#[must_use]
pub const fn number_key(number: u64) -> [u8; 8] {
    (number * 4096).to_be_bytes()
}

/// A hash of what was done before anything is measured: the same for the same seeds and the same
/// behaviour, whatever the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct Work(u32);

impl Work {
    /// Notes a result.
    pub fn note(&mut self, bytes: &[u8]) {
        self.0 = crc32c::crc32c_append(self.0, bytes);
    }

    /// Notes a number.
    pub fn note_number(&mut self, number: u64) {
        self.note(&number.to_le_bytes());
    }

    /// Prints it.
    pub fn print(self, what: &str) {
        println!("{what}: work {:08x}", self.0);
    }
}
