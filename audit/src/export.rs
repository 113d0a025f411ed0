//! A part of the log, or all of it, in a file that proves itself.
//!
//! It is a zip archive: `manifest.json`; `events.jsonl`, an event a line; `heads.jsonl`, a signed head a line. Where it
//! holds the whole log, `leaves` are the hashes of all events, side by side, and every head is there; else
//! `proofs.jsonl` has the path of each event to the one head that is there.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;

use domain::record::leaf_of;
use domain::{Digest, Position, Recorded, Version};
use event_store::{
    EventLog, KeptHead, ReadError, TILE_HASH_BYTES, TILE_WIDTH, TileId, TreeStoreError,
};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;
use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use crate::filter::Filter;
use crate::head::{InvalidHead, SignedHead};
use crate::key::VerifierKey;
use crate::merkle::{includes, leaf_hash};
use crate::tree::Tree;
use crate::verify::{Break, Report, Walk};

/// What the manifest says the file is.
const FORMAT: &str = "assay-audit-export/1";
const MANIFEST: &str = "manifest.json";
const EVENTS: &str = "events.jsonl";
const HEADS: &str = "heads.jsonl";
const LEAVES: &str = "leaves";
const PROOFS: &str = "proofs.jsonl";
/// Events and heads read from the stores at once.
const READ_LIMIT: u32 = 1_024;
/// Bytes of a manifest.
const MANIFEST_BYTES_MAX: u64 = 1 << 20;
/// Bytes of a line: an event of 2 MiB, escaped.
const LINE_BYTES_MAX: u64 = 16 << 20;

/// What an export is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    format: String,
    /// Which log it is of.
    pub log: Uuid,
    /// Who signs that log.
    pub origin: String,
    /// When it was made.
    pub exported_at: Timestamp,
    /// Which events were asked for.
    pub filter: Filter,
    /// Whether these are all events up to `size`.
    pub complete: bool,
    /// How many events the newest head in it covers.
    pub size: u64,
    /// How many events are in it.
    pub events: u64,
    /// The digests of its files.
    pub files: BTreeMap<String, Digest>,
}

/// What became of an export that was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExportReport {
    /// What it says of itself.
    pub manifest: Manifest,
    /// What was found.
    pub report: Report,
}

/// An export could not be made, or is none.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The log could not be read.
    #[error("exporting failed at the log")]
    Log(#[from] ReadError),
    /// The tree could not be read.
    #[error("exporting failed at the tree")]
    Tree(#[from] TreeStoreError),
    /// No head was signed yet.
    #[error("nothing was signed yet: is a projector running?")]
    NothingSigned,
    /// What is kept as a head is none.
    #[error("the newest tree head cannot be read")]
    Head(#[from] InvalidHead),
    /// The file could not be read or written.
    #[error("the file cannot be read or written")]
    Io(#[from] io::Error),
    /// It is no archive.
    #[error("the file is no archive, or a damaged one")]
    Zip(#[from] ZipError),
    /// It is an archive, and no export.
    #[error("{file} in the archive: {reason}")]
    Malformed {
        /// Which file.
        file: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

/// An event of an export. What its body says need not be known to whoever checks it.
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

/// Writes events that a head covers, with what proves them.
///
/// # Errors
/// When a store fails, nothing was signed yet, or the file cannot be written.
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
            let reason = format!("it ends at {position}, and {} events were signed", newest.size);
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
        for position in positions {
            let path = tree.prove_inclusion(position.0 - 1, newest.size).await?;
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

/// An archive that is being written.
struct Archive {
    zip: ZipWriter<File>,
    files: BTreeMap<String, Digest>,
}

/// A file of it.
struct Entry<'a> {
    archive: &'a mut Archive,
    name: &'static str,
    hasher: Sha256,
}

impl Archive {
    fn begin(&mut self, name: &'static str) -> Result<Entry<'_>, ExportError> {
        // The size is not known yet.
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

/// Checks an export with nothing but keys.
///
/// # Errors
/// When it is none. What is wrong with the events in it is in the report.
pub fn verify_export(file: &Path, keys: &[VerifierKey]) -> Result<ExportReport, ExportError> {
    let mut reader = Reader { zip: ZipArchive::new(BufReader::new(File::open(file)?))? };
    let manifest = reader.manifest()?;
    for (name, digest) in &manifest.files {
        reader.check(name, digest)?;
    }
    let report = match manifest.complete {
        true => reader.verify_whole(&manifest, keys)?,
        false => reader.verify_part(&manifest, keys)?,
    };
    Ok(ExportReport { manifest, report })
}

struct Reader {
    zip: ZipArchive<BufReader<File>>,
}

fn malformed(file: &'static str, reason: impl ToString) -> ExportError {
    ExportError::Malformed { file, reason: reason.to_string() }
}

impl Reader {
    fn manifest(&mut self) -> Result<Manifest, ExportError> {
        let entry = self.zip.by_name(MANIFEST)?.take(MANIFEST_BYTES_MAX);
        let manifest: Manifest =
            serde_json::from_reader(entry).map_err(|error| malformed(MANIFEST, error))?;
        if manifest.format != FORMAT {
            let reason =
                format!("it is of format {:?}, this Assay knows {FORMAT}", manifest.format);
            return Err(malformed(MANIFEST, reason));
        }
        Ok(manifest)
    }

    /// Whether a file is as the manifest says. What is wrong is told before anybody looks into it.
    fn check(&mut self, name: &str, digest: &Digest) -> Result<(), ExportError> {
        let known = [EVENTS, HEADS, LEAVES, PROOFS].into_iter().find(|known| *known == name);
        let file =
            known.ok_or_else(|| malformed(MANIFEST, format!("it names the file {name:?}")))?;
        let mut entry = self.zip.by_name(file)?;
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; 1 << 16];
        loop {
            let count = entry.read(&mut buffer)?;
            if count == 0 {
                break;
            }
            hasher.update(&buffer[..count]);
        }
        if Digest::from(<[u8; 32]>::from(hasher.finalize())) == *digest {
            Ok(())
        } else {
            Err(malformed(file, "its digest is not the one in the manifest: it was damaged"))
        }
    }

    fn heads(&mut self) -> Result<Vec<KeptHead>, ExportError> {
        lines(HEADS, self.zip.by_name(HEADS)?).collect()
    }

    /// Goes over every event and every head, as over a log.
    fn verify_whole(
        &mut self,
        manifest: &Manifest,
        keys: &[VerifierKey],
    ) -> Result<Report, ExportError> {
        let mut heads = self.heads()?.into_iter().peekable();
        let mut leaves = Vec::new();
        self.zip.by_name(LEAVES)?.read_to_end(&mut leaves)?;
        let (leaves, _) = leaves.as_chunks::<TILE_HASH_BYTES>();
        let mut walk = Walk::new(keys);
        for line in lines::<Line>(EVENTS, self.zip.by_name(EVENTS)?) {
            let line = line?;
            let expected = walk.position().next();
            if line.position != expected {
                let reason = format!("{} stands in its place", line.position);
                let broken = walk.missing(reason);
                return Ok(walk.report(Some(broken)));
            }
            let kept = leaves.get(line.position.0 as usize - 1).copied().map(Digest::from);
            walk.event(&line.leaf(), kept);
            while let Some(head) = heads.next_if(|head| head.size <= line.position.0) {
                if let Err(broken) = walk.head(&head) {
                    return Ok(walk.report(Some(broken)));
                }
            }
        }
        if let Some(head) = heads.next() {
            let reason = format!("the export ends there, and a head covers {} events", head.size);
            let broken = walk.missing(reason);
            return Ok(walk.report(Some(broken)));
        }
        let report = walk.report(None);
        if report.verified != manifest.size || report.not_covered > 0 {
            let reason = format!("the heads cover {} of {} events", report.verified, manifest.size);
            return Err(malformed(HEADS, reason));
        }
        Ok(report)
    }

    /// Checks each event's own proof.
    fn verify_part(
        &mut self,
        manifest: &Manifest,
        keys: &[VerifierKey],
    ) -> Result<Report, ExportError> {
        let heads = self.heads()?;
        let [head] = heads.as_slice() else {
            return Err(malformed(HEADS, format!("expected one head, there are {}", heads.len())));
        };
        let signed = SignedHead::parse(&head.note)?;
        signed.verify(keys)?;
        let (size, root) = (signed.head.size, signed.head.root);
        let proofs = lines::<ProofLine>(PROOFS, self.zip.by_name(PROOFS)?);
        let proofs: Vec<ProofLine> = proofs.collect::<Result<_, _>>()?;
        let mut report = Report { verified: 0, heads: 1, not_covered: 0, root, broken: None };
        let mut proofs = proofs.into_iter();
        for line in lines::<Line>(EVENTS, self.zip.by_name(EVENTS)?) {
            let line = line?;
            let position = line.position;
            let proof = proofs.next().filter(|proof| proof.position == position);
            let proof = proof.ok_or_else(|| malformed(PROOFS, format!("none for {position}")))?;
            let index = position.0.wrapping_sub(1);
            if !includes(&line.leaf(), index, &proof.path, size, &root) {
                let hash = leaf_hash(&line.leaf());
                let reason =
                    format!("the event with hash {hash} is not what the head covers there");
                report.broken = Some(Break { position, through: position, reason });
                return Ok(report);
            }
            report.verified += 1;
        }
        if report.verified != manifest.events {
            let reason = format!("there are {}, not {}", report.verified, manifest.events);
            return Err(malformed(EVENTS, reason));
        }
        Ok(report)
    }
}

/// The lines of a file, read one by one.
fn lines<T: DeserializeOwned>(
    file: &'static str,
    entry: impl Read,
) -> impl Iterator<Item = Result<T, ExportError>> {
    let mut reader = BufReader::new(entry);
    let mut number = 0;
    std::iter::from_fn(move || {
        let mut line = String::new();
        number += 1;
        match reader.by_ref().take(LINE_BYTES_MAX).read_line(&mut line) {
            Ok(0) => None,
            Ok(_) => Some(
                serde_json::from_str(&line)
                    .map_err(|error| malformed(file, format!("line {number}: {error}"))),
            ),
            Err(error) => Some(Err(malformed(file, format!("line {number}: {error}")))),
        }
    })
}
