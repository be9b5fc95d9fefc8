//! `trefoil device ...`: the devices of a pool, asking the running server.

use std::path::Path;

use clap::{Args, Subcommand};

use crate::commands::{CommonArgs, absolute};
use crate::control;
use crate::control::client::unexpected;
use crate::control::protocol::{DeviceRow, Reply, Request};
use crate::failure::Failure;
use crate::output;

#[derive(Debug, Subcommand)]
pub(crate) enum DeviceCommand {
    /// All devices, with what each is good for
    List(ListArgs),
    /// Put a new, empty device in the place of another one; it is filled while the pool goes on
    Replace(ReplaceArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    common: CommonArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ReplaceArgs {
    /// The old device: its path, its id or its number in the list
    #[arg(value_name = "OLD")]
    old: String,
    /// The new one: directory, file or block device; a directory is made
    #[arg(value_name = "NEW")]
    new: String,
    #[command(flatten)]
    common: CommonArgs,
}

pub(crate) fn run(command: DeviceCommand) -> Result<(), Failure> {
    match command {
        DeviceCommand::List(args) => ask(
            &args.common,
            "cannot list the devices",
            &Request::DeviceList {},
        ),
        DeviceCommand::Replace(args) => {
            let what = format!("cannot replace the device {}", args.old);
            // A path is the client's; an id or a number is none.
            let old = if args.old.contains('/') || Path::new(&args.old).exists() {
                absolute(Path::new(&args.old), &what)?
            } else {
                args.old
            };
            let new = absolute(Path::new(&args.new), &what)?;
            ask(&args.common, &what, &Request::DeviceReplace { old, new })
        }
    }
}

fn ask(common: &CommonArgs, what: &str, request: &Request) -> Result<(), Failure> {
    match control::call(common.pool.devices()?, what, request, &mut |_| {})? {
        Reply::Devices(rows) => output::print(common.format(), &rows, |rows| table(rows)),
        _ => Err(unexpected(what)),
    }
}

fn table(devices: &[DeviceRow]) -> String {
    let row = |(number, device): (usize, &DeviceRow)| {
        vec![
            number.to_string(),
            device.path.clone(),
            device.state(),
            output::size(device.size),
            device.errors.to_string(),
            device.repaired.to_string(),
            device.id.clone(),
        ]
    };
    let rows: Vec<Vec<String>> = devices.iter().enumerate().map(row).collect();
    let columns = ["", "device", "state", "size", "errors", "repaired", "id"];
    output::table(&columns, &rows)
}
