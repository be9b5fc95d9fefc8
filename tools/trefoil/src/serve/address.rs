//! NBD addresses as URIs, for the commands that `serve` prints.

use std::path::Path;

use frontends_nbd::Address;

/// The URI of `export` at `address`, as libnbd and qemu understand it.
pub(super) fn uri(address: &Address, export: &str) -> String {
    let export = percent_encoded(export.as_bytes(), b"");
    match address {
        Address::Tcp(address) => format!("nbd://{address}/{export}"),
        Address::Unix(path) => {
            let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
            format!("nbd+unix:///{export}?socket={}", encoded_path(&path))
        }
    }
}

fn encoded_path(path: &Path) -> String {
    percent_encoded(path.as_os_str().as_encoded_bytes(), b"/")
}

/// Everything but the unreserved characters of RFC 3986 and `also` is escaped.
fn percent_encoded(bytes: &[u8], also: &[u8]) -> String {
    let plain =
        |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || also.contains(&byte);
    let encode = |&byte: &u8| match plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    bytes.iter().map(encode).collect()
}

#[cfg(test)]
mod tests;
