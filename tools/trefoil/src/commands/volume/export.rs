//! `trefoil volume export NAME FILE`

use std::path::PathBuf;

use clap::Args;

use crate::commands::absolute;
use crate::commands::volume::NamedArgs;
use crate::commands::volume::transfer::run_transfer;
use crate::control::protocol::Request;
use crate::failure::Failure;

/// Zeroes become holes. The file gets its name when it is whole and on stable storage. A volume
/// that is written to meanwhile is not exported as of one moment.
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    named: NamedArgs,
    /// The file to make, in a directory that the server can write
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Replace the file if it exists
    #[arg(long)]
    force: bool,
}

pub(super) fn run(args: ExportArgs) -> Result<(), Failure> {
    let NamedArgs { name, common } = args.named;
    let what = format!("cannot export volume {name}");
    let file = absolute(&args.file, &what)?;
    run_transfer(
        &common,
        &what,
        &Request::VolumeExport {
            name,
            file,
            force: args.force,
        },
    )
}
