//! `trefoil bucket create NAME`

use clap::Args;

use crate::commands::bucket::{NamedArgs, bucket_ask};
use crate::control::protocol::Request;
use crate::failure::Failure;

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    #[command(flatten)]
    named: NamedArgs,
}

pub(super) fn run(args: CreateArgs) -> Result<(), Failure> {
    let NamedArgs { name, common } = args.named;
    let what = format!("cannot create bucket {name}");
    bucket_ask(&common, &what, &Request::BucketCreate { name })
}
