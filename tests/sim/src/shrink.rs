//! Seeds that fail, and how few steps of them do.

use std::panic::catch_unwind;

use crate::seed::{Outcome, run};

/// A seed that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Which.
    pub seed: u64,
    /// The fewest steps with which it fails.
    pub steps: u64,
    /// How.
    pub message: String,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            seed,
            steps,
            message,
        } = self;
        write!(f, "seed {seed} fails with {steps} steps: {message}")
    }
}

/// Runs a seed of at most `steps` steps. If it fails, fewer are tried.
///
/// # Errors
/// [`Failure`].
pub fn try_run(seed: u64, steps: u64) -> Result<Outcome, Failure> {
    let message = match attempt(seed, steps) {
        Ok(outcome) => return Ok(outcome),
        Err(message) => message,
    };
    let fewer = (1..steps).find_map(|steps| {
        let message = attempt(seed, steps).err()?;
        Some((steps, message))
    });
    let (steps, message) = fewer.unwrap_or((steps, message));
    Err(Failure {
        seed,
        steps,
        message,
    })
}

fn attempt(seed: u64, steps: u64) -> Result<Outcome, String> {
    catch_unwind(|| run(seed, steps)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        text.unwrap_or_else(|| "it panics without a word".to_owned())
    })
}
