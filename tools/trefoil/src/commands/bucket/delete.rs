//! `trefoil bucket delete NAME [--force]`

use clap::Args;

use crate::commands::bucket::NamedArgs;
use crate::commands::done;
use crate::control::protocol::Request;
use crate::failure::Failure;

#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    #[command(flatten)]
    named: NamedArgs,
    /// Delete it with everything that is in it
    #[arg(long)]
    force: bool,
}

pub(super) fn run(args: DeleteArgs) -> Result<(), Failure> {
    let NamedArgs { name, common } = args.named;
    let what = format!("cannot delete bucket {name}");
    let request = Request::BucketDelete {
        name: name.clone(),
        force: args.force,
    };
    done::ask(&common, &what, &request, ("deleted", &name))
}
