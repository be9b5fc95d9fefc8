//! Making a pool with a history, and knowing what every volume must hold.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine_base::{ByteCount, ManualClock, SeededEntropy, VolumeOffset};
use engine_device::{Device, Geometry, PageBuf, SimDevice, SimImage, SimOptions};
use engine_format::{Compression, Encryption, MasterKey};
use engine_pool::{CreateOptions, Pool, PoolOptions, block_on};
use engine_volume::{Ack, Storage, Volume, Volumes};

use crate::device::Image;

pub(crate) const SEGMENT_BYTES: u32 = 2 << 20;
const CAPACITY: u64 = 97 << 20;

/// What every volume holds, by name.
pub(crate) type Model = BTreeMap<String, Vec<u8>>;

/// A pool that was killed or closed, and what it must hold.
pub(crate) struct Killed {
    pub(crate) name: &'static str,
    pub(crate) image: Arc<Image>,
    /// The contents since the last moment for which the journal vouches, the last one complete.
    pub(crate) states: Vec<Model>,
}

/// A pool in use.
pub(crate) struct History {
    pub(crate) sim: Arc<SimDevice>,
    pub(crate) pool: Arc<Pool>,
    volumes: Volumes,
    model: Model,
    random: SeededEntropy,
    /// Since [`History::begin_tail`].
    tail: Option<Vec<Model>>,
}

pub(crate) fn options(seed: u64) -> PoolOptions {
    PoolOptions {
        memory: ByteCount::new(4 << 20),
        clock: Arc::new(ManualClock::default()),
        entropy: Arc::new(SeededEntropy::new(seed)),
        master_keys: vec![MasterKey::new([1; 32])],
        ..PoolOptions::default()
    }
}

fn sim(image: SimImage, seed: u64) -> Arc<SimDevice> {
    let options = SimOptions {
        capacity: ByteCount::new(CAPACITY),
        ..SimOptions::seeded(seed)
    };
    Arc::new(SimDevice::from_image(image, options))
}

impl History {
    /// A new pool, opened.
    pub(crate) fn new(seed: u64) -> Self {
        let sim = sim(SimImage::default(), seed);
        let create = CreateOptions {
            capacity: Some(ByteCount::new(CAPACITY)),
            segment_bytes: Some(SEGMENT_BYTES),
            clock: Arc::new(ManualClock::default()),
            entropy: Arc::new(SeededEntropy::new(seed)),
        };
        Pool::create(&*sim, &create).unwrap();
        Self::open(sim, seed + 1, Model::new())
    }

    fn open(sim: Arc<SimDevice>, seed: u64, model: Model) -> Self {
        let device = Arc::clone(&sim) as Arc<dyn Device>;
        let pool = Pool::open(device, &options(seed)).unwrap();
        let volumes = Volumes::new(Arc::clone(&pool));
        Self {
            sim,
            pool,
            volumes,
            model,
            random: SeededEntropy::new(seed),
            tail: None,
        }
    }

    /// The same pool after a restart.
    pub(crate) fn reopen(self, seed: u64) -> Self {
        let image = self.sim.process_kill_image();
        Self::open(sim(image, seed), seed, self.model)
    }

    pub(crate) fn create(&mut self, name: &str, bytes: usize) {
        self.create_as(name, bytes, Encryption::Off);
    }

    /// The same, encrypted or not.
    pub(crate) fn create_as(&mut self, name: &str, bytes: usize, encryption: Encryption) {
        let storage = Storage {
            encryption,
            ..Storage::default()
        };
        let size = ByteCount::new(bytes as u64);
        block_on(self.volumes.create_as(name, size, storage)).unwrap();
        self.model.insert(name.to_owned(), vec![0; bytes]);
        self.changed();
    }

    /// What is written from now on is compressed.
    pub(crate) fn compress(&self, name: &str) {
        block_on(self.volumes.set_compression(name, Compression::Lz4)).unwrap();
    }

    pub(crate) fn delete(&mut self, name: &str) {
        block_on(self.volumes.delete(name)).unwrap();
        self.model.remove(name);
        self.changed();
    }

    pub(crate) fn resize(&mut self, name: &str, bytes: usize) {
        block_on(self.volumes.resize(name, ByteCount::new(bytes as u64))).unwrap();
        self.model.get_mut(name).unwrap().resize(bytes, 0);
        self.changed();
    }

    /// Writes random bytes.
    pub(crate) fn write(&mut self, name: &str, at: usize, bytes: usize, ack: Ack) {
        self.write_words(name, (at, bytes), 1, ack);
    }

    /// Writes bytes that compress: each random word comes several times.
    pub(crate) fn write_repeated(&mut self, name: &str, at: usize, bytes: usize, ack: Ack) {
        self.write_words(name, (at, bytes), 6, ack);
    }

    fn write_words(&mut self, name: &str, (at, bytes): (usize, usize), times: usize, ack: Ack) {
        let mut data = PageBuf::zeroed(bytes);
        for words in data.chunks_mut(8 * times) {
            let random = self.random.next_u64().to_le_bytes();
            for word in words.chunks_mut(8) {
                word.copy_from_slice(&random[..word.len()]);
            }
        }
        self.model.get_mut(name).unwrap()[at..at + bytes].copy_from_slice(&data);
        let at = VolumeOffset::new(at as u64);
        block_on(self.volume(name).write(at, data, ack)).unwrap();
        self.changed();
    }

    /// Gives whole blocks back.
    pub(crate) fn trim(&mut self, name: &str, at: usize, bytes: usize, ack: Ack) {
        let offset = VolumeOffset::new(at as u64);
        block_on(self.volume(name).trim(offset, bytes as u64, ack)).unwrap();
        self.model.get_mut(name).unwrap()[at..at + bytes].fill(0);
        self.changed();
    }

    /// What is live of sparse segments moves.
    pub(crate) fn clean(&self) {
        assert!(self.pool.clean().unwrap(), "there is something to clean");
    }

    pub(crate) fn checkpoint(&self) {
        self.pool.checkpoint().unwrap();
    }

    /// A number below `limit`.
    pub(crate) fn below(&self, limit: usize) -> usize {
        usize::try_from(self.random.next_u64() % limit as u64).unwrap()
    }

    /// From here on contents are remembered one by one: the next group vouches for all before it.
    pub(crate) fn begin_tail(&mut self) {
        self.tail = Some(vec![self.model.clone()]);
    }

    /// The bytes now, as the death of the process leaves them.
    pub(crate) fn killed(&self, name: &'static str) -> Killed {
        let geometry: Geometry = self.sim.geometry().unwrap();
        Killed {
            name,
            image: Image::of(&self.sim.process_kill_image(), geometry),
            states: self.tail.clone().unwrap_or(vec![self.model.clone()]),
        }
    }

    /// As [`History::killed`], when the journal vouches for everything.
    pub(crate) fn settled(&mut self, name: &'static str) -> Killed {
        self.tail = None;
        self.killed(name)
    }

    fn volume(&self, name: &str) -> Volume {
        self.volumes.open(name).unwrap()
    }

    fn changed(&mut self) {
        if let Some(tail) = &mut self.tail {
            tail.push(self.model.clone());
        }
    }
}
