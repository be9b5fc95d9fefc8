//! `trefoil serve`: the life of the server, in order.
//!
//! 1. Settings are read and checked; nothing was touched.
//! 2. The pool is opened, or created: from here on its lock keeps other servers out.
//! 3. The control socket, the console, NBD and S3 listen, buckets are mounted, and `trefoil: ready`
//!    is printed.
//! 4. A signal ends the wait. NBD and S3 stop first and answer what is in flight; then the mounts
//!    go; then the control socket; then the console, so that it can be asked for as long as
//!    anything goes on.
//! 5. The pool takes its last checkpoint and is closed.

mod address;
mod args;
mod config;
mod log;
mod mount_point;
mod quickstart;
mod signals;
mod table;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use frontends_console::Console;
use frontends_fuse::Mounts;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::backend::{Backend, BackendError, Doors, MountHow};
use crate::control::{self, Handler, Listening};
use crate::engine::{Engine, NbdServer};
use crate::failure::Failure;
use crate::{output, place};
use mount_point::MountPoint;

pub(crate) use args::ServeArgs;
pub(crate) use config::{S3Settings, Settings};
pub(crate) use table::{scrub_rows, status_rows};

/// Threads for the control socket and the console, which have little to do; NBD has its own.
const RUNTIME_THREADS: usize = 2;
/// Requests of the control socket that may block at once: all its connections, and a few to spare.
const BLOCKING_THREADS_MAX: usize = 48;
/// How long a stop waits for NBD requests that have begun. A device that takes longer is stuck.
const STOP_GRACE: Duration = Duration::from_secs(10);

/// Serves until it is told to stop.
pub(crate) fn run(args: ServeArgs) -> Result<(), Failure> {
    let settings = Settings::load(args)?;
    log::start(settings.log);
    let runtime = runtime_start()
        .map_err(|error| Failure::because("cannot start the threads of the server", &error))?;
    let stop = signals::watch(&runtime)
        .map_err(|error| Failure::because("cannot watch for signals", &error))?;
    let engine = Engine::open(&settings)?;
    let served = serve_open(&settings, &runtime, &engine, stop);
    let closed = engine.close();
    served.and(closed)
}

fn runtime_start() -> io::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(RUNTIME_THREADS)
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .thread_name("trefoil-runtime")
        .enable_all()
        .build()
}

/// Steps 3 and 4.
fn serve_open(
    settings: &Settings,
    runtime: &Runtime,
    engine: &Engine,
    mut stop: watch::Receiver<bool>,
) -> Result<(), Failure> {
    let backend = engine.backend();
    let doors = engine.doors();
    let mut key_file = None;
    let mut mounts = settings.mounts.clone();
    if settings.quickstart {
        let made = quickstart::make(
            backend.as_ref(),
            doors.as_ref(),
            engine.keys(),
            &settings.data,
        )?;
        key_file = Some(made);
        mounts.push(quickstart::mount_point());
    }
    let frontends = Frontends::start(settings, runtime, engine)?;
    let ready = mount_all(doors.as_ref(), &mounts)
        .and_then(|()| frontends.announce(settings, backend.as_ref(), key_file.as_deref()));
    if let Err(failure) = ready {
        frontends.stop(runtime);
        return Err(failure);
    }
    // The sender lives in a task that ends only with the process.
    let _ = runtime.block_on(stop.wait_for(|&stopping| stopping));
    frontends.stop(runtime);
    Ok(())
}

fn mount_all(doors: &dyn Doors, mounts: &[MountPoint]) -> Result<(), Failure> {
    for MountPoint { bucket, path } in mounts {
        let what = format!("cannot mount {bucket} at {}", path.display());
        let path = std::path::absolute(path).map_err(|error| Failure::because(&what, &error))?;
        doors
            .mount(bucket, &path, MountHow::default())
            .map_err(|error| Failure::because(&what, &error))?;
    }
    Ok(())
}

/// Everything that answers clients.
struct Frontends {
    /// At least one, first the one that is told.
    control: Vec<Listening>,
    nbd: NbdServer,
    s3: frontends_s3::Server,
    mounts: Arc<Mounts>,
    console_address: std::net::SocketAddr,
    stop_control: watch::Sender<bool>,
    control_task: JoinHandle<()>,
    stop_console: watch::Sender<bool>,
    console_task: JoinHandle<()>,
}

impl Frontends {
    fn start(settings: &Settings, runtime: &Runtime, engine: &Engine) -> Result<Self, Failure> {
        let _inside = runtime.enter();
        let console = runtime
            .block_on(Console::bind(settings.console))
            .map_err(|error| Failure::because("cannot serve the console", &error))?;
        let console_address = console.address();
        let handler = Handler::new(engine.backend(), engine.doors());
        let (control, server) = control_start(settings, handler)?;
        let nbd = engine.nbd(&settings.nbd)?;
        let s3 = match engine.s3(&settings.s3) {
            Ok(s3) => s3,
            Err(failure) => {
                nbd.stop(STOP_GRACE);
                return Err(failure);
            }
        };
        let (stop_control, stopped) = watch::channel(false);
        let control_task = runtime.spawn(server.serve(stopped));
        let (stop_console, mut stopped) = watch::channel(false);
        let source = engine.source(&nbd, &s3);
        let console_task = runtime.spawn(console.serve(source, async move {
            let _ = stopped.changed().await;
        }));
        Ok(Self {
            control,
            nbd,
            s3,
            mounts: Arc::clone(engine.mounts()),
            console_address,
            stop_control,
            control_task,
            stop_console,
            console_task,
        })
    }

    /// Prints the table and the line that scripts wait for.
    fn announce(
        &self,
        settings: &Settings,
        backend: &dyn Backend,
        key_file: Option<&Path>,
    ) -> Result<(), Failure> {
        let failed = |error: BackendError| Failure::because("cannot describe the pool", &error);
        let status = backend.status().map_err(failed)?;
        let volumes = backend.volume_list().map_err(failed)?;
        let demo = volumes
            .iter()
            .find(|volume| volume.name == quickstart::NAME);
        let places = table::Places {
            data: &settings.data,
            status: &status,
            control: self
                .control
                .first()
                .map_or(&settings.data, |socket| socket.path()),
            nbd: &self.nbd.addresses(),
            console: self.console_address,
            s3: &table::S3Place {
                address: self.s3.address(),
                tls: settings.s3.tls.is_some(),
                key_file,
            },
            mounts: &self.mounts.list(),
            volume: demo.or(volumes.first()).map(|volume| volume.name.as_str()),
        };
        output::print_text(&places.render())?;
        output::print_text("trefoil: ready\n")
    }

    fn stop(self, runtime: &Runtime) {
        self.nbd.stop(STOP_GRACE);
        let left = self.s3.shutdown(STOP_GRACE);
        if left.cut_off > 0 {
            let cut_off = left.cut_off;
            tracing::warn!(cut_off, "S3 requests were cut off in flight");
        }
        let cut_off = self.mounts.shutdown(STOP_GRACE);
        if cut_off > 0 {
            tracing::warn!(cut_off, "users of mounted buckets were cut off");
        }
        self.stop_control.send_replace(true);
        task_join(runtime, self.control_task);
        drop(self.control);
        self.stop_console.send_replace(true);
        task_join(runtime, self.console_task);
    }
}

/// Listens at every device of the pool: any may be gone when a command looks for the server.
fn control_start(
    settings: &Settings,
    handler: Handler,
) -> Result<(Vec<Listening>, control::Server), Failure> {
    let data = settings.data.display();
    let failed = |path: &dyn std::fmt::Display, error: &io::Error| {
        Failure::because(
            format_args!("cannot listen on the control socket {path}"),
            error,
        )
    };
    let paths = place::control_sockets(&settings.devices).map_err(|error| failed(&data, &error))?;
    let mut listening = Vec::new();
    for path in &paths {
        match Listening::bind(path) {
            Ok(socket) => listening.push(socket),
            // One is what it takes.
            Err(error) if !listening.is_empty() => {
                tracing::warn!(%error, path = %path.display(),
                    "no control socket at a device: commands find the server through the others");
            }
            Err(error) => return Err(failed(&path.display(), &error)),
        }
    }
    let listeners = listening.iter().map(Listening::listener);
    let listeners: io::Result<Vec<_>> = listeners.collect();
    let server = listeners.and_then(|listeners| control::Server::new(listeners, handler));
    let server = server.map_err(|error| failed(&data, &error))?;
    Ok((listening, server))
}

fn task_join(runtime: &Runtime, task: JoinHandle<()>) {
    if let Err(panic) = runtime.block_on(task) {
        tracing::error!(%panic, "a frontend ended in a bug; the pool is closed all the same");
    }
}
