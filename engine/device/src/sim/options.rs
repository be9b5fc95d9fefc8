//! What a simulated device is told when it is made, and what it counts.

use engine_base::ByteCount;

/// Which kind of device is imitated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SimLayout {
    /// Slots are files: one that was never prepared, or was discarded, cannot be read, and a new
    /// one is all zero.
    #[default]
    Directory,
    /// Slots are ranges of one file or disk: they can be read always, and a discarded one holds
    /// zeroes or, as the seed chooses, its old bytes.
    Span,
}

/// How a simulated device behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SimOptions {
    /// Of all choices the device makes while it runs.
    pub seed: u64,
    /// Power is lost at the call after this many: that call and all later ones fail. Counts what
    /// [`crate::SimDevice::operations`] counts.
    pub crash_at: Option<u64>,
    /// The same, counting what [`crate::SimDevice::changes`] counts: for tests that visit every
    /// boundary between two changes.
    pub crash_at_change: Option<u64>,
    /// Which kind of device is imitated.
    pub layout: SimLayout,
    /// Bytes of the device; a directory reports them as free.
    pub capacity: ByteCount,
    /// Whether asynchronous reads return `Pending` at their first poll, at times.
    pub reads_yield: bool,
}

impl Default for SimOptions {
    fn default() -> Self {
        Self {
            seed: 0,
            crash_at: None,
            crash_at_change: None,
            layout: SimLayout::default(),
            capacity: ByteCount::new(1 << 30),
            reads_yield: false,
        }
    }
}

impl SimOptions {
    /// The defaults with this seed.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self {
            seed,
            ..Self::default()
        }
    }
}

/// Calls and bytes so far. Calls that failed are counted; their bytes are not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SimStats {
    /// Reads of any kind.
    pub reads: u64,
    /// Bytes they gave.
    pub read_bytes: u64,
    /// Writes to the label and to slots.
    pub writes: u64,
    /// Bytes written to the label.
    pub label_bytes: u64,
    /// Bytes written to slots.
    pub segment_bytes: u64,
    /// Syncs of an area.
    pub syncs: u64,
    /// Slots prepared.
    pub prepares: u64,
    /// Slots discarded.
    pub discards: u64,
}

impl SimStats {
    /// Calls that change something.
    #[must_use]
    pub const fn changes(&self) -> u64 {
        self.writes + self.syncs + self.prepares + self.discards
    }

    /// All calls.
    #[must_use]
    pub const fn operations(&self) -> u64 {
        self.reads + self.changes()
    }
}
