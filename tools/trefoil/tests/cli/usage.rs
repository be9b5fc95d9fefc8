use std::fs;

use crate::{failure, stderr, success, trefoil};

/// Everything here fails before anything is touched.
#[test]
fn wrong_usage_ends_with_status_2() {
    let directory = tempfile::tempdir().unwrap();
    let wrong: [&[&str]; 21] = [
        &[],
        &["volume"],
        &["frobnicate"],
        &["volume", "create", "a"],
        &["volume", "create", "a", "1X"],
        &["volume", "create", "a", "-1"],
        &["volume", "create", "a", "99999999999T"],
        &["volume", "list", "extra"],
        &["volume", "list", "--data", "a,a"],
        &["status", "--yaml"],
        &["serve", "--s3", "nowhere"],
        &["serve", "--mount", "a"],
        &["serve", "--s3-cert", "c.pem"],
        &["key", "create", "--id", "a"],
        &["key", "create", "--umask", "888"],
        &["serve", "--nbd", "nowhere"],
        &["serve", "--log", "loud"],
        &["serve", "--data", "a,a"],
        &["serve", "--replicas", "2"],
        &["serve", "--memory", "1K"],
        &["serve", "--json"],
    ];
    for words in wrong {
        let output = trefoil(directory.path(), words);
        assert_eq!(
            output.status.code(),
            Some(2),
            "{words:?}: {}",
            stderr(&output)
        );
        assert!(!output.stderr.is_empty(), "{words:?}");
        assert!(output.stdout.is_empty(), "{words:?}");
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn help_and_version_end_with_status_0() {
    let directory = tempfile::tempdir().unwrap();
    for words in [
        &["--help"][..],
        &["--version"],
        &["serve", "--help"],
        &["volume", "--help"],
    ] {
        let text = success(&trefoil(directory.path(), words));
        assert!(text.contains("trefoil"), "{text}");
    }
}

#[test]
fn without_a_server_the_error_names_the_command_that_starts_one() {
    let directory = tempfile::tempdir().unwrap();
    let commands: [&[&str]; 8] = [
        &["status"],
        &["volume", "create", "a", "1G"],
        &["volume", "list"],
        &["volume", "show", "a"],
        &["volume", "resize", "a", "1G"],
        &["volume", "delete", "a"],
        &["volume", "import", "a", "file"],
        &["volume", "export", "a", "file"],
    ];
    for words in commands {
        let line = failure(&trefoil(directory.path(), words));
        assert!(
            line.contains("`trefoil serve --data ./trefoil-data`"),
            "{line}"
        );
        let elsewhere = [words, &["--data", "other"]].concat();
        let line = failure(&trefoil(directory.path(), &elsewhere));
        assert!(line.contains("`trefoil serve --data other`"), "{line}");
    }
}

#[test]
fn a_config_file_that_is_wrong_ends_with_status_2_and_one_that_is_missing_with_1() {
    let directory = tempfile::tempdir().unwrap();
    let serve = ["serve", "--config", "trefoil.toml"];
    let line = failure(&trefoil(directory.path(), &serve));
    assert!(
        line.contains("cannot read the config trefoil.toml"),
        "{line}"
    );
    fs::write(
        directory.path().join("trefoil.toml"),
        "s4 = \"127.0.0.1:9000\"\n",
    )
    .unwrap();
    let output = trefoil(directory.path(), &serve);
    assert_eq!(output.status.code(), Some(2));
    let text = stderr(&output);
    assert!(
        text.contains("unknown field `s4`") && text.lines().count() == 1,
        "{text}"
    );
}

#[test]
fn a_pool_that_cannot_be_opened_is_named() {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("photos")).unwrap();
    fs::write(directory.path().join("photos/cat.jpg"), b"meow").unwrap();
    let serve = ["serve", "--data", "photos", "--log", "off"];
    let line = failure(&trefoil(directory.path(), &serve));
    assert!(
        line.contains("photos") && line.contains("cat.jpg"),
        "{line}"
    );
    assert_eq!(
        fs::read_dir(directory.path().join("photos"))
            .unwrap()
            .count(),
        1
    );
}
