use crate::server::Served;
use crate::{failure, success};

fn names(list: &str) -> Vec<&str> {
    list.lines()
        .skip(1)
        .filter_map(|line| line.split_whitespace().next())
        .collect()
}

#[test]
fn buckets_outlive_the_server_and_can_be_deleted() {
    let directory = tempfile::tempdir().unwrap();
    let served = Served::start(directory.path(), &[]);
    success(&served.run(&["bucket", "create", "photos"]));
    success(&served.run(&["bucket", "create", "backups", "--json"]));
    let list = success(&served.run(&["bucket", "list"]));
    assert_eq!(names(&list), ["backups", "photos"]);
    let (status, _) = served.stop("KILL");
    assert_eq!(status.code(), None);

    let served = Served::start(directory.path(), &[]);
    let shown = success(&served.run(&["bucket", "show", "photos", "--json"]));
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["name"], "photos");
    assert_eq!(shown["allocated"], 0);
    assert_eq!(shown["mounts"], serde_json::json!([]));
    success(&served.run(&["bucket", "delete", "photos"]));
    let list = success(&served.run(&["bucket", "list"]));
    assert_eq!(names(&list), ["backups"]);
    let text = failure(&served.run(&["bucket", "show", "photos"]));
    assert!(text.contains("cannot show bucket photos"), "{text}");
    let status = success(&served.run(&["status", "--json"]));
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    assert_eq!(
        (&status["buckets"], &status["volumes"]),
        (&1.into(), &0.into())
    );
}

#[test]
fn a_name_that_an_object_client_cannot_say_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let served = Served::start(directory.path(), &[]);
    for name in ["ab", "Photos", "a_b", "a..b", "photos--at--noon", "-ab"] {
        let text = failure(&served.run(&["bucket", "create", "--", name]));
        assert!(
            text.contains(&format!("cannot create bucket {name}")),
            "{text}"
        );
    }
    success(&served.run(&["volume", "create", "both", "1G"]));
    success(&served.run(&["bucket", "create", "both"]));
    let text = failure(&served.run(&["bucket", "create", "both"]));
    assert!(
        text.contains("there is a bucket of that name already"),
        "{text}"
    );
}
