//! Serves the control socket: one request per connection, bounded in number, size and time.

use std::future::poll_fn;
use std::io;
use std::os::unix::net::UnixListener as StdListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use engine_base::ErrorKind;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;

use crate::backend::BackendError;
use crate::control::Handler;
use crate::control::protocol::{
    Progress, REQUEST_BYTES_MAX, Refusal, RefusalKind, Request, Response,
};
use crate::transfer::Monitor;

/// Connections served at once; one more is told to come back. People and scripts need a few.
const CONNECTIONS_MAX: usize = 32;
/// Time for a client to send its request, and to take one line of the answer.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(10);
/// Progress reports that may wait for a slow client; further ones are left out.
const PROGRESS_QUEUE: usize = 8;
/// Reports of one transfer, so that a large file does not mean many lines.
const PROGRESS_STEPS: u64 = 200;
/// Pause after a failed accept (out of descriptors), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The control server of one pool.
pub(crate) struct Server {
    listeners: Vec<UnixListener>,
    handler: Handler,
}

impl Server {
    /// Must be called within the runtime that will run [`Server::serve`]. One socket does as well
    /// as the other.
    pub(crate) fn new(listeners: Vec<StdListener>, handler: Handler) -> io::Result<Self> {
        let listeners = listeners.into_iter().map(UnixListener::from_std);
        Ok(Self {
            listeners: listeners.collect::<io::Result<_>>()?,
            handler,
        })
    }

    /// The next connection at any of the sockets.
    async fn accept(&self) -> io::Result<UnixStream> {
        poll_fn(|context| {
            for listener in &self.listeners {
                if let Poll::Ready(accepted) = listener.poll_accept(context) {
                    return Poll::Ready(accepted.map(|(stream, _)| stream));
                }
            }
            Poll::Pending
        })
        .await
    }

    /// Answers until `stop` changes; then transfers are broken off, and everything else that has
    /// begun is finished.
    pub(crate) async fn serve(self, mut stop: watch::Receiver<bool>) {
        let permits = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let stopping = Arc::new(AtomicBool::new(false));
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                _ = stop.changed() => break,
                accepted = self.accept() => accepted,
            };
            match accepted {
                Ok(stream) => match Arc::clone(&permits).try_acquire_owned() {
                    Ok(permit) => {
                        let connection = Connection {
                            handler: self.handler.clone(),
                            stopping: Arc::clone(&stopping),
                            stop: stop.clone(),
                        };
                        connections.spawn(async move {
                            connection.serve(stream).await;
                            drop(permit);
                        });
                    }
                    Err(_all_taken) => refuse(&stream),
                },
                Err(error) => {
                    tracing::warn!(%error, "a control connection was not accepted; it goes on");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
            while connections.try_join_next().is_some() {}
        }
        drop(self.listeners);
        stopping.store(true, Ordering::Relaxed);
        while connections.join_next().await.is_some() {}
    }
}

struct Connection {
    handler: Handler,
    stopping: Arc<AtomicBool>,
    stop: watch::Receiver<bool>,
}

impl Connection {
    async fn serve(mut self, stream: UnixStream) {
        let (reader, mut writer) = stream.into_split();
        let mut reader = BufReader::new(reader);
        let request = tokio::select! {
            request = request_read(&mut reader) => request,
            // What has not begun is not waited for.
            _ = self.stop.changed() => return,
        };
        let response = match request {
            Ok(None) => return,
            Ok(Some(request)) => self.run(request, &mut reader, &mut writer).await,
            Err(refusal) => Response::Error(refusal),
        };
        response_write(&mut writer, &response).await;
    }

    /// Runs the request on a thread that may block, and passes its progress on.
    async fn run(
        &self,
        request: Request,
        reader: &mut BufReader<OwnedReadHalf>,
        writer: &mut OwnedWriteHalf,
    ) -> Response {
        let (sender, mut progress) = mpsc::channel(PROGRESS_QUEUE);
        let mut reporter = Reporter {
            sender,
            stopping: Arc::clone(&self.stopping),
            reported: None,
        };
        let handler = self.handler.clone();
        let mut work = tokio::task::spawn_blocking(move || handler.handle(&request, &mut reporter));
        let mut client_present = true;
        let outcome = loop {
            tokio::select! {
                outcome = &mut work => break outcome,
                Some(report) = progress.recv() => {
                    if !response_write(writer, &Response::Progress(report)).await {
                        progress.close();
                    }
                }
                // A client that hangs up no longer wants its transfer.
                gone = hung_up(reader), if client_present => {
                    client_present = false;
                    if gone {
                        progress.close();
                    }
                }
            }
        };
        match outcome {
            Ok(Ok(reply)) => Response::Result(reply),
            Ok(Err(error)) => Response::Error(error.into()),
            Err(panic) => {
                tracing::error!(%panic, "a control request ended in a bug; the server goes on");
                let message = "the request hit a bug in the server; its log says more".to_owned();
                Response::Error(Refusal {
                    kind: RefusalKind::Io,
                    message,
                })
            }
        }
    }
}

/// Progress of a transfer, thinned out, and the reasons to end it early.
struct Reporter {
    sender: mpsc::Sender<Progress>,
    stopping: Arc<AtomicBool>,
    reported: Option<u64>,
}

impl Monitor for Reporter {
    fn progress(&mut self, progress: Progress) -> Result<(), BackendError> {
        let closed = |message| Err(BackendError::new(ErrorKind::Closed, message));
        if self.stopping.load(Ordering::Relaxed) {
            return closed("the server is stopping; start the transfer again when it is back");
        }
        if self.sender.is_closed() {
            return closed("the client went away");
        }
        let step = progress.total / PROGRESS_STEPS;
        let due = self.reported.is_none_or(|last| progress.done - last > step);
        if due || progress.done == progress.total {
            self.reported = Some(progress.done);
            // Full: the client is slow, and the next report says more than this one.
            let _ = self.sender.try_send(progress);
        }
        Ok(())
    }
}

/// The request, or `None` if the client left without one.
async fn request_read(reader: &mut BufReader<OwnedReadHalf>) -> Result<Option<Request>, Refusal> {
    let invalid = |message| Refusal {
        kind: RefusalKind::Invalid,
        message,
    };
    let mut line = Vec::new();
    let limit = u64::try_from(REQUEST_BYTES_MAX).unwrap_or(u64::MAX);
    let mut bounded = reader.take(limit);
    let read = bounded.read_until(b'\n', &mut line);
    match tokio::time::timeout(CLIENT_TIMEOUT, read).await {
        Err(_elapsed) => {
            let seconds = CLIENT_TIMEOUT.as_secs();
            return Err(invalid(format!(
                "no request came within {seconds} s; connect again"
            )));
        }
        Ok(Err(error)) => {
            tracing::debug!(%error, "a control connection ended early");
            return Ok(None);
        }
        Ok(Ok(0)) => return Ok(None),
        Ok(Ok(_)) => {}
    }
    if line.last() != Some(&b'\n') {
        let message = if line.len() >= REQUEST_BYTES_MAX {
            format!("the request is longer than {REQUEST_BYTES_MAX} bytes; shorten it")
        } else {
            "the request ends without a newline; send one line".to_owned()
        };
        return Err(invalid(message));
    }
    let understood = serde_json::from_slice(&line).map(Some);
    understood.map_err(|error| {
        invalid(format!(
            "the request is not understood ({error}); use a client of this version"
        ))
    })
}

/// Completes when the client closes (true) or says more than it should (false).
async fn hung_up(reader: &mut BufReader<OwnedReadHalf>) -> bool {
    let mut byte = [0];
    !matches!(reader.read(&mut byte).await, Ok(read) if read > 0)
}

/// Sends one line. False if the client does not take it: it is gone, or too slow.
async fn response_write(writer: &mut OwnedWriteHalf, response: &Response) -> bool {
    let Some(line) = encode(response) else {
        return false;
    };
    let sent = tokio::time::timeout(CLIENT_TIMEOUT, writer.write_all(&line)).await;
    matches!(sent, Ok(Ok(())))
}

fn encode(response: &Response) -> Option<Vec<u8>> {
    match serde_json::to_vec(response) {
        Ok(mut line) => {
            line.push(b'\n');
            Some(line)
        }
        Err(error) => {
            tracing::error!(%error, "an answer cannot be written as JSON; it was left out");
            None
        }
    }
}

/// One line into the socket's own buffer, which is empty: no waiting, or nothing.
fn refuse(stream: &UnixStream) {
    let message = format!("{CONNECTIONS_MAX} clients are connected; try again later");
    let refusal = Response::Error(Refusal {
        kind: RefusalKind::Busy,
        message,
    });
    if let Some(line) = encode(&refusal) {
        let _ = stream.try_write(&line);
    }
}

#[cfg(test)]
mod tests;
