//! What import and export share: the progress bar and the closing table.

use crate::commands::CommonArgs;
use crate::control;
use crate::control::client::unexpected;
use crate::control::protocol::{Reply, Request, TransferReport};
use crate::failure::Failure;
use crate::output;

pub(super) fn run_transfer(
    common: &CommonArgs,
    what: &str,
    request: &Request,
) -> Result<(), Failure> {
    let bar = output::bar(common.format());
    let reply = control::call(common.pool.devices()?, what, request, &mut |progress| {
        bar.set_length(progress.total);
        bar.set_position(progress.done);
    });
    bar.finish_and_clear();
    match reply? {
        Reply::Transfer(report) => output::print(common.format(), &report, |report| {
            output::table(&[], &rows(report))
        }),
        _ => Err(unexpected(what)),
    }
}

fn rows(report: &TransferReport) -> Vec<Vec<String>> {
    let created = if report.created { " (created)" } else { "" };
    let row = |name: &str, value: String| vec![name.to_owned(), value];
    vec![
        row("volume", format!("{}{created}", report.volume.name)),
        row("size", output::size(report.volume.size)),
        row("file", report.file.clone()),
        row("copied", output::size(report.bytes)),
        row("of it data", output::size(report.data_bytes)),
    ]
}
