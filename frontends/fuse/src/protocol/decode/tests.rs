//! Requests decode to what they mean, or are refused.

mod done;

use fuser::{Errno, FileHandle, INodeNo};
use proptest::collection::vec;
use proptest::prelude::{any, proptest};
use zerocopy::{Immutable, IntoBytes};

use crate::door::Answer;
use crate::names::Mode;
use crate::protocol::wire::{self, opcode};
use crate::protocol::{Asker, Do, Give, Operation};

fn asker(code: u32) -> Asker {
    let header = wire::InHeader {
        opcode: code,
        unique: 7,
        node: 2,
        uid: 3,
        gid: 4,
        ..wire::InHeader::default()
    };
    Asker::decode(header.as_bytes()).unwrap()
}

/// Arguments as a ring has them: with what earlier requests left behind them.
fn area(arguments: &(impl IntoBytes + Immutable)) -> [u8; 128] {
    let mut area = [0xa5; 128];
    area[..size_of_val(arguments)].copy_from_slice(arguments.as_bytes());
    area
}

fn decode<'a>(
    code: u32,
    arguments: &(impl IntoBytes + Immutable),
    payload: &'a [u8],
) -> Answer<Operation<'a>> {
    Operation::decode(&asker(code), &area(arguments), payload)
}

fn give<'a>(code: u32, arguments: &(impl IntoBytes + Immutable), payload: &'a [u8]) -> Give<'a> {
    match decode(code, arguments, payload) {
        Ok(Operation::Give(give)) => give,
        other => panic!("{other:?}"),
    }
}

fn done<'a>(code: u32, arguments: &(impl IntoBytes + Immutable), payload: &'a [u8]) -> Do<'a> {
    match decode(code, arguments, payload) {
        Ok(Operation::Do(done)) => done,
        other => panic!("{other:?}"),
    }
}

fn refused(code: u32, arguments: &(impl IntoBytes + Immutable), payload: &[u8]) -> Errno {
    decode(code, arguments, payload).unwrap_err()
}

const NONE: () = ();
const NAME: &[u8] = b"n\xff";

#[test]
fn a_header_says_who_asks_about_what() {
    let asker = asker(opcode::STATFS);
    assert_eq!((asker.unique, asker.at), (7, INodeNo(2)));
    assert_eq!((asker.caller.uid, asker.caller.gid), (3, 4));
    assert_eq!(Asker::decode(&[0; 39]).unwrap_err(), Errno::EIO);
}

#[test]
fn what_gives_something() {
    assert_eq!(
        give(opcode::LOOKUP, &NONE, b"n\xff\0"),
        Give::LookUp { name: NAME }
    );
    let mut arguments = wire::GetattrIn {
        flags: 0,
        padding: 0,
        handle: 9,
    };
    let handle = None;
    assert_eq!(
        give(opcode::GETATTR, &arguments, b""),
        Give::Attributes { handle }
    );
    arguments.flags = 1;
    let handle = Some(FileHandle(9));
    assert_eq!(
        give(opcode::GETATTR, &arguments, b""),
        Give::Attributes { handle }
    );
    let target = b"to/there".as_slice();
    let symlink = Give::Symlink { name: NAME, target };
    assert_eq!(give(opcode::SYMLINK, &NONE, b"n\xff\0to/there\0"), symlink);
    let link = Give::Link {
        ino: INodeNo(11),
        name: NAME,
    };
    assert_eq!(
        give(opcode::LINK, &wire::LinkIn { node: 11 }, b"n\xff\0"),
        link
    );
    let arguments = read_in(3, 4);
    let list = Give::ListPlus {
        handle: FileHandle(9),
        at: 3,
        bytes: 4,
    };
    assert_eq!(give(opcode::READDIRPLUS, &arguments, b""), list);
}

#[test]
fn what_makes_something() {
    let mode = Mode {
        mode: 0o10_644,
        umask: 0o22,
    };
    let arguments = wire::MknodIn {
        mode: 0o10_644,
        device: 5,
        umask: 0o22,
        padding: 0,
    };
    let node = Give::Node {
        name: NAME,
        mode,
        device: 5,
    };
    assert_eq!(give(opcode::MKNOD, &arguments, b"n\xff\0"), node);
    let arguments = wire::MkdirIn {
        mode: 0o10_644,
        umask: 0o22,
    };
    let directory = Give::Directory { name: NAME, mode };
    assert_eq!(give(opcode::MKDIR, &arguments, b"n\xff\0"), directory);
    let arguments = wire::CreateIn {
        flags: 0o2,
        mode: 0o10_644,
        umask: 0o22,
        open_flags: 0,
    };
    let create = Give::Create {
        name: NAME,
        mode,
        flags: 2,
    };
    assert_eq!(give(opcode::CREATE, &arguments, b"n\xff\0"), create);
}

fn read_in(at: u64, bytes: u32) -> wire::ReadIn {
    wire::ReadIn {
        handle: 9,
        at,
        bytes,
        ..wire::ReadIn::default()
    }
}

fn write_in(at: u64, bytes: u32) -> wire::WriteIn {
    let (write_flags, flags) = (4, 0o2000);
    wire::WriteIn {
        handle: 9,
        at,
        bytes,
        write_flags,
        flags,
        ..wire::WriteIn::default()
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    // No byte ends the name.
    for code in [opcode::LOOKUP, opcode::UNLINK, opcode::REMOVEXATTR] {
        assert_eq!(refused(code, &NONE, b"n"), Errno::EIO);
    }
    assert_eq!(refused(opcode::SYMLINK, &NONE, b"n\0to"), Errno::EIO);
    // Another length than there are bytes.
    for bytes in [2, 4, u32::MAX] {
        assert_eq!(
            refused(opcode::WRITE, &write_in(0, bytes), b"abc"),
            Errno::EIO
        );
        let arguments = wire::SetxattrIn { bytes, flags: 0 };
        assert_eq!(refused(opcode::SETXATTR, &arguments, b"n\0abc"), Errno::EIO);
    }
    // Before the beginning.
    assert_eq!(
        refused(opcode::WRITE, &write_in(1 << 63, 0), b""),
        Errno::EINVAL
    );
    assert_eq!(
        refused(opcode::READ, &read_in(1 << 63, 0), b""),
        Errno::EINVAL
    );
    // POLL, TMPFILE, STATX, FORGET, and what no kernel has yet.
    for code in [40, 51, 52, 2, 0, 4711] {
        assert_eq!(refused(code, &NONE, b""), Errno::ENOSYS);
    }
    let short = Operation::decode(&asker(opcode::SETATTR), &[0; 87], b"");
    assert_eq!(short.unwrap_err(), Errno::EIO);
}

proptest! {
    #[test]
    fn arbitrary_requests_are_decoded_or_refused(
        code in 0u32..60,
        arguments in vec(any::<u8>(), 128),
        payload in vec(0u8..3, 0..40),
    ) {
        let decoded = Operation::decode(&asker(code), &arguments, &payload);
        let name = match &decoded {
            Ok(Operation::Give(Give::LookUp { name })) => name,
            Ok(Operation::Do(Do::Rename { new, .. })) => new,
            Ok(_) => return Ok(()),
            Err(Errno::EIO | Errno::EINVAL | Errno::ENOSYS) => return Ok(()),
            Err(error) => panic!("{error:?}"),
        };
        assert!(!name.contains(&0));
    }
}
