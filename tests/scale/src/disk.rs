//! The disk below the pool: emptying its page cache, and what a random read of it takes.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

use engine_base::SeededEntropy;
use rustix::fs::{Advice, fadvise, sync};

use crate::samples::Samples;

/// Bytes of a read: a page of the index.
const READ_BYTES: usize = 16 << 10;

/// Files of a directory, those in directories of it too.
fn files_in(directory: &Path) -> io::Result<Vec<File>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            files.extend(files_in(&entry.path())?);
        } else if kind.is_file() {
            files.push(File::open(entry.path())?);
        }
    }
    Ok(files)
}

/// Takes what is in the files of `directory` out of the host's page cache.
pub(crate) fn forget(directory: &Path) -> io::Result<()> {
    // What is dirty stays.
    sync();
    for file in files_in(directory)? {
        fadvise(&file, 0, None, Advice::DontNeed)?;
    }
    Ok(())
}

/// Times of `count` reads at random places of what was written in `directory`, none of them from
/// the page cache.
pub(crate) fn random_reads(directory: &Path, count: usize, seed: u64) -> io::Result<Samples> {
    forget(directory)?;
    let mut written = Vec::new();
    for file in files_in(directory)? {
        let metadata = file.metadata()?;
        let has_no_holes = metadata.blocks() * 512 >= metadata.len();
        if metadata.len() >= READ_BYTES as u64 && has_no_holes {
            fadvise(&file, 0, None, Advice::Random)?;
            written.push((file, metadata.len() / READ_BYTES as u64));
        }
    }
    let random = SeededEntropy::new(seed);
    let mut samples = Samples::default();
    let mut buffer = vec![0; READ_BYTES];
    for _ in 0..count {
        let which = random.next_u64() % written.len().max(1) as u64;
        let Some((file, places)) = usize::try_from(which).ok().and_then(|at| written.get(at))
        else {
            break;
        };
        let offset = random.next_u64() % places * READ_BYTES as u64;
        samples.time(|| file.read_exact_at(&mut buffer, offset))?;
    }
    Ok(samples)
}
