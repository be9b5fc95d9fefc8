//! `trefoil inspect ...`: single structures of a pool, read by the format and the device alone.

use clap::{Args, Subcommand};
use engine_base::{SegmentId, Slot};
use tools_inspect::{SegmentName, Target, inspect};

use crate::commands::CommonArgs;
use crate::engine::devices::open_offline;
use crate::failure::Failure;
use crate::output::{self, Format};

#[derive(Debug, Subcommand)]
pub(crate) enum InspectCommand {
    /// Both superblocks
    Superblock(SuperblockArgs),
    /// The header of a segment, and what lies behind it
    Segment(SegmentArgs),
    /// A record of the journal: a group with its batches and mutations
    Record(PlaceArgs),
    /// A page of a tree or of the segment table, or a delta, whichever lies there
    Page(PlaceArgs),
}

#[derive(Debug, Args)]
pub(crate) struct SuperblockArgs {
    #[command(flatten)]
    common: CommonArgs,
}

#[derive(Debug, Args)]
pub(crate) struct SegmentArgs {
    #[command(flatten)]
    common: CommonArgs,
    /// The segment in this slot (of a directory: the number in hex that names its file)
    #[arg(value_name = "SLOT", required_unless_present = "id", value_parser = number)]
    slot: Option<u32>,
    /// The segment with this id, wherever it lies
    #[arg(long, value_name = "ID", conflicts_with = "slot", value_parser = segment_id)]
    id: Option<SegmentId>,
}

#[derive(Debug, Args)]
pub(crate) struct PlaceArgs {
    #[command(flatten)]
    common: CommonArgs,
    /// The slot of its segment
    #[arg(value_name = "SLOT", value_parser = number)]
    slot: u32,
    /// Bytes from the segment's start
    #[arg(value_name = "OFFSET", value_parser = number)]
    offset: u32,
}

pub(crate) fn run(command: &InspectCommand) -> Result<(), Failure> {
    let (common, target) = match command {
        InspectCommand::Superblock(args) => (&args.common, Target::Superblock),
        InspectCommand::Segment(args) => (&args.common, Target::Segment(args.segment()?)),
        InspectCommand::Record(PlaceArgs {
            common,
            slot,
            offset,
        }) => (
            common,
            Target::Record {
                slot: Slot::new(*slot),
                offset: *offset,
            },
        ),
        InspectCommand::Page(PlaceArgs {
            common,
            slot,
            offset,
        }) => (
            common,
            Target::Page {
                slot: Slot::new(*slot),
                offset: *offset,
            },
        ),
    };
    let data = common.pool.path()?;
    let what = format!("cannot inspect {}", data.display());
    let device =
        open_offline(common.pool.devices()?).map_err(|error| Failure::because(&what, &error))?;
    let json = common.format() == Format::Json;
    let mut text =
        inspect(device.as_ref(), &target, json).map_err(|error| Failure::because(&what, &error))?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    output::print_text(&text)
}

impl SegmentArgs {
    fn segment(&self) -> Result<SegmentName, Failure> {
        match (self.slot, self.id) {
            (Some(slot), _) => Ok(SegmentName::Slot(Slot::new(slot))),
            (None, Some(id)) => Ok(SegmentName::Id(id)),
            (None, None) => Err(Failure::usage("name a segment by its slot or with --id")),
        }
    }
}

/// A number as it is printed elsewhere: decimal, or hexadecimal behind `0x`.
fn number(text: &str) -> Result<u32, String> {
    let parsed = match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => text.parse(),
    };
    parsed.map_err(|error| format!("{error}; write a number such as 8192 or 0x2000"))
}

fn segment_id(text: &str) -> Result<SegmentId, String> {
    let number: u64 = text
        .parse()
        .map_err(|error: std::num::ParseIntError| error.to_string())?;
    SegmentId::new(number).ok_or_else(|| "segment ids start at 1".to_owned())
}
