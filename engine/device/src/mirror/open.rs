//! Putting members together: of paths, or of devices.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine_base::limits::LABEL_BYTES;
use engine_base::{ByteCount, DeviceId, Entropy, SystemEntropy};
use engine_format::{
    MEMBER_NAME_BYTES_MAX, MEMBERS_MAX, MemberRecord, Membership, SUPERBLOCK_BYTES, Superblock,
    superblock_offset,
};

use super::choose::{Found, Word, choose};
use super::{Mirror, Opener, label};
use crate::{Area, Device, DeviceError, OpenMode, Place, open_path};

/// How members are put together.
#[derive(Clone)]
pub struct MirrorOptions {
    /// Open although members are missing and nothing proves these ones current.
    pub degraded: bool,
    /// Nothing is written: not even the membership.
    pub read_only: bool,
    /// Members are written and synced at once where that is worth it. Without it calls come one
    /// after the other: runs are repeatable.
    pub parallel: bool,
    /// Identities.
    pub entropy: Arc<dyn Entropy>,
    /// Opens a member that came back, by the name it had.
    pub opener: Opener,
}

impl std::fmt::Debug for MirrorOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MirrorOptions")
            .field("degraded", &self.degraded)
            .field("read_only", &self.read_only)
            .field("parallel", &self.parallel)
            .finish_non_exhaustive()
    }
}

impl Default for MirrorOptions {
    fn default() -> Self {
        Self {
            degraded: false,
            read_only: false,
            parallel: true,
            entropy: Arc::new(SystemEntropy),
            opener: Arc::new(|name| open_path(Path::new(name), OpenMode::ReadWrite)),
        }
    }
}

/// A pool's device, of one path or several.
pub struct OpenedPool {
    /// What the engine gets: not yet attached.
    pub device: Arc<dyn Device>,
    /// The same, if it is several.
    pub mirror: Option<Arc<Mirror>>,
    /// Whether there is no pool yet.
    pub empty: bool,
}

/// How large a member of a new pool is to be.
pub type SizeOf<'a> = &'a dyn Fn(&Path, &dyn Device) -> Result<ByteCount, DeviceError>;

/// Opens the devices at `paths`; with [`OpenMode::Create`] makes a pool's membership on them if
/// there is none: `replicas` copies, members as large as `size_of` says.
///
/// # Errors
/// [`DeviceError::Unusable`], with the reason and the way out.
pub fn open_paths(
    paths: &[PathBuf],
    mode: OpenMode,
    replicas: usize,
    options: &MirrorOptions,
    size_of: SizeOf<'_>,
) -> Result<OpenedPool, DeviceError> {
    if let [path] = paths
        && replicas == 1
    {
        let opened = open_path(path, mode)?;
        if label::read_record(&*opened.device).is_none() {
            return Ok(OpenedPool {
                device: opened.device,
                mirror: None,
                empty: opened.empty,
            });
        }
        return assemble(vec![opened.device], options);
    }
    let existing = match mode {
        OpenMode::ReadOnly => OpenMode::ReadOnly,
        _ => OpenMode::ReadWrite,
    };
    let (mut members, mut others, mut failed) = (Vec::new(), Vec::new(), None);
    for path in paths.iter().filter(|path| !holds_nothing(path)) {
        match open_path(path, existing) {
            Ok(opened) if label::read_record(&*opened.device).is_some() => {
                members.push(opened.device);
            }
            Ok(opened) => others.push((opened.device, opened.empty)),
            Err(error) => {
                tracing::warn!(%error, path = %path.display(), "a device cannot be opened");
                failed = failed.or(Some(error));
            }
        }
    }
    if members.is_empty() {
        if let Some(error) = failed {
            return Err(error);
        }
        drop(others);
        return create_at(paths, mode, replicas, options, size_of);
    }
    for (device, empty) in others {
        if !empty {
            return Err(unusable(
                device.name(),
                "holds a pool of its own, the other devices hold another; leave it out",
            ));
        }
        tracing::warn!(
            device = device.name(),
            "is empty: it is no member of the pool; `device replace` makes it one"
        );
    }
    // A member that cannot be opened explains more than that it is missing.
    assemble(members, options).map_err(|error| failed.unwrap_or(error))
}

/// Whether a path could be made a device, and nothing is there that could be one.
fn holds_nothing(path: &Path) -> bool {
    let Ok(metadata) = fs::metadata(path) else {
        return true;
    };
    (metadata.is_dir() && !path.join("superblock").exists())
        || (metadata.is_file() && metadata.len() == 0)
}

fn create_at(
    paths: &[PathBuf],
    mode: OpenMode,
    replicas: usize,
    options: &MirrorOptions,
    size_of: SizeOf<'_>,
) -> Result<OpenedPool, DeviceError> {
    let mut members = Vec::new();
    for path in paths {
        let opened = open_path(path, mode)?;
        if !opened.empty {
            return Err(unusable(
                opened.device.name(),
                "holds a pool on one device; give it alone, or choose another path",
            ));
        }
        let bytes = size_of(path, &*opened.device)?;
        members.push((opened.device, bytes));
    }
    create(members, replicas, options)
}

/// Makes a new membership on empty devices, of which the pool takes as many bytes as stand beside
/// them.
///
/// Durability: on every member when it returns. CRASH: as long as one has a record and none a
/// superblock there is no pool; those that have a record are made members anew.
///
/// # Errors
/// [`DeviceError::Unusable`] if there are too many, or fewer than copies; else of the devices.
pub fn create(
    members: Vec<(Arc<dyn Device>, ByteCount)>,
    replicas: usize,
    options: &MirrorOptions,
) -> Result<OpenedPool, DeviceError> {
    let (devices, sizes): (Vec<_>, Vec<_>) = members.into_iter().unzip();
    let first = devices.first().map_or("", |device| device.name());
    if devices.len() > MEMBERS_MAX || !(1..=devices.len()).contains(&replicas) {
        return Err(unusable(
            first,
            format!(
                "{} devices for {replicas} copies: a pool lies on 1 to {MEMBERS_MAX} devices, and \
                 needs one for each copy",
                devices.len()
            ),
        ));
    }
    let small = sizes.iter().any(|bytes| bytes.get() < LABEL_BYTES);
    if small {
        return Err(unusable(first, "a device is too small for a pool"));
    }
    let entries = devices
        .iter()
        .zip(&sizes)
        .map(|(device, bytes)| MemberRecord {
            device: DeviceId::new(options.entropy.id_bytes()),
            bytes: *bytes,
            stale_since: None,
            name: short_name(device.name()),
        });
    let entries: Vec<_> = entries.collect();
    let record = Membership {
        set: options.entropy.id_bytes(),
        device: DeviceId::NONE,
        replicas: engine_base::to_u32(replicas),
        generation: 1,
        generation_id: 1,
        history: [0; engine_format::MEMBERSHIP_HISTORY],
        members: entries,
    };
    for (device, entry) in devices.iter().zip(&record.members) {
        let blank = [0; engine_format::MEMBERSHIP_BYTES];
        device.write(Place::label(engine_format::membership_offset(1)), &[&blank])?;
        label::write_record(&**device, &record, entry.device, 0)?;
        device.sync(Area::Label)?;
    }
    assemble(devices, options)
}

/// A name that fits the record.
pub(super) fn short_name(name: &str) -> String {
    let fits = (0..=name.len())
        .rev()
        .find(|end| *end <= MEMBER_NAME_BYTES_MAX && name.is_char_boundary(*end));
    name.get(..fits.unwrap_or(0)).unwrap_or_default().to_owned()
}

/// Puts devices together that carry membership records.
///
/// # Errors
/// [`DeviceError::Unusable`]: they do not belong together, or others are missing.
pub fn assemble(
    devices: Vec<Arc<dyn Device>>,
    options: &MirrorOptions,
) -> Result<OpenedPool, DeviceError> {
    let name = devices.iter().map(|device| device.name());
    let name: Arc<str> = name.collect::<Vec<_>>().join(",").into();
    let found: Option<Vec<(Found, u8)>> = devices.iter().map(|device| look_at(&**device)).collect();
    let Some(found) = found else {
        return Err(unusable(&name, "a device carries no membership record"));
    };
    let (found, copies): (Vec<_>, Vec<_>) = found.into_iter().unzip();
    let word = match (options.read_only, options.degraded) {
        (true, _) => Word::ReadOnly,
        (false, true) => Word::Degraded,
        (false, false) => Word::None,
    };
    let choice = choose(&found, word).map_err(|why| unusable(&name, why))?;
    if choice.stale_only && !choice.blank {
        for device in choice.current_of(&found) {
            tracing::warn!(
                device,
                generation = choice.record.generation,
                "is stale, and the newest that is there: what it missed since it went is lost"
            );
        }
    }
    let empty = choice.blank;
    let mirror = Arc::new(Mirror::new(name, choice, &devices, &copies, options));
    Ok(OpenedPool {
        device: Arc::clone(&mirror) as Arc<dyn Device>,
        mirror: Some(mirror),
        empty,
    })
}

/// What lies on a device; `None` if it is no member.
pub(super) fn look_at(device: &dyn Device) -> Option<(Found, u8)> {
    let (record, next_copy) = label::read_record(device)?;
    let mut superblocks = Vec::new();
    let mut blank = true;
    for copy in 0..2 {
        let mut bytes = [0; SUPERBLOCK_BYTES];
        let read = device.read(Place::label(superblock_offset(copy)), &mut bytes);
        blank &= read.is_ok() && bytes.iter().all(|byte| *byte == 0);
        superblocks.extend(Superblock::decode(&bytes, copy));
    }
    let found = Found {
        name: device.name().to_owned(),
        record,
        superblocks,
        blank,
    };
    Some((found, next_copy))
}

fn unusable(device: &str, reason: impl Into<String>) -> DeviceError {
    DeviceError::Unusable {
        device: device.into(),
        reason: reason.into(),
        source: None,
    }
}
