//! Checks exports. An export comes from the party that is audited, so only what a key has signed is
//! trusted. The newest head bounds how much is read, and files are read in pieces.

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
/// Bytes of an event's line. An event has 2 MiB, and escaping makes it longer.
const EVENT_LINE_BYTES_MAX: u64 = 16 << 20;
/// Bytes of a head's line: an escaped note.
const HEAD_LINE_BYTES_MAX: u64 = 8 * NOTE_BYTES_MAX as u64;
/// Bytes of a proof's line: hexadecimal hashes and some more.
const PROOF_LINE_BYTES_MAX: u64 = 128 * PATH_MAX as u64;

/// Checks an export with these keys, and compares it with heads that were kept elsewhere.
///
/// # Errors
/// When the file is not an export. The report says what is wrong with its events.
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

/// Opens the archive to read one of its files.
fn opened(file: &Path) -> Result<ZipArchive<BufReader<File>>, ExportError> {
    Ok(ZipArchive::new(BufReader::new(File::open(file)?))?)
}

fn manifest(file: &Path) -> Result<Manifest, ExportError> {
    let mut archive = opened(file)?;
    let entry = archive.by_name(MANIFEST)?.take(MANIFEST_BYTES_MAX);
    let manifest: Manifest =
        serde_json::from_reader(entry).map_err(|error| malformed(MANIFEST, error))?;
    if manifest.format != FORMAT {
        let reason = format!("its format is {:?}; expected {FORMAT}", manifest.format);
        return Err(malformed(MANIFEST, reason));
    }
    Ok(manifest)
}

/// The last head, which one of the keys must have signed. The others are checked with the events.
fn newest_head(file: &Path, keys: &[VerifierKey]) -> Result<TreeHead, ExportError> {
    let mut archive = opened(file)?;
    let mut newest: Option<KeptHead> = None;
    for head in lines::<KeptHead>(HEADS, archive.by_name(HEADS)?, HEAD_LINE_BYTES_MAX) {
        let head = head?;
        let before = newest.as_ref().map_or(0, |newest| newest.size);
        if head.size <= before {
            let reason = format!("a head of {} events comes after one of {before}", head.size);
            return Err(malformed(HEADS, reason));
        }
        newest = Some(head);
    }
    let newest = newest.ok_or_else(|| malformed(HEADS, "it has no head, so nothing is proved"))?;
    let signed = SignedHead::parse(&newest.note)?;
    signed.verify(keys)?;
    match signed.head.size == newest.size {
        true => Ok(signed.head),
        false => Err(malformed(HEADS, "the newest head's size is not the one it was signed with")),
    }
}

/// Fails unless the manifest agrees with the newest head.
fn refuse_unlike(manifest: &Manifest, head: &TreeHead) -> Result<(), ExportError> {
    let Manifest { origin, size, events, complete, .. } = manifest;
    let signed = &head.origin;
    let reason = if *origin != signed.to_string() {
        format!("its origin is {origin}, but the origin of the newest head is {signed}")
    } else if *size != head.size {
        format!("it claims that {size} events were signed, but {} were", head.size)
    } else if *events > *size || (*complete && events != size) {
        format!("it claims to have {events} events of {size}")
    } else {
        return Ok(());
    };
    Err(malformed(MANIFEST, reason))
}

/// Checks a file's digest, so that damage is reported before the file is parsed.
fn check(file: &Path, name: &str, digest: &Digest, size: u64) -> Result<(), ExportError> {
    let limits = [
        (EVENTS, EVENT_LINE_BYTES_MAX),
        (HEADS, HEAD_LINE_BYTES_MAX),
        (LEAVES, TILE_HASH_BYTES as u64),
        (PROOFS, PROOF_LINE_BYTES_MAX),
    ];
    let known = limits.into_iter().find(|(known, _)| *known == name);
    let (name, bytes_each) =
        known.ok_or_else(|| malformed(MANIFEST, format!("the file {name:?} is unknown")))?;
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
        Err(malformed(name, "its digest differs from the manifest's: the file is damaged"))
    }
}

/// Checks every event and every head, as in a log.
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
            return Err(malformed(EVENTS, format!("it has more than {size} events")));
        }
        if line.position != expected {
            let broken = walk.missing(format!("the next event is at {}", line.position));
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
        let reason = format!("the export ends here, but a head covers {} events", head.size);
        let broken = walk.missing(reason);
        return Ok(walk.report(Some(broken)));
    }
    Ok(walk.report(None))
}

/// Checks the proof of each event.
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
            return Err(malformed(EVENTS, format!("position {position} comes after {before}")));
        }
        before = position;
        let proof = proofs.next().transpose()?.filter(|proof| proof.position == position);
        let proof =
            proof.ok_or_else(|| malformed(PROOFS, format!("position {position} has no proof")))?;
        if proof.path.len() > PATH_MAX {
            return Err(malformed(PROOFS, format!("the proof of {position} is too long")));
        }
        if !includes(&line.leaf(), position.0 - 1, &proof.path, size, &root) {
            let hash = leaf_hash(&line.leaf());
            let reason = format!("the event with hash {hash} is not the one that the head covers");
            report.broken = Some(Break { position, through: position, reason });
            return Ok(report);
        }
        report.verified += 1;
    }
    if report.verified != manifest.events {
        let reason = format!("it has {} events; expected {}", report.verified, manifest.events);
        return Err(malformed(EVENTS, reason));
    }
    Ok(report)
}

/// Parses a file line by line.
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
