//! Bodies in chunks, each with a header and possibly a signature, and headers behind the last one.
//!
//! Data is handed on as it comes, whatever size of a chunk the client declares, so memory does not
//! depend on it; a wrong signature shows at the end of its chunk, before anything is published.

use bytes::{Buf as _, Bytes};
use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};
use s3s::{S3Result, s3_error};
use sha2::{Digest as _, Sha256};

use crate::auth::{Signer, is_same};

/// Bytes of the line in front of a chunk.
const LINE_BYTES_MAX: usize = 256;
/// Bytes of all headers behind the last chunk.
const TRAILER_BYTES_MAX: usize = 4096;

enum State {
    /// In the line in front of a chunk.
    Header,
    /// In a chunk; bytes left.
    Data(u64),
    /// In the line end behind a chunk; bytes left.
    DataEnd(usize),
    /// Behind the last chunk.
    Trailer,
    Done,
}

/// What signed chunks are verified with.
struct Signed {
    signer: Signer,
    /// The signature before.
    before: String,
    /// That of the chunk that is being read.
    expected: String,
    hash: Sha256,
}

/// Takes a body in chunks apart.
pub(crate) struct Chunks {
    state: State,
    line: Vec<u8>,
    signed: Option<Signed>,
    has_trailer: bool,
    trailer_bytes: usize,
    /// The headers as they are signed.
    canonical: String,
    trailer: HeaderMap,
    trailer_signature: Option<String>,
}

impl Chunks {
    /// `signed` with the signature of the request's headers where chunks are signed.
    pub(crate) fn new(signed: Option<(Signer, String)>, has_trailer: bool) -> Self {
        Self {
            state: State::Header,
            line: Vec::new(),
            signed: signed.map(|(signer, before)| Signed {
                signer,
                before,
                expected: String::new(),
                hash: Sha256::new(),
            }),
            has_trailer,
            trailer_bytes: 0,
            canonical: String::new(),
            trailer: HeaderMap::new(),
            trailer_signature: None,
        }
    }

    pub(crate) const fn trailer(&self) -> &HeaderMap {
        &self.trailer
    }

    /// The next data in `input`, which is consumed; `None`: it is used up.
    pub(crate) fn decode(&mut self, input: &mut Bytes) -> S3Result<Option<Bytes>> {
        while !input.is_empty() {
            match self.state {
                State::Header => {
                    if self.read_line(input, LINE_BYTES_MAX)? {
                        self.begin_chunk()?;
                    }
                }
                State::Data(left) => {
                    let here = (input.len() as u64).min(left);
                    let data = input.split_to(engine_base::to_usize(here));
                    if let Some(signed) = &mut self.signed {
                        signed.hash.update(&data);
                    }
                    self.state = State::Data(left - here);
                    if left == here {
                        self.end_data()?;
                    }
                    return Ok(Some(data));
                }
                State::DataEnd(left) => {
                    let expected = if left == 2 { b'\r' } else { b'\n' };
                    if input.get_u8() != expected {
                        return Err(malformed("a chunk is longer than it says"));
                    }
                    self.state = match left {
                        2 => State::DataEnd(1),
                        _ => State::Header,
                    };
                }
                State::Trailer => {
                    if self.read_line(input, TRAILER_BYTES_MAX)? {
                        self.take_trailer()?;
                    }
                }
                State::Done => return Err(malformed("something follows the last chunk")),
            }
        }
        Ok(None)
    }

    /// Adds to the current line; `true` when it is whole, without its end.
    fn read_line(&mut self, input: &mut Bytes, max: usize) -> S3Result<bool> {
        let end = input.iter().position(|byte| *byte == b'\n');
        let part = input.split_to(end.map_or(input.len(), |end| end + 1));
        if self.line.len() + part.len() > max {
            return Err(malformed("a line is too long"));
        }
        self.line.extend_from_slice(&part);
        if end.is_none() {
            return Ok(false);
        }
        self.line.pop();
        if self.line.pop_if(|byte| *byte == b'\r').is_none() {
            return Err(malformed("a line does not end with CR LF"));
        }
        Ok(true)
    }

    fn begin_chunk(&mut self) -> S3Result<()> {
        let line = std::mem::take(&mut self.line);
        let text = std::str::from_utf8(&line).map_err(|_| malformed("a line is no text"))?;
        let (size, extension) = text.split_once(';').unwrap_or((text, ""));
        let is_hex = !size.is_empty() && size.bytes().all(|byte| byte.is_ascii_hexdigit());
        let size = u64::from_str_radix(size, 16).ok().filter(|_| is_hex);
        let size = size.ok_or_else(|| malformed("the size of a chunk is no number"))?;
        if let Some(signed) = &mut self.signed {
            let signature = extension.trim().strip_prefix("chunk-signature=");
            let signature = signature.ok_or_else(|| malformed("a chunk has no signature"))?;
            signature.clone_into(&mut signed.expected);
        }
        if size > 0 {
            self.state = State::Data(size);
            return Ok(());
        }
        self.check_chunk()?;
        self.state = State::Trailer;
        Ok(())
    }

    fn end_data(&mut self) -> S3Result<()> {
        self.check_chunk()?;
        self.state = State::DataEnd(2);
        Ok(())
    }

    fn check_chunk(&mut self) -> S3Result<()> {
        let Some(signed) = &mut self.signed else {
            return Ok(());
        };
        let hash = signed.hash.finalize_reset();
        let expected = signed.signer.sign_chunk(&signed.before, &hash);
        if !is_same(expected.as_bytes(), signed.expected.as_bytes()) {
            return Err(wrong_signature());
        }
        signed.before = expected;
        Ok(())
    }

    fn take_trailer(&mut self) -> S3Result<()> {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            return self.finish_trailer();
        }
        self.trailer_bytes += line.len();
        if !self.has_trailer || self.trailer_bytes > TRAILER_BYTES_MAX {
            return Err(malformed(
                "headers behind the last chunk were not announced",
            ));
        }
        let text = std::str::from_utf8(&line).map_err(|_| malformed("a trailer is no text"))?;
        let pair = text.split_once(':');
        let (name, value) = pair.ok_or_else(|| malformed("a trailer is no header"))?;
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
        if name == "x-amz-trailer-signature" {
            self.trailer_signature = Some(value.to_owned());
            return Ok(());
        }
        self.canonical.push_str(&format!("{name}:{value}\n"));
        let name = HeaderName::try_from(name).map_err(|_| malformed("a trailer has no name"))?;
        let value = HeaderValue::try_from(value).map_err(|_| malformed("a trailer is no text"))?;
        if self.trailer.insert(name, value).is_some() {
            return Err(malformed("a trailer is there twice"));
        }
        Ok(())
    }

    fn finish_trailer(&mut self) -> S3Result<()> {
        self.state = State::Done;
        let Some(signed) = self.signed.as_ref().filter(|_| self.has_trailer) else {
            return Ok(());
        };
        let expected = signed
            .signer
            .sign_trailer(&signed.before, self.canonical.as_bytes());
        let given = self.trailer_signature.as_deref().unwrap_or_default();
        if !is_same(expected.as_bytes(), given.as_bytes()) {
            return Err(wrong_signature());
        }
        Ok(())
    }

    /// The body ended.
    pub(crate) fn end(&mut self) -> S3Result<()> {
        match self.state {
            State::Done => Ok(()),
            // Some clients leave the last empty line out.
            State::Trailer if self.line.is_empty() => self.finish_trailer(),
            _ => Err(super::incomplete("the last chunk is missing")),
        }
    }
}

fn malformed(what: &str) -> s3s::S3Error {
    s3_error!(
        InvalidRequest,
        "The chunks of the body are malformed: {what}."
    )
}

fn wrong_signature() -> s3s::S3Error {
    s3_error!(
        SignatureDoesNotMatch,
        "The signature of a chunk of the body does not match."
    )
}

#[cfg(test)]
mod tests;
