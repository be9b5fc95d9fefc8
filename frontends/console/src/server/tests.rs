use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::Console;
use crate::{ConsoleError, Family, Health, Page, Source};

struct Fixed(Health);

impl Source for Fixed {
    fn families(&self) -> Vec<Family> {
        vec![Family::gauge("trefoil_x_bytes", "X.", 7)]
    }

    fn health(&self) -> Health {
        self.0.clone()
    }

    fn page(&self) -> Page {
        Page {
            title: "Trefoil <1>".to_owned(),
            sections: Vec::new(),
        }
    }
}

struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

async fn started(health: Health) -> Running {
    let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
    let console = Console::bind(any_port).await.unwrap();
    let address = console.address();
    let (stop, stopped) = oneshot::channel();
    let source = Arc::new(Fixed(health));
    let task = tokio::spawn(console.serve(source, async move {
        let _ = stopped.await;
    }));
    Running {
        address,
        stop,
        task,
    }
}

async fn exchange(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

async fn get(address: SocketAddr, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    exchange(address, &request).await
}

#[tokio::test]
async fn each_path_has_its_answer_and_stop_ends_the_server() {
    let running = started(Health::Passing).await;
    let metrics = get(running.address, "/metrics").await;
    assert!(metrics.starts_with("HTTP/1.1 200 OK\r\n"), "{metrics}");
    assert!(metrics.contains("text/plain; version=0.0.4"), "{metrics}");
    assert!(metrics.ends_with("trefoil_x_bytes 7\n"), "{metrics}");
    let health = get(running.address, "/healthz").await;
    assert!(
        health.starts_with("HTTP/1.1 200 OK\r\n") && health.ends_with("\r\nok\n"),
        "{health}"
    );
    let page = get(running.address, "/").await;
    assert!(page.contains("<h1>Trefoil &lt;1&gt;</h1>"), "{page}");
    assert!(
        get(running.address, "/nothing")
            .await
            .starts_with("HTTP/1.1 404")
    );
    running.stop.send(()).unwrap();
    running.task.await.unwrap();
    assert!(TcpStream::connect(running.address).await.is_err());
}

#[tokio::test]
async fn a_failing_source_answers_503_with_the_reason() {
    let running = started(Health::Failing("poisoned: sync failed".to_owned())).await;
    let health = get(running.address, "/healthz").await;
    assert!(health.starts_with("HTTP/1.1 503"), "{health}");
    assert!(health.ends_with("poisoned: sync failed\n"), "{health}");
}

#[tokio::test]
async fn other_methods_and_garbage_are_refused_and_the_server_goes_on() {
    let running = started(Health::Passing).await;
    let post = "POST /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    assert!(
        exchange(running.address, post)
            .await
            .starts_with("HTTP/1.1 405")
    );
    let garbage = exchange(running.address, "\u{1}\u{2}\r\n\r\n").await;
    assert!(
        garbage.is_empty() || garbage.starts_with("HTTP/1.1 400"),
        "{garbage}"
    );
    let long = format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(1 << 16));
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    // The server may close before it has read everything.
    let _ = stream.write_all(long.as_bytes()).await;
    drop(stream);
    assert!(
        get(running.address, "/healthz")
            .await
            .starts_with("HTTP/1.1 200")
    );
}

#[tokio::test]
async fn an_idle_connection_does_not_hold_up_the_stop() {
    let running = started(Health::Passing).await;
    let mut idle = TcpStream::connect(running.address).await.unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let mut first = [0; 12];
    idle.read_exact(&mut first).await.unwrap();
    running.stop.send(()).unwrap();
    running.task.await.unwrap();
}

#[tokio::test]
async fn a_taken_address_is_a_clear_error() {
    let running = started(Health::Passing).await;
    let error = Console::bind(running.address).await.unwrap_err();
    let ConsoleError::Bind { address, .. } = &error;
    assert_eq!(*address, running.address);
    assert!(error.to_string().contains("--console"), "{error}");
}
