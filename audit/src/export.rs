//! Exports: a file with the whole log or a part of it, together with its proofs.
//!
//! An export is a zip archive of `manifest.json`, `events.jsonl` (one event per line) and
//! `heads.jsonl` (one signed head per line). An export of the whole log has every head, and
//! `leaves` with the hashes of all events, concatenated. An export of a part has only the newest
//! head, and `proofs.jsonl` with the path of each event to that head.

mod checking;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};

use domain::record::leaf_of;
use domain::{Digest, Position, Recorded, Version};
use event_store::{EventLog, ReadError, TILE_WIDTH, TileId, TreeStoreError};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;
use zip::ZipWriter;
use zip::result::ZipError;
use zip::write::SimpleFileOptions;

pub use checking::verify_export;

use crate::filter::Filter;
use crate::head::{InvalidHead, SignedHead, TreeHead};
use crate::tree::Tree;
use crate::verify::Report;

/// The format that the manifest names.
const FORMAT: &str = "assay-audit-export/1";
const MANIFEST: &str = "manifest.json";
const EVENTS: &str = "events.jsonl";
const HEADS: &str = "heads.jsonl";
const LEAVES: &str = "leaves";
const PROOFS: &str = "proofs.jsonl";
/// Events and heads read from the stores at once.
const READ_LIMIT: u32 = 1_024;

/// The description of an export. It is not signed; checking compares it with the signed head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    format: String,
    /// Id of the exported log.
    pub log: Uuid,
    /// Name of the log and of its key, as in the newest head.
    pub origin: String,
    /// Time of the export.
    pub exported_at: Timestamp,
    /// The filter that events had to pass.
    pub filter: Filter,
    /// Whether these are all events up to `size`.
    pub complete: bool,
    /// Number of events that the newest head covers.
    pub size: u64,
    /// Number of events in the export.
    pub events: u64,
    /// Digests of the other files in the archive, by name.
    pub files: BTreeMap<String, Digest>,
}

/// The result of checking an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportReport {
    /// The export's manifest.
    pub manifest: Manifest,
    /// The export's newest head, signed by one of the keys.
    pub head: TreeHead,
    /// The result of verifying the events.
    pub report: Report,
}

/// An export could not be made, or a file is not an export.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The log could not be read.
    #[error("exporting failed: the log cannot be read")]
    Log(#[from] ReadError),
    /// The tree could not be read.
    #[error("exporting failed: the tree cannot be read")]
    Tree(#[from] TreeStoreError),
    /// No head was signed yet.
    #[error("no tree head was signed yet; check that a projector is running")]
    NothingSigned,
    /// The newest head is malformed, or not validly signed by a known key.
    #[error("the newest tree head cannot be trusted")]
    Head(#[from] InvalidHead),
    /// Heads that were kept elsewhere cannot be compared with an export of a part.
    #[error("heads can only be compared with an export of the whole log")]
    Part,
    /// The file could not be read or written.
    #[error("the file cannot be read or written")]
    Io(#[from] io::Error),
    /// The file is not a zip archive.
    #[error("the file is not a zip archive, or is damaged")]
    Zip(#[from] ZipError),
    /// The file is a zip archive but not an export.
    #[error("{file} in the archive: {reason}")]
    Malformed {
        /// Name of the file in the archive.
        file: &'static str,
        /// What is wrong with the file.
        reason: String,
    },
}

/// An event of an export. Checking does not interpret its body.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    position: Position,
    stream: String,
    version: Version,
    recorded_at_us: i64,
    body: String,
}

impl Line {
    fn of(recorded: &Recorded) -> Self {
        Self {
            position: recorded.position,
            stream: recorded.stream.to_string(),
            version: recorded.version,
            recorded_at_us: recorded.recorded_at.as_microsecond(),
            body: recorded.body.to_string(),
        }
    }

    fn leaf(&self) -> Vec<u8> {
        leaf_of(self.position, &self.stream, self.version, self.recorded_at_us, &self.body)
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProofLine {
    position: Position,
    path: Vec<Digest>,
}

/// Writes the events that match the filter and are covered by a head, with their proofs.
///
/// # Errors
/// When a store fails, no head was signed yet, or the file cannot be written.
pub async fn export(
    log: &dyn EventLog,
    tree: &Tree,
    filter: Filter,
    file: File,
    progress: impl Fn(Position),
) -> Result<Manifest, ExportError> {
    let newest = tree.store().newest_head().await?.ok_or(ExportError::NothingSigned)?;
    let origin = SignedHead::parse(&newest.note)?.head.origin.to_string();
    let complete = filter.is_everything();
    let mut archive = Archive { zip: ZipWriter::new(file), files: BTreeMap::new() };

    let mut positions = Vec::new();
    let mut events = 0;
    let mut entry = archive.begin(EVENTS)?;
    let mut position =
        filter.from.map_or(Position::START, |from| Position(from.0.saturating_sub(1)));
    'reading: while position.0 < newest.size {
        let left = u32::try_from(newest.size - position.0).unwrap_or(READ_LIMIT);
        let page = log.read_all(position, left.min(READ_LIMIT)).await?;
        let Some(last) = page.last() else {
            let reason = format!("it ends at {position}, but {} events were signed", newest.size);
            return Err(ReadError::Diverged(reason).into());
        };
        position = last.position;
        for recorded in page {
            if filter.ends_before(&recorded) {
                break 'reading;
            }
            if filter.matches(&recorded) {
                entry.line(&Line::of(&recorded))?;
                events += 1;
                if !complete {
                    positions.push(recorded.position);
                }
            }
        }
        progress(position);
    }
    entry.end()?;

    let mut entry = archive.begin(HEADS)?;
    if complete {
        let mut after = 0;
        while after < newest.size {
            for head in tree.store().heads(after, READ_LIMIT).await? {
                after = head.size;
                if head.size <= newest.size {
                    entry.line(&head)?;
                }
            }
        }
        entry.end()?;
        let mut entry = archive.begin(LEAVES)?;
        for index in 0..newest.size.div_ceil(TILE_WIDTH) {
            let width = (newest.size - index * TILE_WIDTH).min(TILE_WIDTH);
            for hash in tree.hashes(TileId { level: 0, index }, 0..width).await? {
                entry.write_all(hash.as_bytes())?;
            }
        }
        entry.end()?;
    } else {
        entry.line(&newest)?;
        entry.end()?;
        let mut entry = archive.begin(PROOFS)?;
        let mut tree = tree.at(newest.size);
        for position in positions {
            let path = tree.prove_inclusion(position.0 - 1).await?;
            entry.line(&ProofLine { position, path })?;
        }
        entry.end()?;
    }
    let manifest = Manifest {
        format: FORMAT.to_owned(),
        log: log.info().await?.log_id,
        origin,
        exported_at: Timestamp::now(),
        filter,
        complete,
        size: newest.size,
        events,
        files: std::mem::take(&mut archive.files),
    };
    archive.finish(&manifest)?;
    Ok(manifest)
}

/// An archive while it is written.
struct Archive {
    zip: ZipWriter<File>,
    files: BTreeMap<String, Digest>,
}

/// A file of the archive while it is written.
struct Entry<'a> {
    archive: &'a mut Archive,
    name: &'static str,
    hasher: Sha256,
}

impl Archive {
    fn begin(&mut self, name: &'static str) -> Result<Entry<'_>, ExportError> {
        // The size is not known in advance.
        self.zip.start_file(name, SimpleFileOptions::default().large_file(true))?;
        Ok(Entry { archive: self, name, hasher: Sha256::new() })
    }

    fn finish(mut self, manifest: &Manifest) -> Result<(), ExportError> {
        self.zip.start_file(MANIFEST, SimpleFileOptions::default())?;
        serde_json::to_writer_pretty(&mut self.zip, manifest).map_err(io::Error::from)?;
        Ok(self.zip.finish()?.sync_all()?)
    }
}

impl Entry<'_> {
    fn line(&mut self, value: &impl Serialize) -> Result<(), ExportError> {
        let mut line = serde_json::to_vec(value).map_err(io::Error::from)?;
        line.push(b'\n');
        Ok(self.write_all(&line)?)
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hasher.update(bytes);
        self.archive.zip.write_all(bytes)
    }

    fn end(self) -> Result<(), ExportError> {
        let digest = Digest::from(<[u8; 32]>::from(self.hasher.finalize()));
        self.archive.files.insert(self.name.to_owned(), digest);
        Ok(())
    }
}
