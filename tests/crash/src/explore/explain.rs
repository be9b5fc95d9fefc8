//! What a failure is about.

use tests_model::{History, ReferencePool};

/// Prints what a failure is about: the last operations, and where the nearest states differ.
pub(super) fn explain(history: &History, least: usize, seen: Option<&ReferencePool>) {
    let steps = history.steps.len();
    eprintln!("at least {least} of {steps} steps are promised; the last operations:");
    for (before, op) in history
        .log
        .iter()
        .skip(history.log.len().saturating_sub(12))
    {
        eprintln!("  after {before} steps: {op:?}");
    }
    let Some(seen) = seen else { return };
    for count in (0..=steps).rev().take(24) {
        let differences = history.state_after(count).differences(seen);
        let promise = if count < least { "too few: " } else { "" };
        eprintln!(
            "  {promise}after {count} steps, expected and found differ in {}",
            differences.len()
        );
        if differences.len() <= 3 || count == steps || count == least {
            differences
                .iter()
                .for_each(|difference| eprintln!("    {difference}"));
        }
    }
}
