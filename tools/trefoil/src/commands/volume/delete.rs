//! `trefoil volume delete NAME`

use clap::Args;

use crate::commands::done;
use crate::commands::volume::NamedArgs;
use crate::control::protocol::Request;
use crate::failure::Failure;

#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    #[command(flatten)]
    named: NamedArgs,
}

pub(super) fn run(args: DeleteArgs) -> Result<(), Failure> {
    let NamedArgs { name, common } = args.named;
    let what = format!("cannot delete volume {name}");
    let request = Request::VolumeDelete { name: name.clone() };
    done::ask(&common, &what, &request, ("deleted", &name))
}
