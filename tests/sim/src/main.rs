//! The long run: many seeds, one after the other.

use std::process::ExitCode;

use clap::Parser;
use tests_sim::{ALL_STEPS, Tally, try_run};

/// Runs whole pools on devices that fail, seed after seed.
#[derive(Debug, Parser)]
struct Arguments {
    /// First seed.
    from: u64,
    /// The seed behind the last one.
    to: u64,
    /// Steps of each at most: with the number that a failure names it fails as soon as it can.
    #[arg(long, default_value_t = ALL_STEPS)]
    steps: u64,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut total = Tally::default();
    let mut failed = 0;
    for seed in arguments.from..arguments.to {
        match try_run(seed, arguments.steps) {
            Ok(outcome) => total += &outcome.tally,
            Err(failure) => {
                failed += 1;
                println!("{failure}");
            }
        }
        if seed % 1000 == 999 {
            println!("up to seed {seed}: {total}, {failed} failed");
        }
    }
    println!(
        "seeds {} to {}: {total}, {failed} failed",
        arguments.from, arguments.to
    );
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
