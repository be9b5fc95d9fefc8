//! `trefoil status`

use clap::Args;

use crate::commands::CommonArgs;
use crate::control;
use crate::control::client::unexpected;
use crate::control::protocol::{Reply, Request};
use crate::failure::Failure;
use crate::output;
use crate::serve::status_rows;

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    common: CommonArgs,
}

pub(crate) fn run(args: &StatusArgs) -> Result<(), Failure> {
    let what = "cannot show the status";
    let data = args.common.pool.devices()?;
    match control::call(data, what, &Request::Status {}, &mut |_| {})? {
        Reply::Status(report) => output::print(args.common.format(), &report, |report| {
            output::table(&[], &status_rows(report))
        }),
        _ => Err(unexpected(what)),
    }
}
