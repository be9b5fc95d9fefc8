use super::{
    Compression, Encryption, Progress, QuotaRequest, Refusal, RefusalKind, Reply, Request,
    Response, VolumeRow,
};

fn row() -> VolumeRow {
    VolumeRow {
        id: 16,
        name: "demo".to_owned(),
        size: 4096,
        allocated: 0,
        stored: 0,
        compression: Compression::Lz4,
        encryption: Encryption::Aes256Gcm,
        locked_by: None,
        created_unix_nanos: 1,
    }
}

/// The lines are what scripts and older clients may rely on.
#[test]
fn lines_are_as_documented() {
    let json = |response: &Response| serde_json::to_string(response).unwrap();
    assert_eq!(
        serde_json::to_string(&Request::VolumeCreate {
            name: "demo".to_owned(),
            size: 4096,
            compression: Compression::Off,
            encryption: Encryption::Off,
        })
        .unwrap(),
        r#"{"op":"volume_create","name":"demo","size":4096}"#
    );
    assert_eq!(
        serde_json::to_string(&Request::Status {}).unwrap(),
        r#"{"op":"status"}"#
    );
    assert_eq!(
        json(&Response::Progress(Progress { done: 1, total: 2 })),
        r#"{"progress":{"done":1,"total":2}}"#
    );
    assert_eq!(
        json(&Response::Result(Reply::Volume(row()))),
        "{\"result\":{\"volume\":{\"id\":16,\"name\":\"demo\",\"size\":4096,\"allocated\":0,\
         \"stored\":0,\"compression\":\"lz4\",\"encryption\":\"aes-256-gcm\",\
         \"created_unix_nanos\":1}}}"
    );
    assert_eq!(
        json(&Response::Result(Reply::Done {})),
        r#"{"result":{"done":{}}}"#
    );
    let message = "no".to_owned();
    assert_eq!(
        json(&Response::Error(Refusal {
            kind: RefusalKind::NotFound,
            message
        })),
        r#"{"error":{"kind":"not_found","message":"no"}}"#
    );
}

#[test]
fn unknown_operations_and_fields_are_refused() {
    let wrong = [
        r#"{"op":"volume_create","name":"a","size":1,"extra":1}"#,
        r#"{"op":"status","extra":1}"#,
        r#"{"op":"format_disk"}"#,
        r#"{"op":"volume_create","name":"a"}"#,
        r#"{"op":"volume_create","name":"a","size":-1}"#,
        r#"{"op":"volume_create","name":"a","size":1.5}"#,
        r#"{"op":"volume_create","name":1,"size":1}"#,
        r#"{"name":"a"}"#,
        r#"[]"#,
        r#"{"op":"status"} {"op":"status"}"#,
        "",
    ];
    for text in wrong {
        assert!(serde_json::from_str::<Request>(text).is_err(), "{text}");
    }
}

#[test]
fn every_request_survives_the_wire() {
    let name = || "a \u{1f340}\n\"".to_owned();
    let file = || "/tmp/x".to_owned();
    let requests = [
        Request::Status {},
        Request::Scrub { wait: true },
        Request::MasterKeyRotate { file: file() },
        Request::VolumeCreate {
            name: name(),
            size: u64::MAX,
            compression: Compression::Lz4,
            encryption: Encryption::Aes256Gcm,
        },
        Request::VolumeSet {
            name: name(),
            compression: Compression::Off,
        },
        Request::BucketCreate {
            name: name(),
            compression: Compression::Lz4,
        },
        Request::BucketSet {
            name: name(),
            compression: Compression::Lz4,
        },
        Request::VolumeList {},
        Request::VolumeShow { name: name() },
        Request::VolumeResize {
            name: name(),
            size: 0,
        },
        Request::VolumeDelete { name: name() },
        Request::VolumeImport {
            name: name(),
            file: file(),
        },
        Request::VolumeExport {
            name: name(),
            file: file(),
            force: true,
        },
        Request::QuotaSet(QuotaRequest {
            bucket: name(),
            directory: name(),
            bytes: Some(0),
            inodes: None,
        }),
    ];
    for request in requests {
        let line = serde_json::to_string(&request).unwrap();
        assert!(!line.contains('\n'), "{line}");
        assert_eq!(serde_json::from_str::<Request>(&line).unwrap(), request);
    }
}
