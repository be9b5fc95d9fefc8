use engine_base::{
    ByteCount, Checksum, DatasetId, DeviceId, EpochId, Location, Lsn, PoolId, SegmentId, Slot,
};
use engine_format::{CheckpointId, JournalStart, MemberRecord, Membership, Superblock};

use super::{Choice, Found, Role, Word, choose as choose_with};

pub(in crate::mirror) fn superblock(checkpoint: u64, epoch: u8, parent: u8) -> Superblock {
    Superblock {
        features_compatible: 0,
        features_read_only: 0,
        features_incompatible: 128,
        pool_id: PoolId::new([1; 16]),
        device_id: DeviceId::new([2; 16]),
        checkpoint: CheckpointId::new(checkpoint),
        lsn: Lsn::ZERO,
        epoch: EpochId::new([epoch; 16]),
        parent_epoch: (parent > 0).then(|| EpochId::new([parent; 16])),
        segment_bytes: 2 << 20,
        slots: 40,
        journal: JournalStart {
            slot: Slot::new(0),
            location: Location {
                segment: SegmentId::FIRST,
                offset: 4096,
            },
            chain: Checksum::new(0),
            successor: None,
        },
        next_segment: SegmentId::FIRST.next(),
        next_dataset: DatasetId::FIRST_USER,
        created_unix_nanos: 0,
        pool_root: None,
        roots_root: None,
        segment_table: None,
        segment_table_slot: Slot::new(0),
    }
}

fn first(members: u8, replicas: u32) -> Membership {
    let member = |id: u8| MemberRecord {
        device: DeviceId::new([id; 16]),
        bytes: ByteCount::new(96 << 20),
        stale_since: None,
        name: format!("d{id}"),
    };
    Membership {
        set: [9; 16],
        device: DeviceId::new([1; 16]),
        replicas,
        generation: 1,
        generation_id: 1,
        history: [0; 64],
        members: (1..=members).map(member).collect(),
    }
}

/// `record` as the next generation with id `id`, in which the member at `place` is stale.
fn without(record: &Membership, id: u64, place: usize) -> Membership {
    let mut next = record.successor(id);
    next.members[place].stale_since = Some(next.generation);
    next
}

fn on(device: u8, record: &Membership, superblocks: Vec<Superblock>) -> Found {
    Found {
        name: format!("d{device}"),
        record: Membership {
            device: DeviceId::new([device; 16]),
            ..record.clone()
        },
        blank: superblocks.is_empty(),
        superblocks,
    }
}

fn sb() -> Vec<Superblock> {
    vec![superblock(4, 1, 0), superblock(5, 1, 0)]
}

fn choose(found: &[Found], degraded: bool) -> Result<Choice, String> {
    let word = if degraded { Word::Degraded } else { Word::None };
    choose_with(found, word)
}

fn roles(choice: Result<Choice, String>) -> Vec<Role> {
    choice.unwrap().roles
}

fn refused(choice: Result<Choice, String>, why: &str) {
    let error = choice.unwrap_err();
    assert!(error.contains(why), "{error}");
}

#[test]
fn all_that_are_current_count() {
    let record = first(2, 2);
    let choice = choose(&[on(2, &record, sb()), on(1, &record, sb())], false).unwrap();
    assert_eq!(choice.roles, [Role::Current(1), Role::Current(0)]);
    assert!(!choice.changed && !choice.blank);
}

#[test]
fn a_missing_one_takes_a_word_unless_it_is_known_to_be_stale() {
    let record = first(2, 2);
    let alone = [on(1, &record, sb())];
    refused(choose(&alone, false), "--degraded");
    let choice = choose(&alone, true).unwrap();
    assert_eq!(choice.roles, [Role::Current(0), Role::Absent]);
    assert!(choice.changed);
    assert_eq!(choice.record.members[1].stale_since, Some(2));
    let excluded = without(&record, 7, 1);
    let choice = choose(&[on(1, &excluded, sb())], false).unwrap();
    assert_eq!(choice.roles, [Role::Current(0), Role::Absent]);
    assert!(!choice.changed);
}

#[test]
fn a_path_where_another_one_lies_now_is_not_said_to_be_missing() {
    let record = first(2, 2);
    let mut one = on(1, &record, sb());
    // Where the other one was.
    one.name = "d2".to_owned();
    let why = choose(&[one], false).unwrap_err();
    let id = record.members[1].device.to_string();
    assert!(
        why.starts_with(&format!("device {id} (another one lies now at d2")),
        "{why}"
    );
}

#[test]
fn a_stale_one_catches_up() {
    let record = first(2, 2);
    let excluded = without(&record, 7, 1);
    let both = [on(1, &excluded, sb()), on(2, &record, sb())];
    assert_eq!(
        roles(choose(&both, false)),
        [Role::Current(0), Role::CatchUp(1)]
    );
}

#[test]
fn one_that_was_being_copied_to_is_only_read() {
    let excluded = without(&first(2, 2), 7, 1);
    let knows = [on(2, &excluded, sb())];
    refused(choose(&knows, false), "stale");
    refused(choose(&knows, true), "no single moment");
    let choice = choose_with(&knows, Word::ReadOnly).unwrap();
    assert_eq!(choice.roles, [Role::Absent, Role::Current(0)]);
    assert!(choice.stale_only);
}

#[test]
fn of_stale_ones_the_last_that_dropped_out_whole_counts() {
    // The first goes, then the second; the third went on alone, and is lost; the fourth was being
    // copied to, and knows all of that.
    let record = first(4, 4);
    let without_first = without(&record, 7, 0);
    let alone = without(&without(&without_first, 8, 1), 9, 3);
    // A higher number of a checkpoint proves nothing: the newest of the second has rotted away.
    let newer = vec![superblock(9, 1, 0), superblock(8, 1, 0)];
    let found = [
        on(1, &record, newer),
        on(2, &without_first, sb()),
        on(4, &alone, sb()),
    ];
    refused(choose(&found, false), "stale");
    let choice = choose(&found, true).unwrap();
    assert_eq!(
        choice.roles,
        [
            Role::CopyAll(0),
            Role::Current(1),
            Role::Absent,
            Role::CopyAll(2)
        ]
    );
    assert!(choice.changed && choice.stale_only);
    assert_eq!(choice.current_of(&found), ["d2"]);
    // Two that dropped out whole at once are both kept.
    let record = first(4, 3);
    let last = without(&record, 7, 3);
    let mut alone = without(&last, 8, 0);
    alone.members[1].stale_since = Some(alone.generation);
    let found = [on(1, &last, sb()), on(2, &last, sb()), on(4, &alone, sb())];
    assert_eq!(
        roles(choose(&found, true)),
        [
            Role::Current(0),
            Role::Current(1),
            Role::Absent,
            Role::CopyAll(2)
        ]
    );
}

#[test]
fn two_histories_are_refused_in_every_order() {
    let record = first(2, 2);
    let (a, b) = (without(&record, 7, 1), without(&record, 8, 0));
    for degraded in [false, true] {
        let forked = [on(1, &a, sb()), on(2, &b, sb())];
        refused(choose(&forked, degraded), "two histories");
        let later = without(&a, 9, 1);
        let forked = [on(2, &b, sb()), on(1, &later, sb())];
        refused(choose(&forked, degraded), "two histories");
    }
    let same = [
        on(1, &record, sb()),
        on(2, &record, vec![superblock(5, 3, 1)]),
    ];
    refused(choose(&same, true), "two histories");
}

#[test]
fn one_that_was_put_back_from_a_copy_is_copied_everything() {
    let record = first(2, 2);
    let new = || vec![superblock(9, 2, 1), superblock(8, 2, 1)];
    for old in [
        vec![superblock(7, 2, 1)],
        vec![superblock(8, 1, 0)],
        vec![superblock(2, 1, 0), superblock(1, 1, 0)],
        vec![],
    ] {
        let both = [on(1, &record, new()), on(2, &record, old)];
        let choice = choose(&both, false);
        assert_eq!(roles(choice), [Role::Current(0), Role::CopyAll(1)]);
    }
    // What a crash leaves while a checkpoint is written, the first of an epoch or a later one.
    let first = vec![superblock(9, 2, 1), superblock(7, 1, 0)];
    let torn = [
        on(1, &record, first),
        on(2, &record, vec![superblock(8, 1, 0)]),
    ];
    assert_eq!(
        roles(choose(&torn, false)),
        [Role::Current(0), Role::Current(1)]
    );
    let torn = [
        on(1, &record, new()),
        on(2, &record, vec![superblock(8, 2, 1)]),
    ];
    assert_eq!(
        roles(choose(&torn, false)),
        [Role::Current(0), Role::Current(1)]
    );
}

#[test]
fn strangers_twins_and_replaced_ones_are_refused() {
    let record = first(2, 2);
    let other = Membership {
        set: [8; 16],
        ..record.clone()
    };
    let found = [on(1, &record, sb()), on(2, &other, sb())];
    refused(choose(&found, true), "different pools");
    let found = [on(1, &record, sb()), on(1, &record, sb())];
    refused(choose(&found, true), "twice");
    let mut replaced = record.successor(5);
    replaced.members[1].device = DeviceId::new([7; 16]);
    let found = [on(1, &replaced, sb()), on(2, &record, sb())];
    refused(choose(&found, true), "was replaced");
    let mut away = without(&record, 5, 1);
    for id in 10..80 {
        away = away.successor(id);
    }
    let found = [on(1, &away, sb()), on(2, &record, sb())];
    refused(choose(&found, true), "too long");
}

#[test]
fn too_few_are_refused_whatever_is_said() {
    let record = first(3, 2);
    let found = [on(1, &record, sb())];
    refused(choose(&found, true), "some segments have none");
    let found = [on(1, &record, sb()), on(3, &record, sb())];
    refused(choose(&found, false), "--degraded");
    assert_eq!(
        roles(choose(&found, true)),
        [Role::Current(0), Role::Absent, Role::Current(1)]
    );
    let record = first(2, 1);
    refused(choose(&[on(1, &record, sb())], true), "some segments");
}

#[test]
fn making_a_pool_that_was_interrupted_is_begun_again() {
    let record = first(2, 2);
    let choice = choose(&[on(1, &record, vec![]), on(2, &record, vec![])], false).unwrap();
    assert!(choice.blank && !choice.changed);
    assert_eq!(choice.roles, [Role::Current(0), Role::Current(1)]);
}
