//! `trefoil volume set NAME compression=lz4|none`

use clap::Args;

use crate::commands::SettingArgs;
use crate::commands::volume::{NamedArgs, volume_ask};
use crate::control::protocol::Request;
use crate::failure::Failure;

#[derive(Debug, Args)]
pub(crate) struct SetArgs {
    #[command(flatten)]
    named: NamedArgs,
    #[command(flatten)]
    to: SettingArgs,
}

pub(super) fn run(args: SetArgs) -> Result<(), Failure> {
    let NamedArgs { name, common } = args.named;
    let what = format!("cannot change volume {name}");
    let compression = args.to.compression();
    volume_ask(&common, &what, &Request::VolumeSet { name, compression })
}
