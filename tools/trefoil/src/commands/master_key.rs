//! `trefoil master-key ...`: the keys that data keys are kept under.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use crate::commands::{CommonArgs, absolute};
use crate::control;
use crate::control::client::unexpected;
use crate::control::protocol::{Reply, Request, RotationReport};
use crate::failure::Failure;
use crate::{key_file, output};

#[derive(Debug, Subcommand)]
pub(crate) enum MasterKeyCommand {
    /// Draw a key and write it to a new file; keep a copy where the pool is not
    Create(CreateArgs),
    /// Keep all data keys under the key of this file from now on; no data is written anew (asks the
    /// running server)
    Rotate(RotateArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// The file, which is not there yet
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct RotateArgs {
    /// The file with the new key: the server reads it now, and is started with it from then on
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    common: CommonArgs,
}

pub(crate) fn run(command: MasterKeyCommand) -> Result<(), Failure> {
    match command {
        MasterKeyCommand::Create(args) => create(&args.file),
        MasterKeyCommand::Rotate(args) => rotate(&args),
    }
}

fn create(file: &Path) -> Result<(), Failure> {
    let id = key_file::create(file)?;
    output::print_text(&format!("{id} {}\n", file.display()))
}

fn rotate(args: &RotateArgs) -> Result<(), Failure> {
    let what = "cannot change the master key";
    // Said here, where the file can be mended.
    key_file::read(&args.file)?;
    let file = absolute(&args.file, what)?;
    let request = Request::MasterKeyRotate { file };
    let common = &args.common;
    match control::call(common.pool.devices()?, what, &request, &mut |_| {})? {
        Reply::Rotation(report) => output::print(common.format(), &report, table),
        _ => Err(unexpected(what)),
    }
}

fn table(report: &RotationReport) -> String {
    let row = |name: &str, value: String| vec![name.to_owned(), value];
    let rows = [
        row("master key", report.master_key.clone()),
        row("wrapped anew", report.wrapped.to_string()),
        row("still locked", report.locked.to_string()),
    ];
    output::table(&[], &rows)
}
