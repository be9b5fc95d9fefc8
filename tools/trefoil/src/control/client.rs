//! The commands' side of the control socket.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use crate::control::listener;
use crate::control::protocol::{Progress, RESPONSE_BYTES_MAX, Reply, Request, Response};
use crate::failure::Failure;
use crate::place;

/// Asks the server of the pool on the devices `data`, and waits for the last line of its answer.
/// `what` begins the message of a failure: `cannot create volume ...`.
pub(crate) fn call(
    data: &[PathBuf],
    what: &str,
    request: &Request,
    on_progress: &mut dyn FnMut(Progress),
) -> Result<Reply, Failure> {
    let stream = connect(data, what)?;
    let lost = |error: io::Error| {
        let pool = name_of(data);
        Failure::because(
            format_args!("{what}: the server of {pool} did not answer"),
            &error,
        )
    };
    let mut line = serde_json::to_vec(request).map_err(|error| Failure::because(what, &error))?;
    line.push(b'\n');
    (&stream).write_all(&line).map_err(lost)?;
    let mut reader = BufReader::new(stream);
    loop {
        match response_read(&mut reader).map_err(lost)? {
            Response::Progress(progress) => on_progress(progress),
            Response::Result(reply) => return Ok(reply),
            Response::Error(refusal) => {
                return Err(Failure::error(format_args!("{what}: {}", refusal.message)));
            }
        }
    }
}

/// The server answered a request with something else: it is of another version.
pub(crate) fn unexpected(what: &str) -> Failure {
    Failure::error(format_args!(
        "{what}: the server answered something else than asked; use a client of its version"
    ))
}

/// Connects to the first control socket at which somebody listens. What went wrong elsewhere is
/// told only if there is none, and only if it is more than that.
fn connect(data: &[PathBuf], what: &str) -> Result<UnixStream, Failure> {
    let mut told = None;
    for path in data {
        match connect_at(path, what) {
            Ok(stream) => return Ok(stream),
            Err(None) => {}
            Err(Some(failure)) => told = told.or(Some(failure)),
        }
    }
    let pool = name_of(data);
    Err(told.unwrap_or_else(|| {
        Failure::error(format_args!(
            "{what}: no server runs on {pool}; start one with `trefoil serve --data {pool}`, or \
             name another pool with --data"
        ))
    }))
}

/// `Err(None)`: nobody listens there.
fn connect_at(path: &Path, what: &str) -> Result<UnixStream, Option<Failure>> {
    let device = path.display();
    let socket = place::control_socket(path).map_err(|error| {
        Failure::because(format_args!("{what}: cannot look at {device}"), &error)
    })?;
    listener::connect(&socket).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound
        | io::ErrorKind::NotADirectory
        | io::ErrorKind::ConnectionRefused => None,
        io::ErrorKind::PermissionDenied => Some(Failure::error(format_args!(
            "{what}: no permission for {}; run this as the user who runs the server",
            socket.display()
        ))),
        _ => {
            let socket = socket.display();
            Some(Failure::because(
                format_args!("{what}: cannot connect to {socket}"),
                &error,
            ))
        }
    })
}

/// The devices as `--data` has them.
fn name_of(data: &[PathBuf]) -> String {
    let names = data.iter().map(|path| path.display().to_string());
    names.collect::<Vec<_>>().join(",")
}

fn response_read(reader: &mut BufReader<UnixStream>) -> io::Result<Response> {
    let limit = u64::try_from(RESPONSE_BYTES_MAX).unwrap_or(u64::MAX);
    let mut line = Vec::new();
    reader.take(limit).read_until(b'\n', &mut line)?;
    if line.last() != Some(&b'\n') {
        let text = "the connection ended within the answer; look at the server's log";
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, text));
    }
    serde_json::from_slice(&line).map_err(io::Error::from)
}
