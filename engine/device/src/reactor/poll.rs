//! Sleeping in poll(2), and the meaning of its events, which io_uring shares.

use std::io;
use std::os::fd::BorrowedFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::wakeup::Wakeup;
use super::{Interest, Readiness};

/// The events to ask for. The end of the stream is readable; errors are reported unasked.
pub(super) fn events(interest: Interest) -> u32 {
    flags(interest).bits().into()
}

fn flags(interest: Interest) -> PollFlags {
    let mut flags = PollFlags::empty();
    flags.set(PollFlags::IN, interest.read);
    flags.set(PollFlags::OUT, interest.write);
    flags
}

/// What reported events say.
pub(super) fn readiness(events: u32) -> Readiness {
    let has = |flag: PollFlags| events & u32::from(flag.bits()) != 0;
    Readiness {
        readable: has(PollFlags::IN),
        writable: has(PollFlags::OUT),
        hangup: has(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL),
    }
}

/// Waits for the eventfd and the socket; only looks if not `may_sleep`.
pub(super) fn wait(
    wakeup: &Wakeup,
    socket: Option<(BorrowedFd<'_>, Interest)>,
    may_sleep: bool,
) -> io::Result<Readiness> {
    let mut fds = vec![PollFd::from_borrowed_fd(wakeup.eventfd(), PollFlags::IN)];
    if let Some((socket, interest)) = socket
        && events(interest) != 0
    {
        fds.push(PollFd::from_borrowed_fd(socket, flags(interest)));
    }
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    match poll(&mut fds, if may_sleep { None } else { Some(&now) }) {
        Ok(_) => {}
        Err(Errno::INTR | Errno::AGAIN) => return Ok(Readiness::default()),
        Err(errno) => return Err(errno.into()),
    }
    if !fds[0].revents().is_empty() {
        wakeup.clear()?;
    }
    Ok(fds.get(1).map_or_else(Readiness::default, |fd| {
        readiness(fd.revents().bits().into())
    }))
}
