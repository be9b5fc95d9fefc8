//! What lies where an extent says.

use engine_base::limits::BLOCK_BYTES;
use engine_base::{Location, SegmentId, to_u32, to_usize};
use engine_format::{ExtentRef, FormatError, SegmentKind, SegmentState, decompress_unit};

use super::Data;
use crate::check::Check;
use crate::check::report::chain;
use crate::core::Core;

impl Check<'_> {
    /// Reads and verifies an extent; `false` if something is wrong, which was told.
    pub(super) fn extent_data(
        &mut self,
        range: &str,
        extent: &ExtentRef<'_>,
        data: &mut Data<'_>,
    ) -> bool {
        let bytes = extent.checksums().len() * BLOCK_BYTES;
        let Some(buf) = data.buf.get_mut(..bytes) else {
            return false;
        };
        match self.verify(range, extent, data.core, buf) {
            Ok(()) => true,
            Err(what) => {
                self.damage(format!("{range}: {what}"));
                false
            }
        }
    }

    /// What is wrong with what an extent says, in words.
    fn verify(
        &mut self,
        range: &str,
        extent: &ExtentRef<'_>,
        core: &Core,
        buf: &mut [u8],
    ) -> Result<(), String> {
        let location = extent.location();
        let end = u64::from(location.offset) + buf.len() as u64;
        if !is_written(core, location.segment, end) {
            return Err(format!(
                "its data should be at {location}, where no journal segment was written; restore \
                 that range from a backup"
            ));
        }
        self.read_data(range, extent, core, buf).map_err(|error| {
            format!(
                "its data at {location} cannot be read ({}); restore that range from a backup",
                chain(&error)
            )
        })?;
        self.verified(buf.len() as u64);
        if let Some((first, count)) = bad_blocks(buf, extent) {
            let offset = location.offset + to_u32(first * BLOCK_BYTES);
            let segment = location.segment;
            let place = match core.run_at(Location { segment, offset }, BLOCK_BYTES) {
                Ok((place, _)) => place.to_string(),
                Err(error) => chain(&error),
            };
            return Err(format!(
                "{count} of its {} blocks are damaged, the first at {segment} offset {offset} \
                 ({place}); reading them fails: restore or overwrite that range",
                extent.checksums().len()
            ));
        }
        decode(buf, extent).map_err(|error| {
            let error = chain(&error);
            format!("its data at {location} cannot be read ({error})")
        })
    }
}

fn is_written(core: &Core, segment: SegmentId, end: u64) -> bool {
    core.space
        .lock()
        .segments
        .get(&segment)
        .is_some_and(|known| {
            known.kind == SegmentKind::Journal
                && known.state != SegmentState::Dead
                && end <= u64::from(known.written)
        })
}

/// Whether a compressed extent is what it should be, now that its stored bytes are.
fn decode(buf: &[u8], extent: &ExtentRef<'_>) -> Result<(), FormatError> {
    // Sealed bytes are what their checksums say; nobody can say more without the key.
    let Some(unit) = extent.codec().unit().filter(|_| extent.seal().is_none()) else {
        return Ok(());
    };
    let mut bytes = vec![0; to_usize(unit.bytes().into())];
    decompress_unit(&unit, buf, &mut bytes)
}

/// The first block that is not what its checksum says, and how many are not.
fn bad_blocks(buf: &[u8], extent: &ExtentRef<'_>) -> Option<(usize, usize)> {
    let blocks = buf.chunks_exact(BLOCK_BYTES).zip(extent.checksums().iter());
    let mut bad = blocks
        .enumerate()
        .filter(|(_, (block, expected))| crc32c::crc32c(block) != expected.get())
        .map(|(index, _)| index);
    let first = bad.next()?;
    Some((first, 1 + bad.count()))
}
