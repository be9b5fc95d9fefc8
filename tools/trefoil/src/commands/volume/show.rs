//! `trefoil volume show NAME`

use clap::Args;

use crate::commands::volume::{NamedArgs, volume_ask};
use crate::control::protocol::Request;
use crate::failure::Failure;

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    named: NamedArgs,
}

pub(super) fn run(args: ShowArgs) -> Result<(), Failure> {
    let NamedArgs { name, common } = args.named;
    let what = format!("cannot show volume {name}");
    volume_ask(&common, &what, &Request::VolumeShow { name })
}
