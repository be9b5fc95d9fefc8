use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;

use crate::server::Served;
use crate::{failure, success, trefoil};

#[test]
fn every_frontend_answers_when_the_server_is_ready() {
    let directory = tempfile::tempdir().unwrap();
    let served = Served::start(
        directory.path(),
        &["--nbd", "unix:nbd.sock", "--quickstart"],
    );
    let mut greeting = [0; 8];
    let tcp = served.word("nbd://").strip_suffix("/demo").unwrap();
    TcpStream::connect(tcp)
        .unwrap()
        .read_exact(&mut greeting)
        .unwrap();
    assert_eq!(&greeting, b"NBDMAGIC");
    let unix = directory.path().join("nbd.sock");
    UnixStream::connect(unix)
        .unwrap()
        .read_exact(&mut greeting)
        .unwrap();
    assert_eq!(&greeting, b"NBDMAGIC");
    let health = get(served.console(), "/healthz");
    assert!(
        health.starts_with("HTTP/1.1 200") && health.ends_with("ok\n"),
        "{health}"
    );
    let metrics = get(served.console(), "/metrics");
    assert!(metrics.contains("\ntrefoil_volumes 1\n"), "{metrics}");
    assert!(
        metrics.contains("\n# TYPE trefoil_pool_capacity_bytes gauge\n"),
        "{metrics}"
    );
    let page = get(served.console(), "/");
    assert!(page.contains("<td>demo</td>"), "{page}");
    let (status, rest) = served.stop("TERM");
    assert_eq!((status.code(), rest.as_str()), (Some(0), ""));
    let left: Vec<_> = fs::read_dir(directory.path()).unwrap().collect();
    let left_count = left.len();
    assert_eq!(left_count, 2, "the pool and an empty directory: {left:?}");
}

#[test]
fn volumes_outlive_the_server_however_it_ends() {
    let directory = tempfile::tempdir().unwrap();
    let served = Served::start(directory.path(), &[]);
    assert!(
        served.table.contains("trefoil volume create demo"),
        "{}",
        served.table
    );
    success(&served.run(&["volume", "create", "a", "1G"]));
    let (status, _) = served.stop("INT");
    assert_eq!(status.code(), Some(0));

    let served = Served::start(directory.path(), &[]);
    success(&served.run(&["volume", "create", "b", "4096", "--json"]));
    let (status, _) = served.stop("KILL");
    assert_eq!(status.code(), None);
    assert!(directory.path().join("trefoil-data/control.sock").exists());

    let served = Served::start(directory.path(), &[]);
    let list = success(&served.run(&["volume", "list"]));
    let names: Vec<&str> = list
        .lines()
        .skip(1)
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(names, ["a", "b"]);
}

#[test]
fn a_volume_can_be_shown_resized_and_deleted() {
    let directory = tempfile::tempdir().unwrap();
    let served = Served::start(directory.path(), &[]);
    let json = |words: &[&str]| {
        let text = success(&served.run(&[words, &["--json"]].concat()));
        serde_json::from_str::<serde_json::Value>(&text).unwrap()
    };
    let created = json(&["volume", "create", "a", "1M"]);
    assert_eq!(created["name"], "a");
    assert_eq!(created["size"], 1 << 20);
    assert_eq!(json(&["volume", "resize", "a", "2G"])["size"], 2_u64 << 30);
    assert_eq!(json(&["volume", "show", "a"])["size"], 2_u64 << 30);
    assert_eq!(json(&["volume", "list"]).as_array().unwrap().len(), 1);
    let status = json(&["status"]);
    assert_eq!(status["volumes"], 1);
    assert_eq!(status["devices"][0]["failed"], serde_json::Value::Null);
    assert_eq!(json(&["volume", "delete", "a"])["deleted"], "a");
    let line = failure(&served.run(&["volume", "show", "a"]));
    assert!(
        line.contains("cannot show volume a") && line.contains("there is no"),
        "{line}"
    );
    let line = failure(&served.run(&["volume", "create", "bad/name", "1G"]));
    assert!(line.contains("bad/name"), "{line}");
}

#[test]
fn a_second_server_on_the_same_pool_is_refused_and_the_first_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let served = Served::start(directory.path(), &[]);
    let second = ["serve", "--nbd", "127.0.0.1:0", "--console", "127.0.0.1:0"];
    let line = failure(&trefoil(directory.path(), &second));
    assert!(line.contains("in use by another process"), "{line}");
    success(&served.run(&["status"]));
}

#[test]
fn a_taken_address_is_named_and_the_pool_can_be_opened_again() {
    let directory = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let serve = ["serve", "--capacity", "1G", "--log", "off"];
    for flags in [
        ["--nbd", &address, "--console", "127.0.0.1:0"],
        ["--nbd", "127.0.0.1:0", "--console", &address],
    ] {
        let line = failure(&trefoil(directory.path(), &[&serve[..], &flags].concat()));
        assert!(line.contains(&address), "{line}");
    }
    Served::start(directory.path(), &[]);
}

#[test]
fn the_config_file_takes_the_place_of_flags() {
    let directory = tempfile::tempdir().unwrap();
    let config = "data = \"elsewhere\"\nquickstart = true\nlog = \"warn\"\n";
    fs::write(directory.path().join("trefoil.toml"), config).unwrap();
    let served = Served::start(directory.path(), &["--config", "trefoil.toml"]);
    let list = success(&served.run(&["volume", "list", "--data", "elsewhere"]));
    assert!(list.contains("demo"), "{list}");
}

#[test]
fn a_pool_in_a_file_has_its_socket_beside_it() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("pool.img"), b"").unwrap();
    let served = Served::start(directory.path(), &["--data", "pool.img"]);
    assert!(directory.path().join("pool.img.control.sock").exists());
    success(&served.run(&["volume", "create", "a", "1G", "--data", "pool.img"]));
}

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
