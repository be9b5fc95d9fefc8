//! `trefoil key create`

use clap::Args;

use crate::commands::CommonArgs;
use crate::control;
use crate::control::client::unexpected;
use crate::control::protocol::{KeyRequest, Reply, Request};
use crate::failure::Failure;
use crate::output;

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// Its id [default: a random one]
    #[arg(long, value_name = "ID", requires = "secret")]
    id: Option<String>,
    /// Its secret, of 8 to 128 characters [default: a random one]
    #[arg(long, value_name = "SECRET", requires = "id")]
    secret: Option<String>,
    /// The only bucket that it opens [default: all]
    #[arg(long, value_name = "NAME")]
    bucket: Option<String>,
    /// Refuse changes with it
    #[arg(long)]
    read_only: bool,
    /// Owner of what is made with it [default: the server's user]
    #[arg(long, value_name = "N")]
    uid: Option<u32>,
    /// Group of what is made with it [default: the server's group]
    #[arg(long, value_name = "N")]
    gid: Option<u32>,
    /// Permissions that what is made with it does not get, in octal [default: 022]
    #[arg(long, value_name = "OCTAL", value_parser = umask)]
    umask: Option<u16>,
    /// Also check the modes of files and directories, as for a process of --uid and --gid
    #[arg(long)]
    posix: bool,
    #[command(flatten)]
    common: CommonArgs,
}

fn umask(text: &str) -> Result<u16, String> {
    match u16::from_str_radix(text, 8) {
        Ok(mask) if mask <= 0o777 => Ok(mask),
        _ => Err("write it in octal, from 0 to 777".to_owned()),
    }
}

pub(super) fn run(args: CreateArgs) -> Result<(), Failure> {
    let what = match &args.id {
        Some(id) => format!("cannot create key {id}"),
        None => "cannot create a key".to_owned(),
    };
    let request = Request::KeyCreate(KeyRequest {
        id: args.id,
        secret: args.secret,
        bucket: args.bucket,
        read_only: args.read_only,
        uid: args.uid,
        gid: args.gid,
        umask: args.umask,
        posix: args.posix,
    });
    match control::call(args.common.pool.devices()?, &what, &request, &mut |_| {})? {
        Reply::Key(key) => output::print(args.common.format(), &key, |key| {
            format!("{} {}\n", key.id, key.secret)
        }),
        _ => Err(unexpected(&what)),
    }
}
