//! The socket file: made so that nobody but its owner can ever connect, and found again.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::fs::Mode;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

/// Longest path that fits a socket address, which ends in a zero byte.
const ADDRESS_BYTES_MAX: usize = 107;
/// Connections that may wait for the server to accept them.
const BACKLOG: i32 = 64;

/// The listening control socket. Dropping it removes the file.
#[derive(Debug)]
pub(crate) struct Listening {
    listener: UnixListener,
    path: PathBuf,
}

impl Listening {
    /// Listens at `path`, in place of whatever a server that died left there.
    ///
    /// Only whoever holds the lock of the pool may call this: the lock is what says that the old
    /// socket is stale. The socket gets mode 0600 before it has a name, is made beside its place
    /// and renamed into it, so at no moment is there one that others may use, or none that works.
    pub(crate) fn bind(path: &Path) -> io::Result<Self> {
        let (directory, name) = split(path)?;
        let mut fresh_name = OsString::from(name);
        fresh_name.push(".new");
        let fresh = directory.join(&fresh_name);
        match fs::remove_file(&fresh) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket =
            rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        rustix::fs::fchmod(&socket, Mode::RUSR | Mode::WUSR)?;
        let anchor = File::open(directory)?;
        let address = SocketAddrUnix::new(short_path(&anchor, &fresh)?)?;
        rustix::net::bind(&socket, &address)?;
        rustix::net::listen(&socket, BACKLOG)?;
        fs::rename(&fresh, path)?;
        Ok(Self {
            listener: UnixListener::from(socket),
            path: path.to_owned(),
        })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The socket for a runtime to accept from; non-blocking already.
    pub(crate) fn listener(&self) -> io::Result<UnixListener> {
        self.listener.try_clone()
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            let path = self.path.display();
            tracing::debug!(%error, %path, "the control socket stays; the next server replaces it");
        }
    }
}

/// Connects to the control socket at `path`.
pub(crate) fn connect(path: &Path) -> io::Result<UnixStream> {
    let (directory, _name) = split(path)?;
    let anchor = File::open(directory)?;
    UnixStream::connect(short_path(&anchor, path)?)
}

fn split(path: &Path) -> io::Result<(&Path, &std::ffi::OsStr)> {
    match (path.parent(), path.file_name()) {
        (Some(directory), Some(name)) => Ok((directory, name)),
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "no directory to put a socket in",
        )),
    }
}

/// `path` itself, or the same file by way of its open directory if it is too long for an address.
fn short_path(directory: &File, path: &Path) -> io::Result<PathBuf> {
    if path.as_os_str().len() <= ADDRESS_BYTES_MAX {
        return Ok(path.to_owned());
    }
    let (_directory, name) = split(path)?;
    Ok(PathBuf::from(format!("/proc/self/fd/{}", directory.as_raw_fd())).join(name))
}

#[cfg(test)]
mod tests;
