//! Who may do what, and whose things are.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::Path;
use std::process::Command;

use rustix::fs::{XattrFlags, copy_file_range, getxattr, listxattr, removexattr, setxattr};
use rustix::io::Errno;

use crate::world::World;

const OTHER: u32 = 12_345;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Runs a shell as somebody else; whether it succeeded.
fn as_other(script: &str, path: &Path) -> bool {
    let mut shell = Command::new("sh");
    shell.args(["-c", script]).arg("sh").arg(path);
    std::os::unix::process::CommandExt::uid(&mut shell, OTHER);
    std::os::unix::process::CommandExt::gid(&mut shell, OTHER);
    shell.output().unwrap().status.success()
}

/// A list as the kernel stores it: version, then tag, permissions and number of each entry.
fn list(entries: &[(u16, u16, u32)]) -> Vec<u8> {
    let mut list = 2_u32.to_le_bytes().to_vec();
    for (tag, permissions, number) in entries {
        list.extend_from_slice(&tag.to_le_bytes());
        list.extend_from_slice(&permissions.to_le_bytes());
        list.extend_from_slice(&number.to_le_bytes());
    }
    list
}

/// The temporary directory is its maker's alone.
fn open_world() -> World {
    let world = World::new();
    set_mode(world.directory.path(), 0o755);
    set_mode(&world.root, 0o777);
    world
}

#[test]
fn others_are_held_to_the_mode() {
    let world = open_world();
    let path = world.path("f");
    fs::write(&path, b"x").unwrap();
    set_mode(&path, 0o600);
    assert!(!as_other("cat \"$1\"", &path));
    set_mode(&path, 0o604);
    assert!(as_other("cat \"$1\"", &path));
    assert!(!as_other("echo y >> \"$1\"", &path));
    assert!(as_other("umask 027; echo y > \"$1\"", &world.path("own")));
    let own = fs::metadata(world.path("own")).unwrap();
    assert_eq!(
        (own.uid(), own.gid(), own.mode() & 0o7777),
        (OTHER, OTHER, 0o640)
    );
    // A sticky directory.
    set_mode(&world.root, 0o1777);
    assert!(!as_other("rm -f \"$1\"", &path));
    assert!(as_other("rm -f \"$1\"", &world.path("own")));
}

#[test]
fn a_change_of_content_or_owner_takes_set_id_bits_away() {
    let world = open_world();
    let path = world.path("f");
    fs::write(&path, b"x").unwrap();
    set_mode(&path, 0o6777);
    OpenOptions::new()
        .append(true)
        .open(&path)
        .unwrap()
        .write_all(b"y")
        .unwrap();
    assert_eq!(mode(&path), 0o6777, "root keeps them");
    assert!(as_other("echo y >> \"$1\"", &path));
    assert_eq!(mode(&path), 0o777);
    set_mode(&path, 0o6777);
    assert!(as_other("truncate -s 1 \"$1\"", &path));
    assert_eq!(mode(&path), 0o777);
    set_mode(&path, 0o6777);
    chown(&path, Some(OTHER), None).unwrap();
    assert_eq!(mode(&path), 0o777);
    set_mode(&path, 0o6755);
    assert!(as_other("chmod 2755 \"$1\"", &path), "the owner");
    assert_eq!(
        mode(&path),
        0o755,
        "who is not in the group does not give it"
    );
}

#[test]
fn a_copied_range_takes_set_id_bits_away_as_a_write_does() {
    let world = open_world();
    let (from, to) = (world.path("from"), world.path("to"));
    fs::write(&from, b"content").unwrap();
    fs::write(&to, b"").unwrap();
    set_mode(&to, 0o6777);
    let (source, target) = (File::open(&from), File::options().write(true).open(&to));
    let copied = copy_file_range(source.unwrap(), None, target.unwrap(), None, 7);
    assert_eq!(copied, Ok(7));
    assert_eq!(mode(&to), 0o6777, "root keeps them");
    let copy = "import os, sys; top = sys.argv[1]; \
        source = os.open(top + '/from', os.O_RDONLY); \
        os.copy_file_range(source, os.open(top + '/to', os.O_WRONLY), 7)";
    let copy = format!("python3 -c \"{copy}\" \"$1\"");
    assert!(as_other(&copy, &world.root));
    assert_eq!(mode(&to), 0o777);
}

#[test]
fn a_write_takes_capabilities_away() {
    let world = World::new();
    let path = world.path("f");
    fs::write(&path, b"x").unwrap();
    let name = "security.capability";
    // Version 2, one capability.
    let mut value = 0x0200_0001_u32.to_le_bytes().to_vec();
    value.extend_from_slice(&[0, 4, 0, 0]);
    value.extend_from_slice(&[0; 12]);
    setxattr(&path, name, &value, XattrFlags::empty()).unwrap();
    let mut seen = [0; 64];
    assert_eq!(getxattr(&path, name, &mut seen[..]), Ok(value.len()));
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(b"y").unwrap();
    assert_eq!(getxattr(&path, name, &mut seen[..]), Err(Errno::NODATA));
}

#[test]
fn a_directory_gives_its_group() {
    let world = World::new();
    let directory = world.path("d");
    fs::create_dir(&directory).unwrap();
    chown(&directory, None, Some(OTHER)).unwrap();
    set_mode(&directory, 0o2775);
    File::create(directory.join("f")).unwrap();
    fs::create_dir(directory.join("sub")).unwrap();
    assert_eq!(fs::metadata(directory.join("f")).unwrap().gid(), OTHER);
    let sub = fs::metadata(directory.join("sub")).unwrap();
    assert_eq!((sub.gid(), sub.mode() & 0o2000), (OTHER, 0o2000));
}

#[test]
fn an_access_list_gives_and_takes() {
    let world = open_world();
    let path = world.path("f");
    fs::write(&path, b"x").unwrap();
    set_mode(&path, 0o600);
    let name = "system.posix_acl_access";
    let user = list(&[
        (1, 6, !0),
        (2, 4, OTHER),
        (4, 0, !0),
        (16, 4, !0),
        (32, 0, !0),
    ]);
    setxattr(&path, name, &user, XattrFlags::empty()).unwrap();
    assert!(as_other("cat \"$1\"", &path));
    assert!(!as_other("echo y >> \"$1\"", &path));
    assert_eq!(mode(&path), 0o640, "the mode shows the mask");
    set_mode(&path, 0o600);
    assert!(!as_other("cat \"$1\"", &path), "a mode is a mask");
}

#[test]
fn a_default_list_is_handed_down() {
    let world = open_world();
    let directory = world.path("d");
    fs::create_dir(&directory).unwrap();
    let name = "system.posix_acl_default";
    let all = list(&[
        (1, 7, !0),
        (2, 6, OTHER),
        (4, 5, !0),
        (16, 7, !0),
        (32, 0, !0),
    ]);
    setxattr(&directory, name, &all, XattrFlags::empty()).unwrap();
    set_mode(&directory, 0o755);
    fs::write(directory.join("f"), b"x").unwrap();
    assert!(as_other("cat \"$1\"", &directory.join("f")));
    assert_eq!(
        mode(&directory.join("f")),
        0o660,
        "the list decides, not the umask"
    );
    fs::create_dir(directory.join("sub")).unwrap();
    let mut seen = [0; 256];
    assert_eq!(
        getxattr(directory.join("sub"), name, &mut seen[..]),
        Ok(all.len())
    );
}

#[test]
fn attributes_that_the_kernel_does_not_guard_are_refused() {
    let world = World::new();
    let path = world.path("f");
    fs::write(&path, b"x").unwrap();
    let set = |name: &str| setxattr(&path, name, b"v", XattrFlags::empty());
    let mut seen = [0; 64];
    assert_eq!(set("system.x"), Err(Errno::OPNOTSUPP));
    assert_eq!(
        getxattr(&path, "system.x", &mut seen[..]),
        Err(Errno::OPNOTSUPP)
    );
    assert_eq!(removexattr(&path, "system.x"), Err(Errno::OPNOTSUPP));
    set("user.a").unwrap();
    set("trusted.a").unwrap();
    assert_eq!(listxattr(&path, &mut seen[..]), Ok(17));
}

#[test]
fn trusted_attributes_are_listed_to_root_alone() {
    let world = open_world();
    let path = world.path("f");
    fs::write(&path, b"x").unwrap();
    for name in ["user.a", "trusted.a"] {
        setxattr(&path, name, b"v", XattrFlags::empty()).unwrap();
    }
    let list = "import os, sys; sys.exit(os.listxattr(sys.argv[1]) != ['user.a'])";
    let list = format!("python3 -c \"{list}\" \"$1\"");
    assert!(as_other(&list, &path), "somebody else sees the other alone");
}
