//! Many clients, each of which asks again when it was answered.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use anyhow::ensure;
use engine_base::{Clock, SeededEntropy, SystemClock};
use serde::Serialize;
use tokio::task::LocalSet;

use crate::body::{Body, bodies};
use crate::client::Client;
use crate::{Operation, Options};

/// What was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Measured {
    operations: usize,
    per_second: f64,
    mib_per_second: f64,
    p50_us: f64,
    p99_us: f64,
}

/// What the clients of one run share.
struct Run {
    options: Options,
    bodies: Vec<Body>,
    /// Operations that were begun.
    begun: Cell<usize>,
    random: SeededEntropy,
    times: RefCell<Vec<Duration>>,
    end: Cell<Duration>,
}

pub(crate) async fn run(options: Options) -> anyhow::Result<Measured> {
    let puts = options.operation == Operation::Put;
    let bodies = if puts {
        bodies(options.objects, options.size, options.seed)
    } else {
        Vec::new()
    };
    let mut clients = Vec::new();
    for _ in 0..options.clients {
        clients.push(Client::connect(&options.target).await?);
    }
    let run = Rc::new(Run {
        bodies,
        begun: Cell::new(0),
        random: SeededEntropy::new(options.seed),
        times: RefCell::default(),
        end: Cell::default(),
        options,
    });
    let start = SystemClock.monotonic();
    run.end
        .set(start + Duration::from_secs_f64(run.options.seconds));
    let local = LocalSet::new();
    let tasks: Vec<_> = clients
        .into_iter()
        .map(|client| local.spawn_local(Rc::clone(&run).ask(client)))
        .collect();
    local.await;
    let took = SystemClock.monotonic() - start;
    for task in tasks {
        task.await??;
    }
    Ok(run.measured(took))
}

impl Run {
    async fn ask(self: Rc<Self>, mut client: Client) -> anyhow::Result<()> {
        while let Some(number) = self.next() {
            let start = SystemClock.monotonic();
            self.once(&mut client, number).await?;
            let took = SystemClock.monotonic() - start;
            self.times.borrow_mut().push(took);
        }
        Ok(())
    }

    fn next(&self) -> Option<usize> {
        let number = self.begun.get();
        let enough = match self.options.operation {
            Operation::Put => self.options.objects,
            Operation::Get => self.options.gets,
        };
        if number >= enough || SystemClock.monotonic() > self.end.get() {
            return None;
        }
        self.begun.set(number + 1);
        Some(number)
    }

    async fn once(&self, client: &mut Client, number: usize) -> anyhow::Result<()> {
        let size = self.options.size;
        // The server that keeps nothing reads the size in the key.
        let key = |number: usize| format!("{size}/{number:07}");
        if let Some(body) = self.bodies.get(number) {
            return client.put(&key(number), body).await;
        }
        let choice = self.random.next_u64() % self.options.objects as u64;
        let key = key(usize::try_from(choice)?);
        let bytes = client.get(&key).await?;
        ensure!(bytes == size, "{key} has {bytes} bytes");
        Ok(())
    }

    fn measured(&self, took: Duration) -> Measured {
        let mut times = self.times.borrow_mut();
        times.sort_unstable();
        let at = |per_mille: usize| {
            let index = (times.len() * per_mille / 1000).min(times.len().saturating_sub(1));
            times.get(index).copied().unwrap_or_default().as_secs_f64() * 1e6
        };
        let per_second = float(times.len()) / took.as_secs_f64();
        Measured {
            operations: times.len(),
            per_second,
            mib_per_second: per_second * float(self.options.size) / float(1 << 20),
            p50_us: at(500),
            p99_us: at(990),
        }
    }
}

#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "statistics"
)]
const fn float(number: usize) -> f64 {
    number as f64
}
