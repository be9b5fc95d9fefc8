//! `trefoil volume delete NAME`

use clap::Args;
use serde::Serialize;

use crate::commands::volume::NamedArgs;
use crate::control;
use crate::control::client::unexpected;
use crate::control::protocol::{Reply, Request};
use crate::failure::Failure;
use crate::output;

#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    #[command(flatten)]
    named: NamedArgs,
}

#[derive(Serialize)]
struct Deleted {
    deleted: String,
}

pub(super) fn run(args: DeleteArgs) -> Result<(), Failure> {
    let NamedArgs { name, common } = args.named;
    let what = format!("cannot delete volume {name}");
    let request = Request::VolumeDelete { name: name.clone() };
    match control::call(common.pool.path()?, &what, &request, &mut |_| {})? {
        Reply::Done {} => output::print(common.format(), &Deleted { deleted: name }, |deleted| {
            output::table(&[], &[vec!["deleted".to_owned(), deleted.deleted.clone()]])
        }),
        _ => Err(unexpected(&what)),
    }
}
