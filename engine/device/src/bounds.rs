//! Which bytes exist: the same answer for every kind of device.

use std::io;

use engine_base::Slot;
use engine_base::limits::LABEL_BYTES;

use crate::{Area, Geometry, Place};

/// Refuses a transfer of `bytes` bytes that is not inside of one area. Places may come from
/// storage, so a wrong one is an error.
pub(crate) fn check(geometry: Option<&Geometry>, at: Place, bytes: usize) -> io::Result<()> {
    let area_bytes = match at.area {
        Area::Label => LABEL_BYTES,
        Area::Segment(slot) => u64::from(check_slot(geometry, slot)?.segment_bytes),
    };
    let end = u64::try_from(bytes)
        .ok()
        .and_then(|bytes| at.offset.checked_add(bytes));
    if end.is_some_and(|end| end <= area_bytes) {
        return Ok(());
    }
    Err(invalid(format!(
        "{bytes} bytes from there reach past its {area_bytes} bytes"
    )))
}

/// The geometry, if `slot` is part of it.
pub(crate) fn check_slot(geometry: Option<&Geometry>, slot: Slot) -> io::Result<Geometry> {
    let Some(geometry) = geometry else {
        return Err(invalid(
            "the device has no slots before it is attached".to_owned(),
        ));
    };
    if slot.get() < geometry.slots {
        return Ok(*geometry);
    }
    Err(invalid(format!(
        "the device has only {} slots",
        geometry.slots
    )))
}

fn invalid(reason: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, reason)
}
