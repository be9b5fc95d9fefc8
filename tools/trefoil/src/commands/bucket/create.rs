//! `trefoil bucket create NAME [--from BUCKET[@LABEL]]`

use clap::Args;

use crate::commands::bucket::{NamedArgs, bucket_ask};
use crate::control::protocol::{Compression, Request};
use crate::failure::Failure;

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    #[command(flatten)]
    named: NamedArgs,
    /// Begin as this bucket, or this snapshot of one, is; nothing is copied
    #[arg(long, value_name = "BUCKET[@LABEL]")]
    from: Option<String>,
    /// How what is written is compressed: lz4 or none. With --from as that bucket is
    #[arg(
        long,
        value_name = "lz4|none",
        default_value_t,
        hide_default_value = true,
        conflicts_with = "from"
    )]
    compression: Compression,
}

pub(super) fn run(args: CreateArgs) -> Result<(), Failure> {
    let NamedArgs { name, common } = args.named;
    let what = format!("cannot create bucket {name}");
    let request = match args.from {
        Some(from) => Request::BucketCreateFrom { name, from },
        None => Request::BucketCreate {
            name,
            compression: args.compression,
        },
    };
    bucket_ask(&common, &what, &request)
}
