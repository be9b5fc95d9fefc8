//! `trefoil snapshot revert DATASET@LABEL`

use clap::Args;

use crate::commands::done;
use crate::commands::snapshot::SnapshotArgs;
use crate::control::protocol::Request;
use crate::failure::Failure;

#[derive(Debug, Args)]
pub(crate) struct RevertArgs {
    #[command(flatten)]
    named: SnapshotArgs,
}

pub(super) fn run(args: RevertArgs) -> Result<(), Failure> {
    let SnapshotArgs { snapshot, common } = args.named;
    let what = format!("cannot revert to snapshot {snapshot}");
    let request = Request::SnapshotRevert {
        snapshot: snapshot.clone(),
    };
    done::ask(&common, &what, &request, ("reverted to", &snapshot))
}
