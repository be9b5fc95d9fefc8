//! Structures of the kernel's interface, by its names without `fuse_`.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Derives what every structure needs.
macro_rules! structures {
    ($($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, FromBytes, IntoBytes, KnownLayout, Immutable)]
        #[repr(C)]
        pub(super) struct $name {
            $(pub(super) $field: $type,)*
        }
    )*};
}

structures! {
    InHeader {
        len: u32, opcode: u32, unique: u64, node: u64, uid: u32, gid: u32, pid: u32, extended: u32,
    }
    OutHeader { len: u32, error: i32, unique: u64, }
    GetattrIn { flags: u32, padding: u32, handle: u64, }
    SetattrIn {
        valid: u32, padding: u32, handle: u64, size: u64, lock_owner: u64,
        accessed: i64, modified: i64, changed: i64,
        accessed_nanos: u32, modified_nanos: u32, changed_nanos: u32,
        mode: u32, unused: u32, uid: u32, gid: u32, unused_too: u32,
    }
    MknodIn { mode: u32, device: u32, umask: u32, padding: u32, }
    MkdirIn { mode: u32, umask: u32, }
    RenameIn { directory: u64, }
    Rename2In { directory: u64, flags: u32, padding: u32, }
    LinkIn { node: u64, }
    OpenIn { flags: i32, open_flags: u32, }
    CreateIn { flags: i32, mode: u32, umask: u32, open_flags: u32, }
    /// Of listings too.
    ReadIn {
        handle: u64, at: u64, bytes: u32, read_flags: u32, lock_owner: u64,
        flags: i32, padding: u32,
    }
    WriteIn {
        handle: u64, at: u64, bytes: u32, write_flags: u32, lock_owner: u64,
        flags: i32, padding: u32,
    }
    ReleaseIn { handle: u64, flags: i32, release_flags: u32, lock_owner: u64, }
    SetxattrIn { bytes: u32, flags: i32, }
    GetxattrIn { room: u32, padding: u32, }
    FallocateIn { handle: u64, at: u64, bytes: u64, mode: i32, padding: u32, }
    LseekIn { handle: u64, at: i64, whence: i32, padding: u32, }
    CopyFileRangeIn {
        handle: u64, at: u64, to_node: u64, to_handle: u64, to_at: u64, bytes: u64, flags: u64,
    }
    Attr {
        node: u64, size: u64, blocks: u64, accessed: i64, modified: i64, changed: i64,
        accessed_nanos: u32, modified_nanos: u32, changed_nanos: u32,
        mode: u32, links: u32, uid: u32, gid: u32, device: u32, block: u32, flags: u32,
    }
    EntryOut {
        node: u64, generation: u64, entry_valid: u64, attr_valid: u64,
        entry_valid_nanos: u32, attr_valid_nanos: u32, attr: Attr,
    }
    AttrOut { valid: u64, valid_nanos: u32, padding: u32, attr: Attr, }
    OpenOut { handle: u64, flags: u32, padding: u32, }
    CreateOut { entry: EntryOut, open: OpenOut, }
    WriteOut { bytes: u32, padding: u32, }
    GetxattrOut { bytes: u32, padding: u32, }
    LseekOut { at: i64, }
    StatfsOut {
        blocks: u64, free: u64, available: u64, files: u64, files_free: u64,
        block: u32, name_bytes: u32, fragment: u32, padding: u32, spare: [u32; 6],
    }
    Dirent { node: u64, behind: u64, name_bytes: u32, kind: u32, }
    Direntplus { entry: EntryOut, dirent: Dirent, }
}

/// What an operation is.
pub(super) mod opcode {
    pub(crate) const LOOKUP: u32 = 1;
    pub(crate) const GETATTR: u32 = 3;
    pub(crate) const SETATTR: u32 = 4;
    pub(crate) const READLINK: u32 = 5;
    pub(crate) const SYMLINK: u32 = 6;
    pub(crate) const MKNOD: u32 = 8;
    pub(crate) const MKDIR: u32 = 9;
    pub(crate) const UNLINK: u32 = 10;
    pub(crate) const RMDIR: u32 = 11;
    pub(crate) const RENAME: u32 = 12;
    pub(crate) const LINK: u32 = 13;
    pub(crate) const OPEN: u32 = 14;
    pub(crate) const READ: u32 = 15;
    pub(crate) const WRITE: u32 = 16;
    pub(crate) const STATFS: u32 = 17;
    pub(crate) const RELEASE: u32 = 18;
    pub(crate) const FSYNC: u32 = 20;
    pub(crate) const SETXATTR: u32 = 21;
    pub(crate) const GETXATTR: u32 = 22;
    pub(crate) const LISTXATTR: u32 = 23;
    pub(crate) const REMOVEXATTR: u32 = 24;
    pub(crate) const FLUSH: u32 = 25;
    pub(crate) const OPENDIR: u32 = 27;
    pub(crate) const READDIR: u32 = 28;
    pub(crate) const RELEASEDIR: u32 = 29;
    pub(crate) const FSYNCDIR: u32 = 30;
    pub(crate) const CREATE: u32 = 35;
    pub(crate) const FALLOCATE: u32 = 43;
    pub(crate) const READDIRPLUS: u32 = 44;
    pub(crate) const RENAME2: u32 = 45;
    pub(crate) const LSEEK: u32 = 46;
    pub(crate) const COPY_FILE_RANGE: u32 = 47;
}

/// Bits of [`SetattrIn::valid`].
pub(super) mod valid {
    pub(crate) const MODE: u32 = 1 << 0;
    pub(crate) const UID: u32 = 1 << 1;
    pub(crate) const GID: u32 = 1 << 2;
    pub(crate) const SIZE: u32 = 1 << 3;
    pub(crate) const ACCESSED: u32 = 1 << 4;
    pub(crate) const MODIFIED: u32 = 1 << 5;
    pub(crate) const ACCESSED_NOW: u32 = 1 << 7;
    pub(crate) const MODIFIED_NOW: u32 = 1 << 8;
}

/// Bit of [`GetattrIn::flags`]: the handle is one.
pub(super) const GETATTR_HANDLE: u32 = 1 << 0;

// As the kernel has them.
const _: () = {
    assert!(size_of::<InHeader>() == 40);
    assert!(size_of::<OutHeader>() == engine_device::COMMAND_ANSWER_BYTES);
    assert!(size_of::<SetattrIn>() == 88);
    assert!(size_of::<ReadIn>() == 40);
    assert!(size_of::<WriteIn>() == 40);
    assert!(size_of::<CopyFileRangeIn>() == 56);
    assert!(size_of::<Attr>() == 88);
    assert!(size_of::<EntryOut>() == 128);
    assert!(size_of::<AttrOut>() == 104);
    assert!(size_of::<OpenOut>() == 16);
    assert!(size_of::<StatfsOut>() == 80);
    assert!(size_of::<Dirent>() == 24);
    assert!(size_of::<Direntplus>() == 152);
};
