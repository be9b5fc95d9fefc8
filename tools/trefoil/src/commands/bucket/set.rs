//! `trefoil bucket set NAME compression=lz4|none`

use clap::Args;

use crate::commands::SettingArgs;
use crate::commands::bucket::{NamedArgs, bucket_ask};
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
    let what = format!("cannot change bucket {name}");
    let compression = args.to.compression();
    bucket_ask(&common, &what, &Request::BucketSet { name, compression })
}
