//! A server under test.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};

use crate::trefoil;

/// `trefoil serve` on free ports, in a directory of its own; killed when dropped.
pub(crate) struct Served {
    child: Child,
    pub(crate) directory: PathBuf,
    /// What stood before `trefoil: ready`.
    pub(crate) table: String,
    stdout: BufReader<ChildStdout>,
}

const PORTS: [&str; 6] = [
    "--nbd",
    "127.0.0.1:0",
    "--s3",
    "127.0.0.1:0",
    "--console",
    "127.0.0.1:0",
];
/// Small, because tests of several pools share a file system.
const CAPACITY: [&str; 2] = ["--capacity", "1G"];

impl Served {
    /// Starts the server and returns when it is ready.
    pub(crate) fn start(directory: &Path, words: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_trefoil"))
            .arg("serve")
            .args(PORTS)
            .args(CAPACITY)
            .args(words)
            .current_dir(directory)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut table = String::new();
        loop {
            let mut line = String::new();
            let read = stdout.read_line(&mut line).unwrap();
            assert!(
                read > 0,
                "the server ended before it was ready: {:?}",
                child.wait()
            );
            if line == "trefoil: ready\n" {
                break;
            }
            table.push_str(&line);
        }
        Self {
            child,
            directory: directory.to_owned(),
            table,
            stdout,
        }
    }

    /// Runs another command on this pool.
    pub(crate) fn run(&self, words: &[&str]) -> Output {
        trefoil(&self.directory, words)
    }

    /// The word of the table that starts with `prefix`, without it.
    pub(crate) fn word(&self, prefix: &str) -> &str {
        let found = self
            .table
            .split_whitespace()
            .find_map(|word| word.strip_prefix(prefix));
        found.unwrap_or_else(|| panic!("no {prefix} in {}", self.table))
    }

    /// Where the console listens.
    pub(crate) fn console(&self) -> &str {
        let row = self.table.lines().find(|line| line.starts_with("console"));
        let url = row.and_then(|row| row.split_whitespace().nth(1));
        url.and_then(|url| url.strip_prefix("http://"))
            .unwrap_or_else(|| panic!("no console in {}", self.table))
    }

    pub(crate) fn signal(&self, name: &str) {
        let command = format!("kill -{name} {}", self.child.id());
        assert!(
            Command::new("sh")
                .args(["-c", &command])
                .status()
                .unwrap()
                .success()
        );
    }

    /// Asks it to stop, and gives its status and what it printed after it was ready.
    pub(crate) fn stop(mut self, signal: &str) -> (ExitStatus, String) {
        self.signal(signal);
        let mut rest = String::new();
        std::io::Read::read_to_string(&mut self.stdout, &mut rest).unwrap();
        (self.child.wait().unwrap(), rest)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // Both fail if the test has waited for it already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        // What --quickstart mounted stays without a server, and its directory with it.
        let _ = Command::new("umount")
            .args(["--lazy", "trefoil-mnt"])
            .current_dir(&self.directory)
            .stderr(Stdio::null())
            .status();
    }
}
