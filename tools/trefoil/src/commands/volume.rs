//! `trefoil volume ...`: one file per command, all of them asking the running server.

mod create;
mod delete;
mod diff;
mod export;
mod import;
mod list;
mod resize;
mod set;
mod show;
mod transfer;

use clap::{Args, Subcommand};

use crate::commands::CommonArgs;
use crate::control;
use crate::control::client::unexpected;
use crate::control::protocol::{Reply, Request, VolumeRow};
use crate::failure::Failure;
use crate::output;

#[derive(Debug, Subcommand)]
pub(crate) enum VolumeCommand {
    /// Make an empty volume; it takes no space until it is written
    Create(create::CreateArgs),
    /// All volumes
    List(list::ListArgs),
    /// One volume
    Show(show::ShowArgs),
    /// Change the size; what lies past a smaller size is gone
    Resize(resize::ResizeArgs),
    /// Change how what is written is compressed
    Set(set::SetArgs),
    /// Where two states of a volume differ
    Diff(diff::DiffArgs),
    /// Delete a volume and everything in it
    Delete(delete::DeleteArgs),
    /// Copy a file or block device into a volume
    Import(import::ImportArgs),
    /// Copy a volume into a file
    Export(export::ExportArgs),
}

pub(crate) fn run(command: VolumeCommand) -> Result<(), Failure> {
    match command {
        VolumeCommand::Create(args) => create::run(args),
        VolumeCommand::List(args) => list::run(&args),
        VolumeCommand::Show(args) => show::run(args),
        VolumeCommand::Resize(args) => resize::run(args),
        VolumeCommand::Set(args) => set::run(args),
        VolumeCommand::Diff(args) => diff::run(args),
        VolumeCommand::Delete(args) => delete::run(args),
        VolumeCommand::Import(args) => import::run(args),
        VolumeCommand::Export(args) => export::run(args),
    }
}

/// Which volume of which pool, and how to print.
#[derive(Debug, Args)]
struct NamedArgs {
    /// The volume
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    common: CommonArgs,
}

/// Asks for something whose result is one volume, and prints that.
fn volume_ask(common: &CommonArgs, what: &str, request: &Request) -> Result<(), Failure> {
    match control::call(common.pool.devices()?, what, request, &mut |_| {})? {
        Reply::Volume(volume) => output::print(common.format(), &volume, |volume| {
            volumes_table(std::slice::from_ref(volume))
        }),
        _ => Err(unexpected(what)),
    }
}

fn volumes_table(volumes: &[VolumeRow]) -> String {
    let row = |volume: &VolumeRow| {
        let (allocated, stored) = (volume.allocated, volume.stored);
        let compression = volume.compression.with_ratio(allocated, stored);
        vec![
            volume.name.clone(),
            output::size(volume.size),
            output::size(volume.allocated),
            output::size(volume.stored),
            compression,
            volume.encryption.with_lock(volume.locked_by.as_deref()),
            output::time(volume.created_unix_nanos),
        ]
    };
    let rows: Vec<Vec<String>> = volumes.iter().map(row).collect();
    let columns = [
        "name",
        "size",
        "allocated",
        "stored",
        "compression",
        "encryption",
        "created",
    ];
    output::table(&columns, &rows)
}
