//! Decoded requests to the operations, which the other transport shares.

use engine_bucket::NewKind;
use fuser::{Errno, FileHandle, FopenFlags};

use crate::door::{Answer, Door};
use crate::held::Ticket;
use crate::limits::WRITE_BYTES_MAX;
use crate::names::kind_of;
use crate::protocol::{Asker, Do, Give, Listed, Reply};

/// Room for the entries of a directory: no answer is longer than the payload.
fn room(bytes: u32) -> Listed {
    Listed::new(bytes.min(WRITE_BYTES_MAX) as usize)
}

fn opened((handle, how): (FileHandle, FopenFlags)) -> Reply {
    Reply::Opened(handle, how)
}

impl Door {
    /// Carries out what gives the kernel something to keep.
    pub(super) fn give_over(
        &self,
        ticket: &Ticket<'_>,
        asker: &Asker,
        give: &Give<'_>,
    ) -> Answer<Reply> {
        let (at, caller) = (asker.at, asker.caller);
        let given = match *give {
            Give::LookUp { name } => self.look_up(ticket, at, name),
            Give::Attributes { handle } => {
                let (attr, is_fresh) = self.attributes(ticket, at, handle)?;
                return Ok(Reply::Attributes(attr, is_fresh));
            }
            Give::Symlink { name, target } => self.make_symlink(ticket, caller, (at, name), target),
            Give::Node { name, mode, device } => {
                let kind = kind_of(mode.mode, device)?;
                let made = self.make(ticket, caller, (at, name), kind, mode);
                made.map(|(given, _)| given)
            }
            Give::Directory { name, mode } => {
                let made = self.make(ticket, caller, (at, name), NewKind::Directory, mode);
                made.map(|(given, _)| given)
            }
            Give::Create { name, mode, flags } => {
                let made = self.make_open(ticket, caller, (at, name), mode, flags);
                return made.map(|(given, opened)| Reply::Created(given, opened));
            }
            Give::Link { ino, name } => self.link(ticket, ino, at, name),
            Give::ListPlus {
                handle,
                at: behind,
                bytes,
            } => {
                let mut listed = room(bytes);
                self.list_plus(ticket, (at, handle), behind, &mut listed)?;
                return Ok(Reply::Listed(listed));
            }
        };
        given.map(Reply::Entry)
    }

    /// Carries out anything else.
    pub(super) fn carry_out(&self, asker: &Asker, operation: &Do<'_>) -> Answer<Reply> {
        let (at, caller) = (asker.at, asker.caller);
        let done = match *operation {
            Do::Read { handle, at, bytes } => {
                // No answer is longer than the payload.
                let bytes = bytes.min(WRITE_BYTES_MAX);
                return self.read_at(handle, at, bytes).map(Reply::Pages);
            }
            Do::Write { handle, write } => return self.write_to(handle, write).map(Reply::Written),
            Do::SetAttributes(ref wanted) => {
                let set = self.set(caller, at, wanted);
                return set.map(|attr| Reply::Attributes(attr, false));
            }
            Do::ReadLink => return self.target(at).map(Reply::Bytes),
            Do::Unlink { name } => self.unlink(at, name),
            Do::RemoveDirectory { name } => self.rmdir(at, name),
            Do::Rename {
                name,
                to,
                new,
                flags,
            } => self.rename_to((at, name), (to, new), flags),
            Do::Open { flags } => return self.open_number(at, flags).map(opened),
            Do::Release { handle } => {
                self.release_file(handle);
                Ok(())
            }
            Do::Sync => self.sync_file(at),
            Do::OpenDirectory => return self.open_listing(at).map(opened),
            Do::List {
                handle,
                at: behind,
                bytes,
            } => {
                let mut listed = room(bytes);
                self.list(at, handle, behind, &mut listed)?;
                return Ok(Reply::Listed(listed));
            }
            Do::ReleaseDirectory { handle } => {
                self.close_listing(handle);
                Ok(())
            }
            Do::SyncDirectory => self.sync_directory(at),
            Do::Space => return self.space(at).map(Reply::Space),
            Do::SetExtended { name, value, flags } => {
                self.set_extended(caller, at, name, value, flags)
            }
            Do::Extended { name, room } => return self.extended(at, name, room).map(Reply::Value),
            Do::ExtendedNames { room } => {
                let names = self.extended_names(caller, at, room);
                return names.map(Reply::Value);
            }
            Do::RemoveExtended { name } => self.remove_extended(at, name),
            Do::Allocate {
                handle,
                at,
                bytes,
                mode,
            } => self.room(caller, handle, (at, bytes), mode),
            Do::Seek { handle, at, whence } => {
                return self.seek_in(handle, at, whence).map(Reply::Found);
            }
            Do::Copy { from, to, bytes } => {
                let copied = self.copy(caller, from, to, bytes);
                return copied.map(Reply::Written);
            }
            // Nothing is held back here: see the other transport.
            Do::Flush => Err(Errno::ENOSYS),
        };
        done.map(|()| Reply::Empty)
    }
}
