//! `assay backup`

use std::collections::BTreeSet;
use std::path::PathBuf;

use domain::{Digest, Position, Recorded};
use event_store::{BlobError, Blobs, SegmentWriter, Stores};
use futures::{StreamExt, TryStreamExt, stream};
use indicatif::ProgressBar;
use jiff::Timestamp;

use super::print_json;
use crate::backup::{
    Backup, BlobsPart, CredentialsPart, FORMAT, Manifest, Owners, TreePart, named_blobs,
};
use crate::config::Config;
use crate::stores::open_existing_stores;
use crate::{Exit, Failure};

/// Copy everything that cannot be rebuilt into a directory
///
/// This is the log up to one position, every blob that its events name, the credentials, and every
/// signed head. The server may be running. Views are left out because they can be rebuilt from the
/// log. Signing keys are left out too: keep a copy of their file. Exits with 1 if events name blobs
/// that are missing; the backup is otherwise complete.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// The directory, which must be empty or not exist
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Leave out secrets and personal data; nobody can sign in after a restore
    #[arg(long)]
    without_credentials: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Events per read of the log.
const PAGE: u32 = 1_024;
/// Blobs that are copied at once.
pub(super) const BLOBS_AT_ONCE: usize = 8;

pub(crate) async fn run(config: &Config, args: Args) -> Result<Exit, Failure> {
    let stores = open_existing_stores(config).await?;
    let backup = Backup::begin(&args.out).await?;
    let info = stores.log.info().await.map_err(reading)?;
    let bar = match args.json {
        true => ProgressBar::hidden(),
        false => ProgressBar::new(info.head.0),
    };
    let mut copy = Copy::new(&stores, &backup);
    while copy.reached < info.head {
        copy.next_page(info.head).await?;
        bar.set_position(copy.reached.0);
    }
    copy.end_segment().await?;
    bar.finish_and_clear();
    let credentials = if args.without_credentials {
        None
    } else {
        let collected = CredentialsPart::collect(stores.credentials.as_ref(), &copy.owners);
        let collected = collected
            .await
            .map_err(|error| Failure::of(Exit::Network, "reading the credentials", &error))?;
        Some(collected.write(&backup)?)
    };
    let manifest = Manifest {
        format: FORMAT,
        assay: env!("CARGO_PKG_VERSION").to_owned(),
        made_at: Timestamp::now(),
        log_id: info.log_id,
        head: info.head,
        archived_through: info.archived_through,
        segments: copy.segments,
        blobs: copy.blobs,
        credentials,
        tree_heads: TreePart::collect(stores.tree.as_ref(), info.head).await?.write(&backup)?,
    };
    backup.finish(&manifest)?;
    report(&manifest, &args)
}

fn report(manifest: &Manifest, args: &Args) -> Result<Exit, Failure> {
    let missing = &manifest.blobs.missing;
    if args.json {
        print_json(manifest)?;
    } else {
        let Manifest { head, segments, blobs, credentials, tree_heads, .. } = manifest;
        let lines = credentials.as_ref().map_or(0, |part| part.lines);
        let heads = tree_heads.as_ref().map_or(0, |part| part.lines);
        let (segments, blobs) = (segments.len(), blobs.count);
        println!(
            "{head} events in {segments} segments, {blobs} blobs, {lines} profiles, tokens and secrets, and {heads} \
             signed heads were copied to {}",
            args.out.display()
        );
        for digest in missing {
            eprintln!("an event names the blob {digest}, which is missing");
        }
    }
    Ok(if missing.is_empty() { Exit::Done } else { Exit::NotAccepted })
}

/// A copy in progress.
struct Copy<'a> {
    stores: &'a Stores,
    backup: &'a Backup,
    reached: Position,
    writer: SegmentWriter,
    segments: Vec<event_store::SegmentEntry>,
    blobs: BlobsPart,
    owners: Owners,
}

impl<'a> Copy<'a> {
    fn new(stores: &'a Stores, backup: &'a Backup) -> Self {
        Self {
            stores,
            backup,
            reached: Position::START,
            writer: SegmentWriter::new(Position::START.next()),
            segments: vec![],
            blobs: BlobsPart::default(),
            owners: Owners::default(),
        }
    }

    /// Copies a page of events and the blobs that they name.
    async fn next_page(&mut self, head: Position) -> Result<(), Failure> {
        let wanted = u32::try_from(head.0 - self.reached.0).unwrap_or(u32::MAX).min(PAGE);
        let events = self.stores.log.read_all(self.reached, wanted).await.map_err(reading)?;
        let Some(last) = events.last() else {
            let message = format!("the log ends at {}, before {head}", self.reached);
            return Err(Failure::new(Exit::Network, message));
        };
        self.reached = last.position;
        self.copy_blobs(&events).await?;
        for event in &events {
            self.owners.note(event);
            self.writer.push_recorded(event);
            if self.writer.is_full() {
                self.end_segment().await?;
            }
        }
        Ok(())
    }

    async fn end_segment(&mut self) -> Result<(), Failure> {
        let next = SegmentWriter::new(self.writer.next_position());
        let writer = std::mem::replace(&mut self.writer, next);
        if let Some((entry, bytes)) = writer.finish(Timestamp::now()) {
            self.backup.blobs.put(bytes).await.map_err(|error| copying(&entry.digest, &error))?;
            self.segments.push(entry);
        }
        Ok(())
    }

    async fn copy_blobs(&mut self, events: &[Recorded]) -> Result<(), Failure> {
        let (mut surely, mut perhaps) = (BTreeSet::new(), BTreeSet::new());
        for named in events.iter().map(named_blobs) {
            surely.extend(named.surely);
            perhaps.extend(named.perhaps);
        }
        let named = surely.iter().map(|digest| (*digest, true));
        let named = named.chain(perhaps.difference(&surely).map(|digest| (*digest, false)));
        let (from, to) = (self.stores.blobs.as_ref(), self.backup.blobs.as_ref());
        let copied: Vec<_> = stream::iter(named)
            .map(|(digest, needed)| async move {
                let copied = copy_blob(from, to, digest).await?;
                Ok::<_, Failure>((digest, needed, copied))
            })
            .buffer_unordered(BLOBS_AT_ONCE)
            .try_collect()
            .await?;
        for (digest, needed, copied) in copied {
            match copied {
                Copied::Now { bytes } => {
                    self.blobs.count += 1;
                    self.blobs.bytes += bytes;
                }
                Copied::Before => {}
                Copied::Missing if needed && !self.blobs.missing.contains(&digest) => {
                    self.blobs.missing.push(digest);
                }
                Copied::Missing => {}
            }
        }
        Ok(())
    }
}

/// The outcome of copying one blob.
pub(super) enum Copied {
    Now { bytes: u64 },
    Before,
    Missing,
}

/// Copies a blob, unless the target has it already.
pub(super) async fn copy_blob(
    from: &dyn Blobs,
    to: &dyn Blobs,
    digest: Digest,
) -> Result<Copied, Failure> {
    let failed = |error: BlobError| copying(&digest, &error);
    if to.contains(&digest).await.map_err(failed)? {
        return Ok(Copied::Before);
    }
    match from.get(&digest).await {
        Ok(bytes) => {
            let length = bytes.len() as u64;
            to.put(bytes).await.map_err(failed)?;
            Ok(Copied::Now { bytes: length })
        }
        Err(BlobError::NotFound(_)) => Ok(Copied::Missing),
        Err(error) => Err(failed(error)),
    }
}

fn copying(digest: &Digest, error: &BlobError) -> Failure {
    Failure::of(Exit::Network, &format!("copying the blob {digest}"), error)
}

fn reading(error: event_store::ReadError) -> Failure {
    Failure::of(Exit::Network, "reading the log", &error)
}
