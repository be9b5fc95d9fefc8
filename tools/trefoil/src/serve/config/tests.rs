use std::path::{Path, PathBuf};

use engine_base::ByteCount;
use tracing_subscriber::filter::LevelFilter;

use super::Settings;
use crate::failure::Failure;
use crate::serve::args::ServeArgs;

fn load(config: &str, args: ServeArgs) -> Result<Settings, Failure> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("trefoil.toml");
    std::fs::write(&path, config).unwrap();
    Settings::load(ServeArgs {
        config: Some(path),
        ..args
    })
}

fn refused(config: &str) -> String {
    load(config, ServeArgs::default()).unwrap_err().to_string()
}

#[test]
fn without_flags_and_file_the_defaults_hold() {
    let settings = Settings::load(ServeArgs::default()).unwrap();
    assert_eq!(settings.data, Path::new("./trefoil-data"));
    assert_eq!(settings.nbd, ["127.0.0.1:10809".parse().unwrap()]);
    assert_eq!(settings.s3.address, "127.0.0.1:9000".parse().unwrap());
    assert_eq!((settings.s3.domain, settings.s3.tls), (None, None));
    assert_eq!(settings.s3.region, "us-east-1");
    assert_eq!(settings.mounts, []);
    assert_eq!(settings.console, "127.0.0.1:9090".parse().unwrap());
    assert_eq!(settings.memory, ByteCount::new(256 << 20));
    assert_eq!(settings.key_files, Vec::<PathBuf>::new());
    assert_eq!(settings.scrub_mibps, 64);
    assert_eq!(settings.log, LevelFilter::INFO);
    assert_eq!(settings.capacity, None);
    assert!(!settings.rewind && !settings.accept_loss && !settings.quickstart);
}

#[test]
fn the_file_wins_over_the_defaults_and_flags_win_over_the_file() {
    let config = r#"
        data = "/pool"
        replicas = 1
        capacity = "10G"
        nbd = ["127.0.0.1:1", "unix:/x"]
        console = "127.0.0.1:2"
        s3 = "127.0.0.1:3"
        s3-domain = "s3.example"
        s3-cert = "/c.pem"
        s3-tls-key = "/k.pem"
        s3-region = "r"
        mount = ["a=/a", "b=/b"]
        memory = 67108864
        key-file = "/new.key"
        scrub-mibps = 0
        log = "debug"
        quickstart = true
    "#;
    let from_file = load(config, ServeArgs::default()).unwrap();
    assert_eq!(from_file.data, Path::new("/pool"));
    assert_eq!(from_file.scrub_mibps, 0);
    assert_eq!(from_file.capacity, Some(ByteCount::new(10 << 30)));
    assert_eq!(from_file.nbd.len(), 2);
    assert_eq!(from_file.memory, ByteCount::new(64 << 20));
    assert_eq!(from_file.log, LevelFilter::DEBUG);
    assert!(from_file.quickstart);
    assert_eq!(from_file.s3.address, "127.0.0.1:3".parse().unwrap());
    assert_eq!(from_file.s3.domain.as_deref(), Some("s3.example"));
    let tls = ("/c.pem".into(), "/k.pem".into());
    assert_eq!(from_file.s3.tls, Some(tls));
    assert_eq!(from_file.s3.region, "r");
    assert_eq!(from_file.mounts.len(), 2);
    let flags = ServeArgs {
        data: Some(vec![PathBuf::from("/other")]),
        nbd: vec!["unix:/y".parse().unwrap()],
        memory: Some("1G".parse().unwrap()),
        s3: Some("127.0.0.1:4".parse().unwrap()),
        mount: vec!["c=/c".parse().unwrap()],
        ..ServeArgs::default()
    };
    let mixed = load(config, flags).unwrap();
    assert_eq!(mixed.data, Path::new("/other"));
    assert_eq!(mixed.nbd, ["unix:/y".parse().unwrap()]);
    assert_eq!(mixed.memory, ByteCount::new(1 << 30));
    assert_eq!(mixed.capacity, from_file.capacity);
    assert_eq!(mixed.s3.address, "127.0.0.1:4".parse().unwrap());
    assert_eq!(mixed.s3.tls, from_file.s3.tls);
    assert_eq!(mixed.mounts, ["c=/c".parse().unwrap()]);
}

#[test]
fn one_address_needs_no_list() {
    let settings = load("nbd = \"unix:/x\"", ServeArgs::default()).unwrap();
    assert_eq!(settings.nbd, ["unix:/x".parse().unwrap()]);
}

#[test]
fn what_is_wrong_in_the_file_is_named() {
    assert!(refused("s4 = \"127.0.0.1:9000\"").contains("unknown field `s4`"));
    assert!(refused("s3-cert = \"x\"").contains("go together"));
    assert!(refused("mount = \"x\"").contains("BUCKET=PATH"));
    assert!(refused("rewind = true").contains("unknown field `rewind`"));
    assert!(refused("capacity = \"10X\"").contains("`10X` is not a size"));
    assert!(refused("capacity = -1").contains("a size such as"));
    assert!(refused("nbd = [\"nowhere\"]").contains("unix:PATH"));
    assert!(refused("nbd = 1").contains("must be a text or a list of texts"));
    assert!(refused("console = \"x\"").contains("console"));
    assert!(refused("log = \"loud\"").contains("off, error, warn, info, debug, trace"));
    assert!(refused("data = ").contains("trefoil.toml is wrong"));
    assert!(!refused("data = ").contains('\n'));
}

#[test]
fn what_cannot_be_done_is_refused() {
    assert!(refused("replicas = 2").contains("names 1 devices"));
    assert!(refused("data = [\"a\", \"a\"]").contains("twice"));
    assert!(refused("memory = \"1M\"").contains("the least is 16.0 MiB"));
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let args = ServeArgs {
        config: Some("/nonexistent/x.toml".into()),
        ..ServeArgs::default()
    };
    let error = Settings::load(args).unwrap_err().to_string();
    assert!(
        error.contains("/nonexistent/x.toml") && error.contains("No such file"),
        "{error}"
    );
}
