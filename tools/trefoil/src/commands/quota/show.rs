//! `trefoil quota show BUCKET[/DIR]`

use clap::Args;

use crate::commands::quota::{PlaceArgs, quota_ask};
use crate::control::protocol::Request;
use crate::failure::Failure;

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    place: PlaceArgs,
}

pub(super) fn run(args: &ShowArgs) -> Result<(), Failure> {
    let (bucket, directory) = args.place.parts();
    let what = format!("cannot show the quota of {}", args.place.place);
    let request = Request::QuotaShow { bucket, directory };
    quota_ask(&args.place.common, &what, &request)
}
