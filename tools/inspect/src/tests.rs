//! Structures are written with the encoders of the format and read back through the whole tool.

mod damage;
mod samples;

use engine_base::Slot;
use engine_device::{Place, SimDevice, SimImage, SimOptions};
use serde_json::Value;

use crate::{InspectError, SegmentName, Target, inspect};
use samples::{DELTA_AT, INDEX, JOURNAL, PAGE_AT, SEGMENT_BYTES, TABLE_AT, image, leaf, segment};

fn look(image: &SimImage, target: Target, json: bool) -> Result<String, InspectError> {
    let device = SimDevice::from_image(image.clone(), SimOptions::seeded(2));
    inspect(&device, &target, json)
}

fn json(image: &SimImage, target: Target) -> Value {
    serde_json::from_str(&look(image, target, true).unwrap()).unwrap()
}

const RECORD: Target = Target::Record {
    slot: JOURNAL,
    offset: 4096,
};

fn page_at(offset: u32) -> Target {
    Target::Page {
        slot: INDEX,
        offset,
    }
}

/// Every target that there is something to see at; whole segments, which take longer, last.
fn targets() -> [Target; 7] {
    [
        Target::Superblock,
        RECORD,
        page_at(PAGE_AT),
        page_at(DELTA_AT),
        page_at(TABLE_AT),
        Target::Segment(SegmentName::Slot(JOURNAL)),
        Target::Segment(SegmentName::Slot(INDEX)),
    ]
}

#[test]
fn a_superblock_shows_every_field() {
    let value = json(&image(), Target::Superblock);
    assert_eq!(value["fields"]["newest_copy"], 0);
    let fields = &value["parts"][0]["fields"];
    assert_eq!(fields["checkpoint"], 41);
    assert_eq!(fields["lsn"], 99);
    assert_eq!(fields["pool_id"], "07".repeat(16));
    assert_eq!(fields["segment_bytes"], SEGMENT_BYTES);
    assert_eq!(fields["slots"], 40);
    assert_eq!(fields["journal_segment"], 11);
    assert_eq!(fields["journal_chain"], "01020304");
    assert_eq!(fields["next_segment"], 13);
    assert_eq!(fields["next_dataset"], 18);
    assert_eq!(fields["pool_root"], Value::Null);
    assert_eq!(fields["segment_table.segment"], 12);
    assert_eq!(fields["segment_table.offset"], TABLE_AT);
    assert_eq!(fields["segment_table_slot"], INDEX.get());
    assert_eq!(value["parts"][0]["valid"], true);
    assert_eq!(value["parts"][1]["fields"]["blank"], true);
}

#[test]
fn a_journal_segment_shows_its_groups() {
    for name in [SegmentName::Slot(JOURNAL), SegmentName::Id(segment(11))] {
        let value = json(&image(), Target::Segment(name));
        assert_eq!(value["fields"]["segment"], 11);
        assert_eq!(value["fields"]["first_lsn"], 100);
        assert_eq!(value["parts"].as_array().unwrap().len(), 1);
        assert_eq!(value["parts"][0]["fields"]["lsn"], 100);
        assert_eq!(value["parts"][0]["fields"]["durable_lsn"], 98);
        assert_eq!(value["valid"], true);
    }
}

#[test]
fn an_index_segment_shows_its_pages() {
    let value = json(&image(), Target::Segment(SegmentName::Slot(INDEX)));
    let parts = value["parts"].as_array().unwrap();
    let titles: Vec<&str> = parts
        .iter()
        .map(|part| part["what"].as_str().unwrap())
        .collect();
    assert_eq!(
        titles,
        [
            "page at offset 4096",
            "delta at offset 20480",
            "segment table at offset 24576"
        ]
    );
    let crc = format!("{}", leaf().checksum());
    assert_eq!(parts[0]["fields"]["crc32c of these bytes"], crc);
}

#[test]
fn a_group_shows_its_batches_and_whether_its_data_is_good() {
    let value = json(&image(), RECORD);
    assert_eq!(value["valid"], true, "{value:#}");
    assert_eq!(value["fields"]["lsn"], 100);
    assert_eq!(value["fields"]["data_bytes"], 4096);
    let mutations = &value["parts"][0]["parts"];
    assert_eq!(mutations[0]["fields"]["of dataset"], 16);
    assert_eq!(mutations[0]["fields"]["name"], "disk");
    assert_eq!(mutations[1]["what"], "extent put");
    assert_eq!(mutations[1]["fields"]["offset"], 8192);
    assert_eq!(mutations[1]["fields"]["dataset"], 17);

    let mut spoilt = image();
    spoilt.flip_bit(Place::slot(JOURNAL, 8192 + 77), 3);
    let value = json(&spoilt, RECORD);
    assert_eq!(value["valid"], false);
    let problem = &value["parts"][0]["parts"][1]["problems"][0];
    assert!(problem.as_str().unwrap().contains("block 0"), "{problem}");
}

#[test]
fn pages_deltas_and_tables_show_their_entries() {
    let page = json(&image(), page_at(PAGE_AT));
    assert_eq!(page["valid"], true, "{page:#}");
    assert_eq!(page["fields"]["tree"], 17);
    assert_eq!(page["fields"]["count"], 1);
    assert_eq!(page["parts"][0]["fields"]["offset"], 8192);
    assert_eq!(page["parts"][0]["fields"]["data"], "segment 11 offset 8192");
    assert_eq!(page["parts"][0]["fields"]["checksums"][0], "0a0b0c0d");

    let delta = json(&image(), page_at(DELTA_AT));
    assert_eq!(delta["valid"], true, "{delta:#}");
    assert_eq!(delta["fields"]["count"], 1);
    assert_eq!(delta["parts"][0]["what"], "delete");

    let table = json(&image(), page_at(TABLE_AT));
    assert_eq!(table["valid"], true, "{table:#}");
    assert_eq!(table["fields"]["checkpoint"], 41);
    assert_eq!(table["parts"][0]["fields"]["live_bytes"], 4096);
}

#[test]
fn text_names_fields_and_problems() {
    let text = look(&image(), Target::Superblock, false).unwrap();
    assert!(text.contains("copy 0 at label offset 0"), "{text}");
    assert!(text.contains("checkpoint"), "{text}");
    assert!(text.contains("WRONG: no superblock here"), "{text}");
}

#[test]
fn what_is_not_there_is_an_error_that_says_so() {
    let refused = |target| look(&image(), target, false).unwrap_err().to_string();
    let slot = Slot::new(40);
    let text = refused(Target::Segment(SegmentName::Slot(slot)));
    assert!(text.contains("40 slots"), "{text}");
    let text = refused(Target::Segment(SegmentName::Id(segment(99))));
    assert!(text.contains("segment 99"), "{text}");
    let text = refused(Target::Page {
        slot: INDEX,
        offset: SEGMENT_BYTES,
    });
    assert!(text.contains("offset"), "{text}");
    let empty = SimDevice::new(SimOptions::seeded(3));
    let refused = inspect(&empty, &RECORD, false);
    assert!(matches!(refused, Err(InspectError::NoGeometry { .. })));
}
