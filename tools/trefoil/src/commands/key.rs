//! `trefoil key ...`: one file per command, all of them asking the running server.

mod create;
mod delete;
mod list;

use clap::Subcommand;

use crate::failure::Failure;

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make an access key and print its id and its secret, which is not shown again
    Create(create::CreateArgs),
    /// All access keys, without their secrets
    List(list::ListArgs),
    /// Delete an access key; requests with it are refused from then on
    Delete(delete::DeleteArgs),
}

pub(crate) fn run(command: KeyCommand) -> Result<(), Failure> {
    match command {
        KeyCommand::Create(args) => create::run(args),
        KeyCommand::List(args) => list::run(&args),
        KeyCommand::Delete(args) => delete::run(&args),
    }
}
