use std::path::PathBuf;
use std::sync::Arc;

use engine_base::ByteCount;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;

mod no_doors;

use super::{CONNECTIONS_MAX, REQUEST_BYTES_MAX, Server};
use crate::backend::Backend as _;
use crate::control::protocol::{Compression, Encryption, RefusalKind, Reply, Request, Response};
use crate::control::{Handler, Listening};
use crate::transfer::memory::MemoryPool;

use no_doors::NoDoors;

struct Fixture {
    directory: tempfile::TempDir,
    pool: MemoryPool,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
    listening: [Listening; 2],
}

impl Fixture {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let pool = MemoryPool::default();
        let listening = ["control.sock", "other.sock"];
        let listening =
            listening.map(|name| Listening::bind(&directory.path().join(name)).unwrap());
        let handler = Handler::new(Arc::new(pool.clone()), Arc::new(NoDoors));
        let server = Server::new(
            listening
                .iter()
                .map(|socket| socket.listener().unwrap())
                .collect(),
            handler,
        );
        let server = server.unwrap();
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(server.serve(stopped));
        Self {
            directory,
            pool,
            stop,
            task,
            listening,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    async fn connect(&self) -> UnixStream {
        UnixStream::connect(self.path("control.sock"))
            .await
            .unwrap()
    }

    /// Sends `bytes`, ends the sending side, and gives every line of the answer.
    async fn raw(&self, bytes: &[u8]) -> Vec<Response> {
        let mut stream = self.connect().await;
        // The server may answer and close before it has read everything.
        let _ = stream.write_all(bytes).await;
        let _ = stream.shutdown().await;
        read_all(&mut stream).await
    }

    async fn ask(&self, request: &Request) -> Vec<Response> {
        let mut line = serde_json::to_vec(request).unwrap();
        line.push(b'\n');
        let mut stream = self.connect().await;
        stream.write_all(&line).await.unwrap();
        read_all(&mut stream).await
    }

    async fn alive(&self) {
        let answer = self.ask(&Request::VolumeList {}).await;
        assert!(
            matches!(answer[..], [Response::Result(Reply::Volumes(_))]),
            "{answer:?}"
        );
    }
}

async fn read_all(stream: &mut UnixStream) -> Vec<Response> {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes).await;
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'), "{text}");
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn refusal(answer: &[Response]) -> (RefusalKind, &str) {
    match answer {
        [.., Response::Error(refusal)] => (refusal.kind, &refusal.message),
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn malformed_input_is_refused_and_never_ends_the_server() {
    let fixture = Fixture::start();
    let inputs: [&[u8]; 9] = [
        b"\n",
        b"hello\n",
        b"{\"op\":\"volume_list\"",
        b"{\"op\":\"volume_list\",\"x\":1}\n",
        b"{\"op\":\"no_such\"}\n",
        b"\xff\xfe\x00\n",
        b"\x00\x00\x00\n",
        b"{\"op\":\"volume_import\",\"name\":\"a\",\"file\":\"relative\"}\n",
        b"[[[[[[[[[[[[[[[[[[[[[[[[[[[[\n",
    ];
    for input in inputs {
        let answer = fixture.raw(input).await;
        assert_eq!(refusal(&answer).0, RefusalKind::Invalid, "{input:?}");
    }
    assert!(fixture.raw(b"").await.is_empty());
    let nested = [vec![b'['; REQUEST_BYTES_MAX / 2], b"\n".to_vec()].concat();
    assert_eq!(refusal(&fixture.raw(&nested).await).0, RefusalKind::Invalid);
    fixture.alive().await;
}

#[tokio::test]
async fn a_request_line_has_a_longest_length() {
    let fixture = Fixture::start();
    let line = |bytes: usize| {
        let frame = Request::VolumeShow {
            name: String::new(),
        };
        let frame = serde_json::to_string(&frame).unwrap().len() + 1;
        let name = "a".repeat(bytes - frame);
        serde_json::to_string(&Request::VolumeShow { name }).unwrap() + "\n"
    };
    let fits = fixture.raw(line(REQUEST_BYTES_MAX).as_bytes()).await;
    assert_eq!(refusal(&fits).0, RefusalKind::NotFound);
    let long = fixture.raw(line(REQUEST_BYTES_MAX + 1).as_bytes()).await;
    assert_eq!(refusal(&long).0, RefusalKind::Invalid);
    assert!(refusal(&long).1.contains("65536"), "{long:?}");
    let endless = fixture.raw(&vec![b'x'; 4 * REQUEST_BYTES_MAX]).await;
    assert_eq!(refusal(&endless).0, RefusalKind::Invalid);
    fixture.alive().await;
}

#[tokio::test]
async fn volumes_come_and_go() {
    let fixture = Fixture::start();
    let name = || "a".to_owned();
    let created = fixture
        .ask(&Request::VolumeCreate {
            name: name(),
            size: 4096,
            compression: Compression::Off,
            encryption: Encryption::Off,
        })
        .await;
    let [Response::Result(Reply::Volume(volume))] = &created[..] else {
        panic!("{created:?}")
    };
    assert_eq!((volume.name.as_str(), volume.size), ("a", 4096));
    let again = fixture
        .ask(&Request::VolumeCreate {
            name: name(),
            size: 1,
            compression: Compression::Off,
            encryption: Encryption::Off,
        })
        .await;
    assert_eq!(refusal(&again).0, RefusalKind::Exists);
    let deleted = fixture.ask(&Request::VolumeDelete { name: name() }).await;
    assert_eq!(deleted, [Response::Result(Reply::Done {})]);
    let shown = fixture.ask(&Request::VolumeShow { name: name() }).await;
    assert_eq!(
        refusal(&shown),
        (RefusalKind::NotFound, "there is no volume a")
    );
}

#[tokio::test]
async fn a_transfer_reports_its_progress_and_then_its_result() {
    let fixture = Fixture::start();
    let file = fixture.path("disk.img");
    std::fs::write(&file, vec![9; 3 << 20]).unwrap();
    let file = file.to_str().unwrap().to_owned();
    let answer = fixture
        .ask(&Request::VolumeImport {
            name: "a".to_owned(),
            file,
        })
        .await;
    let [progress @ .., Response::Result(Reply::Transfer(report))] = &answer[..] else {
        panic!("{answer:?}")
    };
    assert_eq!(report.data_bytes, 3 << 20);
    assert!(
        progress
            .iter()
            .all(|line| matches!(line, Response::Progress(_))),
        "{answer:?}"
    );
    assert!(fixture.pool.bytes("a") == vec![9; 3 << 20]);
}

#[tokio::test]
async fn a_bug_in_one_request_is_told_and_the_others_go_on() {
    let fixture = Fixture::start();
    fixture
        .pool
        .volume_create("panic", ByteCount::new(1))
        .unwrap();
    let answer = fixture.ask(&Request::VolumeList {}).await;
    assert!(refusal(&answer).1.contains("bug"), "{answer:?}");
    fixture.pool.volume_delete("panic").unwrap();
    fixture.alive().await;
}

#[tokio::test]
async fn one_client_too_many_is_told_to_come_back() {
    let fixture = Fixture::start();
    let mut idle = Vec::new();
    for _ in 0..CONNECTIONS_MAX {
        idle.push(fixture.connect().await);
    }
    let refused = fixture.raw(b"").await;
    assert_eq!(refusal(&refused).0, RefusalKind::Busy);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_says_nothing_is_dropped() {
    let fixture = Fixture::start();
    let mut idle = fixture.connect().await;
    idle.write_all(b"{\"op\"").await.unwrap();
    let answer = read_all(&mut idle).await;
    assert!(refusal(&answer).1.contains("10 s"), "{answer:?}");
}

/// Time stands still but for what is waited for: a stop that waited for the idle client's time to
/// run out would answer it.
#[tokio::test(start_paused = true)]
async fn stop_ends_the_server_and_does_not_wait_for_idle_clients() {
    let fixture = Fixture::start();
    fixture.alive().await;
    let mut idle = fixture.connect().await;
    idle.write_all(b"{\"op\"").await.unwrap();
    fixture.stop.send(true).unwrap();
    fixture.task.await.unwrap();
    // The client may be one that was never accepted.
    drop(fixture.listening);
    assert!(read_all(&mut idle).await.is_empty());
}
