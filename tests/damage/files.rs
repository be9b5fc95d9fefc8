//! Files of the host that end early: the same rules on a directory, through the host's file system.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};

use engine_device::{OpenMode, open_path};
use engine_pool::{CheckOptions, Pool, check};
use engine_volume::Volumes;

use crate::device::Image;
use crate::history::{Killed, options};
use crate::pools;
use crate::verdict::{Outcome, compare};

/// Writes the pool as the directory that it would be.
fn write_directory(image: &Image, path: &Path) {
    fs::create_dir_all(path.join("segments")).unwrap();
    fs::write(path.join("superblock"), &image.label).unwrap();
    for (slot, bytes) in &image.slots {
        fs::write(path.join(format!("segments/{slot:08x}.seg")), bytes).unwrap();
    }
}

fn is_reported(path: &Path) -> bool {
    let Ok(opened) = open_path(path, OpenMode::ReadOnly) else {
        return true;
    };
    let report = check(opened.device, &CheckOptions::default(), &mut |_| {});
    report.map_or(true, |report| !report.findings.is_empty())
}

fn outcome(path: &Path, pool: &Killed) -> Outcome {
    let Ok(opened) = open_path(path, OpenMode::ReadWrite) else {
        return Outcome::Refused;
    };
    match Pool::open(opened.device, &options(5)) {
        Ok(opened) => compare(&Volumes::new(opened), pool.states.last().unwrap()),
        Err(_) => Outcome::Refused,
    }
}

fn cut(file: &Path, bytes: u64) {
    let file: File = OpenOptions::new().write(true).open(file).unwrap();
    file.set_len(bytes).unwrap();
}

#[test]
fn cut_files_of_a_directory() {
    let pool = &pools::small()[2];
    assert_eq!(pool.name, "closed");
    let directory = tempfile::tempdir().unwrap();
    let whole = directory.path().join("whole");
    write_directory(&pool.image, &whole);
    assert!(!is_reported(&whole));
    assert_eq!(outcome(&whole, pool), Outcome::Right);

    let slots = pool.image.slots.keys();
    let names = slots.map(|slot| PathBuf::from(format!("segments/{slot:08x}.seg")));
    let mut reported = 0;
    for name in names.chain([PathBuf::from("superblock")]) {
        for bytes in [0, 1, 4096, 8192, 20_000, 600_000] {
            let cut_pool = directory.path().join("cut");
            write_directory(&pool.image, &cut_pool);
            cut(&cut_pool.join(&name), bytes);
            let is_reported = is_reported(&cut_pool);
            let outcome = outcome(&cut_pool, pool);
            assert!(
                outcome != Outcome::Wrong && (is_reported || outcome == Outcome::Right),
                "{name:?} cut to {bytes}: {outcome:?}, reported: {is_reported}"
            );
            reported += usize::from(is_reported);
            fs::remove_dir_all(&cut_pool).unwrap();
        }
    }
    assert!(reported > 6, "cut files are seen");
}
