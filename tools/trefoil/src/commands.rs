//! The command line: one file per command.

mod bucket;
mod check;
mod device;
mod done;
mod inspect;
mod key;
mod master_key;
mod mount;
mod quota;
mod scrub;
mod snapshot;
mod status;
mod volume;

use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::{Args, Parser, Subcommand};

use crate::control::protocol::Compression;
use crate::failure::Failure;
use crate::output::Format;
use crate::{place, serve};

/// A log-structured storage engine: volumes over NBD, and buckets that are mounted directories and
/// S3 at once, out of one checksummed pool.
#[derive(Debug, Parser)]
#[command(name = "trefoil", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Open a pool, or create one, and serve it until SIGTERM or Ctrl-C
    Serve(Box<serve::ServeArgs>),
    /// Create, list, change, fill and save volumes (asks the running server)
    #[command(subcommand, arg_required_else_help = true)]
    Volume(volume::VolumeCommand),
    /// Create, list, change and delete buckets (asks the running server)
    #[command(subcommand, arg_required_else_help = true)]
    Bucket(bucket::BucketCommand),
    /// Mount a bucket at a directory (asks the running server)
    Mount(mount::MountArgs),
    /// Take a mount away (asks the running server)
    Unmount(mount::UnmountArgs),
    /// Limit what a bucket, or a directory in one, may take (asks the running server)
    #[command(subcommand, arg_required_else_help = true)]
    Quota(quota::QuotaCommand),
    /// Create, list and delete the keys that S3 clients sign with (asks the running server)
    #[command(subcommand, arg_required_else_help = true)]
    Key(key::KeyCommand),
    /// Make and change the key that encrypted volumes hang on
    #[command(subcommand, arg_required_else_help = true)]
    MasterKey(master_key::MasterKeyCommand),
    /// Keep, list and delete states of volumes, and go back to them (asks the running server)
    #[command(subcommand, arg_required_else_help = true)]
    Snapshot(snapshot::SnapshotCommand),
    /// List the devices of the pool, and replace one (asks the running server)
    #[command(subcommand, arg_required_else_help = true)]
    Device(device::DeviceCommand),
    /// Capacity, use and health of the pool (asks the running server)
    Status(status::StatusArgs),
    /// Verify every copy of everything now, and repair what can be (asks the running server)
    Scrub(scrub::ScrubArgs),
    /// Verify a pool that no server has open; writes nothing
    Check(check::CheckArgs),
    /// Print single structures of a pool that no server has open; writes nothing
    #[command(subcommand, arg_required_else_help = true)]
    Inspect(inspect::InspectCommand),
}

/// Runs what the command line asks for.
pub(crate) fn run(cli: Cli) -> Result<(), Failure> {
    match cli.command {
        Command::Serve(args) => serve::run(*args),
        Command::Volume(command) => volume::run(command),
        Command::Bucket(command) => bucket::run(command),
        Command::Mount(args) => mount::mount(args),
        Command::Unmount(args) => mount::unmount(&args),
        Command::Quota(command) => quota::run(command),
        Command::Key(command) => key::run(command),
        Command::MasterKey(command) => master_key::run(command),
        Command::Snapshot(command) => snapshot::run(command),
        Command::Device(command) => device::run(command),
        Command::Status(args) => status::run(&args),
        Command::Scrub(args) => scrub::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Inspect(command) => inspect::run(&command),
    }
}

/// Which pool.
#[derive(Debug, Args)]
pub(crate) struct PoolArgs {
    /// The pool: directory, file or block device; of mirrors all, with commas between
    #[arg(long, value_name = "PATH", value_delimiter = ',', default_value = place::DATA_DEFAULT)]
    data: Vec<PathBuf>,
}

impl PoolArgs {
    /// The one by which the pool is known, for what is done without a server.
    pub(crate) fn path(&self) -> Result<&Path, Failure> {
        Ok(place::known_by(place::checked(&self.data)?))
    }

    /// All devices: a server answers at any of them.
    pub(crate) fn devices(&self) -> Result<&[PathBuf], Failure> {
        place::checked(&self.data)
    }
}

/// Which pool, and how to print.
#[derive(Debug, Args)]
pub(crate) struct CommonArgs {
    #[command(flatten)]
    pub(crate) pool: PoolArgs,
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
}

impl CommonArgs {
    pub(crate) const fn format(&self) -> Format {
        if self.json {
            Format::Json
        } else {
            Format::Table
        }
    }
}

/// What a dataset is set to.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct SettingArgs {
    /// How what is written from now on is compressed
    #[arg(value_name = "compression=lz4|none")]
    setting: Option<CompressionSetting>,
    /// The same as a flag
    #[arg(long, value_name = "lz4|none")]
    compression: Option<Compression>,
}

impl SettingArgs {
    fn compression(&self) -> Compression {
        let setting = self.setting.map(|setting| setting.0);
        // One of them is there.
        setting.or(self.compression).unwrap_or_default()
    }
}

/// `compression=lz4`, or none.
#[derive(Debug, Clone, Copy)]
struct CompressionSetting(Compression);

impl FromStr for CompressionSetting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let value = text.strip_prefix("compression=");
        let value = value.ok_or_else(|| "write compression=lz4 or compression=none".to_owned())?;
        value.parse().map(Self)
    }
}

/// The path as the server must be told it.
fn absolute(file: &Path, what: &str) -> Result<String, Failure> {
    let path = std::path::absolute(file).map_err(|error| Failure::because(what, &error))?;
    path.into_os_string().into_string().map_err(|path| {
        let path = path.display();
        Failure::error(format_args!(
            "{what}: the path {path} is not UTF-8; rename the file"
        ))
    })
}
