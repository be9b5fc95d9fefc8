//! The long run: many seeds, one after the other.

use clap::Parser;
use tests_crash::Explorer;

/// Cuts the power of pools, seed after seed, and compares what is left.
#[derive(Debug, Parser)]
struct Arguments {
    /// First seed.
    from: u64,
    /// The seed behind the last one.
    to: u64,
    /// Operations of each workload.
    #[arg(long, default_value_t = 60)]
    operations: usize,
    /// Lives of each chain of power cuts.
    #[arg(long, default_value_t = 40)]
    lives: u64,
}

fn main() {
    let arguments = Arguments::parse();
    for seed in arguments.from..arguments.to {
        let mut explorer = Explorer::new(seed);
        explorer.chain(arguments.lives, arguments.operations);
        explorer.sweep(arguments.operations);
        println!("seed {seed}: {}", explorer.tally);
    }
}
