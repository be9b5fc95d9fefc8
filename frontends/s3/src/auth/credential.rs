//! The scope of a signature.

/// For whom, when and where a signature is good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scope {
    /// The access key's id.
    pub(crate) key: String,
    /// The day: `YYYYMMDD`.
    pub(crate) day: String,
    pub(crate) region: String,
    pub(crate) service: String,
}

impl Scope {
    /// Parses `KEY/DAY/REGION/SERVICE/aws4_request`; the key may contain slashes.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.rsplitn(5, '/');
        let terminator = parts.next()?;
        let service = parts.next()?.to_owned();
        let region = parts.next()?.to_owned();
        let day = parts.next()?.to_owned();
        let key = parts.next()?.to_owned();
        let is_whole = terminator == "aws4_request" && !key.is_empty();
        let scope = Self {
            key,
            day,
            region,
            service,
        };
        (is_whole && scope.service == "s3").then_some(scope)
    }

    /// As it stands in what is signed.
    pub(crate) fn text(&self) -> String {
        let Self {
            day,
            region,
            service,
            ..
        } = self;
        format!("{day}/{region}/{service}/aws4_request")
    }
}

/// A time as it is signed, and in seconds since 1970 UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SignedTime {
    pub(crate) text: String,
    pub(crate) unix: i64,
}

impl SignedTime {
    /// Parses `YYYYMMDDTHHMMSSZ`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        if bytes.len() != 16 || bytes[8] != b'T' || bytes[15] != b'Z' {
            return None;
        }
        let number = |from: usize, to: usize| -> Option<i64> {
            bytes[from..to].iter().try_fold(0, |sum, byte| {
                let digit = byte.is_ascii_digit().then(|| i64::from(byte - b'0'));
                Some(sum * 10 + digit?)
            })
        };
        let (year, month, day) = (number(0, 4)?, number(4, 6)?, number(6, 8)?);
        let (hour, minute, second) = (number(9, 11)?, number(11, 13)?, number(13, 15)?);
        let in_range = (1..=12).contains(&month)
            && (1..=31).contains(&day)
            && hour < 24
            && minute < 60
            && second <= 60;
        let days = days_since_1970(year, month, day);
        in_range.then(|| Self {
            text: text.to_owned(),
            unix: days * 86_400 + hour * 3600 + minute * 60 + second,
        })
    }

    pub(crate) fn day(&self) -> &str {
        &self.text[..8]
    }
}

/// Days from 1970-01-01 in the Gregorian calendar: years begin in March, so that the leap day is
/// the last one.
const fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}
