//! Damage that was once not noticed, and what a check says of each kind of it.

use std::sync::Arc;

use engine_base::Checksum;
use engine_device::{Device, Place};
use engine_format::{
    CheckpointId, SUPERBLOCK_BYTES, SegmentTablePage, Superblock, superblock_offset,
};
use engine_pool::{CheckOptions, CheckReport, Pool, PoolOptions, Severity, StoreError, check};
use engine_volume::Volumes;

use crate::device::{Fault, Image, ImageDevice};
use crate::history::{History, Killed, options};
use crate::pools;
use crate::regions::{Kind, Region, regions};
use crate::verdict::{Outcome, check_with, outcome};

const PAGE: usize = 16_384;

pub(crate) fn small(name: &str) -> &'static Killed {
    let found = pools::small().iter().find(|pool| pool.name == name);
    found.unwrap()
}

pub(crate) fn superblock(image: &Image, copy: u8) -> Superblock {
    let bytes = image.read(Place::label(superblock_offset(copy)), SUPERBLOCK_BYTES);
    Superblock::decode(bytes.first_chunk().unwrap(), copy).unwrap()
}

/// The copy that names the newest checkpoint.
pub(crate) fn newest(image: &Image) -> u8 {
    u8::from(superblock(image, 1).checkpoint > superblock(image, 0).checkpoint)
}

fn spoilt_copy(copy: u8) -> Fault {
    let place = Place::label(superblock_offset(copy) + 100);
    Fault::Flip { place, mask: 4 }
}

fn open(pool: &Killed, fault: Fault, options: &PoolOptions) -> Result<Arc<Pool>, StoreError> {
    let device = ImageDevice::new(&pool.image, fault) as Arc<dyn Device>;
    Pool::open(device, options)
}

fn find(all: &[Region], kind: Kind) -> &Region {
    all.iter().find(|region| region.kind == kind).unwrap()
}

fn flip(region: &Region) -> Fault {
    let offset = region.place.offset + 20;
    let place = Place {
        offset,
        ..region.place
    };
    Fault::Flip { place, mask: 1 }
}

/// One of the findings must say all of `words`.
fn assert_says(report: &CheckReport, severity: Severity, words: &[&str]) {
    let said = report.findings.iter().any(|finding| {
        finding.severity == severity && words.iter().all(|word| finding.what.contains(word))
    });
    assert!(
        said,
        "no {severity:?} with {words:?}: {:#?}",
        report.findings
    );
}

/// After a restart the older superblock is still of the epoch before. With the newest one rotten,
/// it leads to an older state: that was once opened without a word.
#[test]
fn the_loss_of_the_only_superblock_of_an_epoch_is_not_an_older_pool() {
    let pool = small("restarted");
    let fault = spoilt_copy(newest(&pool.image));
    let refused = open(pool, fault, &options(3)).unwrap_err();
    assert!(
        refused.to_string().contains("newest superblock"),
        "{refused}"
    );
    let report = check_with(pool, fault).unwrap();
    assert_says(&report, Severity::Damage, &["newest superblock is lost"]);

    let accepting = PoolOptions {
        accept_loss: true,
        ..options(3)
    };
    let opened = open(pool, fault, &accepting).unwrap();
    let names: Vec<String> = Volumes::new(opened)
        .list()
        .into_iter()
        .map(|info| info.name)
        .collect();
    assert_eq!(names, ["a", "b", "c"]);
}

/// The first group of the epoch is bad as well: the next one tells.
#[test]
fn the_loss_of_a_superblock_is_told_by_any_group_of_its_epoch() {
    let pool = small("restarted");
    let copy = newest(&pool.image);
    let start = superblock(&pool.image, copy).journal;
    let mut image = Image::clone(&pool.image);
    let segment = image.slots.get_mut(&start.slot.get()).unwrap();
    segment[usize::try_from(start.location.offset).unwrap() + 100] ^= 1;
    let pool = Killed {
        name: pool.name,
        image: Arc::new(image),
        states: pool.states.clone(),
    };
    let refused = open(&pool, spoilt_copy(copy), &options(3)).unwrap_err();
    assert!(
        refused.to_string().contains("newest superblock"),
        "{refused}"
    );
    let report = check_with(&pool, spoilt_copy(copy)).unwrap();
    assert_says(&report, Severity::Damage, &["newest superblock is lost"]);
}

/// Within an epoch the journal leads from the older checkpoint to the same end.
#[test]
fn a_torn_superblock_is_a_warning_that_names_the_checkpoint_in_use() {
    let pool = small("closed");
    let copy = newest(&pool.image);
    let used = superblock(&pool.image, 1 - copy).checkpoint.get();
    let report = check_with(pool, spoilt_copy(copy)).unwrap();
    let names = format!("checkpoint {used} of copy {}", 1 - copy);
    assert_says(&report, Severity::Warning, &["superblock copy", &names]);
    assert!(report.is_clean(), "{:#?}", report.findings);
    assert_eq!(outcome(pool, spoilt_copy(copy)), Outcome::Right);
}

#[test]
fn a_pool_that_was_only_created_is_clean() {
    let history = History::new(77);
    let mut killed = history.killed("created");
    // As creating the pool left it: copy 1 blank, no segment used.
    let mut image = Image {
        label: killed.image.label.clone(),
        slots: std::collections::BTreeMap::new(),
        geometry: killed.image.geometry,
    };
    image.label[524_288..524_288 + SUPERBLOCK_BYTES].fill(0);
    assert_eq!(superblock(&image, 0).checkpoint, CheckpointId::new(0));
    killed.image = Arc::new(image);
    let report = check_with(&killed, Fault::None).unwrap();
    assert_eq!(report.findings, []);
    assert_eq!(outcome(&killed, Fault::None), Outcome::Right);
}

/// The group that names the successor may be the last of its segment, and the only one to do so.
/// Where it was bad, everything behind it was once taken for torn off.
#[test]
fn a_bad_group_that_alone_names_its_successor_is_damage() {
    let pool = pools::wide();
    let all = regions(&pool.image);
    let heads = all.iter().filter(|region| region.kind == Kind::Head);
    let heads: Vec<&Region> = heads.collect();
    let last_of_segment: Vec<&&Region> = heads
        .windows(2)
        .filter(|pair| pair[0].place.area != pair[1].place.area)
        .map(|pair| &pair[0])
        .collect();
    assert!(!last_of_segment.is_empty(), "the tail goes over a segment");
    for head in last_of_segment {
        let fault = flip(head);
        let refused = open(pool, fault, &options(3)).unwrap_err();
        assert!(refused.to_string().contains("journal"), "{refused}");
        let report = check_with(pool, fault).unwrap();
        assert_says(&report, Severity::Damage, &["journal cannot be replayed"]);
    }
}

#[test]
fn damaged_data_is_told_with_its_volume_and_range() {
    let pool = small("closed");
    let all = regions(&pool.image);
    let report = check_with(pool, flip(find(&all, Kind::Data))).unwrap();
    assert_eq!(report.findings.len(), 1);
    assert_says(
        &report,
        Severity::Damage,
        &["volume \"a\"", "bytes 0..", "slot"],
    );
    assert!(!report.is_clean());
}

#[test]
fn a_damaged_page_with_a_good_copy_is_told_and_does_no_harm() {
    let pool = small("closed");
    let all = regions(&pool.image);
    let fault = flip(find(&all, Kind::TablePage));
    let report = check_with(pool, fault).unwrap();
    assert_says(&report, Severity::Damage, &["segment table's page"]);
    assert_eq!(outcome(pool, fault), Outcome::Right);
}

#[test]
fn a_damaged_leaf_is_told_with_its_range_and_the_rest_is_checked() {
    let pool = pools::wide();
    let all = regions(&pool.image);
    // Leaves of volumes have no copy: what lies directly behind such a page is another structure.
    let report = all
        .iter()
        .filter(|region| region.kind == Kind::TreePage)
        .map(|region| check_with(pool, flip(region)).unwrap())
        .find(|report| {
            report
                .findings
                .iter()
                .any(|finding| finding.what.contains("no good copy"))
        });
    let report = report.unwrap();
    assert_says(
        &report,
        Severity::Damage,
        &["volume", "bytes", "no good copy"],
    );
    assert!(report.counts.extents > 0, "the other leaves are verified");
}

/// Changes the segment table, and all that leads to it.
fn with_table(pool: &Killed, change: impl Fn(&mut SegmentTablePage)) -> Killed {
    let copy = newest(&pool.image);
    let mut superblock = superblock(&pool.image, copy);
    let mut image = Image::clone(&pool.image);
    let pointer = superblock.segment_table.as_mut().unwrap();
    let slot = superblock.segment_table_slot.get();
    let area = image.slots.get_mut(&slot).unwrap();
    let at = usize::try_from(pointer.base.offset).unwrap();
    let bytes = area[at..at + PAGE].first_chunk().unwrap();
    let mut page = SegmentTablePage::decode(bytes, superblock.checkpoint).unwrap();
    change(&mut page);
    let bytes = page.encode();
    for location in [pointer.base, pointer.copy.unwrap()] {
        let at = usize::try_from(location.offset).unwrap();
        area[at..at + PAGE].copy_from_slice(&bytes);
    }
    pointer.checksum = Checksum::new(crc32c::crc32c(&bytes));
    let at = usize::try_from(superblock_offset(copy)).unwrap();
    image.label[at..at + SUPERBLOCK_BYTES].copy_from_slice(&superblock.encode(copy));
    Killed {
        name: pool.name,
        image: Arc::new(image),
        states: pool.states.clone(),
    }
}

#[test]
fn wrong_counters_are_told_and_do_not_stop_the_check() {
    let pool = with_table(small("killed"), |page| {
        let counted = page.entries.iter_mut().find(|entry| entry.live_bytes > 0);
        counted.unwrap().live_bytes -= 4096;
    });
    let report = check_with(&pool, Fault::None).unwrap();
    assert_eq!(report.findings.len(), 1, "{:#?}", report.findings);
    assert_says(&report, Severity::Damage, &["live bytes", "report this"]);
    assert_eq!(report.counts.extents, 11);
}

#[test]
fn two_segments_in_one_slot_are_told() {
    let pool = with_table(small("closed"), |page| {
        let slot = page.entries[0].slot;
        page.entries[1].slot = slot;
    });
    let report = check_with(&pool, Fault::None).unwrap();
    assert_says(&report, Severity::Damage, &["slot of another segment"]);
}

#[test]
fn the_older_checkpoint_can_be_checked() {
    for pool in pools::small() {
        let device = ImageDevice::new(&pool.image, Fault::None) as Arc<dyn Device>;
        let options = CheckOptions {
            rewind: true,
            ..CheckOptions::default()
        };
        let report = check(device, &options, &mut |_| {}).unwrap();
        assert_eq!(report.findings, [], "pool {:?}", pool.name);
        let older = superblock(&pool.image, 1 - newest(&pool.image));
        assert_eq!(report.checkpoint, older.checkpoint);
    }
}

#[test]
fn an_empty_device_is_refused() {
    let mut killed = small("closed").image.label.clone();
    killed.fill(0);
    let image = Arc::new(Image {
        label: killed,
        slots: std::collections::BTreeMap::new(),
        geometry: small("closed").image.geometry,
    });
    let device = ImageDevice::new(&image, Fault::None) as Arc<dyn Device>;
    let refused = check(device, &CheckOptions::default(), &mut |_| {});
    assert!(matches!(refused, Err(StoreError::NoSuperblock { .. })));
}
