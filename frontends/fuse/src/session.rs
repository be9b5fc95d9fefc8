//! One bucket's file system in the kernel: its device, its threads, its end.

use std::fs::OpenOptions;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use engine_bucket::{Bucket, Observer};
use engine_pool::block_on;
use fuser::{BackgroundSession, Config, Session as Kernel, SessionACL};
use rustix::mount::{MountFlags, mount};

use crate::door::{Door, Ended, Ending};
use crate::error::MountError;
use crate::handles::Handles;
use crate::held::Table;
use crate::kernel::{Agreement, Served};
use crate::limits::{END_GRACE, Limits};
use crate::metrics::Metrics;
use crate::mount_point::all_mounts;
use crate::notify::{Teller, Watch};
use crate::past::Past;
use crate::queue::Queue;
use crate::ring::Rings;

const DEVICE: &str = "/dev/fuse";
const CONNECTIONS: &str = "/sys/fs/fuse/connections";

/// A running session.
pub(crate) struct Session {
    pub(crate) ended: Arc<Ended>,
    /// Number of the file system, as in `stat`.
    pub(crate) device: String,
    /// Requests come over io_uring.
    pub(crate) over_ring: bool,
    bucket: Bucket,
    queue: Arc<Queue>,
    kernel: Option<BackgroundSession>,
    tellers: Vec<thread::JoinHandle<()>>,
    /// The bucket tells it of changes for as long as it is here.
    _watch: Arc<dyn Observer>,
}

/// What a session is made of.
pub(crate) struct Parts<'a> {
    pub(crate) bucket: Bucket,
    pub(crate) limits: Limits,
    pub(crate) metrics: &'a Arc<Metrics>,
    pub(crate) write_back: bool,
    /// Over io_uring, where this system has it.
    pub(crate) ring: bool,
}

fn failed(step: &'static str, path: &Path) -> impl Fn(std::io::Error) -> MountError {
    let path = path.to_owned();
    move |source| MountError::System {
        step,
        path: path.clone(),
        source,
    }
}

impl Session {
    /// Mounts a bucket on `path` and serves it.
    pub(crate) fn start(parts: &Parts<'_>, path: &Path) -> Result<Self, MountError> {
        let (table, queue) = (Table::new(parts.bucket.root()), Arc::new(Queue::default()));
        let (table, ended) = (Arc::new(table), Arc::new(Ended::default()));
        let watch: Arc<dyn Observer> = Arc::new(Watch {
            write_back: parts.write_back,
            table: Arc::clone(&table),
            queue: Arc::clone(&queue),
            ended: Arc::clone(&ended),
        });
        let observed = parts.bucket.observe(&watch);
        observed.map_err(|source| MountError::Bucket {
            bucket: parts.bucket.name(),
            source: Box::new(source),
        })?;
        let door = Arc::new(Ending(Door {
            bucket: parts.bucket.clone(),
            table: Arc::clone(&table),
            handles: Handles::default(),
            queue: Arc::clone(&queue),
            metrics: Arc::clone(parts.metrics),
            write_back: parts.write_back,
            ended: Arc::clone(&ended),
            past: Past::default(),
        }));
        let opened = OpenOptions::new().read(true).write(true).open(DEVICE);
        let fd: OwnedFd = opened.map_err(failed("opening /dev/fuse", path))?.into();
        attach(&fd, &parts.bucket.name(), path)?;
        let started = serve(parts, door, fd, path).and_then(|served| {
            let teller = Arc::new(Teller {
                bucket: parts.bucket.clone(),
                table,
                queue: Arc::clone(&queue),
                notifier: served.notifier,
                metrics: Arc::clone(parts.metrics),
            });
            let tellers = tell(&teller, parts.limits.notifiers, path)?;
            let device = device_of(path)?;
            Ok(Self {
                ended,
                device,
                over_ring: served.over_ring,
                bucket: parts.bucket.clone(),
                queue,
                kernel: Some(served.kernel),
                tellers,
                _watch: watch,
            })
        });
        if started.is_err() {
            detach(path);
        }
        started
    }

    /// Waits up to `grace` for the end, after the last mount is gone; cuts users off then. What was
    /// written is on stable storage then. Returns whether anybody was cut off.
    pub(crate) fn end(mut self, grace: Duration) -> bool {
        let in_time = self.ended.wait(grace);
        if !in_time {
            self.ended.cut_off();
            self.sync();
        }
        // Without the kernel's help, threads stay until the users leave or the process ends.
        let over = in_time || (self.abort() && self.ended.wait(END_GRACE));
        self.queue.close();
        if over {
            for teller in self.tellers.drain(..) {
                if teller.join().is_err() {
                    tracing::error!("a thread that notified a kernel panicked");
                }
            }
            if let Some(Err(error)) = self.kernel.take().map(BackgroundSession::join) {
                tracing::debug!(%error, "a session ended with an error");
            }
        }
        !in_time
    }

    fn sync(&self) {
        if let Err(error) = block_on(self.bucket.sync()) {
            tracing::error!(%error, "what was written through a mount could not be synced");
        }
    }

    /// Has the kernel end the session; `false`: this system does not offer it.
    fn abort(&self) -> bool {
        let number = self.device.rsplit(':').next().unwrap_or_default();
        let path = PathBuf::from(CONNECTIONS).join(number).join("abort");
        let aborted = std::fs::write(&path, "1");
        if let Err(error) = &aborted {
            tracing::debug!(path = %path.display(), %error, "a busy session stays, refusing all");
        }
        aborted.is_ok()
    }
}

/// Mounts the file system of `fd`.
fn attach(fd: &OwnedFd, bucket: &str, path: &Path) -> Result<(), MountError> {
    let (uid, gid) = (rustix::process::getuid(), rustix::process::getgid());
    let data = format!(
        "fd={},rootmode=40000,user_id={},group_id={},default_permissions,allow_other",
        fd.as_raw_fd(),
        uid.as_raw(),
        gid.as_raw(),
    );
    let data = std::ffi::CString::new(data).map_err(std::io::Error::other);
    let data = data.map_err(failed("mounting", path))?;
    let flags = MountFlags::NOATIME;
    let mounted = mount(bucket, path, "fuse.trefoil", flags, Some(data.as_c_str()));
    mounted.map_err(|error| failed("mounting", path)(error.into()))
}

/// Takes a mount away whatever is open below it.
pub(crate) fn detach(path: &Path) {
    if let Err(error) = rustix::mount::unmount(path, rustix::mount::UnmountFlags::DETACH) {
        tracing::warn!(path = %path.display(), %error, "a mount cannot be taken away");
    }
}

/// What answers a kernel.
struct Serving {
    kernel: BackgroundSession,
    notifier: fuser::Notifier,
    over_ring: bool,
}

fn serve(
    parts: &Parts<'_>,
    door: Arc<Ending>,
    fd: OwnedFd,
    path: &Path,
) -> Result<Serving, MountError> {
    let rings = match parts.ring {
        true => Rings::prepare(&door, parts.limits.threads),
        false => None,
    };
    let device = fd.try_clone().map_err(failed("opening /dev/fuse", path))?;
    let agreement = Arc::new(Agreement {
        write_back: parts.write_back,
        ring: rings.is_some(),
        has_ring: AtomicBool::new(false),
    });
    let served = Served {
        door,
        agreement: Arc::clone(&agreement),
    };
    let mut config = Config::default();
    config.n_threads = Some(parts.limits.threads.max(1));
    config.clone_fd = true;
    config.acl = SessionACL::All;
    let kernel = Kernel::from_fd(served, fd, SessionACL::All, config);
    let kernel = kernel.map_err(failed("the handshake with the kernel", path))?;
    let notifier = kernel.notifier();
    let over_ring = match rings.filter(|_| agreement.has_ring.load(Ordering::Acquire)) {
        Some(rings) => rings.register(&Arc::new(device)),
        None => Ok(false),
    };
    let over_ring = over_ring.map_err(failed("registering rings", path))?;
    let kernel = kernel.spawn().map_err(failed("starting threads", path))?;
    Ok(Serving {
        kernel,
        notifier,
        over_ring,
    })
}

fn tell(
    teller: &Arc<Teller>,
    threads: usize,
    path: &Path,
) -> Result<Vec<thread::JoinHandle<()>>, MountError> {
    let start = |_| {
        let teller = Arc::clone(teller);
        let named = thread::Builder::new().name("fuse-notify".to_owned());
        named
            .spawn(move || teller.run())
            .map_err(failed("starting threads", path))
    };
    (0..threads.max(1)).map(start).collect()
}

fn device_of(path: &Path) -> Result<String, MountError> {
    let mounts = all_mounts().map_err(failed("listing mounts", path))?;
    let found = mounts.into_iter().rev().find(|mount| mount.path == path);
    found
        .map(|mount| mount.device)
        .ok_or_else(|| MountError::NotMounted {
            path: path.to_owned(),
        })
}
