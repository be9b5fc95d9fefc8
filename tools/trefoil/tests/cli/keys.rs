use crate::server::Served;
use crate::{failure, success, trefoil};

#[test]
fn keys_are_shown_once_outlive_the_server_and_can_be_deleted() {
    let directory = tempfile::tempdir().unwrap();
    let served = Served::start(directory.path(), &[]);
    let made = success(&served.run(&["key", "create"]));
    let (id, secret) = made.trim_end().split_once(' ').unwrap();
    assert_eq!((id.len(), secret.len()), (20, 40));
    let given = ["--id", "reader", "--secret", "not so secret"];
    let text = failure(&served.run(&[&["key", "create"][..], &given].concat()));
    assert!(text.contains("8 to 128 printable"), "{text}");
    success(&served.run(&["bucket", "create", "photos"]));
    let given = [
        "key",
        "create",
        "--id",
        "reader",
        "--secret",
        "not-so-secret",
        "--bucket",
        "photos",
        "--read-only",
        "--uid",
        "1000",
        "--gid",
        "1001",
        "--umask",
        "027",
        "--posix",
        "--json",
    ];
    let made = success(&served.run(&given));
    let made: serde_json::Value = serde_json::from_str(&made).unwrap();
    assert_eq!(
        made,
        serde_json::json!({"id": "reader", "secret": "not-so-secret"})
    );
    let text = failure(&served.run(&given));
    assert!(text.contains("there is a key reader already"), "{text}");
    let (status, _) = served.stop("KILL");
    assert_eq!(status.code(), None);

    let served = Served::start(directory.path(), &[]);
    let list = success(&served.run(&["key", "list", "--json"]));
    assert!(
        !list.contains(secret) && !list.contains("not-so-secret"),
        "{list}"
    );
    let list: serde_json::Value = serde_json::from_str(&list).unwrap();
    assert_eq!(list.as_array().unwrap().len(), 2);
    let reader = &list[1];
    assert_eq!(reader["id"], "reader");
    assert_eq!(reader["bucket"], "photos");
    assert_eq!(reader["umask"], 0o027);
    assert_eq!(
        (&reader["uid"], &reader["gid"]),
        (&1000.into(), &1001.into())
    );
    assert_eq!(
        (&reader["read_only"], &reader["posix"]),
        (&true.into(), &true.into())
    );
    success(&served.run(&["key", "delete", "reader"]));
    let text = failure(&served.run(&["key", "delete", "reader"]));
    assert!(text.contains("there is no key reader"), "{text}");
    let list = success(&served.run(&["key", "list"]));
    assert!(list.contains(id) && !list.contains("reader"), "{list}");
}

#[test]
fn a_key_for_a_bucket_that_is_not_there_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let served = Served::start(directory.path(), &[]);
    let text = failure(&served.run(&["key", "create", "--bucket", "photos"]));
    assert!(text.contains("no such bucket"), "{text}");
    let usage = trefoil(directory.path(), &["key", "create", "--umask", "999"]);
    assert_eq!(usage.status.code(), Some(2));
}
