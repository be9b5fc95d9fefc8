//! The commands' side of the control socket.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;

use crate::control::listener;
use crate::control::protocol::{Progress, RESPONSE_BYTES_MAX, Reply, Request, Response};
use crate::failure::Failure;
use crate::place;

/// Asks the server of the pool at `data`, and waits for the last line of its answer. `what` begins
/// the message of a failure: `cannot create volume ...`.
pub(crate) fn call(
    data: &Path,
    what: &str,
    request: &Request,
    on_progress: &mut dyn FnMut(Progress),
) -> Result<Reply, Failure> {
    let stream = connect(data, what)?;
    let lost = |error: io::Error| {
        let pool = data.display();
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

fn connect(data: &Path, what: &str) -> Result<UnixStream, Failure> {
    let pool = data.display();
    let socket = place::control_socket(data)
        .map_err(|error| Failure::because(format_args!("{what}: cannot look at {pool}"), &error))?;
    listener::connect(&socket).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Failure::error(format_args!(
            "{what}: no server runs on {pool}; start one with `trefoil serve --data {pool}`, or \
             name another pool with --data"
        )),
        io::ErrorKind::PermissionDenied => Failure::error(format_args!(
            "{what}: no permission for {}; run this as the user who runs the server",
            socket.display()
        )),
        _ => {
            let socket = socket.display();
            Failure::because(format_args!("{what}: cannot connect to {socket}"), &error)
        }
    })
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
