//! `trefoil bucket list`

use clap::Args;

use crate::commands::CommonArgs;
use crate::commands::bucket::buckets_table;
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
    let what = "cannot list the buckets";
    let data = args.common.pool.devices()?;
    match control::call(data, what, &Request::BucketList {}, &mut |_| {})? {
        Reply::Buckets(buckets) => output::print(args.common.format(), &buckets, |buckets| {
            buckets_table(buckets)
        }),
        _ => Err(unexpected(what)),
    }
}
