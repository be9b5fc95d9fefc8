//! Buckets, mounts and keys as the control socket sees them.

use std::path::Path;
use std::sync::Arc;

use engine_base::ErrorKind;
use engine_bucket::{BucketError, BucketInfo, Buckets, QuotaInfo, QuotaLimits, RootOwner};
use engine_pool::block_on;
use frontends_fuse::{MountError, MountOptions, Mounts};

use crate::backend::{BackendError, Doors, MountHow};
use crate::control::protocol::{
    BucketReport, BucketRow, Compression, KeyRequest, KeyRow, KeySecret, QuotaReport, QuotaRequest,
};
use crate::engine::keys::KeyRing;
use crate::engine::snapshots::split;
use crate::failure::chain;

pub(super) struct PoolDoors {
    pub(super) buckets: Buckets,
    pub(super) mounts: Arc<Mounts>,
    pub(super) keys: Arc<KeyRing>,
}

impl From<BucketError> for BackendError {
    fn from(error: BucketError) -> Self {
        let kind = match &error {
            BucketError::NotFound { .. } => ErrorKind::NotFound,
            BucketError::Exists { .. } => ErrorKind::Exists,
            BucketError::NotEmpty | BucketError::InUse | BucketError::HasSnapshots { .. } => {
                ErrorKind::Busy
            }
            BucketError::Quota { .. } => ErrorKind::NoSpace,
            BucketError::Store(error) => error.kind(),
            _ => ErrorKind::Invalid,
        };
        Self::new(kind, chain(&error))
    }
}

impl From<MountError> for BackendError {
    fn from(error: MountError) -> Self {
        Self::new(ErrorKind::Invalid, chain(&error))
    }
}

fn report(bucket: &str, directory: &str, info: QuotaInfo) -> QuotaReport {
    QuotaReport {
        bucket: bucket.to_owned(),
        directory: directory.to_owned(),
        bytes: info.bytes,
        inodes: info.inodes,
        bytes_used: info.bytes_used,
        inodes_used: info.inodes_used,
    }
}

impl PoolDoors {
    fn row(&self, info: BucketInfo) -> BucketRow {
        let all = self.mounts.list();
        let mounts = all.iter().filter(|mount| mount.bucket == info.name);
        BucketRow {
            id: info.id.get(),
            allocated: info.allocated.get(),
            stored: info.stored.get(),
            compression: info.compression.into(),
            created_unix_nanos: info.created_unix_nanos,
            mounts: mounts
                .map(|mount| mount.path.display().to_string())
                .collect(),
            name: info.name,
        }
    }

    fn check_unmounted(&self, name: &str) -> Result<(), BackendError> {
        let all = self.mounts.list();
        let Some(mount) = all.iter().find(|mount| mount.bucket == name) else {
            return Ok(());
        };
        let path = mount.path.display();
        let message = format!("it is mounted at {path}; unmount it first");
        Err(BackendError::new(ErrorKind::Busy, message))
    }
}

fn check_name(name: &str) -> Result<(), BackendError> {
    if frontends_s3::is_bucket_name(name) {
        return Ok(());
    }
    let message = "the name is refused: S3 allows 3 to 63 lower-case letters, digits, dots and \
                   hyphens, a letter or digit at both ends, and no --at--, which is in the names \
                   of snapshots";
    Err(BackendError::new(ErrorKind::Invalid, message))
}

impl Doors for PoolDoors {
    fn bucket_create(
        &self,
        name: &str,
        compression: Compression,
    ) -> Result<BucketRow, BackendError> {
        check_name(name)?;
        let owner = RootOwner {
            uid: rustix::process::getuid().as_raw(),
            gid: rustix::process::getgid().as_raw(),
            ..RootOwner::default()
        };
        let created = self.buckets.create_with(name, owner, compression.into());
        Ok(self.row(block_on(created)?))
    }

    fn bucket_set(&self, name: &str, compression: Compression) -> Result<BucketRow, BackendError> {
        let set = self.buckets.set_compression(name, compression.into());
        Ok(self.row(block_on(set)?))
    }

    fn bucket_create_from(&self, name: &str, from: &str) -> Result<BucketRow, BackendError> {
        check_name(name)?;
        Ok(self.row(block_on(self.buckets.create_from(name, split(from)))?))
    }

    fn bucket_list(&self) -> Result<Vec<BucketRow>, BackendError> {
        let all = self.buckets.list();
        Ok(all.into_iter().map(|info| self.row(info)).collect())
    }

    fn bucket_show(&self, name: &str) -> Result<BucketReport, BackendError> {
        let row = self.row(self.buckets.show(name)?);
        let bucket = block_on(self.buckets.open(name))?;
        let census = block_on(bucket.census())?;
        let staged = block_on(bucket.staged())?;
        Ok(BucketReport {
            id: row.id,
            name: row.name,
            allocated: row.allocated,
            stored: row.stored,
            compression: row.compression,
            created_unix_nanos: row.created_unix_nanos,
            mounts: row.mounts,
            entries: census.entries,
            unmountable: census.unmountable,
            objects: census.objects,
            bytes: census.bytes,
            keyless: census.keyless,
            uploads: staged.uploads,
            staged_bytes: staged.bytes,
        })
    }

    fn bucket_delete(&self, name: &str, force: bool) -> Result<(), BackendError> {
        self.check_unmounted(name)?;
        let deleted = if force {
            block_on(self.buckets.delete_with_contents(name))
        } else {
            block_on(self.buckets.delete(name))
        };
        match deleted {
            Err(BucketError::NotEmpty) => {
                let message = "it is not empty; empty it, or say --force to lose what is in it";
                Err(BackendError::new(ErrorKind::Busy, message))
            }
            deleted => Ok(deleted?),
        }
    }

    fn quota_set(&self, what: &QuotaRequest) -> Result<QuotaReport, BackendError> {
        let bucket = block_on(self.buckets.open(&what.bucket))?;
        let limits = QuotaLimits {
            bytes: what.bytes,
            inodes: what.inodes,
        };
        let set = bucket.set_quota(what.directory.as_bytes(), limits);
        Ok(report(&what.bucket, &what.directory, block_on(set)?))
    }

    fn quota_show(&self, bucket: &str, directory: &str) -> Result<QuotaReport, BackendError> {
        let opened = block_on(self.buckets.open(bucket))?;
        let info = block_on(opened.quota(directory.as_bytes()))?;
        Ok(report(bucket, directory, info))
    }

    fn mount(&self, bucket: &str, path: &Path, how: MountHow) -> Result<(), BackendError> {
        let options = MountOptions {
            read_only: how.read_only,
            write_back: how.write_back,
            no_ring: how.no_ring,
        };
        Ok(self.mounts.mount(bucket, path, options)?)
    }

    fn unmount(&self, path: &Path) -> Result<(), BackendError> {
        Ok(self.mounts.unmount(path)?)
    }

    fn key_create(&self, request: &KeyRequest) -> Result<KeySecret, BackendError> {
        if let Some(bucket) = &request.bucket {
            // A key for a bucket that is misspelt would be noticed late.
            self.buckets.show(bucket)?;
        }
        self.keys.create(request)
    }

    fn key_list(&self) -> Result<Vec<KeyRow>, BackendError> {
        Ok(self.keys.list())
    }

    fn key_delete(&self, id: &str) -> Result<(), BackendError> {
        self.keys.delete(id)
    }
}
