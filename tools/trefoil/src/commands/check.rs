//! `trefoil check`: verifies a pool that no server has open.

mod copy;

use std::path::PathBuf;

use clap::Args;
use engine_pool::{CheckOptions, CheckReport, Finding, Severity, check};
use serde::Serialize;

use crate::commands::CommonArgs;
use crate::engine::devices::open_offline;
use crate::failure::Failure;
use crate::output;
use crate::size::Size;

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    common: CommonArgs,
    /// Check what `serve --rewind` would open
    #[arg(long)]
    rewind: bool,
    /// Memory for pages of the index
    #[arg(long, value_name = "SIZE", default_value = "256M")]
    memory: Size,
    /// Copy all that can be read to this directory, which is made or empty; the pool stays as it is
    #[arg(long, value_name = "DIR")]
    repair_to: Option<PathBuf>,
    /// A file with a master key of encrypted volumes that are copied, too; may be repeated
    #[arg(long, value_name = "FILE", requires = "repair_to")]
    key_file: Vec<PathBuf>,
    /// Copy snapshots, too
    #[arg(long, requires = "repair_to")]
    snapshots: bool,
}

/// The result as it is printed.
#[derive(Debug, Serialize)]
struct Report {
    clean: bool,
    checkpoint: u64,
    lsn: u64,
    segments: u64,
    pages: u64,
    deltas: u64,
    groups: u64,
    extents: u64,
    bytes: u64,
    findings: Vec<Row>,
    /// Findings that are not listed because there were too many.
    left_out: u64,
}

#[derive(Debug, Serialize)]
struct Row {
    severity: &'static str,
    what: String,
}

pub(crate) fn run(args: &CheckArgs) -> Result<(), Failure> {
    if let Some(target) = &args.repair_to {
        return copy::run(args, target);
    }
    let data = args.common.pool.path()?;
    let what = format!("cannot check {}", data.display());
    let device = open_offline(args.common.pool.devices()?)
        .map_err(|error| Failure::because(&what, &error))?;
    let options = CheckOptions {
        memory: args.memory.bytes(),
        rewind: args.rewind,
    };
    let format = args.common.format();
    let bar = output::bar(format);
    let checked = check(device, &options, &mut |progress| {
        bar.set_length(progress.total.get());
        bar.set_position(progress.verified.get());
    });
    bar.finish_and_clear();
    let report = Report::from(checked.map_err(|error| Failure::because(&what, &error))?);
    output::print(format, &report, table)?;
    if report.clean {
        return Ok(());
    }
    Err(Failure::error(format_args!(
        "{} is damaged: {} findings, listed on stdout; restore what they name",
        data.display(),
        report.damage()
    )))
}

impl From<CheckReport> for Report {
    fn from(report: CheckReport) -> Self {
        let clean = report.is_clean();
        let counts = report.counts;
        Self {
            clean,
            checkpoint: report.checkpoint.get(),
            lsn: report.lsn.get(),
            segments: counts.segments,
            pages: counts.pages,
            deltas: counts.deltas,
            groups: counts.groups,
            extents: counts.extents,
            bytes: counts.bytes.get(),
            findings: report.findings.into_iter().map(Row::from).collect(),
            left_out: report.left_out,
        }
    }
}

const DAMAGE: &str = "damage";

impl From<Finding> for Row {
    fn from(finding: Finding) -> Self {
        let severity = match finding.severity {
            Severity::Damage => DAMAGE,
            Severity::Warning => "warning",
        };
        Self {
            severity,
            what: finding.what,
        }
    }
}

impl Report {
    fn damage(&self) -> u64 {
        let listed = self
            .findings
            .iter()
            .filter(|finding| finding.severity == DAMAGE)
            .count();
        u64::try_from(listed)
            .unwrap_or(u64::MAX)
            .saturating_add(self.left_out)
    }
}

fn table(report: &Report) -> String {
    let row = |name: &str, value: String| vec![name.to_owned(), value];
    let mut rows: Vec<Vec<String>> = report
        .findings
        .iter()
        .map(|of| row(of.severity, of.what.clone()))
        .collect();
    if report.left_out > 0 {
        rows.push(row(
            DAMAGE,
            format!("{} more findings are not listed", report.left_out),
        ));
    }
    let counts = format!(
        "{} segments, {} pages, {} deltas, {} groups, {} extents",
        report.segments, report.pages, report.deltas, report.groups, report.extents
    );
    rows.push(row("checkpoint", report.checkpoint.to_string()));
    rows.push(row("LSN", report.lsn.to_string()));
    rows.push(row(
        "verified",
        format!("{} in {counts}", output::size(report.bytes)),
    ));
    rows.push(row(
        "result",
        if report.clean { "clean" } else { "damaged" }.to_owned(),
    ));
    output::table(&[], &rows)
}
