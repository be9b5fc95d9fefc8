//! `trefoil snapshot ...`: one file per command, all of them asking the running server.

mod create;
mod delete;
mod list;
mod revert;

use clap::{Args, Subcommand};

use crate::commands::CommonArgs;
use crate::control;
use crate::control::client::unexpected;
use crate::control::protocol::{Reply, Request, SnapshotRow};
use crate::failure::Failure;
use crate::output;

#[derive(Debug, Subcommand)]
pub(crate) enum SnapshotCommand {
    /// Keep what volumes and buckets are at one moment
    Create(create::CreateArgs),
    /// All snapshots, or those of a volume or bucket
    List(list::ListArgs),
    /// Delete a snapshot
    Delete(delete::DeleteArgs),
    /// Make a volume or bucket what it was at a snapshot; what was written since is gone
    Revert(revert::RevertArgs),
}

pub(crate) fn run(command: SnapshotCommand) -> Result<(), Failure> {
    match command {
        SnapshotCommand::Create(args) => create::run(args),
        SnapshotCommand::List(args) => list::run(args),
        SnapshotCommand::Delete(args) => delete::run(args),
        SnapshotCommand::Revert(args) => revert::run(args),
    }
}

/// Which snapshot of which pool, and how to print.
#[derive(Debug, Args)]
struct SnapshotArgs {
    /// The snapshot: volume/NAME@LABEL or bucket/NAME@LABEL
    #[arg(value_name = "DATASET@LABEL")]
    snapshot: String,
    #[command(flatten)]
    common: CommonArgs,
}

/// Asks for something whose result is a list of snapshots, and prints that.
fn snapshots_ask(common: &CommonArgs, what: &str, request: &Request) -> Result<(), Failure> {
    match control::call(common.pool.devices()?, what, request, &mut |_| {})? {
        Reply::Snapshots(rows) => output::print(common.format(), &rows, |rows| table(rows)),
        _ => Err(unexpected(what)),
    }
}

fn table(snapshots: &[SnapshotRow]) -> String {
    let row = |snapshot: &SnapshotRow| {
        vec![
            snapshot.name.clone(),
            output::size(snapshot.size),
            output::size(snapshot.exclusive),
            output::size(snapshot.shared),
            output::time(snapshot.created_unix_nanos),
        ]
    };
    let rows: Vec<Vec<String>> = snapshots.iter().map(row).collect();
    output::table(&["name", "size", "exclusive", "shared", "created"], &rows)
}
