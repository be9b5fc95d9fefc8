//! `trefoil bucket show NAME`

use clap::Args;

use crate::commands::bucket::NamedArgs;
use crate::control;
use crate::control::client::unexpected;
use crate::control::protocol::{BucketReport, Reply, Request};
use crate::failure::Failure;
use crate::output;

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    named: NamedArgs,
}

pub(super) fn run(args: ShowArgs) -> Result<(), Failure> {
    let NamedArgs { name, common } = args.named;
    let what = format!("cannot show bucket {name}");
    let request = Request::BucketShow { name };
    match control::call(common.pool.devices()?, &what, &request, &mut |_| {})? {
        Reply::BucketReport(bucket) => output::print(common.format(), &bucket, bucket_rows),
        _ => Err(unexpected(&what)),
    }
}

fn bucket_rows(bucket: &BucketReport) -> String {
    let row = |name: &str, value: String| vec![name.to_owned(), value];
    let rows = [
        row("name", bucket.name.clone()),
        row("created", output::time(bucket.created_unix_nanos)),
        row("allocated", output::size(bucket.allocated)),
        row("stored", output::size(bucket.stored)),
        row(
            "compression",
            bucket
                .compression
                .with_ratio(bucket.allocated, bucket.stored),
        ),
        row("mounted at", bucket.mounts.join(", ")),
        row("entries", bucket.entries.to_string()),
        row("not in mounts", bucket.unmountable.to_string()),
        row("objects", bucket.objects.to_string()),
        row("bytes of objects", output::size(bucket.bytes)),
        row("not in S3", bucket.keyless.to_string()),
        row("unfinished uploads", bucket.uploads.to_string()),
        row("bytes in them", output::size(bucket.staged_bytes)),
    ];
    output::table(&[], &rows)
}
