//! What the tests of the log share: a journal on a simulated device, whose segments come from a
//! list and whose groups are noted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use engine_base::{
    ByteCount, Checksum, DatasetId, EpochId, Location, Lsn, PoolId, SegmentId, Slot,
};
use engine_device::{Device, Geometry, PageBuf, SimDevice, SimImage, SimOptions};
use engine_format::{BatchBuilder, Codec, ExtentPut, SegmentKind};
use parking_lot::Mutex;

pub(crate) use gated::Gated;

mod gated;

use crate::{
    Applier, ApplyGroup, BatchData, Journal, JournalOptions, JournalPosition, LogError, Poison,
    Replay, ReplayEnd, SegmentPlace, SegmentSource,
};

pub(crate) const GEOMETRY: Geometry = Geometry {
    segment_bytes: 2 << 20,
    slots: 64,
};
pub(crate) const POOL: PoolId = PoolId::new([9; 16]);

/// Gives out slots in order, each once.
#[derive(Debug)]
pub(crate) struct Slots {
    next: AtomicU64,
    limit: AtomicU64,
}

impl Slots {
    /// No more than this many from now on.
    pub(crate) fn limit(&self, slots: u64) {
        self.limit.store(slots, Ordering::SeqCst);
    }
}

impl SegmentSource for Slots {
    fn allocate(&self, _kind: SegmentKind) -> Result<SegmentPlace, LogError> {
        let index = self.next.fetch_add(1, Ordering::SeqCst);
        if index >= self.limit.load(Ordering::SeqCst) {
            self.next.fetch_sub(1, Ordering::SeqCst);
            return Err(LogError::NoSpace);
        }
        let slot = u32::try_from(index).expect("few slots");
        let segment = SegmentId::new(100 + index).expect("above zero");
        Ok(SegmentPlace {
            segment,
            slot: Slot::new(slot),
        })
    }

    fn release(&self, _place: SegmentPlace) {}
}

/// Notes what was applied, and that it was applied in order, without a gap, by one thread at a
/// time.
#[derive(Debug, Default)]
pub(crate) struct Applied {
    inside: AtomicU64,
    pub(crate) groups: Mutex<Vec<(Lsn, Vec<u8>, Location)>>,
}

impl Applier for Applied {
    fn apply(&self, group: &ApplyGroup<'_>) {
        assert_eq!(
            self.inside.fetch_add(1, Ordering::SeqCst),
            0,
            "one at a time"
        );
        let mut groups = self.groups.lock();
        let before = groups.last().map_or(Lsn::ZERO, |(lsn, ..)| *lsn);
        assert_eq!(group.lsn, before.next(), "in order and without a gap");
        groups.push((group.lsn, group.mutations.to_vec(), group.data));
        drop(groups);
        self.inside.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Applied {
    pub(crate) fn last(&self) -> Lsn {
        self.groups
            .lock()
            .last()
            .map_or(Lsn::ZERO, |(lsn, ..)| *lsn)
    }
}

/// A journal and all that is around it.
pub(crate) struct Fixture {
    pub(crate) device: Arc<SimDevice>,
    pub(crate) slots: Arc<Slots>,
    pub(crate) applied: Arc<Applied>,
    pub(crate) journal: Arc<Journal>,
    pub(crate) start: JournalPosition,
    pub(crate) epoch: EpochId,
}

pub(crate) fn device_of(image: SimImage) -> Arc<SimDevice> {
    device_with(image, GEOMETRY)
}

fn device_with(image: SimImage, geometry: Geometry) -> Arc<SimDevice> {
    let capacity = ByteCount::new(2 << 30);
    let options = SimOptions {
        capacity,
        ..SimOptions::default()
    };
    let device = Arc::new(SimDevice::from_image(image, options));
    device.attach(geometry).expect("it is large enough");
    device
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self::on(device_of(SimImage::default()), None, 1, 0)
    }

    /// A journal in segments so large that a group can lie far from both ends.
    pub(crate) fn with_large_segments() -> Self {
        let geometry = Geometry {
            segment_bytes: 32 << 20,
            ..GEOMETRY
        };
        Self::on(device_with(SimImage::default(), geometry), None, 1, 0)
    }

    /// A journal that writes through `wrapper`, or directly; its slots begin at `first_slot`.
    pub(crate) fn on(
        device: Arc<SimDevice>,
        wrapper: Option<Arc<dyn Device>>,
        epoch: u8,
        first_slot: u64,
    ) -> Self {
        let geometry = device.geometry().expect("it is attached");
        let slots = Arc::new(Slots {
            next: AtomicU64::new(first_slot),
            limit: AtomicU64::new(GEOMETRY.slots.into()),
        });
        let applied = Arc::new(Applied::default());
        let epoch = EpochId::new([epoch; 16]);
        let journal = Journal::start(JournalOptions {
            device: wrapper.unwrap_or_else(|| Arc::clone(&device) as Arc<dyn Device>),
            geometry,
            pool: POOL,
            epoch,
            lsn: Lsn::ZERO,
            source: Arc::clone(&slots) as Arc<dyn SegmentSource>,
            applier: Arc::clone(&applied) as Arc<dyn Applier>,
            poison: Arc::new(Poison::default()),
        })
        .expect("a journal on an empty device");
        let start = journal.position();
        Self {
            device,
            slots,
            applied,
            journal: Arc::new(journal),
            start,
            epoch,
        }
    }

    /// Replays `image` from the start of this journal.
    pub(crate) fn replay(
        &self,
        image: SimImage,
        accept_loss: bool,
    ) -> Result<(Vec<Replayed>, ReplayEnd), LogError> {
        let geometry = self.device.geometry().expect("it is attached");
        replay_from(
            device_with(image, geometry),
            self.epoch,
            self.start,
            accept_loss,
        )
    }
}

/// A group that was replayed.
#[derive(Debug)]
pub(crate) struct Replayed {
    pub(crate) lsn: Lsn,
    pub(crate) mutations: Vec<u8>,
    pub(crate) data: Location,
    pub(crate) end: JournalPosition,
    pub(crate) data_bytes: u32,
}

pub(crate) fn replay_from(
    device: Arc<SimDevice>,
    epoch: EpochId,
    start: JournalPosition,
    accept_loss: bool,
) -> Result<(Vec<Replayed>, ReplayEnd), LogError> {
    let replay = Replay {
        device: &*device,
        geometry: device.geometry().expect("it is attached"),
        pool: POOL,
        epoch,
        lsn: Lsn::ZERO,
        start,
        accept_loss,
    };
    let mut groups = Vec::new();
    let end = replay.run::<LogError>(&mut |group| {
        groups.push(Replayed {
            lsn: group.lsn,
            mutations: group.mutations.clone(),
            data: group.data,
            end: group.end,
            data_bytes: group.data_bytes(),
        });
        Ok(())
    })?;
    Ok((groups, end))
}

/// A batch that puts one extent of `blocks` blocks filled with `byte`; no block: one key.
pub(crate) fn batch(byte: u8, blocks: usize) -> BatchData {
    let (mut builder, dataset) = (BatchBuilder::new(), DatasetId::new(17));
    if blocks == 0 {
        builder.put(dataset, &[byte], b"value");
        return finished(builder, Vec::new());
    }
    let mut data = PageBuf::zeroed(blocks * 4096);
    data.fill(byte);
    let checksums: Vec<u32> = data.chunks(4096).map(crc32c::crc32c).collect();
    let put = ExtentPut {
        offset: u64::from(byte) << 20,
        bytes: engine_base::to_u32(data.len()),
        data_offset: 0,
        skip: 0,
        codec: Codec::None,
    };
    builder.extent_put(dataset, &[], &put, &checksums);
    finished(builder, vec![data])
}

fn finished(builder: BatchBuilder, data: Vec<PageBuf>) -> BatchData {
    BatchData {
        mutations: builder.finish().expect("one small mutation"),
        data,
        streamed: false,
    }
}

/// A chain value that no group has.
pub(crate) const OTHER_CHAIN: Checksum = Checksum::new(0x1234_5678);

/// Waits for a future on this thread.
pub(crate) fn wait<F: Future>(future: F) -> F::Output {
    let waker = crate::thread_waker();
    let mut context = std::task::Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    loop {
        if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        std::thread::park();
    }
}

/// Polls once.
pub(crate) fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::Pin::new(future).poll(&mut context) {
        std::task::Poll::Ready(output) => Some(output),
        std::task::Poll::Pending => None,
    }
}
