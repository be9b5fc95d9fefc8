//! Why a request was not done.

use engine_base::ErrorKind;
use serde::{Deserialize, Serialize};

use crate::backend::BackendError;

/// Why a request was not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Refusal {
    pub(crate) kind: RefusalKind,
    pub(crate) message: String,
}

/// [`ErrorKind`] as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RefusalKind {
    NotFound,
    Exists,
    Invalid,
    NoSpace,
    Busy,
    Locked,
    Corrupt,
    Poisoned,
    Io,
    Closed,
}

impl From<ErrorKind> for RefusalKind {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::NotFound => Self::NotFound,
            ErrorKind::Exists => Self::Exists,
            ErrorKind::Invalid => Self::Invalid,
            ErrorKind::NoSpace => Self::NoSpace,
            ErrorKind::Busy => Self::Busy,
            ErrorKind::Locked => Self::Locked,
            ErrorKind::Corrupt => Self::Corrupt,
            ErrorKind::Poisoned => Self::Poisoned,
            ErrorKind::Io => Self::Io,
            ErrorKind::Closed => Self::Closed,
        }
    }
}

impl From<BackendError> for Refusal {
    fn from(error: BackendError) -> Self {
        Self {
            kind: error.kind.into(),
            message: error.message,
        }
    }
}
