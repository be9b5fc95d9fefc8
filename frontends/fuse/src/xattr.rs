//! Extended attributes. Those of the object have other names here: `object.X` of the engine is
//! `user.s3.X`.
//!
//! The kernel checks who may touch `user.`, `trusted.` and `security.` names and access lists, and
//! nothing for other names, so there are no others. Whose listing leaves `trusted.` names out is
//! left to the file system.

use std::borrow::Cow;

use engine_bucket::{Ack, BucketError, OBJECT_PREFIX, SetHow};
use engine_pool::block_on;
use fuser::{Errno, INodeNo};

use crate::attributes::CAPABILITY;
use crate::door::{Answer, Caller, Door, run_on};
use crate::errno::attribute_errno;
use crate::past::is_snapshots;

/// How the mount calls [`OBJECT_PREFIX`].
const SHOWN_PREFIX: &[u8] = b"user.s3.";
const ACCESS_LIST: &[u8] = b"system.posix_acl_access";
const DEFAULT_LIST: &[u8] = b"system.posix_acl_default";
const TRUSTED: &[u8] = b"trusted.";
/// Names of these are allowed; all others are access lists.
const PREFIXES: [&[u8]; 3] = [b"user.", TRUSTED, b"security."];
const SET_GID: u16 = 0o2000;
const CREATE: i32 = 1;
const REPLACE: i32 = 2;

/// What is answered to who asks for a value.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// How long it is.
    Size(u32),
    Bytes(Vec<u8>),
}

/// A value for who has `room` for it, or with `room` 0 how long it is.
pub(crate) fn fit(value: Vec<u8>, room: u32) -> Answer<Value> {
    match u32::try_from(value.len()) {
        Ok(bytes) if room == 0 => Ok(Value::Size(bytes)),
        Ok(bytes) if bytes <= room => Ok(Value::Bytes(value)),
        _ => Err(Errno::ERANGE),
    }
}

/// The engine's name of an attribute. Nothing of the object can be reached by a second name.
fn stored_name(name: &[u8]) -> Answer<Cow<'_, [u8]>> {
    if let Some(short) = name.strip_prefix(SHOWN_PREFIX) {
        return Ok(Cow::Owned([OBJECT_PREFIX, short].concat()));
    }
    check_name(name)?;
    Ok(Cow::Borrowed(name))
}

/// Whether a mount knows such a name.
fn check_name(name: &[u8]) -> Answer<()> {
    if is_access_list(name) {
        return Ok(());
    }
    let mut prefixes = PREFIXES.into_iter();
    match prefixes.find_map(|prefix| name.strip_prefix(prefix)) {
        Some(b"") => Err(Errno::EINVAL),
        Some(_) => Ok(()),
        None => Err(Errno::EOPNOTSUPP),
    }
}

/// Whether a listing shows a name: not what cannot be asked for; `trusted.` names to root alone.
fn is_listed(caller: Caller, name: &[u8]) -> bool {
    check_name(name).is_ok() && (caller.uid == 0 || !name.starts_with(TRUSTED))
}

fn is_access_list(name: &[u8]) -> bool {
    name == ACCESS_LIST || name == DEFAULT_LIST
}

fn shown_name(name: &[u8]) -> Cow<'_, [u8]> {
    match name.strip_prefix(OBJECT_PREFIX) {
        Some(short) => Cow::Owned([SHOWN_PREFIX, short].concat()),
        None => Cow::Borrowed(name),
    }
}

impl Door {
    /// The value of an attribute, as [`fit`].
    pub(crate) fn extended(&self, ino: INodeNo, name: &[u8], room: u32) -> Answer<Value> {
        if is_snapshots(ino) {
            return Err(Errno::ENODATA);
        }
        let (bucket, node) = self.at(ino)?;
        let name = stored_name(name)?;
        let found = block_on(bucket.attribute(&node, &name));
        fit(found.map_err(|error| attribute_errno(&error))?, room)
    }

    /// All names that the caller may see, each with a zero byte behind it, as [`fit`].
    pub(crate) fn extended_names(&self, caller: Caller, ino: INodeNo, room: u32) -> Answer<Value> {
        if is_snapshots(ino) {
            return fit(Vec::new(), room);
        }
        let (bucket, node) = self.at(ino)?;
        let names = run_on(bucket.attributes(&node))?;
        let mut list = Vec::new();
        let shown = names.iter().map(|name| shown_name(name));
        for name in shown.filter(|name| is_listed(caller, name)) {
            list.extend_from_slice(&name);
            list.push(0);
        }
        fit(list, room)
    }

    pub(crate) fn set_extended(
        &self,
        caller: Caller,
        ino: INodeNo,
        name: &[u8],
        value: &[u8],
        flags: i32,
    ) -> Answer<()> {
        let node = self.node(ino)?;
        let how = match flags {
            0 => SetHow::Any,
            CREATE => SetHow::Create,
            REPLACE => SetHow::Replace,
            _ => return Err(Errno::EINVAL),
        };
        let bucket = &self.bucket;
        let set = match name.strip_prefix(SHOWN_PREFIX) {
            Some(short) => {
                block_on(bucket.set_object_attribute(&node, short, value, how, Ack::Written))
            }
            None => {
                let stored = stored_name(name)?;
                block_on(bucket.set_attribute(&node, &stored, value, how, Ack::Written))
            }
        };
        set.map_err(|error| attribute_errno(&error))?;
        if name == ACCESS_LIST {
            self.keep_group(caller, &node)?;
        }
        if name == CAPABILITY {
            self.table.set_plain(ino.0, false);
        }
        Ok(())
    }

    pub(crate) fn remove_extended(&self, ino: INodeNo, name: &[u8]) -> Answer<()> {
        let node = self.node(ino)?;
        let stored = stored_name(name)?;
        let removed = block_on(self.bucket.remove_attribute(&node, &stored, Ack::Written));
        match removed {
            // There is nothing to take away from the mode.
            Err(BucketError::NotFound { what: "attribute" }) if is_access_list(name) => Ok(()),
            removed => removed.map_err(|error| attribute_errno(&error)),
        }
    }

    /// Who sets the access list of a file whose group is another takes its set-group-id bit away,
    /// as with a change of the mode. The library does not hand on whether the kernel asks for it,
    /// so of the caller's groups only the first is known.
    fn keep_group(&self, caller: Caller, node: &engine_bucket::Node) -> Answer<()> {
        let info = run_on(self.bucket.info(node))?;
        if caller.uid == 0 || caller.gid == info.gid || info.mode & SET_GID == 0 {
            return Ok(());
        }
        let set = engine_bucket::SetAttributes {
            mode: Some(info.mode & !SET_GID),
            ..engine_bucket::SetAttributes::default()
        };
        run_on(self.bucket.set_attributes(node, &set, Ack::Written)).map(|_| ())
    }
}

#[cfg(test)]
mod tests;
