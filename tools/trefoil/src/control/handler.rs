//! Does what a request asks, on a thread that may block.

use std::path::Path;
use std::sync::Arc;

use engine_base::{ByteCount, ErrorKind};

use crate::backend::{Backend, BackendError, Doors, MountHow};
use crate::control::protocol::{Reply, Request};
use crate::transfer::{self, Monitor};

/// Requests in, replies out. Keeps no state of its own.
#[derive(Clone)]
pub(crate) struct Handler {
    backend: Arc<dyn Backend>,
    doors: Arc<dyn Doors>,
}

impl Handler {
    pub(crate) fn new(backend: Arc<dyn Backend>, doors: Arc<dyn Doors>) -> Self {
        Self { backend, doors }
    }

    /// Blocks until the request is done, refused, or stopped by `monitor`.
    pub(crate) fn handle(
        &self,
        request: &Request,
        monitor: &mut dyn Monitor,
    ) -> Result<Reply, BackendError> {
        if let Some(reply) = self.volumes(request, monitor)? {
            return Ok(reply);
        }
        match self.snapshots(request)? {
            Some(reply) => Ok(reply),
            None => self.buckets(request),
        }
    }

    fn volumes(
        &self,
        request: &Request,
        monitor: &mut dyn Monitor,
    ) -> Result<Option<Reply>, BackendError> {
        let backend = self.backend.as_ref();
        Ok(Some(match request {
            Request::Status {} => Reply::Status(Box::new(backend.status()?)),
            Request::Scrub { wait } => Reply::Scrub(backend.scrub(*wait, monitor)?),
            Request::VolumeCreate {
                name,
                size,
                compression,
                encryption,
            } => {
                let (size, how) = (ByteCount::new(*size), (*compression, *encryption));
                Reply::Volume(backend.volume_create_with(name, size, how)?)
            }
            Request::VolumeSet { name, compression } => {
                Reply::Volume(backend.volume_set(name, *compression)?)
            }
            Request::VolumeList {} => Reply::Volumes(backend.volume_list()?),
            Request::VolumeShow { name } => Reply::Volume(backend.volume_show(name)?),
            Request::VolumeResize { name, size } => {
                Reply::Volume(backend.volume_resize(name, ByteCount::new(*size))?)
            }
            Request::VolumeDelete { name } => {
                backend.volume_delete(name)?;
                Reply::Done {}
            }
            Request::VolumeImport { name, file } => {
                Reply::Transfer(transfer::import(backend, name, absolute(file)?, monitor)?)
            }
            Request::VolumeExport { name, file, force } => {
                let target = transfer::Target {
                    file: absolute(file)?,
                    force: *force,
                };
                Reply::Transfer(transfer::export(backend, name, target, monitor)?)
            }
            _ => return Ok(None),
        }))
    }

    fn snapshots(&self, request: &Request) -> Result<Option<Reply>, BackendError> {
        let backend = self.backend.as_ref();
        Ok(Some(match request {
            Request::VolumeCreateFrom { name, from, size } => {
                let size = size.map(ByteCount::new);
                Reply::Volume(backend.volume_create_from(name, from, size)?)
            }
            Request::VolumeDiff { from, to } => Reply::Ranges(backend.volume_diff(from, to)?),
            Request::SnapshotCreate { label, datasets } => {
                Reply::Snapshots(backend.snapshot_create(label, datasets)?)
            }
            Request::SnapshotList { dataset } => {
                Reply::Snapshots(backend.snapshot_list(dataset.as_deref())?)
            }
            Request::SnapshotDelete { snapshot } => {
                backend.snapshot_delete(snapshot)?;
                Reply::Done {}
            }
            Request::SnapshotRevert { snapshot } => {
                backend.snapshot_revert(snapshot)?;
                Reply::Done {}
            }
            Request::MasterKeyRotate { file } => {
                Reply::Rotation(backend.master_key_rotate(absolute(file)?)?)
            }
            Request::DeviceList {} => Reply::Devices(backend.status()?.devices),
            Request::DeviceReplace { old, new } => {
                Reply::Devices(backend.device_replace(old, absolute(new)?)?)
            }
            _ => return Ok(None),
        }))
    }

    fn buckets(&self, request: &Request) -> Result<Reply, BackendError> {
        let doors = self.doors.as_ref();
        let done = match request {
            Request::BucketCreateFrom { name, from } => {
                return Ok(Reply::Bucket(doors.bucket_create_from(name, from)?));
            }
            Request::BucketCreate { name, compression } => {
                return Ok(Reply::Bucket(doors.bucket_create(name, *compression)?));
            }
            Request::BucketSet { name, compression } => {
                return Ok(Reply::Bucket(doors.bucket_set(name, *compression)?));
            }
            Request::BucketList {} => return Ok(Reply::Buckets(doors.bucket_list()?)),
            Request::BucketShow { name } => {
                return Ok(Reply::BucketReport(doors.bucket_show(name)?));
            }
            Request::QuotaSet(request) => return Ok(Reply::Quota(doors.quota_set(request)?)),
            Request::QuotaShow { bucket, directory } => {
                return Ok(Reply::Quota(doors.quota_show(bucket, directory)?));
            }
            Request::KeyCreate(request) => return Ok(Reply::Key(doors.key_create(request)?)),
            Request::KeyList {} => return Ok(Reply::Keys(doors.key_list()?)),
            Request::BucketDelete { name, force } => doors.bucket_delete(name, *force),
            Request::KeyDelete { id } => doors.key_delete(id),
            Request::Unmount { path } => doors.unmount(absolute(path)?),
            Request::Mount {
                bucket,
                path,
                write_back,
                read_only,
                no_io_uring,
            } => {
                let how = MountHow {
                    write_back: *write_back,
                    read_only: *read_only,
                    no_ring: *no_io_uring,
                };
                doors.mount(bucket, absolute(path)?, how)
            }
            other => unreachable!("{other:?} is answered with the volumes"),
        };
        done.map(|()| Reply::Done {})
    }
}

/// A relative path would be looked up where the server was started, not where the client is.
fn absolute(file: &str) -> Result<&Path, BackendError> {
    let path = Path::new(file);
    if path.is_absolute() {
        return Ok(path);
    }
    let message = format!("`{file}` is not an absolute path; name the file from the root");
    Err(BackendError::new(ErrorKind::Invalid, message))
}
