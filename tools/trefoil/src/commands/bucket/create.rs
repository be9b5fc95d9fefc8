//! `trefoil bucket create NAME [--from BUCKET[@LABEL]]`

use clap::Args;

use crate::commands::bucket::{NamedArgs, bucket_ask};
use crate::control::protocol::Request;
use crate::failure::Failure;

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    #[command(flatten)]
    named: NamedArgs,
    /// Begin as this bucket, or this snapshot of one, is; nothing is copied
    #[arg(long, value_name = "BUCKET[@LABEL]")]
    from: Option<String>,
}

pub(super) fn run(args: CreateArgs) -> Result<(), Failure> {
    let NamedArgs { name, common } = args.named;
    let what = format!("cannot create bucket {name}");
    let request = match args.from {
        Some(from) => Request::BucketCreateFrom { name, from },
        None => Request::BucketCreate { name },
    };
    bucket_ask(&common, &what, &request)
}
