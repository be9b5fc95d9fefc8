//! Bodies of answers: counted, and holding the place of their request until they are sent.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use s3s::{Body, StdError};
use tokio::sync::OwnedSemaphorePermit;

use crate::metrics::{Metrics, add, sub};

/// A request that is being served: counted until this is dropped.
pub(crate) struct InFlight {
    metrics: Arc<Metrics>,
    /// Its place among those that are served at once.
    pub(crate) place: Option<OwnedSemaphorePermit>,
}

impl InFlight {
    pub(crate) fn new(metrics: Arc<Metrics>) -> Self {
        add(&metrics.requests_in_flight, 1);
        Self {
            metrics,
            place: None,
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        sub(&self.metrics.requests_in_flight, 1);
    }
}

/// The body of an answer.
pub(crate) struct Answer {
    inner: Body,
    request: InFlight,
}

impl Answer {
    pub(crate) const fn new(inner: Body, request: InFlight) -> Self {
        Self { inner, request }
    }
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = StdError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, StdError>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(context));
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
        {
            add(&self.request.metrics.bytes_out, data.len() as u64);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
