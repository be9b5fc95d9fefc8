//! A client of a few lines: signs requests, sends them over a plain socket, reads answers.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

/// A request to be signed and sent.
#[derive(Clone)]
pub(crate) struct Ask {
    pub(crate) method: String,
    /// As it stands in the request line, encoded.
    pub(crate) path: String,
    /// Encoded.
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
    /// What is said of the body instead of its hash.
    pub(crate) payload: Option<String>,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// The content of the first element of that name.
    pub(crate) fn element(&self, name: &str) -> String {
        self.elements(name).into_iter().next().unwrap_or_default()
    }

    pub(crate) fn elements(&self, name: &str) -> Vec<String> {
        let text = self.text();
        let (open, close) = (format!("<{name}>"), format!("</{name}>"));
        let rest = text.split(&open).skip(1);
        rest.filter_map(|part| Some(part.split_once(&close)?.0.to_owned()))
            .collect()
    }

    pub(crate) fn code(&self) -> String {
        self.element("Code")
    }

    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }

    #[track_caller]
    pub(crate) fn refused(self, status: u16, code: &str) -> Self {
        assert_eq!(
            (self.status, &self.code()[..]),
            (status, code),
            "{}",
            self.text()
        );
        self
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn mac(key: &[u8], data: &[u8]) -> Vec<u8> {
    let mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.chain_update(data).finalize().into_bytes().to_vec()
}

/// Who signs, and when.
#[derive(Clone)]
pub(crate) struct Signer {
    pub(crate) id: String,
    pub(crate) secret: String,
    /// `YYYYMMDDTHHMMSSZ`.
    pub(crate) time: String,
}

impl Signer {
    pub(crate) fn scope(&self) -> String {
        format!("{}/us-east-1/s3/aws4_request", &self.time[..8])
    }

    pub(crate) fn sign(&self, algorithm: &str, rest: &str) -> String {
        let mut key = format!("AWS4{}", self.secret).into_bytes();
        for part in [&self.time[..8], "us-east-1", "s3", "aws4_request"] {
            key = mac(&key, part.as_bytes());
        }
        let text = format!("{algorithm}\n{}\n{}\n{rest}", self.time, self.scope());
        hex(&mac(&key, text.as_bytes()))
    }

    fn canonical(&self, ask: &Ask, payload: &str) -> (String, String) {
        let mut query = ask.query.clone();
        query.sort();
        let query: Vec<String> = query.iter().map(|(n, v)| format!("{n}={v}")).collect();
        let headers: String = ask
            .headers
            .iter()
            .map(|(name, value)| format!("{name}:{value}\n"))
            .collect();
        let names: Vec<&str> = ask.headers.keys().map(String::as_str).collect();
        let names = names.join(";");
        let text = format!(
            "{}\n{}\n{}\n{headers}\n{names}\n{payload}",
            ask.method,
            ask.path,
            query.join("&")
        );
        (hex(&Sha256::digest(text.as_bytes())), names)
    }

    /// Signs in headers; the signature.
    pub(crate) fn sign_headers(&self, ask: &mut Ask, host: &str) -> String {
        let payload = ask.payload.clone();
        let payload = payload.unwrap_or_else(|| hex(&Sha256::digest(&ask.body)));
        let host = ask.headers.get("host").cloned().unwrap_or(host.to_owned());
        ask.headers.insert("host".into(), host);
        ask.headers.insert("x-amz-date".into(), self.time.clone());
        ask.headers
            .insert("x-amz-content-sha256".into(), payload.clone());
        let (hash, names) = self.canonical(ask, &payload);
        let signature = self.sign("AWS4-HMAC-SHA256", &hash);
        let header = format!(
            "AWS4-HMAC-SHA256 Credential={}/{}, SignedHeaders={names}, Signature={signature}",
            self.id,
            self.scope()
        );
        ask.headers.insert("authorization".into(), header);
        signature
    }

    /// Signs in the URL.
    pub(crate) fn presign(&self, ask: &mut Ask, host: &str, expires: u64) {
        ask.headers.insert("host".into(), host.to_owned());
        let names: Vec<&str> = ask.headers.keys().map(String::as_str).collect();
        let names = names.join("%3B");
        let credential = format!("{}/{}", self.id, self.scope()).replace('/', "%2F");
        for (name, value) in [
            ("X-Amz-Algorithm", "AWS4-HMAC-SHA256".to_owned()),
            ("X-Amz-Credential", credential),
            ("X-Amz-Date", self.time.clone()),
            ("X-Amz-Expires", expires.to_string()),
            ("X-Amz-SignedHeaders", names),
        ] {
            ask.query.push((name.to_owned(), value));
        }
        let in_query = ask.query.iter().find(|(n, _)| n == "X-Amz-Content-Sha256");
        let payload = in_query.map(|(_, value)| value.clone());
        let payload = payload.or_else(|| ask.headers.get("x-amz-content-sha256").cloned());
        let payload = payload.unwrap_or("UNSIGNED-PAYLOAD".to_owned());
        let (hash, _) = self.canonical(ask, &payload);
        let signature = self.sign("AWS4-HMAC-SHA256", &hash);
        ask.query.push(("X-Amz-Signature".to_owned(), signature));
    }
}

/// The bytes of a request.
pub(crate) fn bytes_of(ask: &Ask) -> Vec<u8> {
    let query: Vec<String> = ask.query.iter().map(|(n, v)| format!("{n}={v}")).collect();
    let query = if query.is_empty() {
        String::new()
    } else {
        format!("?{}", query.join("&"))
    };
    let mut text = format!("{} {}{query} HTTP/1.1\r\n", ask.method, ask.path);
    for (name, value) in &ask.headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if !ask.headers.contains_key("content-length") {
        text.push_str(&format!("content-length: {}\r\n", ask.body.len()));
    }
    text.push_str("\r\n");
    let mut bytes = text.into_bytes();
    bytes.extend_from_slice(&ask.body);
    bytes
}

/// Sends bytes on a connection of their own, and reads one answer.
pub(crate) fn send(address: SocketAddr, bytes: &[u8], is_head: bool) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    // A server that refuses closes while bytes are still being sent.
    let _ = stream.write_all(bytes);
    read_answer(&mut BufReader::new(stream), is_head)
}

pub(crate) fn read_answer(reader: &mut BufReader<TcpStream>, is_head: bool) -> Answer {
    try_read_answer(reader, is_head).unwrap()
}

/// # Errors
/// The connection's.
pub(crate) fn try_read_answer(
    reader: &mut BufReader<TcpStream>,
    is_head: bool,
) -> std::io::Result<Answer> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|text| text.parse().ok());
    let status = status.unwrap_or_else(|| panic!("no answer: {line:?}"));
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end_matches("\r\n").split_once(": ") else {
            assert_eq!(line, "\r\n", "an empty line ends the headers");
            break;
        };
        let before = headers.insert(name.to_ascii_lowercase(), value.to_owned());
        assert_eq!(before, None, "{name} is there once");
    }
    let mut body = Vec::new();
    let length = headers.get("content-length");
    if !is_head && status != 304 && status != 204 {
        let length = length.expect("a length").parse().unwrap();
        body = vec![0; length];
        reader.read_exact(&mut body)?;
    }
    Ok(Answer {
        status,
        headers,
        body,
    })
}
