//! `trefoil volume diff NAME@A NAME[@B]`

use clap::Args;

use crate::commands::CommonArgs;
use crate::control;
use crate::control::client::unexpected;
use crate::control::protocol::{RangeRow, Reply, Request};
use crate::failure::Failure;
use crate::output;

/// One range a line: offset and length in bytes. Bytes that were written twice with the same
/// content differ.
#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// A snapshot of a volume
    #[arg(value_name = "NAME@A")]
    from: String,
    /// The volume, or another snapshot of it
    #[arg(value_name = "NAME[@B]")]
    to: String,
    #[command(flatten)]
    common: CommonArgs,
}

pub(super) fn run(args: DiffArgs) -> Result<(), Failure> {
    let DiffArgs { from, to, common } = args;
    let what = format!("cannot compare {from} and {to}");
    let request = Request::VolumeDiff { from, to };
    match control::call(common.pool.devices()?, &what, &request, &mut |_| {})? {
        Reply::Ranges(ranges) => output::print(common.format(), &ranges, |ranges| lines(ranges)),
        _ => Err(unexpected(&what)),
    }
}

fn lines(ranges: &[RangeRow]) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    for RangeRow { offset, length } in ranges {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{offset} {length}");
    }
    text
}
