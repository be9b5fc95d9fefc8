//! The server over a pool in memory, as clients see it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod atomic;
mod auth;
mod basic;
mod bound;
mod bounds;
mod broken_off;
mod chunks;
mod client;
mod documents;
mod fuzz;
mod multipart;
mod names;
mod quotas;
mod secure;
mod signatures;
mod small;
mod snapshots;
mod state;
mod sums;
mod wire;
mod writing;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use engine_base::{ByteCount, ManualClock, SeededEntropy};
use engine_bucket::{Bucket, Buckets};
use engine_device::{Device, SimDevice, SimImage, SimOptions};
use engine_pool::{CreateOptions, Pool, PoolOptions, block_on};
use frontends_s3::{AccessKey, Keys, Limits, Options, Server, ServerError, Tls};

use client::{Answer, Ask, Signer, bytes_of, send};

/// The moment of all tests: 2026-01-02 03:04:05 UTC.
const NOW: u64 = 1_767_323_045;
pub(crate) const TIME: &str = "20260102T030405Z";

struct Known(HashMap<String, Arc<AccessKey>>);

impl Keys for Known {
    fn find(&self, id: &str) -> Option<Arc<AccessKey>> {
        self.0.get(id).cloned()
    }
}

pub(crate) fn key(id: &str) -> AccessKey {
    AccessKey {
        id: id.to_owned(),
        secret: format!("secret of {id}"),
        bucket: None,
        read_only: false,
        uid: 7,
        gid: 8,
        umask: 0o022,
        posix: false,
    }
}

pub(crate) struct World {
    pub(crate) buckets: Buckets,
    pub(crate) server: Server,
    pub(crate) clock: Arc<ManualClock>,
}

fn keys() -> Vec<AccessKey> {
    let reader = AccessKey {
        read_only: true,
        ..key("reader")
    };
    let one = AccessKey {
        bucket: Some("one".to_owned()),
        ..key("one")
    };
    let bound = AccessKey {
        posix: true,
        ..key("bound")
    };
    vec![key("admin"), reader, one, bound]
}

fn pool(capacity: u64) -> (Arc<ManualClock>, Buckets) {
    let clock = Arc::new(ManualClock::default());
    clock.advance(Duration::from_secs(NOW));
    let options = SimOptions {
        capacity: ByteCount::new(1 << 30),
        ..SimOptions::default()
    };
    let device = Arc::new(SimDevice::from_image(SimImage::default(), options));
    let create = CreateOptions {
        capacity: Some(ByteCount::new(capacity)),
        segment_bytes: Some(2 << 20),
        clock: Arc::clone(&clock) as _,
        entropy: Arc::new(SeededEntropy::new(5)),
    };
    Pool::create(&*device, &create).unwrap();
    let options = PoolOptions {
        memory: ByteCount::new(16 << 20),
        clock: Arc::clone(&clock) as _,
        entropy: Arc::new(SeededEntropy::new(6)),
        ..PoolOptions::default()
    };
    let pool = Pool::open(device as Arc<dyn Device>, &options).unwrap();
    (clock, Buckets::new(pool))
}

fn start(buckets: &Buckets, limits: Limits, tls: Option<Tls>) -> Result<Server, ServerError> {
    let known = keys().into_iter();
    let known = known.map(|key| (key.id.clone(), Arc::new(key)));
    let options = Options {
        address: "127.0.0.1:0".parse().unwrap(),
        domain: Some("s3.test".to_owned()),
        tls,
        region: "us-east-1".to_owned(),
        limits,
    };
    Server::start(buckets.clone(), Arc::new(Known(known.collect())), options)
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(256 << 20, Limits::default())
    }

    pub(crate) fn with(capacity: u64, limits: Limits) -> Self {
        Self::with_tls(capacity, limits, None)
    }

    pub(crate) fn with_tls(capacity: u64, limits: Limits, tls: Option<Tls>) -> Self {
        let (clock, buckets) = pool(capacity);
        let server = start(&buckets, limits, tls).unwrap();
        Self {
            buckets,
            server,
            clock,
        }
    }

    /// A server on a pool of its own, for how it starts.
    pub(crate) fn try_start(tls: Option<Tls>) -> Result<Server, ServerError> {
        start(&pool(256 << 20).1, Limits::default(), tls)
    }

    /// With the bucket `bkt`.
    pub(crate) fn with_bucket() -> Self {
        let world = Self::new();
        world.send(ask("PUT", "/bkt")).expect(200);
        world
    }

    pub(crate) fn bucket(&self, name: &str) -> Bucket {
        block_on(self.buckets.open(name)).unwrap()
    }

    pub(crate) fn host(&self) -> String {
        self.server.address().to_string()
    }

    pub(crate) fn signer(&self, id: &str) -> Signer {
        Signer {
            id: id.to_owned(),
            secret: format!("secret of {id}"),
            time: TIME.to_owned(),
        }
    }

    pub(crate) fn send(&self, ask: Ask) -> Answer {
        self.send_as("admin", ask)
    }

    pub(crate) fn send_as(&self, id: &str, mut ask: Ask) -> Answer {
        self.signer(id).sign_headers(&mut ask, &self.host());
        self.send_plain(&ask)
    }

    pub(crate) fn send_plain(&self, ask: &Ask) -> Answer {
        let is_head = ask.method == "HEAD";
        send(self.server.address(), &bytes_of(ask), is_head)
    }

    pub(crate) fn put(&self, path: &str, data: &[u8]) -> Answer {
        self.send(ask("PUT", path).body(data)).expect(200)
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send(ask("GET", path))
    }

    pub(crate) fn stop(self) {
        let left = self.server.shutdown(Duration::from_secs(10));
        assert_eq!(left.cut_off, 0, "nothing was in flight");
    }
}

pub(crate) fn ask(method: &str, path: &str) -> Ask {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let query = query.split('&').filter(|pair| !pair.is_empty());
    let query = query.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    Ask {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        headers: Default::default(),
        body: Vec::new(),
        payload: None,
    }
}

impl Ask {
    pub(crate) fn body(mut self, data: &[u8]) -> Self {
        self.body = data.to_vec();
        self
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.insert(name.to_owned(), value.to_owned());
        self
    }
}

pub(crate) fn pattern(bytes: usize, seed: usize) -> Vec<u8> {
    let byte = |index: usize| u8::try_from((index * 31 + index / 251 + seed) % 253).unwrap();
    (0..bytes).map(byte).collect()
}
