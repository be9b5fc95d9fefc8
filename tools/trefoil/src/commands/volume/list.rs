//! `trefoil volume list`

use clap::Args;

use crate::commands::CommonArgs;
use crate::commands::volume::volumes_table;
use crate::control;
use crate::control::client::unexpected;
use crate::control::protocol::{Reply, Request};
use crate::failure::Failure;
use crate::output;

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    common: CommonArgs,
}

pub(super) fn run(args: &ListArgs) -> Result<(), Failure> {
    let what = "cannot list the volumes";
    let data = args.common.pool.devices()?;
    match control::call(data, what, &Request::VolumeList {}, &mut |_| {})? {
        Reply::Volumes(volumes) => output::print(args.common.format(), &volumes, |volumes| {
            volumes_table(volumes)
        }),
        _ => Err(unexpected(what)),
    }
}
