//! Checks exports. Whoever has one has it from the party that is under audit: nothing in it is believed but what a key
//! has signed. How much is read follows from the newest head, and all of it is read piece by piece.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use domain::{Digest, Position};
use event_store::{KeptHead, TILE_HASH_BYTES};
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};
use zip::ZipArchive;

use super::{
    EVENTS, ExportError, ExportReport, FORMAT, HEADS, LEAVES, Line, MANIFEST, Manifest, PROOFS,
    ProofLine,
};
use crate::head::{NOTE_BYTES_MAX, SignedHead, TreeHead};
use crate::key::VerifierKey;
use crate::merkle::{includes, leaf_hash};
use crate::receipt::PATH_MAX;
use crate::verify::{Break, Report, Walk, sorted};

/// Bytes of a manifest.
const MANIFEST_BYTES_MAX: u64 = 1 << 20;
/// Bytes of an event's line: 2 MiB, escaped.
const EVENT_LINE_BYTES_MAX: u64 = 16 << 20;
/// Bytes of a head's line: a note, escaped.
const HEAD_LINE_BYTES_MAX: u64 = 8 * NOTE_BYTES_MAX as u64;
/// Bytes of a proof's line: hashes in hexadecimal, and a little.
const PROOF_LINE_BYTES_MAX: u64 = 128 * PATH_MAX as u64;

/// Checks an export with nothing but keys, and heads that somebody kept.
///
/// # Errors
/// When it is none. What is wrong with the events in it is in the report.
pub fn verify_export(
    file: &Path,
    keys: &[VerifierKey],
    kept: &[SignedHead],
) -> Result<ExportReport, ExportError> {
    let manifest = manifest(file)?;
    let head = newest_head(file, keys)?;
    refuse_unlike(&manifest, &head)?;
    for (name, digest) in &manifest.files {
        check(file, name, digest, head.size)?;
    }
    let report = match manifest.complete {
        true => verify_whole(file, head.size, keys, kept)?,
        false if kept.is_empty() => verify_part(file, &manifest, &head)?,
        false => return Err(ExportError::Part),
    };
    Ok(ExportReport { manifest, head, report })
}

fn malformed(file: &'static str, reason: impl ToString) -> ExportError {
    ExportError::Malformed { file, reason: reason.to_string() }
}

/// The archive, to read one file of it.
fn opened(file: &Path) -> Result<ZipArchive<BufReader<File>>, ExportError> {
    Ok(ZipArchive::new(BufReader::new(File::open(file)?))?)
}

fn manifest(file: &Path) -> Result<Manifest, ExportError> {
    let mut archive = opened(file)?;
    let entry = archive.by_name(MANIFEST)?.take(MANIFEST_BYTES_MAX);
    let manifest: Manifest =
        serde_json::from_reader(entry).map_err(|error| malformed(MANIFEST, error))?;
    if manifest.format != FORMAT {
        let reason = format!("it is of format {:?}, this Assay knows {FORMAT}", manifest.format);
        return Err(malformed(MANIFEST, reason));
    }
    Ok(manifest)
}

/// The last head, which one of the keys must have signed. Whether the others hold is seen with the events.
fn newest_head(file: &Path, keys: &[VerifierKey]) -> Result<TreeHead, ExportError> {
    let mut archive = opened(file)?;
    let mut newest: Option<KeptHead> = None;
    for head in lines::<KeptHead>(HEADS, archive.by_name(HEADS)?, HEAD_LINE_BYTES_MAX) {
        let head = head?;
        let before = newest.as_ref().map_or(0, |newest| newest.size);
        if head.size <= before {
            let reason = format!("a head of {} events stands behind one of {before}", head.size);
            return Err(malformed(HEADS, reason));
        }
        newest = Some(head);
    }
    let newest = newest.ok_or_else(|| malformed(HEADS, "there is none, so nothing is proved"))?;
    let signed = SignedHead::parse(&newest.note)?;
    signed.verify(keys)?;
    match signed.head.size == newest.size {
        true => Ok(signed.head),
        false => Err(malformed(HEADS, "the newest is of another size than it says")),
    }
}

/// What the manifest says must be what the newest head says.
fn refuse_unlike(manifest: &Manifest, head: &TreeHead) -> Result<(), ExportError> {
    let Manifest { origin, size, events, complete, .. } = manifest;
    let signed = &head.origin;
    let reason = if *origin != signed.to_string() {
        format!("it says that the log is {origin}'s, and {signed} has signed it")
    } else if *size != head.size {
        format!("it says that {size} events were signed, and {} were", head.size)
    } else if *events > *size || (*complete && events != size) {
        format!("it says that there are {events} events of {size}")
    } else {
        return Ok(());
    };
    Err(malformed(MANIFEST, reason))
}

/// Whether a file is as the manifest says. What was damaged is told before anybody looks into it.
fn check(file: &Path, name: &str, digest: &Digest, size: u64) -> Result<(), ExportError> {
    let limits = [
        (EVENTS, EVENT_LINE_BYTES_MAX),
        (HEADS, HEAD_LINE_BYTES_MAX),
        (LEAVES, TILE_HASH_BYTES as u64),
        (PROOFS, PROOF_LINE_BYTES_MAX),
    ];
    let known = limits.into_iter().find(|(known, _)| *known == name);
    let (name, bytes_each) =
        known.ok_or_else(|| malformed(MANIFEST, format!("it names the file {name:?}")))?;
    let mut archive = opened(file)?;
    let mut left = size.saturating_mul(bytes_each);
    let mut entry = archive.by_name(name)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let count = entry.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        left = left
            .checked_sub(count as u64)
            .ok_or_else(|| malformed(name, format!("it is too large for {size} events")))?;
        hasher.update(&buffer[..count]);
    }
    if Digest::from(<[u8; 32]>::from(hasher.finalize())) == *digest {
        Ok(())
    } else {
        Err(malformed(name, "its digest is not the one in the manifest: it was damaged"))
    }
}

/// Goes over every event and every head, as over a log.
fn verify_whole(
    file: &Path,
    size: u64,
    keys: &[VerifierKey],
    kept: &[SignedHead],
) -> Result<Report, ExportError> {
    let (mut events, mut heads, mut leaves) = (opened(file)?, opened(file)?, opened(file)?);
    let events = lines::<Line>(EVENTS, events.by_name(EVENTS)?, EVENT_LINE_BYTES_MAX);
    let heads = lines::<KeptHead>(HEADS, heads.by_name(HEADS)?, HEAD_LINE_BYTES_MAX);
    let mut leaves = BufReader::new(leaves.by_name(LEAVES)?);
    let mut heads = heads.peekable();
    let mut kept = sorted(kept).into_iter().peekable();
    let mut walk = Walk::new(keys);
    for line in events {
        let (line, expected) = (line?, walk.position().next());
        if expected.0 > size {
            return Err(malformed(EVENTS, format!("there are more than {size}")));
        }
        if line.position != expected {
            let broken = walk.missing(format!("{} stands in its place", line.position));
            return Ok(walk.report(Some(broken)));
        }
        let mut hash = [0; TILE_HASH_BYTES];
        leaves.read_exact(&mut hash).map_err(|error| malformed(LEAVES, error))?;
        walk.event(&line.leaf(), Some(Digest::from(hash)));
        let covered = |head: &KeptHead| head.size <= line.position.0;
        loop {
            let own = heads.next_if(|head| head.as_ref().map_or(true, covered)).transpose()?;
            let Some(head) = own.or_else(|| kept.next_if(covered)) else { break };
            if let Err(broken) = walk.head(&head) {
                return Ok(walk.report(Some(broken)));
            }
        }
    }
    if let Some(head) = heads.next().transpose()?.or_else(|| kept.next()) {
        let reason = format!("the export ends there, and a head covers {} events", head.size);
        let broken = walk.missing(reason);
        return Ok(walk.report(Some(broken)));
    }
    Ok(walk.report(None))
}

/// Checks each event's own proof.
fn verify_part(file: &Path, manifest: &Manifest, head: &TreeHead) -> Result<Report, ExportError> {
    let (mut events, mut proofs) = (opened(file)?, opened(file)?);
    let events = lines::<Line>(EVENTS, events.by_name(EVENTS)?, EVENT_LINE_BYTES_MAX);
    let mut proofs = lines::<ProofLine>(PROOFS, proofs.by_name(PROOFS)?, PROOF_LINE_BYTES_MAX);
    let TreeHead { size, root, .. } = *head;
    let mut report = Report { verified: 0, heads: 1, not_covered: 0, root, broken: None };
    let mut before = Position::START;
    for line in events {
        let line = line?;
        let position = line.position;
        if position <= before {
            return Err(malformed(EVENTS, format!("{position} stands behind {before}")));
        }
        before = position;
        let proof = proofs.next().transpose()?.filter(|proof| proof.position == position);
        let proof = proof.ok_or_else(|| malformed(PROOFS, format!("none for {position}")))?;
        if proof.path.len() > PATH_MAX {
            return Err(malformed(PROOFS, format!("that for {position} is too long")));
        }
        if !includes(&line.leaf(), position.0 - 1, &proof.path, size, &root) {
            let hash = leaf_hash(&line.leaf());
            let reason = format!("the event with hash {hash} is not what the head covers there");
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

/// The lines of a file, read one by one.
fn lines<T: DeserializeOwned>(
    file: &'static str,
    entry: impl Read,
    bytes_max: u64,
) -> impl Iterator<Item = Result<T, ExportError>> {
    let mut reader = BufReader::new(entry);
    let mut number = 0;
    std::iter::from_fn(move || {
        let mut line = String::new();
        number += 1;
        match reader.by_ref().take(bytes_max).read_line(&mut line) {
            Ok(0) => None,
            Ok(count) if count as u64 == bytes_max && !line.ends_with('\n') => {
                Some(Err(malformed(file, format!("line {number} is too long"))))
            }
            Ok(_) => Some(
                serde_json::from_str(&line)
                    .map_err(|error| malformed(file, format!("line {number}: {error}"))),
            ),
            Err(error) => Some(Err(malformed(file, format!("line {number}: {error}")))),
        }
    })
}
