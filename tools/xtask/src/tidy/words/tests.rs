use super::{check, words};
use crate::tidy::tree::Source;

fn found(path: &str, text: &str) -> Vec<String> {
    let source = Source {
        path: path.to_owned(),
        text: text.to_owned(),
    };
    let mut findings = Vec::new();
    check(&source, &mut findings);
    findings.iter().map(ToString::to_string).collect()
}

#[test]
fn leftovers_are_found_as_words_only() {
    let left = |text: &str| found("a.rs", text).len();
    assert_eq!(left(concat!("// FIX", "ME later")), 1);
    assert_eq!(left(concat!("// (TO", "DO)")), 1);
    assert_eq!(left(concat!("unimpl", "emented!()")), 1);
    assert_eq!(left(concat!("x // good enough for", " now.")), 1);
    assert_eq!(left("METHODOLOGY, PHOTODOCUMENT, HACKNEY, forknow"), 0);
}

#[test]
fn absolute_paths_of_the_machine_are_found() {
    let paths = |text: &str| found("run", text).len();
    assert_eq!(paths(concat!("cd /wo", "rk/main")), 1);
    assert_eq!(paths(concat!("\"/wo", "rk/x\"")), 1);
    assert_eq!(paths(concat!("tests/wo", "rk/x and ./wo", "rk/y")), 0);
}

#[test]
fn the_engine_names_no_protocol_in_code() {
    let engine = |text: &str| found("engine/pool/src/a.rs", text).len();
    assert_eq!(engine("fn nbd_flush() {}"), 1);
    assert_eq!(engine("struct S3Key;"), 1);
    assert_eq!(engine("const A: i32 = libc::errno;"), 1);
    assert_eq!(engine("mod m { fn f() { g(\"over HTTP only\") } }"), 1);
    assert_eq!(engine("/// As over NBD.\n//! fuse\nfn f() {} // errno"), 0);
    assert_eq!(engine("fn refuse() { fused(\"https\") }"), 0);
    assert!(found("frontends/nbd/src/a.rs", "fn nbd() {}").is_empty());
    assert!(found("engine/device/src/a.rs", "use rustix::io::Errno;").is_empty());
    assert_eq!(found("engine/device/src/a.rs", "fn nbd() {}").len(), 1);
}

#[test]
fn identifiers_fall_into_words() {
    let split = |text: &str| {
        words(text)
            .into_iter()
            .filter(|word| !word.is_empty())
            .collect::<Vec<_>>()
    };
    assert_eq!(split("NbdServer_x"), ["nbd", "server", "x"]);
    assert_eq!(split("NBD_ENOSPC"), ["nbd", "enospc"]);
    assert_eq!(split("toS3"), ["to", "s3"]);
}
