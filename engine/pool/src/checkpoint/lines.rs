//! The families as checkpoints see them: whose pages are whose.

use std::collections::{BTreeMap, HashSet};
use std::convert::Infallible;

use engine_base::{DatasetId, Location};
use engine_format::{PagePointer, RootsRecord, roots_key};
use engine_tree::{LoadedPage, Missing, Tree, walk};

use crate::StoreError;
use crate::family::Growth;
use crate::pages::PageReader;

/// One state of a family.
#[derive(Debug)]
struct Line {
    family: DatasetId,
    parent: Option<DatasetId>,
    /// Of a snapshot that was written: pages before this place are older.
    pages: Option<Location>,
}

/// The members of families, as of the newest checkpoint, and of the one that is being written.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    all: BTreeMap<DatasetId, Line>,
}

impl Lines {
    /// Notes a member that the checkpoint has which was opened.
    pub(crate) fn load(
        &mut self,
        id: DatasetId,
        family: DatasetId,
        parent: Option<DatasetId>,
        pages: Option<Location>,
    ) {
        let line = Line {
            family,
            parent,
            pages,
        };
        self.all.insert(id, line);
    }

    /// Whose number the pages of a dataset carry, and whether others may have some of them.
    pub(crate) fn family_of(&self, id: DatasetId) -> (DatasetId, bool) {
        let known = self.all.get(&id);
        (known.map_or(id, |line| line.family), known.is_some())
    }

    pub(super) fn grow(&mut self, grown: &[Growth]) {
        for growth in grown {
            match *growth {
                Growth::Kept {
                    snapshot,
                    head,
                    family,
                } => {
                    let parent = self.all.get(&head).and_then(|line| line.parent);
                    self.load(snapshot, family, parent, None);
                    self.load(head, family, Some(snapshot), None);
                }
                Growth::Branched {
                    head,
                    parent,
                    family,
                } => self.load(head, family, Some(parent), None),
            }
        }
    }

    /// Pages before this place belong to the parent too.
    ///
    /// # Panics
    /// If the parent was not written: it is written first (programmer error).
    pub(super) fn parent_pages(&self, id: DatasetId) -> Option<Location> {
        let parent = self.all.get(&self.all.get(&id)?.parent?)?;
        Some(
            parent
                .pages
                .expect("snapshots are written before what went on from them"),
        )
    }

    pub(super) fn wrote_snapshot(&mut self, id: DatasetId, pages: Location) {
        if let Some(line) = self.all.get_mut(&id) {
            line.pages = Some(pages);
        }
    }

    /// Takes a member out; what went on from it went on from its parent.
    pub(super) fn remove(&mut self, id: DatasetId) {
        let Some(removed) = self.all.remove(&id) else {
            return;
        };
        for line in self.all.values_mut() {
            if line.parent == Some(id) {
                line.parent = removed.parent;
            }
        }
    }

    /// The pages that only a snapshot refers to. Inner pages that only it or its child has are
    /// read. If one is damaged nothing is freed: it cannot be told any more what is still needed.
    pub(super) fn pages_of_removed(
        &self,
        reader: PageReader<'_>,
        roots: &mut Tree,
        id: DatasetId,
    ) -> Result<Vec<(Location, u32)>, StoreError> {
        let Some(line) = self.all.get(&id) else {
            return Ok(Vec::new());
        };
        let own = line
            .pages
            .expect("snapshots are written before they are freed");
        let above = self.parent_pages(id);
        let mut walk = Pages {
            reader,
            family: line.family,
        };
        let mut shared = HashSet::new();
        let children = self.all.iter().filter(|(_, line)| line.parent == Some(id));
        for (child, _) in children {
            let root = root_of(reader, roots, *child)?;
            let is_older = |at: Location| at < own;
            let freed = walk.visit(root, is_older, |part| {
                if is_older(part.0) {
                    shared.insert(part.0);
                }
            });
            if !freed? {
                return Ok(Vec::new());
            }
        }
        let mut freed = Vec::new();
        let root = root_of(reader, roots, id)?;
        let stays = |at: Location| shared.contains(&at) || above.is_some_and(|above| at < above);
        let whole = walk.visit(root, stays, |part| {
            if !stays(part.0) {
                freed.push(part);
            }
        })?;
        Ok(if whole { freed } else { Vec::new() })
    }
}

struct Pages<'a> {
    reader: PageReader<'a>,
    family: DatasetId,
}

impl Pages<'_> {
    /// Visits the parts of all pages from a root on, but for what is below pages that `ends` names.
    /// `false` if a page is damaged.
    fn visit(
        &mut self,
        root: Option<PagePointer>,
        ends: impl Fn(Location) -> bool,
        mut visit: impl FnMut((Location, u32)),
    ) -> Result<bool, StoreError> {
        let mut result = Ok(true);
        let walked = walk::<Infallible>(self.family, root, |missing| {
            missing.pointer.parts().for_each(&mut visit);
            let is_end = missing.level == Some(0) || ends(missing.pointer.base);
            if is_end || !matches!(result, Ok(true)) {
                return Ok(None);
            }
            Ok(self.read(missing).unwrap_or_else(|error| {
                result = error;
                None
            }))
        });
        match walked {
            Ok(()) => result,
        }
    }

    fn read(&self, missing: &Missing) -> Result<Option<LoadedPage>, Result<bool, StoreError>> {
        match self.reader.tree_page(missing) {
            Ok(page) => Ok(Some(page)),
            Err(error @ StoreError::PageDamaged { .. }) => {
                tracing::error!(tree = %missing.tree, %error,
                    "pages of a removed snapshot stay in use: what leads to them is damaged");
                Err(Ok(false))
            }
            Err(error) => Err(Err(error)),
        }
    }
}

/// The root of a dataset as the checkpoint has it.
fn root_of(
    reader: PageReader<'_>,
    roots: &mut Tree,
    id: DatasetId,
) -> Result<Option<PagePointer>, StoreError> {
    let key = roots_key(id);
    let found = reader.with_pages(roots, |roots| {
        roots.get(&key, |value| value.map(RootsRecord::decode))
    })?;
    let record = found
        .transpose()
        .map_err(|error| StoreError::Inconsistent {
            what: format!("the root of {id}: {error}"),
        })?;
    Ok(record.and_then(|record| record.root))
}
