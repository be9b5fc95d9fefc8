//! Bytes of which there are several copies: whichever is good answers, what is bad is rewritten.
//!
//! What makes bytes good is said by the caller, unit by unit: blocks with a checksum each, or one
//! page. So a range is whole if each of its units is good on some copy.

use engine_base::Checksum;
use engine_base::limits::BLOCK_BYTES;
use engine_base::to_usize;
use engine_device::{Device, PageBuf, Place, ReadFrom};

/// Whether unit `index` holds what it should.
pub(crate) type IsGood<'a> = &'a dyn Fn(usize, &[u8]) -> bool;

/// A range and how it is checked.
#[derive(Clone, Copy)]
pub(crate) struct Range<'a> {
    pub(crate) place: Place,
    /// Bytes of a unit.
    pub(crate) unit: usize,
    pub(crate) is_good: IsGood<'a>,
}

/// What was found of a range.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Examined {
    /// Every unit is good on some copy.
    pub(crate) whole: bool,
    /// The copies in service that are not good everywhere.
    pub(crate) bad: Vec<usize>,
}

/// One copy as it was read.
struct Copy {
    number: usize,
    /// `None`: it cannot be read.
    bytes: Option<PageBuf>,
}

impl Copy {
    fn unit(&self, range: &Range<'_>, index: usize) -> Option<&[u8]> {
        let bytes = self.bytes.as_deref()?;
        let unit = bytes.get(index * range.unit..)?;
        let unit = unit.get(..range.unit.min(unit.len()))?;
        (range.is_good)(index, unit).then_some(unit)
    }
}

/// Reads every copy of a range from storage and puts what is good together in `buf`, whose units
/// stay as they are where they are good or none is. With `repair` bad copies are rewritten with
/// what is good.
pub(crate) fn examine(
    device: &dyn Device,
    range: &Range<'_>,
    buf: &mut [u8],
    repair: bool,
) -> Examined {
    let copies: Vec<Copy> = device
        .copies_in_service(range.place.area)
        .into_iter()
        .map(|number| {
            let mut bytes = PageBuf::recycled(buf.len());
            let read = device.read_copy(number, range.place, ReadFrom::Storage, &mut bytes);
            Copy {
                number,
                bytes: read.is_ok().then_some(bytes),
            }
        })
        .collect();
    let mut good = Vec::new();
    for (index, unit) in buf.chunks_mut(range.unit).enumerate() {
        let mut is_good = (range.is_good)(index, unit);
        if !is_good && let Some(bytes) = copies.iter().find_map(|copy| copy.unit(range, index)) {
            unit.copy_from_slice(bytes);
            is_good = true;
        }
        good.push(is_good);
    }
    let mut examined = Examined {
        whole: good.iter().all(|good| *good),
        bad: Vec::new(),
    };
    for copy in &copies {
        let bad: Vec<usize> = (0..good.len())
            .filter(|index| copy.unit(range, *index).is_none())
            .collect();
        if bad.is_empty() {
            continue;
        }
        examined.bad.push(copy.number);
        if repair && copies.len() > 1 {
            let fixable = bad
                .into_iter()
                .filter(|index| good.get(*index) == Some(&true));
            rewrite(device, range, buf, copy.number, fixable);
        }
    }
    examined
}

/// Rewrites units of one copy.
fn rewrite(
    device: &dyn Device,
    range: &Range<'_>,
    buf: &[u8],
    copy: usize,
    units: impl Iterator<Item = usize>,
) {
    for index in units {
        let offset = index * range.unit;
        let Some(bytes) = buf.get(offset..) else {
            continue;
        };
        let bytes = bytes.get(..range.unit.min(bytes.len())).unwrap_or_default();
        let at = Place {
            offset: range.place.offset + offset as u64,
            ..range.place
        };
        match device.repair(copy, at, bytes) {
            Ok(()) => tracing::warn!(%at, copy, "a bad copy was rewritten with a good one"),
            Err(error) => {
                tracing::error!(%at, copy, %error, "a bad copy could not be rewritten");
                return;
            }
        }
    }
}

/// Reads a range that is one unit with this checksum, blocking the thread. `false`: no copy is
/// good, and `buf` is what was read first.
///
/// # Errors
/// [`engine_device::DeviceError`] if none can be read.
pub(crate) fn read_checked(
    device: &dyn Device,
    place: Place,
    checksum: Checksum,
    buf: &mut [u8],
    repair: bool,
) -> Result<bool, engine_device::DeviceError> {
    let is_good = |_: usize, bytes: &[u8]| crc32c::crc32c(bytes) == checksum.get();
    let read = device.read(place, buf);
    if read.is_ok() && is_good(0, buf) {
        return Ok(true);
    }
    if read.is_err() {
        buf.fill(0);
    }
    let unit = buf.len().max(1);
    let range = Range {
        place,
        unit,
        is_good: &is_good,
    };
    if examine(device, &range, buf, repair).whole {
        return Ok(true);
    }
    read.map(|()| false)
}

/// Whether a block of an extent is the one that its checksum says.
pub(crate) fn is_block(
    checksums: engine_format::Checksums<'_>,
    index: usize,
    block: &[u8],
) -> bool {
    let expected = checksums.iter().nth(index);
    block.len() == BLOCK_BYTES && expected.is_some_and(|crc| crc.get() == crc32c::crc32c(block))
}

/// Bytes as a buffer may have.
pub(crate) fn length(bytes: u32) -> usize {
    to_usize(u64::from(bytes))
}
