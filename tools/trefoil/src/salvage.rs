//! Copying what is left of a damaged pool into a directory of the host.
//!
//! ```text
//! DIR/volumes/NAME               a sparse file
//! DIR/buckets/NAME/...           the tree of a bucket
//! DIR/snapshots/...              the same of snapshots, as NAME@LABEL
//! DIR/unnameable/BUCKET/N        what a path cannot say: `a//b`, files that a directory hides
//! DIR/lost+found/BUCKET/...      what no name leads to any more
//! DIR/manifest.jsonl             a line for each of those, and for all that is missing
//! ```

mod bucket;
mod content;
mod found;
mod host;
mod metadata;
mod volume;

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use engine_format::DatasetKind;
use engine_pool::{LostKeys, Salvage, SalvagedDataset, StoreError};
use serde::Serialize;

use crate::failure::{Failure, chain};
use content::Owner;

/// Rows of a kind that a report lists; the manifest has all.
const ROWS_LISTED: usize = 1000;

/// What was copied, and what was not.
#[derive(Debug, Default, Serialize)]
pub(crate) struct CopyReport {
    pub(crate) volumes: u64,
    pub(crate) buckets: u64,
    pub(crate) files: u64,
    pub(crate) directories: u64,
    /// Bytes of data that were written.
    pub(crate) bytes: u64,
    /// Things that lie under other names than their own.
    pub(crate) renamed: u64,
    /// Attributes, owners and the like that the target did not take.
    pub(crate) untold: u64,
    pub(crate) missing_ranges: u64,
    pub(crate) missing_bytes: u64,
    /// The first of what is missing.
    pub(crate) missing: Vec<MissingRow>,
}

/// Something that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct MissingRow {
    pub(crate) owner: String,
    pub(crate) offset: u64,
    /// 0: it cannot be told how much.
    pub(crate) bytes: u64,
    pub(crate) why: String,
}

/// A line of the manifest.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Line<'a> {
    Missing(&'a MissingRow),
    /// What a path cannot say, or no name leads to.
    Renamed {
        owner: &'a str,
        path: &'a Path,
    },
    /// The target did not take this.
    Untold {
        path: &'a Path,
        what: &'a str,
        why: String,
    },
}

/// A copy on its way.
pub(crate) struct Copy<'a> {
    salvage: &'a Salvage,
    target: &'a Path,
    manifest: io::BufWriter<File>,
    report: CopyReport,
    progress: &'a mut dyn FnMut(u64),
}

/// Why a copy ends.
#[derive(Debug)]
pub(crate) enum Ended {
    /// The host refused something.
    Host(&'static str, PathBuf, io::Error),
    Pool(StoreError),
}

impl From<StoreError> for Ended {
    fn from(error: StoreError) -> Self {
        Self::Pool(error)
    }
}

type Done = Result<(), Ended>;

fn at(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Ended {
    let path = path.to_owned();
    move |error| Ended::Host(doing, path, error)
}

/// Makes the target, or takes it if it is an empty directory.
pub(crate) fn target_make(target: &Path) -> Result<(), Failure> {
    let what = format!("cannot copy to {}", target.display());
    match fs::create_dir(target) {
        Ok(()) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(Failure::because(&what, &error)),
    }
    let mut entries = fs::read_dir(target).map_err(|error| Failure::because(&what, &error))?;
    if entries.next().is_none() {
        return Ok(());
    }
    Err(Failure::error(format_args!(
        "{what}: it is not empty; name a new or an empty directory"
    )))
}

/// Copies all datasets, and snapshots if they are wanted.
pub(crate) fn copy(
    salvage: &Salvage,
    target: &Path,
    snapshots: bool,
    progress: &mut dyn FnMut(u64),
) -> Result<CopyReport, Failure> {
    let what = format!("cannot copy to {}", target.display());
    let copied = Copy::new(salvage, target, progress).and_then(|copy| copy.run(snapshots));
    copied.map_err(|ended| match ended {
        Ended::Host(doing, path, error) => {
            let path = path.display();
            Failure::because(format_args!("{what}: {doing} {path} failed"), &error)
        }
        Ended::Pool(error) => Failure::because(&what, &error),
    })
}

impl<'a> Copy<'a> {
    fn new(
        salvage: &'a Salvage,
        target: &'a Path,
        progress: &'a mut dyn FnMut(u64),
    ) -> Result<Self, Ended> {
        let manifest = target.join("manifest.jsonl");
        let file = File::create_new(&manifest).map_err(at("creating", &manifest))?;
        Ok(Self {
            salvage,
            target,
            manifest: io::BufWriter::new(file),
            report: CopyReport::default(),
            progress,
        })
    }

    fn run(mut self, snapshots: bool) -> Result<CopyReport, Ended> {
        let mut all = self.salvage.datasets();
        all.retain(|dataset| snapshots || dataset.label.is_none());
        for dataset in &all {
            if let Some(key) = dataset.locked_by {
                self.missing(MissingRow {
                    owner: owner_of(dataset),
                    offset: 0,
                    bytes: 0,
                    why: format!("it is encrypted, and master key {key} was not given"),
                })?;
                continue;
            }
            match dataset.kind {
                DatasetKind::Volume => self.volume(dataset)?,
                DatasetKind::Bucket => self.bucket(dataset)?,
            }
        }
        for keys in self.salvage.lost_keys() {
            self.missing_keys(&all, &keys)?;
        }
        for note in self.salvage.notes() {
            let row = |owner: &str| MissingRow {
                owner: owner.to_owned(),
                offset: 0,
                bytes: 0,
                why: note,
            };
            self.missing(row("pool"))?;
        }
        let manifest = self.target.join("manifest.jsonl");
        let written = self
            .manifest
            .into_inner()
            .map_err(io::IntoInnerError::into_error);
        let synced = written.and_then(|file| file.sync_all());
        synced.map_err(at("writing", &manifest))?;
        Ok(self.report)
    }

    /// Where a dataset goes.
    fn place(&mut self, dataset: &SalvagedDataset) -> Result<PathBuf, Ended> {
        let folder = match dataset.kind {
            DatasetKind::Volume => "volumes",
            DatasetKind::Bucket => "buckets",
        };
        let (parent, name) = match &dataset.label {
            None => (self.target.join(folder), dataset.name.clone()),
            Some(label) => (
                self.target.join("snapshots").join(folder),
                format!("{}@{label}", dataset.name),
            ),
        };
        fs::create_dir_all(&parent).map_err(at("making", &parent))?;
        let path = parent.join(&name);
        if host::is_nameable(name.as_bytes()) && fs::symlink_metadata(&path).is_err() {
            return Ok(path);
        }
        let path = parent.join(format!("dataset-{}", dataset.id.get()));
        self.renamed(&owner_of(dataset), &path)?;
        Ok(path)
    }

    fn line(&mut self, line: &Line<'_>) -> Done {
        let written = serde_json::to_writer(&mut self.manifest, line)
            .map_err(io::Error::from)
            .and_then(|()| self.manifest.write_all(b"\n"));
        written.map_err(at("writing", &self.target.join("manifest.jsonl")))
    }

    fn missing(&mut self, row: MissingRow) -> Done {
        self.line(&Line::Missing(&row))?;
        self.report.missing_ranges += 1;
        self.report.missing_bytes += row.bytes;
        if self.report.missing.len() < ROWS_LISTED {
            self.report.missing.push(row);
        }
        Ok(())
    }

    fn renamed(&mut self, owner: &str, path: &Path) -> Done {
        self.report.renamed += 1;
        self.line(&Line::Renamed { owner, path })
    }

    /// The target did not take something that is not content.
    fn untold(&mut self, path: &Path, what: &str, error: &io::Error) -> Done {
        self.report.untold += 1;
        let why = chain(error);
        self.line(&Line::Untold { path, what, why })
    }

    /// What was lost with a page of the index.
    fn missing_keys(&mut self, all: &[SalvagedDataset], keys: &LostKeys) -> Done {
        let of = all.iter().find(|dataset| dataset.id == keys.family);
        let owner = of.map_or_else(|| "pool".to_owned(), owner_of);
        let is_volume = of.is_some_and(|dataset| dataset.kind == DatasetKind::Volume);
        let (offset, bytes) = match is_volume {
            true => volume::range_of(keys),
            false => (0, 0),
        };
        let why = match is_volume {
            true => "a page of its index is lost".to_owned(),
            false => format!(
                "a page of its index is lost: {}",
                content::keys_in_words(keys)
            ),
        };
        self.missing(MissingRow {
            owner,
            offset,
            bytes,
            why,
        })
    }

    fn missing_range(&mut self, owner: &Owner<'_>, offset: u64, bytes: u64) -> Done {
        self.missing(MissingRow {
            owner: owner.name(),
            offset,
            bytes,
            why: "no copy of the data is good".to_owned(),
        })
    }
}

/// `volume/NAME`, `bucket/NAME`, either with `@LABEL`.
fn owner_of(dataset: &SalvagedDataset) -> String {
    let kind = match dataset.kind {
        DatasetKind::Volume => "volume",
        DatasetKind::Bucket => "bucket",
    };
    match &dataset.label {
        None => format!("{kind}/{}", dataset.name),
        Some(label) => format!("{kind}/{}@{label}", dataset.name),
    }
}
