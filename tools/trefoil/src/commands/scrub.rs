//! `trefoil scrub [--wait]`

use clap::Args;

use crate::commands::CommonArgs;
use crate::control;
use crate::control::client::unexpected;
use crate::control::protocol::{Reply, Request};
use crate::failure::Failure;
use crate::output;
use crate::serve::scrub_rows;

/// Every copy of everything that is live is read, past the page cache, and what is bad is written
/// over with a good copy. One that is on its way begins anew.
#[derive(Debug, Args)]
pub(crate) struct ScrubArgs {
    #[command(flatten)]
    common: CommonArgs,
    /// Wait for its end; fail if no good copy is left of something
    #[arg(long)]
    wait: bool,
}

pub(crate) fn run(args: &ScrubArgs) -> Result<(), Failure> {
    let what = "cannot scrub the pool";
    let data = args.common.pool.devices()?;
    let format = args.common.format();
    let bar = output::bar(format);
    let request = Request::Scrub { wait: args.wait };
    let reply = control::call(data, what, &request, &mut |progress| {
        bar.set_length(progress.total);
        bar.set_position(progress.done);
    });
    bar.finish_and_clear();
    let Reply::Scrub(report) = reply? else {
        return Err(unexpected(what));
    };
    output::print(format, &report, |report| {
        output::table(&[], &scrub_rows(report))
    })?;
    if args.wait && report.lost_ranges > 0 {
        return Err(Failure::error(format_args!(
            "no good copy is left of {} in {} ranges, listed on stdout; overwrite or restore them",
            output::size(report.lost_bytes),
            report.lost_ranges
        )));
    }
    Ok(())
}
