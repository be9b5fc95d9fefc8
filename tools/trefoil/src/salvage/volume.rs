//! A volume becomes a sparse file.

use std::fs::File;

use engine_format::ExtentRef;
use engine_pool::{LostKeys, SalvagedDataset};

use super::content::Owner;
use super::{Copy, Done, at, owner_of};

impl Copy<'_> {
    pub(super) fn volume(&mut self, dataset: &SalvagedDataset) -> Done {
        let path = self.place(dataset)?;
        let file = File::create_new(&path).map_err(at("creating", &path))?;
        let size = dataset.size.get();
        file.set_len(size).map_err(at("sizing", &path))?;
        let owner = owner_of(dataset);
        let owner = Owner::of(&owner, b"");
        let mut next = Some(Vec::new());
        while let Some(from) = next {
            let found = self.salvage.entries(dataset.id, &from)?;
            for (key, value) in &found.entries {
                let start = <[u8; 8]>::try_from(&key[..]).map(u64::from_be_bytes);
                if let (Ok(start), Ok(extent)) = (start, ExtentRef::decode(value)) {
                    self.extent(&owner, (&file, &path), (start, size), &extent)?;
                }
            }
            next = found.next;
        }
        file.sync_all().map_err(at("syncing", &path))?;
        self.report.volumes += 1;
        Ok(())
    }
}

/// The bytes of a volume whose places are lost.
pub(super) fn range_of(keys: &LostKeys) -> (u64, u64) {
    // Bounds may be cut short; missing bytes count as zero.
    let offset_of = |key: &[u8]| {
        let mut bytes = [0; 8];
        for (to, from) in bytes.iter_mut().zip(key) {
            *to = *from;
        }
        u64::from_be_bytes(bytes)
    };
    let low = offset_of(&keys.low);
    match keys.high.is_empty() {
        true => (low, 0),
        false => (low, offset_of(&keys.high).saturating_sub(low)),
    }
}
