//! Going over the entries of a tree of which some pages may be lost.

use std::ops::ControlFlow;

use crate::Dataset;
use crate::core::Core;

/// Entries taken from the tree at once.
const EXTENTS_PER_LOOK: usize = 64;

/// An entry of a tree, copied out.
type Entry = (Vec<u8>, Vec<u8>);

/// The next extents from `from` on, and where the look after it begins. A page that no copy gives
/// was reported before: its keys are passed over.
pub(super) fn take_extents(
    core: &Core,
    dataset: &Dataset,
    from: &[u8],
    whole: &mut bool,
) -> (Vec<Entry>, Option<Vec<u8>>) {
    let reader = core.page_reader();
    let mut tree = dataset.tree.write();
    loop {
        let mut entries: Vec<Entry> = Vec::new();
        let mut next = None;
        let scanned = tree.scan(from, |key, value| {
            if entries.len() == EXTENTS_PER_LOOK {
                next = Some(key.to_vec());
                return ControlFlow::Break(());
            }
            entries.push((key.to_vec(), value.to_vec()));
            ControlFlow::Continue(())
        });
        let Err(missing) = scanned else {
            return (entries, next);
        };
        match reader.tree_page(&missing) {
            Ok(page) => {
                tree.install(&missing, page);
            }
            Err(_) => {
                *whole = false;
                let behind = (!missing.high.is_empty()).then(|| missing.high.to_vec());
                return (entries, behind);
            }
        }
    }
}
