//! `trefoil snapshot list [DATASET]`

use clap::Args;

use crate::commands::CommonArgs;
use crate::commands::snapshot::snapshots_ask;
use crate::control::protocol::Request;
use crate::failure::Failure;

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// volume/NAME or bucket/NAME
    #[arg(value_name = "DATASET")]
    dataset: Option<String>,
    #[command(flatten)]
    common: CommonArgs,
}

pub(super) fn run(args: ListArgs) -> Result<(), Failure> {
    let ListArgs { dataset, common } = args;
    let request = Request::SnapshotList { dataset };
    snapshots_ask(&common, "cannot list the snapshots", &request)
}
