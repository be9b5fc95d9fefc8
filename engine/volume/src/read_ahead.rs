//! Reading before it is asked for.
//!
//! A client that reads in order and waits for each answer leaves its server idle in between. What
//! is read in that time is kept together with the places that it came from, and is shown only if a
//! look at the tree at the time of the request names the same places: bytes at a place never change
//! for as long as it has its name, so whatever happened meanwhile, nothing old is shown.

use engine_base::limits::BLOCK;
use engine_base::{VolumeOffset, align_down, to_usize};
use engine_pool::StoreError;

use crate::Volume;
use crate::read::{Plan, ReadData, look_up};

/// What was read ahead: verified bytes and where they came from.
#[derive(Debug)]
pub struct Ahead {
    at: u64,
    plan: Plan,
    data: ReadData,
}

impl Volume {
    /// Reads a range if that takes no I/O. Else the host is told to begin reading it, and `None` is
    /// returned, as for a range that cannot be read: who asks for it is told why.
    #[must_use]
    pub fn read_ahead(&self, at: VolumeOffset, bytes: usize) -> Option<Ahead> {
        self.check(at, bytes as u64).ok().filter(|()| bytes > 0)?;
        let at = at.get();
        let _pin = self.pool.read_pin();
        let plan = self
            .dataset
            .with_tree(|tree| look_up(tree, at, bytes as u64))
            .ok()
            .filter(|plan| !plan.is_hole())?;
        let mut buf = plan.buffer(at, bytes);
        let mut is_cached = true;
        for part in &plan.parts {
            let to = part.range(&mut buf).ok()?;
            if !self.pool.read_extent_cached(&part.read, to).ok()? {
                is_cached = false;
                self.pool.read_extent_ahead(&part.read);
            }
        }
        for unit in self.fill_from_cached(&plan.units, &mut buf).ok()? {
            is_cached = false;
            self.pool.read_extent_ahead(&unit.read);
        }
        let start = to_usize(at - align_down(at, BLOCK));
        let runs = plan.runs.clone();
        is_cached.then(|| Ahead {
            at,
            plan,
            data: ReadData {
                buf: Some(buf),
                start,
                bytes,
                runs,
            },
        })
    }

    /// As [`Volume::read`], with what was read ahead if that is still what is there.
    ///
    /// # Errors
    /// As [`Volume::read`].
    pub async fn read_with(
        &self,
        at: VolumeOffset,
        bytes: usize,
        ahead: Option<Ahead>,
    ) -> Result<ReadData, StoreError> {
        let is_wanted = |ahead: &Ahead| ahead.at == at.get() && ahead.data.bytes == bytes;
        let Some(ahead) = ahead.filter(is_wanted) else {
            return self.read(at, bytes).await;
        };
        self.check(at, bytes as u64)?;
        let _pin = self.pool.read_pin();
        let plan = self.plan(at.get(), bytes as u64).await?;
        if plan == ahead.plan {
            return Ok(ahead.data);
        }
        self.carry_out(plan, at.get(), bytes).await
    }
}
