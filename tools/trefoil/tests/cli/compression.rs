use crate::server::Served;
use crate::{failure, success, trefoil};

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn compression_is_set_shown_and_outlives_the_server() {
    let directory = tempfile::tempdir().unwrap();
    let served = Served::start(directory.path(), &[]);
    let made = [
        "volume",
        "create",
        "v",
        "1G",
        "--compression",
        "lz4",
        "--json",
    ];
    assert_eq!(json(&success(&served.run(&made)))["compression"], "lz4");
    success(&served.run(&["bucket", "create", "photos"]));
    let set = ["bucket", "set", "photos", "compression=lz4", "--json"];
    assert_eq!(json(&success(&served.run(&set)))["compression"], "lz4");
    let text = failure(&served.run(&["volume", "set", "missing", "compression=none"]));
    assert!(text.contains("cannot change volume missing"), "{text}");
    let (status, _) = served.stop("KILL");
    assert_eq!(status.code(), None);

    let served = Served::start(directory.path(), &[]);
    let shown = json(&success(&served.run(&["volume", "show", "v", "--json"])));
    assert_eq!(
        (&shown["compression"], &shown["stored"]),
        (&"lz4".into(), &0.into())
    );
    let shown = json(&success(
        &served.run(&["bucket", "show", "photos", "--json"]),
    ));
    assert_eq!(shown["compression"], "lz4");
    let table = success(&served.run(&["volume", "set", "v", "--compression", "none"]));
    assert!(table.contains("none"), "{table}");
    let status = json(&success(&served.run(&["status", "--json"])));
    assert_eq!(
        (&status["allocated"], &status["stored"]),
        (&0.into(), &0.into())
    );
}

#[test]
fn other_values_are_wrong_usage() {
    let directory = tempfile::tempdir().unwrap();
    for words in [
        &["volume", "create", "v", "1G", "--compression", "zip"][..],
        &["volume", "set", "v", "compression"],
        &["volume", "set", "v", "compress=lz4"],
        &["bucket", "set", "b", "compression=zip"],
        &["bucket", "set", "b"],
        &[
            "bucket",
            "set",
            "b",
            "compression=lz4",
            "--compression",
            "none",
        ],
        &[
            "bucket",
            "create",
            "b",
            "--from",
            "c",
            "--compression",
            "lz4",
        ],
        &[
            "volume",
            "create",
            "v",
            "--from",
            "w",
            "--compression",
            "lz4",
        ],
    ] {
        let done = trefoil(directory.path(), words);
        assert_eq!(done.status.code(), Some(2), "{words:?}");
    }
}
