//! Where captured trees write their pages.

use engine_base::Location;
use engine_base::limits::BLOCK;
use engine_device::Device;
use engine_format::DELTA_ALIGNMENT;
use engine_log::{IndexStream, LogError, SegmentSource};
use engine_tree::{PageKind, PageSink};

/// The index stream as a tree sees it.
pub(super) struct Sink<'a> {
    pub(super) stream: &'a mut IndexStream,
    pub(super) device: &'a dyn Device,
    pub(super) source: &'a dyn SegmentSource,
}

impl PageSink for Sink<'_> {
    type Error = LogError;

    fn append(&mut self, bytes: &[u8], what: PageKind) -> Result<Location, LogError> {
        let alignment = match what {
            PageKind::Page | PageKind::Copy => BLOCK,
            PageKind::Delta => u64::from(DELTA_ALIGNMENT),
        };
        self.stream
            .append(self.device, self.source, bytes, alignment)
    }
}
