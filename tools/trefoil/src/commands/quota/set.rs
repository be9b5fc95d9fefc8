//! `trefoil quota set BUCKET[/DIR] bytes=N inodes=N`

use std::str::FromStr;

use clap::Args;

use crate::commands::quota::{PlaceArgs, quota_ask};
use crate::control::protocol::{QuotaRequest, Request};
use crate::failure::Failure;
use crate::size::Size;

#[derive(Debug, Args)]
pub(crate) struct SetArgs {
    #[command(flatten)]
    place: PlaceArgs,
    /// What to limit: bytes=N and inodes=N, with K, M, G, T (powers of 1024); 0: no limit
    #[arg(value_name = "bytes=N inodes=N", required = true, num_args = 1..=2)]
    limits: Vec<Limit>,
}

/// One limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Limit {
    Bytes(u64),
    Inodes(u64),
}

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, number) = text.split_once('=').unwrap_or((text, ""));
        let kind = match name {
            "bytes" => Self::Bytes,
            "inodes" => Self::Inodes,
            _ => return Err("write bytes=N or inodes=N".to_owned()),
        };
        let number = number.parse::<Size>();
        let number = number.map_err(|error| error.to_string())?;
        Ok(kind(number.bytes().get()))
    }
}

pub(super) fn run(args: &SetArgs) -> Result<(), Failure> {
    let what = format!("cannot set the quota of {}", args.place.place);
    let (bucket, directory) = args.place.parts();
    let mut request = QuotaRequest {
        bucket,
        directory,
        ..QuotaRequest::default()
    };
    for limit in &args.limits {
        let (known, limit) = match *limit {
            Limit::Bytes(limit) => (&mut request.bytes, limit),
            Limit::Inodes(limit) => (&mut request.inodes, limit),
        };
        if known.replace(limit).is_some() {
            let why = format!("{what}: the same limit is given twice; give each once");
            return Err(Failure::usage(why));
        }
    }
    quota_ask(&args.place.common, &what, &Request::QuotaSet(request))
}
