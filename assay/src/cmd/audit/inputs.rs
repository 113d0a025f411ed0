//! What several checks read: the trusted keys, and untrusted text files.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use audit::{VerifierKey, key_file};

use crate::config::Config;
use crate::{Exit, Failure};

/// The trusted keys.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct KeyArgs {
    /// Trust this public key, or those in this file; by default this installation's (`assay keys
    /// show`)
    #[arg(long = "key", value_name = "KEY|FILE")]
    keys: Vec<String>,
}

impl KeyArgs {
    pub(super) fn load(&self, config: &Config) -> Result<Vec<VerifierKey>, Failure> {
        if self.keys.is_empty() {
            let keys = key_file::read(&config.audit.keys).map_err(|error| {
                let failure = Failure::of(Exit::Usage, "reading this installation's keys", &error);
                Failure::new(
                    Exit::Usage,
                    format!("{}; give the public key with --key", failure.message),
                )
            })?;
            return Ok(keys.verifiers());
        }
        let mut keys = Vec::new();
        for given in &self.keys {
            if Path::new(given).is_file() {
                keys.extend(read_keys(&PathBuf::from(given))?);
            } else {
                keys.push(parse_key(given, given)?);
            }
        }
        Ok(keys)
    }
}

/// Reads an untrusted text file. From a file larger than `bytes_max`, one more byte is read, so
/// that the caller refuses it.
pub(super) fn read_text(path: &Path, bytes_max: usize) -> Result<String, Failure> {
    let mut text = Vec::new();
    let read = File::open(path)
        .and_then(|file| file.take(bytes_max as u64 + 1).read_to_end(&mut text))
        .and_then(|_| String::from_utf8(text).map_err(std::io::Error::other));
    read.map_err(|error| Failure::of(Exit::Usage, &format!("reading {}", path.display()), &error))
}

/// The public keys in a file, one per line.
fn read_keys(path: &Path) -> Result<Vec<VerifierKey>, Failure> {
    let place = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::of(Exit::Usage, &format!("reading {place}"), &error))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(|line| parse_key(line, &place)).collect()
}

fn parse_key(text: &str, place: &str) -> Result<VerifierKey, Failure> {
    text.parse().map_err(|error| Failure::of(Exit::Usage, &format!("--key {place}"), &error))
}
