//! The binary as scripts use it: arguments, exit status, one line of error, the life of a server.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: a step that fails is a test that fails"
)]

mod buckets;
mod compression;
mod encryption;
mod keys;
mod mirrors;
mod mounts;
mod offline;
mod quotas;
mod server;
mod serving;
mod snapshots;
mod transfers;
mod usage;

use std::path::Path;
use std::process::{Command, Output};

/// Runs `trefoil` with `words` in `directory`.
fn trefoil(directory: &Path, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_trefoil"))
        .args(words)
        .current_dir(directory)
        .output()
        .expect("the binary under test runs")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("output is UTF-8")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("errors are UTF-8")
}

/// The one line of a command that failed with status 1.
fn failure(output: &Output) -> String {
    let text = stderr(output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert_eq!(text.lines().count(), 1, "one line: {text}");
    assert!(text.starts_with("trefoil: "), "{text}");
    text
}

/// What a command that succeeded printed.
fn success(output: &Output) -> String {
    assert!(
        output.status.success(),
        "{:?}: {}",
        output.status,
        stderr(output)
    );
    stdout(output)
}
