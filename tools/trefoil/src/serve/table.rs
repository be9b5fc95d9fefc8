//! What is where, as `serve` prints it before it is ready, and the status for people.

use std::net::SocketAddr;
use std::path::Path;

use frontends_fuse::MountInfo;
use frontends_nbd::Address;

use crate::control::protocol::{DeviceRow, ScrubReport, StatusReport};
use crate::output;
use crate::serve::address::uri;

/// What the table of `serve` is made of; all addresses as they are bound.
pub(crate) struct Places<'a> {
    pub(crate) data: &'a Path,
    pub(crate) status: &'a StatusReport,
    pub(crate) control: &'a Path,
    pub(crate) nbd: &'a [Address],
    pub(crate) s3: &'a S3Place<'a>,
    pub(crate) mounts: &'a [MountInfo],
    pub(crate) console: SocketAddr,
    /// A volume for the examples, if there is one.
    pub(crate) volume: Option<&'a str>,
}

/// Where S3 is served, and how to sign for it.
pub(crate) struct S3Place<'a> {
    pub(crate) address: SocketAddr,
    pub(crate) tls: bool,
    /// A file with a key for the examples, if there is one.
    pub(crate) key_file: Option<&'a Path>,
}

impl S3Place<'_> {
    fn url(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    fn command(&self, data: &str) -> String {
        let Some(file) = self.key_file else {
            return format!("trefoil key create --data {data}");
        };
        let file = shell_word(&file.display().to_string());
        let url = self.url();
        format!(
            "read -r AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY < {file}; \
             export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_DEFAULT_REGION=us-east-1; \
             aws --endpoint-url {url} s3 ls"
        )
    }
}

impl Places<'_> {
    /// The table, one line per place, with the command that uses it.
    pub(crate) fn render(&self) -> String {
        let status = self.status;
        let row =
            |what: &str, place: String, command: String| vec![what.to_owned(), place, command];
        let available = output::size(status.available);
        let room = format!("{available} of {} available", output::size(status.capacity));
        let data = self.data.display().to_string();
        let mut rows = vec![row("pool", data.clone(), room)];
        let data = shell_word(&data);
        let status_command = format!("trefoil status --data {data}");
        rows.push(row(
            "control",
            self.control.display().to_string(),
            status_command,
        ));
        for address in self.nbd {
            rows.push(row("nbd", address.to_string(), self.nbd_command(address)));
        }
        rows.push(row("s3", self.s3.url(), self.s3.command(&data)));
        for mount in self.mounts {
            let path = mount.path.display().to_string();
            let command = format!("ls -l {}", shell_word(&path));
            rows.push(row("mount", format!("{} at {path}", mount.bucket), command));
        }
        let url = format!("http://{}", self.console);
        rows.push(row("console", url.clone(), format!("curl {url}/metrics")));
        if self.volume.is_none() {
            let create = format!("trefoil volume create demo 10G --data {data}");
            rows.push(row("volumes", "none".to_owned(), create));
        }
        output::table(&[], &rows)
    }

    fn nbd_command(&self, address: &Address) -> String {
        let volume = self.volume.unwrap_or("NAME");
        let uri = shell_word(&uri(address, volume));
        match address {
            Address::Tcp(_) => format!("qemu-img info {uri}"),
            Address::Unix(_) => format!("nbdinfo {uri}"),
        }
    }
}

/// The status as names and values.
pub(crate) fn status_rows(status: &StatusReport) -> Vec<Vec<String>> {
    let row = |name: &str, value: String| vec![name.to_owned(), value];
    let size = output::size;
    let device = |device: &DeviceRow| match &device.failed {
        Some(cause) if device.id.is_empty() => {
            format!("{} (failed, the pool is read-only: {cause})", device.path)
        }
        _ => format!("{} ({})", device.path, device.state()),
    };
    let segments = format!(
        "{} of {} journal, {} index, {} pack",
        status.journal_segments,
        size(status.segment_size),
        status.index_segments,
        status.pack_segments
    );
    let cleaning = format!(
        "{} to bring back, {} moved",
        size(status.cleaning_debt),
        size(status.packed)
    );
    let memory = format!(
        "{} of {}, {} dirty",
        size(status.memory_used),
        size(status.memory_limit),
        size(status.memory_dirty)
    );
    let stored = format!("{} for {}", size(status.stored), size(status.allocated));
    let mut rows: Vec<Vec<String>> = status
        .devices
        .iter()
        .map(|of| row("device", device(of)))
        .collect();
    rows.extend([
        row("capacity", size(status.capacity)),
        row("free", size(status.free)),
        row("available", size(status.available)),
        row("stored", stored),
        row("live data", size(status.live_data)),
        row("live index", size(status.live_index)),
        row("dead", size(status.dead)),
        row("segments", segments),
        row("cleaning", cleaning),
        row(
            "written per byte",
            format!("{:.2}", status.write_amplification),
        ),
        row("volumes", status.volumes.to_string()),
        row("buckets", status.buckets.to_string()),
        row(
            "LSN",
            format!("{}, durable to {}", status.lsn, status.durable_lsn),
        ),
        row("checkpoint", status.checkpoint.to_string()),
        row("memory", memory),
        row("checksum errors", status.data_checksum_errors.to_string()),
    ]);
    rows.extend(scrub_rows(&status.scrub));
    rows
}

/// Scrubbing as names and values.
pub(crate) fn scrub_rows(scrub: &ScrubReport) -> Vec<Vec<String>> {
    let row = |name: &str, value: String| vec![name.to_owned(), value];
    let size = output::size;
    let pass = match (scrub.running, scrub.ended_unix_nanos) {
        (true, _) => format!(
            "pass {}, {} of {} verified",
            scrub.pass,
            size(scrub.verified),
            size(scrub.total)
        ),
        (false, Some(ended)) => format!(
            "pass {} ended {}, {} verified",
            scrub.pass,
            output::time(ended),
            size(scrub.verified)
        ),
        (false, None) => "never".to_owned(),
    };
    let copies = format!("{} found, {} repaired", scrub.found, scrub.repaired);
    let oldest = output::time(scrub.oldest_unverified_unix_nanos);
    let mut rows = vec![
        row("scrub", pass),
        row("bad copies", copies),
        row("unverified since", oldest),
    ];
    if scrub.lost_ranges > 0 {
        let lost = format!("{} in {} ranges", size(scrub.lost_bytes), scrub.lost_ranges);
        rows.push(row("lost", lost));
    }
    let of = |lost: &crate::control::protocol::LostRow| {
        let range = format!("offset {}, {} bytes", lost.offset, lost.bytes);
        row("lost", format!("{}: {range}", lost.owner()))
    };
    rows.extend(scrub.lost.iter().map(of));
    rows
}

/// Quoted for a POSIX shell where that is needed.
fn shell_word(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/:+=@%,".contains(&byte);
    if !text.is_empty() && text.bytes().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests;
