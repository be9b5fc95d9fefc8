//! `trefoil snapshot create LABEL DATASET...`

use clap::Args;

use crate::commands::CommonArgs;
use crate::commands::snapshot::snapshots_ask;
use crate::control::protocol::Request;
use crate::failure::Failure;

/// All of them at one moment: what was acknowledged before it is in the snapshots.
#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// Lower-case letters, digits and `-`; each dataset gets a snapshot with it
    #[arg(value_name = "LABEL")]
    label: String,
    /// volume/NAME or bucket/NAME
    #[arg(value_name = "DATASET", required = true)]
    datasets: Vec<String>,
    #[command(flatten)]
    common: CommonArgs,
}

pub(super) fn run(args: CreateArgs) -> Result<(), Failure> {
    let CreateArgs {
        label,
        datasets,
        common,
    } = args;
    let what = format!("cannot create snapshot {label}");
    let request = Request::SnapshotCreate { label, datasets };
    snapshots_ask(&common, &what, &request)
}
