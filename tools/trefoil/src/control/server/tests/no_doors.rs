use std::path::Path;

use engine_base::ErrorKind;

use crate::backend::{BackendError, Doors, MountHow};
use crate::control::protocol::{
    BucketReport, BucketRow, Compression, KeyRequest, KeyRow, KeySecret, QuotaReport, QuotaRequest,
};

/// A pool that has volumes only.
pub(super) struct NoDoors;

fn refused<T>() -> Result<T, BackendError> {
    Err(BackendError::new(
        ErrorKind::NotFound,
        "there are no buckets",
    ))
}

impl Doors for NoDoors {
    fn bucket_create_from(&self, _: &str, _: &str) -> Result<BucketRow, BackendError> {
        refused()
    }

    fn bucket_create(&self, _: &str, _: Compression) -> Result<BucketRow, BackendError> {
        refused()
    }

    fn bucket_set(&self, _: &str, _: Compression) -> Result<BucketRow, BackendError> {
        refused()
    }

    fn bucket_list(&self) -> Result<Vec<BucketRow>, BackendError> {
        Ok(Vec::new())
    }

    fn bucket_show(&self, _: &str) -> Result<BucketReport, BackendError> {
        refused()
    }

    fn bucket_delete(&self, _: &str, _: bool) -> Result<(), BackendError> {
        refused()
    }

    fn quota_set(&self, _: &QuotaRequest) -> Result<QuotaReport, BackendError> {
        refused()
    }

    fn quota_show(&self, _: &str, _: &str) -> Result<QuotaReport, BackendError> {
        refused()
    }

    fn mount(&self, _: &str, _: &Path, _: MountHow) -> Result<(), BackendError> {
        refused()
    }

    fn unmount(&self, _: &Path) -> Result<(), BackendError> {
        refused()
    }

    fn key_create(&self, _: &KeyRequest) -> Result<KeySecret, BackendError> {
        refused()
    }

    fn key_list(&self) -> Result<Vec<KeyRow>, BackendError> {
        Ok(Vec::new())
    }

    fn key_delete(&self, _: &str) -> Result<(), BackendError> {
        refused()
    }
}
