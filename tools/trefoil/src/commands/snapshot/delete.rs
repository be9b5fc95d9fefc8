//! `trefoil snapshot delete DATASET@LABEL`

use clap::Args;

use crate::commands::done;
use crate::commands::snapshot::SnapshotArgs;
use crate::control::protocol::Request;
use crate::failure::Failure;

#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    #[command(flatten)]
    named: SnapshotArgs,
}

pub(super) fn run(args: DeleteArgs) -> Result<(), Failure> {
    let SnapshotArgs { snapshot, common } = args.named;
    let what = format!("cannot delete snapshot {snapshot}");
    let request = Request::SnapshotDelete {
        snapshot: snapshot.clone(),
    };
    done::ask(&common, &what, &request, ("deleted", &snapshot))
}
