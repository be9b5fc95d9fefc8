//! `trefoil bucket ...`: one file per command, all of them asking the running server.

mod create;
mod delete;
mod list;
mod set;
mod show;

use clap::{Args, Subcommand};

use crate::commands::CommonArgs;
use crate::control;
use crate::control::client::unexpected;
use crate::control::protocol::{BucketRow, Reply, Request};
use crate::failure::Failure;
use crate::output;

#[derive(Debug, Subcommand)]
pub(crate) enum BucketCommand {
    /// Make a bucket: empty, or as another one is
    Create(create::CreateArgs),
    /// All buckets
    List(list::ListArgs),
    /// One bucket
    Show(show::ShowArgs),
    /// Change how what is written is compressed
    Set(set::SetArgs),
    /// Delete an empty bucket, or with --force also what is in it
    Delete(delete::DeleteArgs),
}

pub(crate) fn run(command: BucketCommand) -> Result<(), Failure> {
    match command {
        BucketCommand::Create(args) => create::run(args),
        BucketCommand::List(args) => list::run(&args),
        BucketCommand::Show(args) => show::run(args),
        BucketCommand::Set(args) => set::run(args),
        BucketCommand::Delete(args) => delete::run(args),
    }
}

/// Which bucket of which pool, and how to print.
#[derive(Debug, Args)]
struct NamedArgs {
    /// The bucket
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    common: CommonArgs,
}

/// Asks for something whose result is one bucket, and prints that.
fn bucket_ask(common: &CommonArgs, what: &str, request: &Request) -> Result<(), Failure> {
    match control::call(common.pool.devices()?, what, request, &mut |_| {})? {
        Reply::Bucket(bucket) => output::print(common.format(), &bucket, |bucket| {
            buckets_table(std::slice::from_ref(bucket))
        }),
        _ => Err(unexpected(what)),
    }
}

fn buckets_table(buckets: &[BucketRow]) -> String {
    let row = |bucket: &BucketRow| {
        let (allocated, stored) = (bucket.allocated, bucket.stored);
        let compression = bucket.compression.with_ratio(allocated, stored);
        vec![
            bucket.name.clone(),
            output::size(bucket.allocated),
            output::size(bucket.stored),
            compression,
            output::time(bucket.created_unix_nanos),
            bucket.mounts.join(", "),
        ]
    };
    let rows: Vec<Vec<String>> = buckets.iter().map(row).collect();
    let columns = [
        "name",
        "allocated",
        "stored",
        "compression",
        "created",
        "mounted at",
    ];
    output::table(&columns, &rows)
}
