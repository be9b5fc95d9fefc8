//! What a client sends behind the head of its request.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::HeaderMap;
use hyper::body::{Body as _, Frame, Incoming};
use hyper::header::EXPECT;
use tokio::runtime::Handle;

/// Bytes of a refused body that are taken in: clients' parts are mostly smaller.
const DRAIN_BYTES_MAX: usize = 16 << 20;

/// A body as it comes. A client that is refused while it sends may not look for the answer before
/// it has sent all, so what is left of a body of a usual size is taken in, and thrown away.
pub(crate) struct Sent {
    /// `None`: it has ended.
    body: Option<Incoming>,
    /// The client does not wait to be asked for it.
    is_on_its_way: bool,
    stall_time: Duration,
}

impl Sent {
    pub(crate) fn new(body: Incoming, headers: &HeaderMap, stall_time: Duration) -> Self {
        Self {
            body: (!body.is_end_stream()).then_some(body),
            is_on_its_way: !headers.contains_key(EXPECT),
            stall_time,
        }
    }

    pub(super) const fn stall_time(&self) -> Duration {
        self.stall_time
    }

    /// Some more; `None`: that was all.
    pub(super) async fn next(&mut self) -> Option<Result<Frame<Bytes>, hyper::Error>> {
        let body = self.body.as_mut()?;
        self.is_on_its_way = true;
        let frame = body.frame().await;
        if !matches!(frame, Some(Ok(_))) {
            self.body = None;
        }
        frame
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        let Some(body) = self.body.take().filter(|_| self.is_on_its_way) else {
            return;
        };
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(tokio::time::timeout(self.stall_time, drain(body)));
        }
    }
}

async fn drain(mut body: Incoming) {
    let mut bytes = 0;
    while bytes < DRAIN_BYTES_MAX {
        match body.frame().await {
            Some(Ok(frame)) => bytes += frame.data_ref().map_or(0, Bytes::len),
            Some(Err(_)) | None => return,
        }
    }
}
