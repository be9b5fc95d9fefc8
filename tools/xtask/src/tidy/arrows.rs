//! Which crate may depend on which.
//!
//! ```text
//! base <- format <- device <- log <- tree <- pool <- {volume, bucket} <- frontends <- tools
//! ```
//!
//! A crate sees only what is further left. `tools/inspect` sees base, format and device only, so
//! that what it shows does not come from the code that wrote it. Benches and tests see everything.

use toml::{Table, Value};

use crate::tidy::Finding;
use crate::tidy::tree::Source;

/// The tables of a manifest that name dependencies.
const TABLES: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];
/// The engine in the order of its arrows; volume and bucket stand beside each other.
const ENGINE: [(&str, u8); 8] = [
    ("engine/base", 0),
    ("engine/format", 1),
    ("engine/device", 2),
    ("engine/log", 3),
    ("engine/tree", 4),
    ("engine/pool", 5),
    ("engine/volume", 6),
    ("engine/bucket", 6),
];
/// Benches and tests, which nobody depends on but they themselves.
const OUTSIDE: u8 = 9;
const INSPECT: &str = "tools/inspect";
const INSPECT_SEES: u8 = 2;

pub(crate) fn check(sources: &[Source], findings: &mut Vec<Finding>) {
    for source in sources {
        let Some(path) = source.path.strip_suffix("/Cargo.toml") else {
            continue;
        };
        match source.text.parse::<Table>() {
            Ok(manifest) => manifest_check(source, path, &manifest, findings),
            Err(error) => {
                let message = format!("is not TOML: {}", error.message());
                findings.push(Finding::new(source, 0, message));
            }
        }
    }
}

fn manifest_check(source: &Source, path: &str, manifest: &Table, findings: &mut Vec<Finding>) {
    let package = manifest
        .get("package")
        .and_then(|package| package.get("name"));
    let Some(name) = package.and_then(Value::as_str) else {
        return;
    };
    let mut complain = |message: String| findings.push(Finding::new(source, 0, message));
    let expected = path.replace('/', "-");
    if name != expected {
        complain(format!(
            "the crate is called {name}; its path makes it {expected}"
        ));
    }
    let Some(layer) = layer(path) else {
        complain(format!(
            "{path} has no place in the order of the crates; give it one in arrows.rs"
        ));
        return;
    };
    for dependency in dependencies(manifest) {
        let Some(target) = crate_path(&dependency) else {
            continue;
        };
        let allowed = match self::layer(&target) {
            // A crate may ask itself for features that only its tests need.
            _ if target == path => true,
            Some(_) if layer == OUTSIDE => true,
            Some(of_target) if path == INSPECT => of_target <= INSPECT_SEES,
            Some(of_target) => of_target < layer,
            None => false,
        };
        if !allowed {
            complain(format!(
                "{path} depends on {target}: that is against the arrows"
            ));
        }
    }
}

/// The names of all dependencies, of all targets.
fn dependencies(manifest: &Table) -> Vec<String> {
    let per_target = manifest.get("target").and_then(Value::as_table);
    let targets = per_target
        .into_iter()
        .flat_map(Table::values)
        .filter_map(Value::as_table);
    std::iter::once(manifest)
        .chain(targets)
        .flat_map(|table| TABLES.iter().filter_map(|name| table.get(*name)))
        .filter_map(Value::as_table)
        .flat_map(|table| table.keys().cloned())
        .collect()
}

/// `engine-base` is `engine/base`; what is not ours is nothing.
fn crate_path(name: &str) -> Option<String> {
    let (folder, rest) = name.split_once('-')?;
    let ours = ["engine", "frontends", "tools", "benches", "tests"].contains(&folder);
    ours.then(|| format!("{folder}/{rest}"))
}

fn layer(path: &str) -> Option<u8> {
    // Fuzz targets lie in a workspace of their own inside the crate that they feed.
    if path.ends_with("/fuzz") {
        return Some(OUTSIDE);
    }
    let of_engine = ENGINE
        .iter()
        .find(|(known, _)| *known == path)
        .map(|(_, layer)| *layer);
    of_engine.or_else(|| match path.split_once('/')?.0 {
        "frontends" => Some(7),
        "tools" if path == INSPECT => Some(7),
        "tools" => Some(8),
        "benches" | "tests" => Some(OUTSIDE),
        _ => None,
    })
}

#[cfg(test)]
mod tests;
