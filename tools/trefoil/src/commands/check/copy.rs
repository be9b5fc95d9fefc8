//! `trefoil check --repair-to DIR`: copies what is left of a damaged pool.

use std::path::Path;

use engine_pool::{SalvageOptions, salvage};

use super::CheckArgs;
use crate::engine::devices::open_offline;
use crate::failure::Failure;
use crate::salvage::{CopyReport, MissingRow, copy, target_make};
use crate::{key_file, output};

pub(super) fn run(args: &CheckArgs, target: &Path) -> Result<(), Failure> {
    let data = args.common.pool.path()?;
    let what = format!("cannot read {}", data.display());
    let device = open_offline(args.common.pool.devices()?)
        .map_err(|error| Failure::because(&what, &error))?;
    target_make(target)?;
    let options = SalvageOptions {
        memory: args.memory.bytes(),
        rewind: args.rewind,
        master_keys: key_file::read_all(&args.key_file)?,
    };
    let left = salvage(device, &options).map_err(|error| Failure::because(&what, &error))?;
    let format = args.common.format();
    let bar = output::bar(format);
    let wanted = left
        .datasets()
        .into_iter()
        .filter(|dataset| args.snapshots || dataset.label.is_none());
    bar.set_length(wanted.map(|dataset| dataset.allocated.get()).sum());
    let copied = copy(&left, target, args.snapshots, &mut |bytes| bar.inc(bytes));
    bar.finish_and_clear();
    let report = copied?;
    output::print(format, &report, table)?;
    if report.missing_ranges == 0 {
        return Ok(());
    }
    Err(Failure::error(format_args!(
        "not all of {} could be read: {} ranges are missing, listed in {}",
        data.display(),
        report.missing_ranges,
        target.join("manifest.jsonl").display()
    )))
}

fn table(report: &CopyReport) -> String {
    let row = |name: &str, value: String| vec![name.to_owned(), value];
    let of = |missing: &MissingRow| {
        let range = match missing.bytes {
            0 => String::new(),
            bytes => format!(", offset {}, {bytes} bytes", missing.offset),
        };
        row(
            "missing",
            format!("{}{range}: {}", missing.owner, missing.why),
        )
    };
    let mut rows: Vec<Vec<String>> = report.missing.iter().map(of).collect();
    rows.extend([
        row("volumes", report.volumes.to_string()),
        row("buckets", report.buckets.to_string()),
        row(
            "copied",
            format!(
                "{} in {} files and {} directories",
                output::size(report.bytes),
                report.files,
                report.directories
            ),
        ),
        row("under other names", report.renamed.to_string()),
        row("not taken by the target", report.untold.to_string()),
        row(
            "missing",
            format!(
                "{} ranges, {}",
                report.missing_ranges,
                output::size(report.missing_bytes)
            ),
        ),
    ]);
    output::table(&[], &rows)
}
