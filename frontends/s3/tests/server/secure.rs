//! TLS.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;

use frontends_s3::{Limits, Tls};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::client::bytes_of;
use crate::{World, ask};

#[test]
fn objects_travel_over_tls() {
    let directory = tempfile::tempdir().unwrap();
    let (certificate, key) = (
        directory.path().join("c.pem"),
        directory.path().join("k.pem"),
    );
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let tls = Some(Tls { certificate, key });
    let world = World::with_tls(256 << 20, Limits::default(), tls);
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let client = ClientConnection::new(Arc::new(config), name).unwrap();
    let stream = TcpStream::connect(world.server.address()).unwrap();
    let mut stream = StreamOwned::new(client, stream);
    for request in [
        ask("PUT", "/bkt"),
        ask("PUT", "/bkt/key").body(b"over tls"),
        ask("GET", "/bkt/key").header("connection", "close"),
    ] {
        let mut request = request;
        world
            .signer("admin")
            .sign_headers(&mut request, "localhost");
        stream.write_all(&bytes_of(&request)).unwrap();
    }
    let mut all = Vec::new();
    let _ = stream.read_to_end(&mut all);
    let text = String::from_utf8_lossy(&all);
    assert_eq!(text.matches("HTTP/1.1 200 OK").count(), 3, "{text}");
    assert!(text.ends_with("over tls"), "{text}");
    world.stop();
}

#[test]
fn certificates_that_are_no_use_are_refused_at_the_start() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("none.pem");
    let tls = Tls {
        certificate: path.clone(),
        key: path,
    };
    let started = World::try_start(Some(tls));
    let error = started.err().unwrap().to_string();
    assert!(error.contains("none.pem"), "{error}");
}
