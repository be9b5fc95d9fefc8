//! `trefoil volume create NAME SIZE`, `trefoil volume create NAME [SIZE] --from VOLUME[@LABEL]`

use clap::Args;

use crate::commands::volume::{NamedArgs, volume_ask};
use crate::control::protocol::{Compression, Encryption, Request};
use crate::failure::Failure;
use crate::size::Size;

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    #[command(flatten)]
    named: NamedArgs,
    /// Bytes, or with K, M, G, T (powers of 1024)
    #[arg(value_name = "SIZE", required_unless_present = "from")]
    size: Option<Size>,
    /// Begin as this volume, or this snapshot of one, is; nothing is copied. Its size unless one is
    /// said
    #[arg(long, value_name = "VOLUME[@LABEL]")]
    from: Option<String>,
    /// How what is written is compressed: lz4 or none. With --from as that volume is
    #[arg(
        long,
        value_name = "lz4|none",
        default_value_t,
        hide_default_value = true,
        conflicts_with = "from"
    )]
    compression: Compression,
    /// Encrypt what is written, for good: with a key of its own, kept under the master key of the
    /// server's --key-file. With --from as that volume is
    #[arg(long, conflicts_with = "from")]
    encrypt: bool,
}

pub(super) fn run(args: CreateArgs) -> Result<(), Failure> {
    let NamedArgs { name, common } = args.named;
    let what = format!("cannot create volume {name}");
    let size = args.size.map(|size| size.bytes().get());
    let request = match (args.from, size) {
        (Some(from), size) => Request::VolumeCreateFrom { name, from, size },
        (None, size) => Request::VolumeCreate {
            name,
            size: size.unwrap_or_default(),
            compression: args.compression,
            encryption: match args.encrypt {
                false => Encryption::Off,
                true => Encryption::Aes256Gcm,
            },
        },
    };
    volume_ask(&common, &what, &request)
}
