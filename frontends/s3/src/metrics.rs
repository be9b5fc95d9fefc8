//! Counters of the server, as plain atomics that whoever renders them reads.

use std::sync::atomic::{AtomicU64, Ordering};

/// What a request does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// GET of an object.
    Get,
    /// Looking at one object or bucket.
    Head,
    /// Storing an object, a part, or appending.
    Put,
    /// Copying and renaming.
    Copy,
    /// Deleting objects.
    Delete,
    /// Any listing.
    List,
    /// Creating, completing and aborting uploads.
    Multipart,
    /// Creating and deleting buckets, tags and the rest.
    Other,
}

impl Class {
    /// All classes, in the order of [`Class::index`].
    pub const ALL: [Self; 8] = [
        Self::Get,
        Self::Head,
        Self::Put,
        Self::Copy,
        Self::Delete,
        Self::List,
        Self::Multipart,
        Self::Other,
    ];

    /// Where its counter is.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Its name, for labels.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Head => "head",
            Self::Put => "put",
            Self::Copy => "copy",
            Self::Delete => "delete",
            Self::List => "list",
            Self::Multipart => "multipart",
            Self::Other => "other",
        }
    }

    /// Of an operation by its name in the API.
    pub(crate) fn of(operation: &str) -> Self {
        match operation {
            "GetObject" => Self::Get,
            "HeadObject" | "HeadBucket" | "GetObjectAttributes" => Self::Head,
            "PutObject" | "UploadPart" => Self::Put,
            "CopyObject" | "UploadPartCopy" | "RenameObject" => Self::Copy,
            "DeleteObject" | "DeleteObjects" => Self::Delete,
            "CreateMultipartUpload" | "CompleteMultipartUpload" | "AbortMultipartUpload" => {
                Self::Multipart
            }
            name if name.starts_with("List") => Self::List,
            _ => Self::Other,
        }
    }
}

/// Counts since the server started, and gauges. All are relaxed: they order nothing.
#[derive(Debug, Default)]
pub struct Metrics {
    requests: [AtomicU64; Class::ALL.len()],
    /// Requests that were refused because nobody with a valid key had signed them.
    pub denied: AtomicU64,
    /// Requests that were answered 503 because there were too many.
    pub slowed_down: AtomicU64,
    /// Answers with a status from 400 to 499.
    pub client_errors: AtomicU64,
    /// Answers with a status from 500.
    pub server_errors: AtomicU64,
    /// Bytes of bodies received.
    pub bytes_in: AtomicU64,
    /// Bytes of bodies sent.
    pub bytes_out: AtomicU64,
    /// Connections accepted.
    pub connections_total: AtomicU64,
    /// Connections closed at once because there were too many.
    pub connections_refused: AtomicU64,
    /// Connections that exist now.
    pub connections_open: AtomicU64,
    /// Requests that are being served now.
    pub requests_in_flight: AtomicU64,
}

impl Metrics {
    /// Requests of one class.
    #[must_use]
    pub fn requests(&self, class: Class) -> u64 {
        let count = self.requests.get(class.index());
        count.map_or(0, |count| count.load(Ordering::Relaxed))
    }

    pub(crate) fn started(&self, class: Class) {
        if let Some(count) = self.requests.get(class.index()) {
            add(count, 1);
        }
    }
}

pub(crate) fn add(counter: &AtomicU64, amount: u64) {
    counter.fetch_add(amount, Ordering::Relaxed);
}

pub(crate) fn sub(gauge: &AtomicU64, amount: u64) {
    gauge.fetch_sub(amount, Ordering::Relaxed);
}
