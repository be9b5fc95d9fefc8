//! Flags, config file and defaults become one set of settings.

use std::fmt::Display;
use std::fs;
use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use engine_base::ByteCount;
use frontends_nbd::Address;
use serde::{Deserialize, Deserializer, de};
use tracing_subscriber::filter::LevelFilter;

use crate::failure::Failure;
use crate::place;
use crate::serve::args::ServeArgs;
use crate::serve::mount_point::MountPoint;
use crate::size::Size;

/// Bytes of a config file; more is surely not one.
const CONFIG_BYTES_MAX: u64 = 1 << 20;
const NBD_DEFAULT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 10_809);
const CONSOLE_DEFAULT: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 9_090);
const S3_DEFAULT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 9_000);
const S3_REGION_DEFAULT: &str = "us-east-1";
/// The inner pages of an index over a few TiB, and the hot leaves.
const MEMORY_DEFAULT: ByteCount = ByteCount::new(256 << 20);
/// The engine's least, and room for a few connections beside it.
const MEMORY_MIN: ByteCount = ByteCount::new(16 << 20);

/// A tenth of what an inexpensive SSD gives, and a TiB in five hours: between two passes, a day,
/// five of them.
const SCRUB_MIBPS_DEFAULT: u64 = 64;
const SCRUB_MIBPS_MAX: u64 = 1 << 20;

/// What `serve` does. Fixed after start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settings {
    /// The path by which the pool is known.
    pub(crate) data: PathBuf,
    /// All paths.
    pub(crate) devices: Vec<PathBuf>,
    /// Copies that a new pool keeps.
    pub(crate) replicas: usize,
    /// Open although devices are missing and nothing proves the others current.
    pub(crate) degraded: bool,
    pub(crate) capacity: Option<ByteCount>,
    pub(crate) rewind: bool,
    pub(crate) accept_loss: bool,
    pub(crate) nbd: Vec<Address>,
    pub(crate) s3: S3Settings,
    pub(crate) mounts: Vec<MountPoint>,
    pub(crate) console: SocketAddr,
    pub(crate) memory: ByteCount,
    /// With the master keys.
    pub(crate) key_files: Vec<PathBuf>,
    /// What scrubbing may read in the background, in MiB a second; 0: only when it is asked for.
    pub(crate) scrub_mibps: u64,
    pub(crate) log: LevelFilter,
    pub(crate) quickstart: bool,
}

/// How S3 is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct S3Settings {
    pub(crate) address: SocketAddr,
    pub(crate) domain: Option<String>,
    /// Certificate chain and key.
    pub(crate) tls: Option<(PathBuf, PathBuf)>,
    pub(crate) region: String,
}

/// The config file. `rewind`, `accept-loss` and `degraded` are not in it: each gives something up,
/// once, and a file would do it again at every start.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    #[serde(default, deserialize_with = "one_or_many")]
    data: Option<Vec<PathBuf>>,
    replicas: Option<u32>,
    capacity: Option<Size>,
    #[serde(default, deserialize_with = "one_or_many")]
    nbd: Option<Vec<Address>>,
    s3: Option<SocketAddr>,
    s3_domain: Option<String>,
    s3_cert: Option<PathBuf>,
    s3_tls_key: Option<PathBuf>,
    s3_region: Option<String>,
    #[serde(default, deserialize_with = "one_or_many")]
    mount: Option<Vec<MountPoint>>,
    console: Option<SocketAddr>,
    #[serde(default, deserialize_with = "one_or_many")]
    key_file: Option<Vec<PathBuf>>,
    memory: Option<Size>,
    scrub_mibps: Option<u64>,
    #[serde(default, deserialize_with = "level")]
    log: Option<LevelFilter>,
    quickstart: Option<bool>,
}

impl Settings {
    /// Reads the config file, if there is one, and checks everything.
    pub(crate) fn load(args: ServeArgs) -> Result<Self, Failure> {
        let file = match &args.config {
            Some(path) => file_read(path)?,
            None => File::default(),
        };
        Self::merge(args, file)
    }

    fn merge(args: ServeArgs, mut file: File) -> Result<Self, Failure> {
        let s3 = S3Settings::merge(&args, &mut file)?;
        let data = args
            .data
            .or(file.data)
            .unwrap_or_else(|| vec![place::DATA_DEFAULT.into()]);
        let devices = devices_of(place::checked(&data)?)?;
        let data = place::known_by(&devices).to_owned();
        let replicas = copies(args.replicas.or(file.replicas), devices.len())?;
        let memory = args
            .memory
            .or(file.memory)
            .map_or(MEMORY_DEFAULT, Size::bytes);
        if memory < MEMORY_MIN {
            return Err(Failure::usage(format_args!(
                "memory is {memory}; the least is {MEMORY_MIN}"
            )));
        }
        let scrub_mibps = args.scrub_mibps.or(file.scrub_mibps);
        let scrub_mibps = scrub_mibps.unwrap_or(SCRUB_MIBPS_DEFAULT);
        if scrub_mibps > SCRUB_MIBPS_MAX {
            return Err(Failure::usage(format_args!(
                "scrub-mibps is {scrub_mibps}; the most is {SCRUB_MIBPS_MAX}"
            )));
        }
        let mut nbd = if args.nbd.is_empty() {
            file.nbd.unwrap_or_default()
        } else {
            args.nbd
        };
        if nbd.is_empty() {
            nbd.push(Address::Tcp(NBD_DEFAULT));
        }
        Ok(Self {
            data,
            devices,
            replicas,
            degraded: args.degraded,
            capacity: args.capacity.or(file.capacity).map(Size::bytes),
            rewind: args.rewind,
            accept_loss: args.accept_loss,
            nbd,
            s3,
            mounts: if args.mount.is_empty() {
                file.mount.unwrap_or_default()
            } else {
                args.mount
            },
            console: args.console.or(file.console).unwrap_or(CONSOLE_DEFAULT),
            memory,
            key_files: if args.key_file.is_empty() {
                file.key_file.unwrap_or_default()
            } else {
                args.key_file
            },
            scrub_mibps,
            log: args.log.or(file.log).unwrap_or(LevelFilter::INFO),
            quickstart: args.quickstart || file.quickstart.unwrap_or(false),
        })
    }
}

impl S3Settings {
    fn merge(args: &ServeArgs, file: &mut File) -> Result<Self, Failure> {
        let certificate = args.s3_cert.clone().or(file.s3_cert.take());
        let key = args.s3_tls_key.clone().or(file.s3_tls_key.take());
        let tls = match (certificate, key) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            _ => {
                return Err(Failure::usage(
                    "s3-cert and s3-tls-key go together; give both or none",
                ));
            }
        };
        let region = args.s3_region.clone().or(file.s3_region.take());
        Ok(Self {
            address: args.s3.or(file.s3).unwrap_or(S3_DEFAULT),
            domain: args.s3_domain.clone().or(file.s3_domain.take()),
            tls,
            region: region.unwrap_or_else(|| S3_REGION_DEFAULT.to_owned()),
        })
    }
}

/// The paths of the devices: of several absolute, because their names are kept and looked for
/// again.
fn devices_of(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    if let [only] = paths {
        return Ok(vec![only.clone()]);
    }
    let absolute = |path: &PathBuf| {
        let what = format!("cannot find {}", path.display());
        std::path::absolute(path).map_err(|error| Failure::because(what, &error))
    };
    paths.iter().map(absolute).collect()
}

/// Copies over that many devices.
fn copies(said: Option<u32>, devices: usize) -> Result<usize, Failure> {
    let Some(said) = said else {
        return Ok(devices.min(2));
    };
    let copies = usize::try_from(said).unwrap_or(usize::MAX);
    if (1..=devices).contains(&copies) {
        return Ok(copies);
    }
    Err(Failure::usage(format_args!(
        "replicas is {said}, and --data names {devices} devices; each copy needs one of its own"
    )))
}

fn file_read(path: &Path) -> Result<File, Failure> {
    let name = path.display();
    let text = text_read(path)
        .map_err(|error| Failure::because(format_args!("cannot read the config {name}"), &error))?;
    toml::from_str(&text)
        .map_err(|error| Failure::usage(format_args!("the config {name} is wrong: {error}")))
}

fn text_read(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    fs::File::open(path)?
        .take(CONFIG_BYTES_MAX + 1)
        .read_to_string(&mut text)?;
    if u64::try_from(text.len()).is_ok_and(|bytes| bytes > CONFIG_BYTES_MAX) {
        return Err(std::io::Error::other(format!(
            "it is longer than {CONFIG_BYTES_MAX} bytes"
        )));
    }
    Ok(text)
}

/// `nbd = "x"` means `nbd = ["x"]`.
fn one_or_many<'de, D, T>(deserializer: D) -> Result<Option<Vec<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: Display>,
{
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "must be a text or a list of texts")]
    enum OneOrMany {
        One(String),
        Many(Vec<String>),
    }

    let texts = match OneOrMany::deserialize(deserializer)? {
        OneOrMany::One(text) => vec![text],
        OneOrMany::Many(texts) => texts,
    };
    let parsed: Result<Vec<T>, T::Err> = texts.iter().map(|text| text.parse()).collect();
    parsed.map(Some).map_err(de::Error::custom)
}

fn level<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<LevelFilter>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let wrong = |_| {
        let expected = "one of off, error, warn, info, debug, trace";
        de::Error::custom(format_args!("`{text}` is no level; write {expected}"))
    };
    text.parse().map(Some).map_err(wrong)
}

#[cfg(test)]
mod tests;
