//! Everything once, small: what is done is right, however long it takes.

use super::{Arguments, Phase, kept, listing, objects, renames};

fn arguments(directory: &tempfile::TempDir) -> Arguments {
    Arguments {
        dir: directory.path().to_owned(),
        memory_mib: 256,
        blocks: 0,
        seed: 7,
        phase: Phase::List,
    }
}

#[test]
fn a_large_bucket_reads_few_pages_and_is_listed_whole() {
    let directory = tempfile::tempdir().unwrap();
    let arguments = arguments(&directory);
    let options = objects::Options {
        objects: 5000,
        reference: 500,
        rounds: 1,
        operations: 50,
        loaded: false,
        any_time: true,
    };
    objects::run(&arguments, &options).unwrap();
    if rustix::process::geteuid().is_root() {
        listing::run(&arguments).unwrap();
    }
}

#[test]
fn who_finds_a_key_of_a_renamed_directory_gone_finds_it_at_the_new_place() {
    let directory = tempfile::tempdir().unwrap();
    let options = renames::Options {
        entries: 2000,
        renames: 20,
        readers: 4,
        any_time: true,
    };
    renames::run(&arguments(&directory), &options).unwrap();
}

#[test]
fn many_snapshots_are_listed_read_and_deleted() {
    let directory = tempfile::tempdir().unwrap();
    let options = kept::Options { snapshots: 50 };
    kept::run(&arguments(&directory), &options).unwrap();
}
