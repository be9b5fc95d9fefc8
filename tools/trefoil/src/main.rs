//! `trefoil`: the one binary. `trefoil serve` opens a pool and serves it; the other commands ask
//! that server over its control socket, or read a pool offline.
//!
//! Exit status: 0 done, 1 not done (one line on stderr says why and what to do), 2 wrong usage.

mod backend;
mod commands;
mod control;
mod engine;
mod failure;
mod key_file;
mod output;
mod place;
mod salvage;
mod serve;
mod size;
mod transfer;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    match commands::run(commands::Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
