//! `trefoil key delete ID`

use clap::Args;

use crate::commands::{CommonArgs, done};
use crate::control::protocol::Request;
use crate::failure::Failure;

#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    /// The id of the key
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    common: CommonArgs,
}

pub(super) fn run(args: &DeleteArgs) -> Result<(), Failure> {
    let id = &args.id;
    let what = format!("cannot delete key {id}");
    let request = Request::KeyDelete { id: id.clone() };
    done::ask(&args.common, &what, &request, ("deleted", id))
}
