//! What is fuzzed.

/// A decoder under test.
#[derive(Clone, Copy)]
pub struct Target {
    /// Name of the fuzz target.
    pub name: &'static str,
    /// Panics if something does not hold for these bytes.
    pub run: fn(&[u8]),
    /// Bytes that are accepted: the first input to change.
    pub sample: fn() -> Vec<u8>,
}
