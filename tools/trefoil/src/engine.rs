//! The engine as the server uses it: opened from settings, seen through the traits of the
//! frontends.

pub(crate) mod devices;
mod doors;
mod exports;
mod families;
mod keys;
mod pool_backend;
mod scrub;
mod snapshots;
mod source;

use std::sync::Arc;
use std::time::Duration;

use engine_bucket::Buckets;
use engine_device::{Device, Mirror, OpenedPool};
use engine_pool::{CreateOptions, Pool, PoolOptions};
use engine_volume::Volumes;
use frontends_console::Source;
use frontends_fuse::Mounts;
use frontends_nbd::{Address, Limits, Server};
use frontends_s3::Keys;

use crate::backend::{Backend, Doors};
use crate::failure::Failure;
use crate::key_file;
use crate::serve::{S3Settings, Settings};
use doors::PoolDoors;
use exports::VolumeExports;
pub(crate) use keys::KeyRing;
use pool_backend::PoolBackend;
use source::PoolSource;

/// An open pool.
pub(crate) struct Engine {
    pool: Arc<Pool>,
    /// The devices, where there are several.
    mirror: Option<Arc<Mirror>>,
    volumes: Volumes,
    buckets: Buckets,
    mounts: Arc<Mounts>,
    keys: Arc<KeyRing>,
}

impl Engine {
    /// Opens the pool that the settings name, creating it if nothing is there yet. Its lock keeps
    /// other servers out until [`Engine::close`].
    pub(crate) fn open(settings: &Settings) -> Result<Self, Failure> {
        let name = settings.data.display();
        let what = format!("cannot open the pool {name}");
        let OpenedPool {
            device,
            mirror,
            empty,
        } = devices::open(settings).map_err(|error| Failure::because(&what, &error))?;
        if empty {
            pool_create(settings, device.as_ref())?;
        }
        let options = PoolOptions {
            memory: settings.memory,
            rewind: settings.rewind,
            accept_loss: settings.accept_loss,
            master_keys: key_file::read_all(&settings.key_files)?,
            scrub_bytes_per_second: Some(settings.scrub_mibps << 20),
            ..PoolOptions::default()
        };
        let pool = Pool::open(device, &options).map_err(|error| Failure::because(&what, &error))?;
        pool.start_background()
            .map_err(|error| Failure::because(&what, &error))?;
        let volumes = Volumes::new(Arc::clone(&pool));
        let buckets = Buckets::new(Arc::clone(&pool));
        let mounts = Mounts::new(buckets.clone(), frontends_fuse::Limits::default());
        let keys = KeyRing::load(&pool).map_err(|error| Failure::because(&what, &error))?;
        Ok(Self {
            pool,
            mirror,
            volumes,
            buckets,
            mounts: Arc::new(mounts),
            keys: Arc::new(keys),
        })
    }

    /// What the control socket serves.
    pub(crate) fn backend(&self) -> Arc<dyn Backend> {
        Arc::new(PoolBackend::new(self.volumes.clone(), self.mirror.clone()))
    }

    /// What the control socket does with buckets, mounts and keys.
    pub(crate) fn doors(&self) -> Arc<dyn Doors> {
        Arc::new(PoolDoors {
            buckets: self.buckets.clone(),
            mounts: Arc::clone(&self.mounts),
            keys: Arc::clone(&self.keys),
        })
    }

    /// The access keys.
    pub(crate) fn keys(&self) -> &KeyRing {
        &self.keys
    }

    /// The mounts of buckets.
    pub(crate) const fn mounts(&self) -> &Arc<Mounts> {
        &self.mounts
    }

    /// Serves the buckets over S3.
    pub(crate) fn s3(&self, settings: &S3Settings) -> Result<frontends_s3::Server, Failure> {
        let tls = settings.tls.clone();
        let options = frontends_s3::Options {
            address: settings.address,
            domain: settings.domain.clone(),
            tls: tls.map(|(certificate, key)| frontends_s3::Tls { certificate, key }),
            region: settings.region.clone(),
            limits: frontends_s3::Limits::default(),
        };
        let keys = Arc::clone(&self.keys) as Arc<dyn Keys>;
        frontends_s3::Server::start(self.buckets.clone(), keys, options)
            .map_err(|error| Failure::because("cannot serve S3", &error))
    }

    /// Serves the volumes over NBD.
    pub(crate) fn nbd(&self, addresses: &[Address]) -> Result<NbdServer, Failure> {
        let exports = Arc::new(VolumeExports::new(self.volumes.clone()));
        Server::start(exports, addresses, Limits::default())
            .map(NbdServer)
            .map_err(|error| Failure::because("cannot serve NBD", &error))
    }

    /// What the console shows.
    pub(crate) fn source(&self, nbd: &NbdServer, s3: &frontends_s3::Server) -> Arc<dyn Source> {
        Arc::new(PoolSource {
            volumes: self.volumes.clone(),
            buckets: self.buckets.clone(),
            nbd: nbd.0.metrics(),
            s3: s3.metrics(),
            mounts: self.mounts.metrics(),
        })
    }

    /// Takes the last checkpoint and gives the pool up.
    pub(crate) fn close(self) -> Result<(), Failure> {
        let closed = self.pool.close();
        closed.map_err(|error| {
            let what = "the pool was closed without a last checkpoint; the next start recovers";
            Failure::because(what, &error)
        })
    }
}

fn pool_create(settings: &Settings, device: &dyn Device) -> Result<(), Failure> {
    let what = format!("cannot create a pool on {}", device.name());
    // Of several devices the sizes were said when they were put together.
    let capacity = match (settings.devices.as_slice(), settings.capacity) {
        ([_], Some(capacity)) => Some(capacity),
        ([path], None) => Some(
            devices::default_size(path, device, &settings.devices)
                .map_err(|error| Failure::because(&what, &error))?,
        ),
        _ => None,
    };
    let options = CreateOptions {
        capacity,
        ..CreateOptions::default()
    };
    Pool::create(device, &options).map_err(|error| Failure::because(&what, &error))
}

/// A running NBD server.
pub(crate) struct NbdServer(Server);

impl NbdServer {
    /// Where it listens, with real ports.
    pub(crate) fn addresses(&self) -> Vec<Address> {
        self.0.addresses().cloned().collect()
    }

    /// Stops accepting, finishes what is in flight within `grace`, closes all connections.
    pub(crate) fn stop(self, grace: Duration) {
        let left = self.0.shutdown(grace);
        if left.cut_off > 0 {
            let (cut_off, stuck) = (left.cut_off, left.stuck);
            tracing::warn!(
                cut_off,
                stuck,
                "NBD connections were cut off with requests in flight"
            );
        }
    }
}
