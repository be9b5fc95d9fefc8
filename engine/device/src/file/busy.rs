//! Waiting for a device that its last user is about to let go of.
//!
//! A process that was killed ends before the kernel has let go of what it read through a ring: its
//! block device is still claimed, and its file locked, for up to a second on a busy machine. A
//! server that is started again at once finds them so.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;
use std::time::Duration;

/// Looks before a device counts as in use, and the time between two: 2 s in all.
const LOOKS: u32 = 100;
const PAUSE: Duration = Duration::from_millis(20);

/// Opens what others may still claim.
pub(super) fn open(options: &OpenOptions, path: &Path) -> io::Result<File> {
    let is_claimed = |error: &io::Error| error.kind() == io::ErrorKind::ResourceBusy;
    once_free(LOOKS, is_claimed, || options.open(path))
}

/// Locks a file; waits for others only `exclusively`: who reads is told at once that a server runs.
pub(super) fn lock(file: &File, exclusively: bool) -> Result<(), TryLockError> {
    let is_held = |error: &TryLockError| exclusively && matches!(error, TryLockError::WouldBlock);
    once_free(LOOKS, is_held, || try_lock(file, exclusively))
}

/// Locks a file that nobody else has locked.
pub(super) fn try_lock(file: &File, exclusively: bool) -> Result<(), TryLockError> {
    if exclusively {
        file.try_lock()
    } else {
        file.try_lock_shared()
    }
}

/// The first result of `attempt` of which `is_in_use` does not hold, or the last of so many.
fn once_free<T, E>(
    looks: u32,
    is_in_use: impl Fn(&E) -> bool,
    mut attempt: impl FnMut() -> Result<T, E>,
) -> Result<T, E> {
    for _ in 1..looks {
        match attempt() {
            Err(error) if is_in_use(&error) => pause(),
            result => return result,
        }
    }
    attempt()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the kernel tells nobody when it lets go of a device"
)]
fn pause() {
    std::thread::sleep(PAUSE);
}

#[cfg(test)]
mod tests {
    use super::once_free;

    #[test]
    fn what_is_in_use_is_asked_for_again_and_other_failures_are_not() {
        let mut asked = 0;
        let freed = once_free(
            5,
            |in_use| *in_use,
            || {
                asked += 1;
                if asked < 3 { Err(true) } else { Ok(asked) }
            },
        );
        assert_eq!(freed, Ok(3));
        let mut asked = 0;
        let other: Result<(), bool> = once_free(
            5,
            |in_use| *in_use,
            || {
                asked += 1;
                Err(false)
            },
        );
        assert_eq!((other, asked), (Err(false), 1));
    }

    #[test]
    fn what_stays_in_use_is_given_up() {
        let mut asked = 0;
        let refused: Result<(), bool> = once_free(
            5,
            |in_use| *in_use,
            || {
                asked += 1;
                Err(true)
            },
        );
        assert_eq!((refused, asked), (Err(true), 5));
    }
}
