//! `trefoil volume import NAME FILE`

use std::path::PathBuf;

use clap::Args;

use crate::commands::absolute;
use crate::commands::volume::NamedArgs;
use crate::commands::volume::transfer::run_transfer;
use crate::control::protocol::Request;
use crate::failure::Failure;

/// The start of the volume becomes the file; what the volume holds past that stays. A volume that
/// does not exist is created with the size of the file, rounded up to 4 KiB. Holes and zeroes take
/// no space.
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    #[command(flatten)]
    named: NamedArgs,
    /// A file or block device that the server can read
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

pub(super) fn run(args: ImportArgs) -> Result<(), Failure> {
    let NamedArgs { name, common } = args.named;
    let what = format!("cannot import into volume {name}");
    let file = absolute(&args.file, &what)?;
    run_transfer(&common, &what, &Request::VolumeImport { name, file })
}
