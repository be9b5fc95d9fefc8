//! `trefoil quota ...`: one file per command, all of them asking the running server.

mod set;
mod show;

use clap::{Args, Subcommand};

use crate::commands::CommonArgs;
use crate::control;
use crate::control::client::unexpected;
use crate::control::protocol::{QuotaReport, Reply, Request};
use crate::failure::Failure;
use crate::output;

#[derive(Debug, Subcommand)]
pub(crate) enum QuotaCommand {
    /// Set limits; what is there already counts, and stays if it is over them
    Set(set::SetArgs),
    /// The limits, and what counts for them
    Show(show::ShowArgs),
}

pub(crate) fn run(command: QuotaCommand) -> Result<(), Failure> {
    match command {
        QuotaCommand::Set(args) => set::run(&args),
        QuotaCommand::Show(args) => show::run(&args),
    }
}

/// Of what, and how to print.
#[derive(Debug, Args)]
struct PlaceArgs {
    /// The bucket, or a directory in it
    #[arg(value_name = "BUCKET[/DIR]")]
    place: String,
    #[command(flatten)]
    common: CommonArgs,
}

impl PlaceArgs {
    /// The bucket, and the path in it without a slash at its end.
    fn parts(&self) -> (String, String) {
        let (bucket, directory) = self.place.split_once('/').unwrap_or((&self.place, ""));
        let directory = directory.strip_suffix('/').unwrap_or(directory);
        (bucket.to_owned(), directory.to_owned())
    }
}

/// Asks for something whose result is a quota, and prints that.
fn quota_ask(common: &CommonArgs, what: &str, request: &Request) -> Result<(), Failure> {
    match control::call(common.pool.devices()?, what, request, &mut |_| {})? {
        Reply::Quota(quota) => output::print(common.format(), &quota, quota_table),
        _ => Err(unexpected(what)),
    }
}

fn quota_table(quota: &QuotaReport) -> String {
    let limit = |limit: Option<String>| limit.unwrap_or_else(|| "(none)".to_owned());
    let rows = [
        vec![
            "bytes".to_owned(),
            output::size(quota.bytes_used),
            limit(quota.bytes.map(output::size)),
        ],
        vec![
            "inodes".to_owned(),
            quota.inodes_used.to_string(),
            limit(quota.inodes.map(|inodes| inodes.to_string())),
        ],
    ];
    output::table(&["", "used", "limit"], &rows)
}
