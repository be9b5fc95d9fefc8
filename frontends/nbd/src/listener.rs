//! Sockets that wait for clients.

use std::fs;
use std::io;
use std::net::TcpListener;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::net::Shutdown;

use crate::address::Address;
use crate::shared::Client;
use crate::socket::Socket;

/// Owner and group may connect: who may write to the pool's volumes is decided by the socket's
/// group.
const SOCKET_MODE: u32 = 0o660;

/// Why a server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address cannot be had.
    #[error("cannot listen on {address}: {source}{}", hint(.source))]
    Listen {
        /// The address.
        address: Address,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// Something else is at the path of a socket.
    #[error("cannot listen on {address}: the file there is no socket; use another path")]
    NotSocket {
        /// The address.
        address: Address,
    },
    /// No thread for it.
    #[error("cannot start a thread to listen on {address}: {source}")]
    Thread {
        /// The address.
        address: Address,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
}

/// What to look for, where the system's answer tells.
fn hint(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::AddrInUse => "; is another server running there?",
        _ => "",
    }
}

/// One listening socket.
#[derive(Debug)]
pub(crate) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener, PathBuf),
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(listener) => listener.as_fd(),
            Self::Unix(listener, _) => listener.as_fd(),
        }
    }
}

impl Listener {
    /// Listens. A socket file that nobody listens on is what a killed server left: it is replaced.
    pub(crate) fn bind(address: &Address) -> Result<Self, ListenError> {
        let listened = match address {
            Address::Tcp(tcp) => TcpListener::bind(tcp).map(Self::Tcp),
            Address::Unix(path) => {
                remove_stale(path)?;
                bind_unix(path).map(|listener| Self::Unix(listener, path.clone()))
            }
        };
        listened.map_err(|source| ListenError::Listen {
            address: address.clone(),
            source,
        })
    }

    /// The address with the port that the system chose.
    pub(crate) fn address(&self) -> io::Result<Address> {
        match self {
            Self::Tcp(listener) => listener.local_addr().map(Address::Tcp),
            Self::Unix(_, path) => Ok(Address::Unix(path.clone())),
        }
    }

    /// Waits for a client.
    pub(crate) fn accept(&self) -> io::Result<Client> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept()?;
                Ok(Client::new(peer.to_string(), Socket::Tcp(stream)))
            }
            Self::Unix(listener, path) => {
                let (stream, _) = listener.accept()?;
                let peer = format!("unix:{}", path.display());
                Ok(Client::new(peer, Socket::Unix(stream)))
            }
        }
    }

    /// Removes the socket's file and makes [`Listener::accept`] return with an error. In this
    /// order: once nobody listens, another server may put its own file there.
    pub(crate) fn close(&self) {
        if let Self::Unix(_, path) = self
            && let Err(error) = fs::remove_file(path)
        {
            tracing::debug!(path = %path.display(), %error, "the socket's file is gone already");
        }
        if let Err(error) = rustix::net::shutdown(self, Shutdown::Both) {
            tracing::debug!(%error, "a listening socket was closed already");
        }
    }
}

fn bind_unix(path: &Path) -> io::Result<UnixListener> {
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(SOCKET_MODE))?;
    Ok(listener)
}

fn remove_stale(path: &Path) -> Result<(), ListenError> {
    let fail = |source| ListenError::Listen {
        address: Address::Unix(path.into()),
        source,
    };
    let kind = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata.file_type(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(fail(error)),
    };
    if !kind.is_socket() {
        let address = Address::Unix(path.into());
        return Err(ListenError::NotSocket { address });
    }
    match UnixStream::connect(path) {
        Ok(_) => Err(fail(io::ErrorKind::AddrInUse.into())),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(fail)
        }
        // Any other answer, a full backlog among them, comes from somebody who listens.
        Err(error) => Err(fail(error)),
    }
}
