//! The devices of a pool: opened together, shown, replaced.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine_base::limits::LABEL_BYTES;
use engine_base::{ByteCount, ErrorKind};
use engine_device::{
    Device, DeviceError, MemberHealth, MemberStatus, Mirror, MirrorOptions, OpenMode, OpenedPool,
    open_path, open_paths,
};
use engine_pool::PoolStatus;
use frontends_console::Health;

use crate::backend::BackendError;
use crate::control::protocol::{DeviceHealth, DeviceRow};
use crate::failure::chain;
use crate::serve::Settings;

/// Of what a directory's file system has free, a new pool takes this much: a host without free
/// space is a host in trouble.
const DIRECTORY_SHARE_PERCENT: u64 = 90;

/// Opens the devices of a pool, or makes them one.
pub(super) fn open(settings: &Settings) -> Result<OpenedPool, DeviceError> {
    let mode = OpenMode::Create {
        capacity: settings.capacity,
    };
    let options = MirrorOptions {
        degraded: settings.degraded,
        ..MirrorOptions::default()
    };
    let size_of = |path: &Path, device: &dyn Device| match settings.capacity {
        Some(capacity) if path.is_dir() => Ok(capacity),
        _ => default_size(path, device, &settings.devices),
    };
    open_paths(
        &settings.devices,
        mode,
        settings.replicas,
        &options,
        &size_of,
    )
}

/// Opens the devices of a pool that no server has open, for looking at them.
pub(crate) fn open_offline(paths: &[PathBuf]) -> Result<Arc<dyn Device>, DeviceError> {
    let options = MirrorOptions {
        read_only: true,
        ..MirrorOptions::default()
    };
    let size_of = |_: &Path, device: &dyn Device| device.available();
    let opened = open_paths(paths, OpenMode::ReadOnly, paths.len(), &options, &size_of)?;
    Ok(opened.device)
}

/// The default size of a directory: a share of what its file system has free, for each directory
/// there. A file or block device is taken whole.
pub(super) fn default_size(
    path: &Path,
    device: &dyn Device,
    all: &[PathBuf],
) -> Result<ByteCount, DeviceError> {
    let available = device.available()?;
    if !path.is_dir() {
        return Ok(available);
    }
    let host = |path: &Path| fs::metadata(path).ok().map(|metadata| metadata.dev());
    let beside = all
        .iter()
        .filter(|other| other.is_dir() && host(other) == host(path));
    let beside = u64::try_from(beside.count()).unwrap_or(1).max(1);
    Ok(ByteCount::new(
        available.get() / 100 * DIRECTORY_SHARE_PERCENT / beside,
    ))
}

/// Puts the device at `new` in the place of `old`.
pub(super) fn replace(mirror: Option<&Mirror>, old: &str, new: &Path) -> Result<(), BackendError> {
    let Some(mirror) = mirror else {
        return Err(BackendError::new(
            ErrorKind::Invalid,
            "the pool lies on one device, and there is no other copy to replace it from",
        ));
    };
    let failed = |error: DeviceError| BackendError::new(ErrorKind::Invalid, chain(&error));
    let size = mirror.size_of(old).map_err(failed)?;
    let capacity = Some(size);
    let opened = open_path(new, OpenMode::Create { capacity }).map_err(failed)?;
    mirror.replace(old, &opened).map_err(failed)
}

/// The devices as they are shown.
pub(super) fn rows(status: &PoolStatus) -> Vec<DeviceRow> {
    if status.members.is_empty() {
        let health = match status.poisoned {
            Some(_) => DeviceHealth::Failed,
            None => DeviceHealth::Healthy,
        };
        return vec![DeviceRow {
            path: status.device.clone(),
            health,
            failed: status.poisoned.clone(),
            size: status.capacity.get() + LABEL_BYTES,
            ..DeviceRow::default()
        }];
    }
    let row = |member: &MemberStatus| DeviceRow {
        path: member.name.clone(),
        health: match member.health {
            MemberHealth::Current => DeviceHealth::Healthy,
            MemberHealth::Syncing => DeviceHealth::Resyncing,
            MemberHealth::Failed => DeviceHealth::Failed,
            MemberHealth::Missing => DeviceHealth::Missing,
        },
        failed: member.cause.clone(),
        id: member.id.clone(),
        size: member.size.get(),
        missing: member.missing.0.get(),
        missed: member.missing.1.get(),
        errors: member.errors,
        repaired: member.repaired,
    };
    status.members.iter().map(row).collect()
}

/// Whether the pool can do its work, and with all of its devices.
pub(super) fn health(status: &PoolStatus) -> Health {
    if let Some(cause) = &status.poisoned {
        return Health::Failing(format!(
            "the pool is read-only after an error of its device: {cause}"
        ));
    }
    let rows = rows(status);
    let bad = rows
        .iter()
        .filter(|row| row.health != DeviceHealth::Healthy);
    let bad: Vec<String> = bad
        .map(|row| format!("{} {}", row.path, row.state()))
        .collect();
    if bad.is_empty() {
        return Health::Passing;
    }
    Health::Degraded(format!(
        "{} of {} devices: {}",
        bad.len(),
        rows.len(),
        bad.join("; ")
    ))
}
