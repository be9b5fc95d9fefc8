//! `trefoil volume create NAME SIZE`

use clap::Args;

use crate::commands::volume::{NamedArgs, volume_ask};
use crate::control::protocol::Request;
use crate::failure::Failure;
use crate::size::Size;

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    #[command(flatten)]
    named: NamedArgs,
    /// Bytes, or with K, M, G, T (powers of 1024)
    #[arg(value_name = "SIZE")]
    size: Size,
}

pub(super) fn run(args: CreateArgs) -> Result<(), Failure> {
    let NamedArgs { name, common } = args.named;
    let what = format!("cannot create volume {name}");
    let request = Request::VolumeCreate {
        name,
        size: args.size.bytes().get(),
    };
    volume_ask(&common, &what, &request)
}
