use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::server::Served;
use crate::{failure, success};

#[test]
fn quickstart_gives_one_of_each_and_the_same_again() {
    let directory = tempfile::tempdir().unwrap();
    let served = Served::start(directory.path(), &["--quickstart"]);
    let mount = directory.path().join("trefoil-mnt");
    let key = directory.path().join("trefoil-data/demo.key");
    let text = fs::read_to_string(&key).unwrap();
    let (id, secret) = text.trim_end().split_once(' ').unwrap();
    assert_eq!((id, secret.len()), ("demo", 40));
    assert_eq!(
        fs::metadata(&key).unwrap().permissions().mode() & 0o777,
        0o600
    );
    for word in [
        "qemu-img info nbd://",
        "aws --endpoint-url http://",
        "ls -l /",
    ] {
        assert!(served.table.contains(word), "{word} in {}", served.table);
    }
    fs::write(mount.join("hello"), b"world").unwrap();
    let text = failure(&served.run(&["bucket", "delete", "demo", "--force"]));
    assert!(text.contains("unmount it first"), "{text}");
    let (status, _) = served.stop("TERM");
    assert_eq!(status.code(), Some(0));
    assert_eq!(fs::read_dir(&mount).unwrap().count(), 0, "it is unmounted");

    fs::remove_file(&key).unwrap();
    let served = Served::start(directory.path(), &["--quickstart"]);
    assert_eq!(fs::read_to_string(&key).unwrap(), text_of("demo", secret));
    assert_eq!(fs::read(mount.join("hello")).unwrap(), b"world");
    drop(served);
}

fn text_of(id: &str, secret: &str) -> String {
    format!("{id} {secret}\n")
}

#[test]
fn a_bucket_is_mounted_and_unmounted_and_a_dead_mount_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let served = Served::start(directory.path(), &[]);
    success(&served.run(&["bucket", "create", "photos"]));
    let text = failure(&served.run(&["mount", "movies", "m"]));
    assert!(text.contains("cannot mount movies at m"), "{text}");
    success(&served.run(&["mount", "photos", "m"]));
    let mount = directory.path().join("m");
    fs::write(mount.join("a"), b"1").unwrap();
    let list = success(&served.run(&["bucket", "list"]));
    assert!(list.contains(mount.to_str().unwrap()), "{list}");
    success(&served.run(&["mount", "photos", "ro", "--read-only"]));
    let read_only = directory.path().join("ro");
    assert_eq!(fs::read(read_only.join("a")).unwrap(), b"1");
    fs::write(read_only.join("b"), b"2").unwrap_err();
    success(&served.run(&["unmount", "ro"]));
    assert_eq!(fs::read_dir(&read_only).unwrap().count(), 0);
    let text = failure(&served.run(&["unmount", "ro"]));
    assert!(text.contains("cannot unmount ro"), "{text}");
    let (status, _) = served.stop("KILL");
    assert_eq!(status.code(), None);
    fs::read_dir(&mount).unwrap_err();

    let served = Served::start(directory.path(), &["--mount", "photos=m"]);
    assert_eq!(fs::read(mount.join("a")).unwrap(), b"1");
    success(&served.run(&["unmount", "m"]));
    success(&served.run(&["bucket", "delete", "photos", "--force"]));
}
