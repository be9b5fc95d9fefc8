//! `trefoil key list`

use clap::Args;

use crate::commands::CommonArgs;
use crate::control;
use crate::control::client::unexpected;
use crate::control::protocol::{KeyRow, Reply, Request};
use crate::failure::Failure;
use crate::output;

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    common: CommonArgs,
}

pub(super) fn run(args: &ListArgs) -> Result<(), Failure> {
    let what = "cannot list the keys";
    let data = args.common.pool.devices()?;
    match control::call(data, what, &Request::KeyList {}, &mut |_| {})? {
        Reply::Keys(keys) => output::print(args.common.format(), &keys, |keys| keys_table(keys)),
        _ => Err(unexpected(what)),
    }
}

fn keys_table(keys: &[KeyRow]) -> String {
    let row = |key: &KeyRow| {
        let access = match (key.read_only, key.posix) {
            (false, false) => "read and write",
            (true, false) => "read",
            (false, true) => "read and write as the modes allow",
            (true, true) => "read as the modes allow",
        };
        vec![
            key.id.clone(),
            key.bucket.clone().unwrap_or_else(|| "(all)".to_owned()),
            access.to_owned(),
            format!("{}:{}", key.uid, key.gid),
            format!("{:03o}", key.umask),
            output::time(key.created_unix_nanos),
        ]
    };
    let rows: Vec<Vec<String>> = keys.iter().map(row).collect();
    let heads = ["id", "bucket", "access", "owner", "umask", "created"];
    output::table(&heads, &rows)
}
