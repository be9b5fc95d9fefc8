//! The flags of `trefoil serve`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use frontends_nbd::Address;
use tracing_subscriber::filter::LevelFilter;

use crate::serve::mount_point::MountPoint;
use crate::size::Size;

/// Flags win over the config file, which wins over the defaults.
#[derive(Debug, Default, Args)]
pub(crate) struct ServeArgs {
    /// Pool directory, file or block device, or several with commas between; created when empty
    /// [default: ./trefoil-data]
    #[arg(long, value_name = "PATH", value_delimiter = ',')]
    pub(super) data: Option<Vec<PathBuf>>,
    /// Copies that a new pool keeps over the given devices [default: 1 with one device, else 2]
    #[arg(long, value_name = "N")]
    pub(super) replicas: Option<u32>,
    /// Bytes of each device of a pool that is created [default: 90 % of what a directory's file
    /// system has free, all of a file or device]
    #[arg(long, value_name = "SIZE")]
    pub(super) capacity: Option<Size>,
    /// Open although devices are missing and nothing proves the others current: what only the
    /// missing ones have is lost
    #[arg(long)]
    pub(super) degraded: bool,
    /// Open at the checkpoint before the newest
    #[arg(long)]
    pub(super) rewind: bool,
    /// Open although a part of the journal that was durable is damaged, cannot be read or is
    /// missing: that part and everything after it is lost
    #[arg(long)]
    pub(super) accept_loss: bool,
    /// Serve volumes over NBD here; may be repeated [default: 127.0.0.1:10809]
    #[arg(long, value_name = "IP:PORT|unix:PATH")]
    pub(super) nbd: Vec<Address>,
    /// Serve buckets over S3 here [default: 127.0.0.1:9000]
    #[arg(long, value_name = "IP:PORT")]
    pub(super) s3: Option<SocketAddr>,
    /// Serve BUCKET.NAME as virtual hosts; paths work all the same
    #[arg(long, value_name = "NAME")]
    pub(super) s3_domain: Option<String>,
    /// Serve S3 over TLS only, with this certificate chain
    #[arg(long, value_name = "FILE.pem", requires = "s3_tls_key")]
    pub(super) s3_cert: Option<PathBuf>,
    /// The key of that certificate
    #[arg(long, value_name = "FILE.pem", requires = "s3_cert")]
    pub(super) s3_tls_key: Option<PathBuf>,
    /// The region that buckets say they are in; signatures for any are accepted [default:
    /// us-east-1]
    #[arg(long, value_name = "NAME")]
    pub(super) s3_region: Option<String>,
    /// Mount a bucket at start and unmount it at exit; may be repeated
    #[arg(long, value_name = "BUCKET=PATH")]
    pub(super) mount: Vec<MountPoint>,
    /// Serve /metrics, /healthz and the console here [default: 127.0.0.1:9090]
    #[arg(long, value_name = "IP:PORT")]
    pub(super) console: Option<SocketAddr>,
    /// A file with a master key of encrypted volumes; may be repeated. New data keys are kept under
    /// the first; volumes whose key is under none of them stay locked
    #[arg(long, value_name = "FILE")]
    pub(super) key_file: Vec<PathBuf>,
    /// Memory for pages of the index [default: 256M]
    #[arg(long, value_name = "SIZE")]
    pub(super) memory: Option<Size>,
    /// What scrubbing may read in the background, in MiB a second; 0: only when `trefoil scrub`
    /// asks for it, and then without a bound [default: 64]
    #[arg(long, value_name = "N")]
    pub(super) scrub_mibps: Option<u64>,
    /// Read these settings from a TOML file; the names are those of the flags
    #[arg(long, value_name = "FILE.toml")]
    pub(super) config: Option<PathBuf>,
    /// How much to log on stderr: off, error, warn, info, debug or trace [default: info]
    #[arg(long, value_name = "LEVEL")]
    pub(super) log: Option<LevelFilter>,
    /// Also make, where missing, a volume `demo` of 10G, a bucket `demo` that is mounted at
    /// ./trefoil-mnt, and an access key `demo`, written to demo.key in the pool's directory
    #[arg(long)]
    pub(super) quickstart: bool,
}
