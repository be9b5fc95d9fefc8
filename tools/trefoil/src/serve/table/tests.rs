use std::path::Path;

use frontends_fuse::{MountInfo, MountOptions};

use super::{Places, S3Place, shell_word, status_rows};
use crate::control::protocol::{DeviceRow, ScrubReport, StatusReport};

fn status() -> StatusReport {
    StatusReport {
        capacity: 10 << 30,
        free: 9 << 30,
        available: 8 << 30,
        allocated: 3 << 20,
        stored: 2 << 20,
        live_data: 1 << 20,
        live_index: 1 << 14,
        dead: 0,
        segment_size: 64 << 20,
        journal_segments: 2,
        index_segments: 1,
        pack_segments: 1,
        cleaning_debt: 0,
        packed: 1 << 20,
        write_amplification: 1.25,
        lsn: 7,
        durable_lsn: 6,
        checkpoint: 3,
        memory_used: 1,
        memory_limit: 2,
        memory_dirty: 1,
        volumes: 0,
        buckets: 0,
        data_checksum_errors: 0,
        scrub: ScrubReport::default(),
        devices: vec![DeviceRow {
            path: "./my pool".to_owned(),
            failed: None,
            ..DeviceRow::default()
        }],
    }
}

#[test]
fn each_place_has_the_command_that_uses_it() {
    let nbd = [
        "127.0.0.1:10809".parse().unwrap(),
        "unix:/run/n.sock".parse().unwrap(),
    ];
    let status = status();
    let places = Places {
        data: Path::new("./my pool"),
        status: &status,
        control: Path::new("./my pool/control.sock"),
        nbd: &nbd,
        s3: &S3Place {
            address: "127.0.0.1:9000".parse().unwrap(),
            tls: false,
            key_file: Some(Path::new("./my pool/demo.key")),
        },
        mounts: &[MountInfo {
            bucket: "demo".to_owned(),
            path: "/mnt/d".into(),
            options: MountOptions::default(),
            over_ring: false,
        }],
        console: "127.0.0.1:9090".parse().unwrap(),
        volume: Some("demo"),
    };
    let table = places.render();
    assert!(
        table.contains("qemu-img info nbd://127.0.0.1:10809/demo\n"),
        "{table}"
    );
    let unix = "nbdinfo 'nbd+unix:///demo?socket=/run/n.sock'\n";
    assert!(table.contains(unix), "{table}");
    assert!(
        table.contains("trefoil status --data './my pool'\n"),
        "{table}"
    );
    assert!(table.contains("8.0 GiB of 10.0 GiB available"), "{table}");
    assert!(!table.contains("volume create"), "{table}");
    let read = "read -r AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY < './my pool/demo.key'; ";
    assert!(table.contains(read), "{table}");
    let list = "aws --endpoint-url http://127.0.0.1:9000 s3 ls\n";
    assert!(table.contains(list), "{table}");
    assert!(table.contains("ls -l /mnt/d\n"), "{table}");
    let empty = Places {
        volume: None,
        ..places
    }
    .render();
    assert!(
        empty.contains("trefoil volume create demo 10G --data './my pool'\n"),
        "{empty}"
    );
}

#[test]
fn a_failed_device_says_why() {
    let path = "./my pool".to_owned();
    let devices = vec![DeviceRow {
        path,
        failed: Some("sync failed".to_owned()),
        ..DeviceRow::default()
    }];
    let rows = status_rows(&StatusReport {
        devices,
        ..status()
    });
    assert!(rows[0][1].contains("sync failed"), "{rows:?}");
    assert!(status_rows(&status())[0][1].contains("healthy"));
}

#[test]
fn words_are_quoted_for_the_shell_where_needed() {
    assert_eq!(shell_word("/a/b-c_1"), "/a/b-c_1");
    assert_eq!(shell_word("it's"), "'it'\\''s'");
    assert_eq!(shell_word(""), "''");
    assert_eq!(shell_word("a;b"), "'a;b'");
}
