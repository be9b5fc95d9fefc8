//! `trefoil mount BUCKET PATH` and `trefoil unmount PATH`

use std::path::PathBuf;

use clap::Args;

use crate::commands::{CommonArgs, absolute, done};
use crate::control::protocol::Request;
use crate::failure::Failure;

#[derive(Debug, Args)]
pub(crate) struct MountArgs {
    /// The bucket
    #[arg(value_name = "BUCKET")]
    bucket: String,
    /// The directory, which is made if it is missing
    #[arg(value_name = "PATH")]
    path: PathBuf,
    /// Let the kernel keep what is written until it is closed or synced: faster, and a write then
    /// survives the server and is seen by S3 only from then on
    #[arg(long)]
    write_back: bool,
    /// Refuse changes through this mount
    #[arg(long)]
    read_only: bool,
    /// Take requests through /dev/fuse even where the kernel offers io_uring
    #[arg(long)]
    no_io_uring: bool,
    #[command(flatten)]
    common: CommonArgs,
}

#[derive(Debug, Args)]
pub(crate) struct UnmountArgs {
    /// The directory
    #[arg(value_name = "PATH")]
    path: PathBuf,
    #[command(flatten)]
    common: CommonArgs,
}

pub(super) fn mount(args: MountArgs) -> Result<(), Failure> {
    let what = format!("cannot mount {} at {}", args.bucket, args.path.display());
    let path = absolute(&args.path, &what)?;
    let request = Request::Mount {
        bucket: args.bucket,
        path: path.clone(),
        write_back: args.write_back,
        read_only: args.read_only,
        no_io_uring: args.no_io_uring,
    };
    done::ask(&args.common, &what, &request, ("mounted", &path))
}

pub(super) fn unmount(args: &UnmountArgs) -> Result<(), Failure> {
    let what = format!("cannot unmount {}", args.path.display());
    let path = absolute(&args.path, &what)?;
    let request = Request::Unmount { path: path.clone() };
    done::ask(&args.common, &what, &request, ("unmounted", &path))
}
