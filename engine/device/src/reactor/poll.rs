//! Sleeping in poll(2), and the meaning of its events, which io_uring shares.

use std::io;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::wakeup::Wakeup;
use super::{Interest, Readiness, Watched};

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

/// Waits for the eventfd and the sockets; only looks if not `may_sleep`. Those that are ready, by
/// their tokens.
pub(super) fn wait(
    wakeup: &Wakeup,
    sockets: &[Watched<'_>],
    may_sleep: bool,
) -> io::Result<Vec<(u32, Readiness)>> {
    let watched = || {
        sockets
            .iter()
            .filter(|watched| events(watched.interest) != 0)
    };
    let mut fds = vec![PollFd::from_borrowed_fd(wakeup.eventfd(), PollFlags::IN)];
    fds.extend(
        watched().map(|watched| PollFd::from_borrowed_fd(watched.socket, flags(watched.interest))),
    );
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    match poll(&mut fds, if may_sleep { None } else { Some(&now) }) {
        Ok(_) => {}
        Err(Errno::INTR | Errno::AGAIN) => return Ok(Vec::new()),
        Err(errno) => return Err(errno.into()),
    }
    if !fds[0].revents().is_empty() {
        wakeup.clear()?;
    }
    let ready = watched().zip(&fds[1..]).filter_map(|(watched, fd)| {
        let readiness = readiness(fd.revents().bits().into());
        (readiness != Readiness::default()).then_some((watched.token, readiness))
    });
    Ok(ready.collect())
}
