//! Times as answers show them: between the years 1970 and 9999.

use std::time::{Duration, UNIX_EPOCH};

use s3s::dto::{Timestamp, TimestampFormat};

/// The last second of the year 9999.
const LAST_SECOND: i64 = 253_402_300_799;

/// A time that every format can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    seconds: u64,
    nanos: u32,
}

impl Moment {
    /// The nearest one to a number of nanoseconds since 1970 UTC.
    pub(crate) fn of(unix_nanos: i64) -> Self {
        let nanos = u64::try_from(unix_nanos).unwrap_or(0);
        let part = u32::try_from(nanos % 1_000_000_000).unwrap_or(0);
        Self {
            seconds: (nanos / 1_000_000_000).min(LAST_SECOND.unsigned_abs()),
            nanos: part,
        }
    }

    pub(crate) const fn seconds(self) -> u64 {
        self.seconds
    }

    pub(crate) fn timestamp(self) -> Timestamp {
        (UNIX_EPOCH + Duration::new(self.seconds, self.nanos)).into()
    }

    /// As headers say it.
    pub(crate) fn http(self) -> String {
        let mut text = Vec::new();
        // Any time in this range can be said, and writing to memory does not fail.
        let _ = self
            .timestamp()
            .format(TimestampFormat::HttpDate, &mut text);
        String::from_utf8_lossy(&text).into_owned()
    }
}

impl From<&Timestamp> for Moment {
    fn from(timestamp: &Timestamp) -> Self {
        let mut text = Vec::new();
        let _ = timestamp.format(TimestampFormat::EpochSeconds, &mut text);
        let text = String::from_utf8_lossy(&text).into_owned();
        let seconds = text.split('.').next().unwrap_or_default();
        Self {
            seconds: seconds.parse().unwrap_or(0),
            nanos: 0,
        }
    }
}
