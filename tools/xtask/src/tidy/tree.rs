//! The files of the tree that people write.

use std::fs;
use std::io;
use std::path::Path;

/// Folders at the top that hold sources, and the single files beside them.
const FOLDERS: [&str; 8] = [
    ".cargo",
    ".ci",
    ".config",
    "benches",
    "engine",
    "frontends",
    "tests",
    "tools",
];
const FILES: [&str; 4] = ["Cargo.toml", "README.md", "clippy.toml", "rustfmt.toml"];
/// Folders that tools fill.
const SKIPPED: [&str; 4] = ["__pycache__", "artifacts", "corpus", "target"];

/// A text file.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// From the root of the tree.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Source {
    pub(crate) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Code rather than prose: Rust, Python, shell.
    pub(crate) fn is_code(&self) -> bool {
        self.is_rust()
            || self.path.ends_with(".py")
            || self.path.ends_with(".sh")
            || self.text.starts_with("#!")
    }
}

/// All text files below `root`, by path. What is not UTF-8 is not source.
pub(crate) fn read(root: &Path) -> io::Result<Vec<Source>> {
    let mut sources = Vec::new();
    for name in FILES.iter().chain(&FOLDERS) {
        if root.join(name).exists() {
            entry_read(root, name, &mut sources)?;
        }
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(sources)
}

fn entry_read(root: &Path, path: &str, sources: &mut Vec<Source>) -> io::Result<()> {
    let full = root.join(path);
    let kind = fs::symlink_metadata(&full)?.file_type();
    if kind.is_dir() {
        for entry in fs::read_dir(&full)? {
            let name = entry?.file_name();
            let name = name.to_string_lossy();
            if !SKIPPED.contains(&&*name) {
                entry_read(root, &format!("{path}/{name}"), sources)?;
            }
        }
    } else if kind.is_file()
        && let Ok(text) = String::from_utf8(fs::read(&full)?)
    {
        sources.push(Source {
            path: path.to_owned(),
            text,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
