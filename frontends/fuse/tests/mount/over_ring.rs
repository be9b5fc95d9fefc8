//! Requests over io_uring. All other tests of mounts run over it too where the kernel has it
//! enabled.

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::FileExt;
use std::thread;

use frontends_fuse::MountOptions;
use rustix::fs::{FlockOperation, flock};

use crate::world::{Random, World, get, pattern, put};

/// Whether new connections can have rings. Changed by one test at a time and only for a mount.
const ENABLED: &str = "/sys/module/fuse/parameters/enable_uring";

/// A world whose bucket is mounted while rings are enabled or not; `None`: this kernel lacks them.
fn world(is_enabled: bool, options: MountOptions) -> Option<World> {
    let Ok(mut setting) = OpenOptions::new().read(true).write(true).open(ENABLED) else {
        println!("skipped: the kernel has no FUSE over io_uring, or this is not root");
        return None;
    };
    flock(&setting, FlockOperation::LockExclusive).unwrap();
    let mut before = String::new();
    setting.read_to_string(&mut before).unwrap();
    let set = |setting: &mut File, value: &str| {
        setting.seek(SeekFrom::Start(0)).unwrap();
        setting.write_all(value.as_bytes()).unwrap();
    };
    set(&mut setting, if is_enabled { "Y" } else { "N" });
    let world = World::with(options);
    set(&mut setting, before.trim());
    Some(world)
}

fn is_over_ring(world: &World) -> bool {
    world.mounts().list()[0].over_ring
}

#[test]
fn rings_are_used_where_they_are_enabled() {
    let options = MountOptions::default();
    let Some(with) = world(true, options) else {
        return;
    };
    assert!(is_over_ring(&with));
    let without = world(false, options).unwrap();
    assert!(!is_over_ring(&without));
    for world in [&with, &without] {
        fs::write(world.path("f"), b"through the mount").unwrap();
        assert_eq!(get(&world.bucket, "f").unwrap(), b"through the mount");
        put(&world.bucket, "f", b"through the other door");
        assert_eq!(
            fs::read(world.path("f")).unwrap(),
            b"through the other door"
        );
    }
}

#[test]
fn a_mount_can_refuse_them() {
    let options = MountOptions {
        no_ring: true,
        ..MountOptions::default()
    };
    let Some(world) = world(true, options) else {
        return;
    };
    assert!(!is_over_ring(&world));
    fs::write(world.path("f"), b"x").unwrap();
}

/// More callers than rings, on all processors, with requests of all lengths.
#[test]
fn many_callers_at_once_read_what_they_wrote() {
    const BYTES: usize = 2 << 20;
    let Some(world) = world(true, MountOptions::default()) else {
        return;
    };
    thread::scope(|scope| {
        for caller in 0..16 {
            let (path, bucket) = (world.path(&format!("{caller}")), &world.bucket);
            scope.spawn(move || {
                println!("seed {caller}");
                let mut random = Random(caller);
                let mut model = pattern(BYTES, caller);
                fs::write(&path, &model).unwrap();
                let file = OpenOptions::new()
                    .read(true)
                    .write(true)
                    .open(&path)
                    .unwrap();
                for _ in 0..30 {
                    let at = random.below(BYTES - 1);
                    let bytes = 1 + random.below(BYTES - at);
                    let data = pattern(bytes, random.next());
                    file.write_all_at(&data, at as u64).unwrap();
                    model[at..at + bytes].copy_from_slice(&data);
                }
                file.sync_all().unwrap();
                assert!(get(bucket, &format!("{caller}")).unwrap() == model);
                assert!(fs::read(&path).unwrap() == model);
            });
        }
    });
}
