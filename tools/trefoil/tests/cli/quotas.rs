use crate::server::Served;
use crate::{failure, success, trefoil};

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn quotas_are_set_shown_and_ended_and_outlive_the_server() {
    let directory = tempfile::tempdir().unwrap();
    let served = Served::start(directory.path(), &[]);
    success(&served.run(&["bucket", "create", "photos"]));
    let text = failure(&served.run(&["quota", "show", "photos"]));
    assert!(text.contains("cannot show the quota of photos"), "{text}");
    let set = success(&served.run(&["quota", "set", "photos", "bytes=1M", "inodes=1K"]));
    assert!(set.contains("1.0 MiB") && set.contains("1024"), "{set}");
    let text = failure(&served.run(&["quota", "set", "photos/no/such", "bytes=1"]));
    assert!(text.contains("there is no such directory"), "{text}");
    let (status, _) = served.stop("KILL");
    assert_eq!(status.code(), None);

    let served = Served::start(directory.path(), &[]);
    let shown = json(&success(
        &served.run(&["quota", "show", "photos/", "--json"]),
    ));
    let expected = serde_json::json!({
        "bucket": "photos", "directory": "", "bytes": 1 << 20, "inodes": 1024,
        "bytes_used": 0, "inodes_used": 1,
    });
    assert_eq!(shown, expected);
    let set = ["quota", "set", "photos", "inodes=0", "--json"];
    let left = json(&success(&served.run(&set)));
    assert_eq!(
        (&left["bytes"], &left["inodes"]),
        (&(1 << 20).into(), &serde_json::Value::Null)
    );
    success(&served.run(&["quota", "set", "photos", "bytes=0"]));
    failure(&served.run(&["quota", "show", "photos"]));
}

#[test]
fn limits_that_are_none_are_wrong_usage() {
    let directory = tempfile::tempdir().unwrap();
    for limits in [
        &["bytes=x"][..],
        &["bytes"],
        &["files=1"],
        &[],
        &["inodes=-1"],
        &["bytes=1", "bytes=2"],
    ] {
        let given = [&["quota", "set", "b"][..], limits].concat();
        let output = trefoil(directory.path(), &given);
        assert_eq!(output.status.code(), Some(2), "{limits:?}");
    }
}
