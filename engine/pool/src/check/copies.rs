//! Every copy of a place, where a pool keeps several.

use engine_base::Checksum;
use engine_base::limits::BLOCK_BYTES;
use engine_device::{Area, PageBuf, Place, ReadFrom};
use engine_format::ExtentRef;

use super::Check;
use crate::StoreError;
use crate::copies::{Range, examine, is_block};
use crate::core::Core;

impl Check<'_> {
    /// Looks at every copy of a range; one that is bad where another is good is damage of its
    /// device, or what a power cut has left of the last sync round. What is good of all is in `buf`
    /// then; whether it is whole.
    ///
    /// `what` is whose bytes these are. With one copy nothing is read: what was read is judged.
    pub(super) fn every_copy(&mut self, what: &str, range: &Range<'_>, buf: &mut [u8]) -> bool {
        let device = std::sync::Arc::clone(&self.device);
        let area = range.place.area;
        if device.copies(area) == 1 {
            let mut units = buf.chunks(range.unit).enumerate();
            return units.all(|(index, unit)| (range.is_good)(index, unit));
        }
        let examined = examine(&*device, range, buf, false);
        let bytes = buf.len() as u64;
        self.verified(bytes * device.copies(area).saturating_sub(1) as u64);
        if examined.whole {
            let is_last = self.unvouched.iter().any(|last| last.covers(range.place));
            for copy in examined.bad {
                let what = format!(
                    "{what}: the copy on {} at {} is not good, another one is",
                    device.name_of_copy(copy, area),
                    range.place
                );
                if is_last {
                    self.warn(format!(
                        "{what}: a power cut leaves this behind, and opening the pool rewrites it"
                    ));
                } else {
                    self.damage(format!("{what}: a scrub rewrites it; look at that device"));
                }
            }
        }
        examined.whole
    }

    /// The same of bytes that have one checksum.
    pub(super) fn every_copy_of(
        &mut self,
        what: &str,
        place: Place,
        checksum: Checksum,
        buf: &mut [u8],
    ) -> bool {
        let range = Range {
            place,
            unit: buf.len().max(1),
            is_good: &|_, bytes| crc32c::crc32c(bytes) == checksum.get(),
        };
        self.every_copy(what, &range, buf)
    }

    /// Bytes as some copy has them: of the first that can be read and is good, else of the first
    /// that can be read.
    ///
    /// # Errors
    /// The first copy's, if none can be read.
    pub(super) fn read_any(
        &self,
        place: Place,
        bytes: usize,
        is_good: impl Fn(&[u8]) -> bool,
    ) -> Result<PageBuf, engine_device::DeviceError> {
        let device = &self.device;
        let (mut found, mut failure) = (None, None);
        for copy in device.copies_in_service(place.area) {
            let mut buf = PageBuf::recycled(bytes);
            match device.read_copy(copy, place, ReadFrom::Cache, &mut buf) {
                Ok(()) if is_good(&buf) => return Ok(buf),
                Ok(()) => found = found.or(Some(buf)),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        match (found, failure) {
            (Some(buf), _) => Ok(buf),
            (None, Some(error)) => Err(error),
            (None, None) => {
                let mut buf = PageBuf::recycled(bytes);
                device.read(place, &mut buf)?;
                Ok(buf)
            }
        }
    }

    /// The blocks of an extent, as good copies have them.
    pub(super) fn read_data(
        &mut self,
        range: &str,
        extent: &ExtentRef<'_>,
        core: &Core,
        buf: &mut [u8],
    ) -> Result<(), StoreError> {
        let read = core.read_stored(extent.location(), buf);
        if read.is_err() && self.device.copies(Area::Label) == 1 {
            return read;
        }
        let (mut rest, mut first, mut whole) = (buf, 0, true);
        for (place, run) in core.runs_at(extent.location(), rest.len())? {
            let (now, later) = rest.split_at_mut(run);
            let is_good =
                |index: usize, block: &[u8]| is_block(extent.checksums(), first + index, block);
            let run_of = Range {
                place,
                unit: BLOCK_BYTES,
                is_good: &is_good,
            };
            whole &= self.every_copy(range, &run_of, now);
            first += run / BLOCK_BYTES;
            rest = later;
        }
        if whole { Ok(()) } else { read }
    }
}
