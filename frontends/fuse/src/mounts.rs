//! All mounts of a server.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use engine_bucket::Buckets;
use engine_pool::block_on;
use parking_lot::Mutex;
use rustix::io::Errno;
use rustix::mount::{MountFlags, UnmountFlags, mount_bind, mount_remount, unmount};

use crate::error::MountError;
use crate::limits::{END_GRACE, Limits};
use crate::metrics::Metrics;
use crate::mount_point::{all_mounts, prepare};
use crate::options::{MountInfo, MountOptions};
use crate::session::{Parts, Session, detach};

/// A mounted bucket: one file system in the kernel, at one directory or more.
struct Served {
    session: Session,
    write_back: bool,
    no_ring: bool,
    /// Directories, and whether they are read-only.
    paths: BTreeMap<PathBuf, bool>,
}

/// All mounts of a server. Dropping it takes them away, see [`Mounts::shutdown`].
pub struct Mounts {
    buckets: Buckets,
    limits: Limits,
    metrics: Arc<Metrics>,
    served: Mutex<BTreeMap<String, Served>>,
}

impl std::fmt::Debug for Mounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.list()).finish()
    }
}

impl Mounts {
    /// None yet.
    #[must_use]
    pub fn new(buckets: Buckets, limits: Limits) -> Self {
        Self {
            buckets,
            limits,
            metrics: Arc::default(),
            served: Mutex::default(),
        }
    }

    /// Counters over all mounts, for whoever renders them.
    #[must_use]
    pub fn metrics(&self) -> Arc<Metrics> {
        Arc::clone(&self.metrics)
    }

    /// Mounts a bucket on a directory, which is made if it is missing. A bucket that is mounted
    /// elsewhere is shown at both: one cache, one set of locks. What a server that died left
    /// mounted there is taken away first.
    ///
    /// # Errors
    /// [`MountError`]; nothing is mounted then.
    pub fn mount(
        &self,
        bucket: &str,
        path: &Path,
        options: MountOptions,
    ) -> Result<(), MountError> {
        let mut served = self.served.lock();
        drop_ended(&mut served);
        let path = prepare(path)?;
        if let Some(known) = served.get(bucket)
            && known.paths.is_empty()
        {
            // Somebody else unmounted it. One that has no directory cannot be shown at another.
            if !known.session.ended.wait(END_GRACE) {
                return Err(MountError::Busy { path });
            }
            drop_ended(&mut served);
        }
        match served.get_mut(bucket) {
            Some(known) if known.write_back != options.write_back => {
                return Err(MountError::OtherCaching {
                    bucket: bucket.to_owned(),
                });
            }
            Some(known) => bind(known, &path)?,
            None => {
                let new = self.start(bucket, &path, options)?;
                served.insert(bucket.to_owned(), new);
            }
        }
        // A bind has the flags of the mount it was made from.
        if let Err(error) = set_read_only(&path, options.read_only) {
            detach(&path);
            return Err(error);
        }
        if let Some(known) = served.get_mut(bucket) {
            known.paths.insert(path, options.read_only);
        }
        Ok(())
    }

    fn start(
        &self,
        bucket: &str,
        path: &Path,
        options: MountOptions,
    ) -> Result<Served, MountError> {
        let opened = block_on(self.buckets.open(bucket));
        let opened = opened.map_err(|source| MountError::Bucket {
            bucket: bucket.to_owned(),
            source: Box::new(source),
        })?;
        let parts = Parts {
            bucket: opened,
            limits: self.limits,
            metrics: &self.metrics,
            write_back: options.write_back,
            ring: !options.no_ring,
        };
        Ok(Served {
            session: Session::start(&parts, path)?,
            write_back: options.write_back,
            no_ring: options.no_ring,
            paths: BTreeMap::new(),
        })
    }

    /// Takes a mount away; what was written through the last one of a bucket is on stable storage
    /// then.
    ///
    /// # Errors
    /// [`MountError::NotMounted`], [`MountError::Busy`], [`MountError::System`].
    pub fn unmount(&self, path: &Path) -> Result<(), MountError> {
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let mut served = self.served.lock();
        drop_ended(&mut served);
        let found = served
            .iter()
            .find(|(_, known)| known.paths.contains_key(&path));
        let Some(bucket) = found.map(|(bucket, _)| bucket.clone()) else {
            return Err(MountError::NotMounted { path });
        };
        match unmount(&path, UnmountFlags::empty()) {
            Ok(()) => {}
            Err(Errno::BUSY) => return Err(MountError::Busy { path }),
            Err(error) => {
                return Err(MountError::System {
                    step: "unmounting",
                    path,
                    source: error.into(),
                });
            }
        }
        let Some(known) = served.get_mut(&bucket) else {
            return Ok(());
        };
        known.paths.remove(&path);
        if known.paths.is_empty()
            && let Some(last) = served.remove(&bucket)
        {
            drop(served);
            last.session.end(END_GRACE);
        }
        Ok(())
    }

    /// All mounts, by bucket and directory.
    #[must_use]
    pub fn list(&self) -> Vec<MountInfo> {
        let mut served = self.served.lock();
        drop_ended(&mut served);
        let mut list = Vec::new();
        for (bucket, known) in served.iter() {
            list.extend(known.paths.iter().map(|(path, read_only)| MountInfo {
                bucket: bucket.clone(),
                path: path.clone(),
                options: MountOptions {
                    read_only: *read_only,
                    write_back: known.write_back,
                    no_ring: known.no_ring,
                },
                over_ring: known.session.over_ring,
            }));
        }
        list
    }

    /// Whether a bucket is mounted anywhere by this server.
    #[must_use]
    pub fn is_mounted(&self, bucket: &str) -> bool {
        let mut served = self.served.lock();
        drop_ended(&mut served);
        served.contains_key(bucket)
    }

    /// Takes all mounts away. Directories are free at once, also of mounts that are in use; who has
    /// files open there has `grace` to close them and is cut off then. Returns how many buckets
    /// somebody was cut off from.
    #[must_use = "who was cut off is worth a line of the log"]
    pub fn shutdown(&self, grace: Duration) -> usize {
        self.stop(grace)
    }

    fn stop(&self, grace: Duration) -> usize {
        let served = {
            let mut served = self.served.lock();
            drop_ended(&mut served);
            std::mem::take(&mut *served)
        };
        for path in served.values().flat_map(|known| known.paths.keys()) {
            detach(path);
        }
        let ends = served.into_values().map(|known| known.session.end(grace));
        ends.filter(|cut_off| *cut_off).count()
    }
}

impl Drop for Mounts {
    fn drop(&mut self) {
        let cut_off = self.stop(Duration::ZERO);
        if cut_off > 0 {
            tracing::warn!(cut_off, "users of mounts were cut off");
        }
    }
}

/// Shows a mounted bucket at one more directory.
fn bind(known: &Served, path: &Path) -> Result<(), MountError> {
    let failed = |source: std::io::Error| MountError::System {
        step: "binding",
        path: path.to_owned(),
        source,
    };
    let Some(from) = known.paths.keys().next() else {
        return Err(failed(std::io::ErrorKind::NotFound.into()));
    };
    mount_bind(from, path).map_err(|error| failed(error.into()))
}

fn set_read_only(path: &Path, read_only: bool) -> Result<(), MountError> {
    let mut flags = MountFlags::BIND | MountFlags::NOATIME;
    flags.set(MountFlags::RDONLY, read_only);
    let made = mount_remount(path, flags, c"");
    made.map_err(|error| MountError::System {
        step: "setting the flags of the mount",
        path: path.to_owned(),
        source: error.into(),
    })
}

/// Forgets what was unmounted by somebody else.
fn drop_ended(served: &mut BTreeMap<String, Served>) {
    let mounts = all_mounts().unwrap_or_default();
    for known in served.values_mut() {
        let device = &known.session.device;
        let is_there = |path: &PathBuf| {
            let here = |mount: &&crate::mount_point::Mounted| mount.path == *path;
            mounts
                .iter()
                .filter(here)
                .any(|mount| mount.device == *device)
        };
        known.paths.retain(|path, _| is_there(path));
    }
    let over = |known: &Served| known.paths.is_empty() && known.session.ended.is_set();
    let names: Vec<String> = served
        .iter()
        .filter(|(_, known)| over(known))
        .map(|(name, _)| name.clone())
        .collect();
    for name in names {
        if let Some(known) = served.remove(&name) {
            known.session.end(END_GRACE);
        }
    }
}
