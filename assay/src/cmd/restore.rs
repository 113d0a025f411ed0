//! `assay restore`

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use domain::{Digest, Event, Login, Position, Recorded, StreamId};
use event_store::{Lane, Restoration, WorkItem};
use futures::{StreamExt, TryStreamExt, stream};
use indicatif::ProgressBar;
use serde_json::json;

use super::backup::{BLOBS_AT_ONCE, copy_blob};
use super::{print_json, replay};
use crate::backup::{Backup, CredentialsPart, Manifest, TreePart, named_blobs};
use crate::config::Config;
use crate::stores::{LIVE, not_opened, open_stores, open_views};
use crate::{Exit, Failure};

/// Fill empty stores from a backup
///
/// Every file is checked before anything is written. The log is restored exactly, with its
/// positions, times and bytes. Submissions that were waiting or being judged are queued again. An
/// interrupted restore leaves stores that refuse to open; delete them and start again.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// The directory created by `assay backup`
    from: PathBuf,
    /// Also build the views, instead of leaving that to the projector
    #[arg(long)]
    replay: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Events per write.
const EVENTS_AT_ONCE: usize = 1_024;

pub(crate) async fn run(config: &Config, args: Args) -> Result<Exit, Failure> {
    let (backup, manifest) = Backup::open(&args.from).await?;
    let bar = match args.json {
        true => ProgressBar::hidden(),
        false => ProgressBar::new(2 * manifest.head.0),
    };
    verify(&backup, &manifest, &bar).await?;
    refuse_views(config).await?;
    let restoration = Restoration::begin(&config.store_urls(), manifest.log_id).await;
    let restoration = restoration.map_err(not_opened)?;
    let mut unfinished = Unfinished::default();
    let heads = TreePart::read(&backup, manifest.tree_heads.as_ref())?;
    let mut tree = heads.grow(Some(Arc::clone(&restoration.stores.tree)));
    for entry in &manifest.segments {
        let events = backup.events(entry).await?;
        copy_blobs(&backup, &restoration, &events).await?;
        for some in events.chunks(EVENTS_AT_ONCE) {
            restoration.import(some).await.map_err(|error| writing(&error))?;
            for event in some {
                unfinished.note(event);
                tree.push(event).await?;
            }
            bar.inc(some.len() as u64);
        }
        // Archive after each segment, so that the log's store never has to hold the whole log.
        let through = manifest.archived_through.min(entry.last);
        let archived = restoration.stores.archive.archive(through, |_| ()).await;
        archived.map_err(|error| writing(&error))?;
    }
    if let Some(part) = &manifest.credentials {
        let credentials = CredentialsPart::read(&backup, part)?;
        let restored = credentials.restore(restoration.stores.credentials.as_ref()).await;
        restored.map_err(|error| writing(&error))?;
    }
    let work = unfinished.work();
    restoration.finish(&work).await.map_err(|error| writing(&error))?;
    bar.finish_and_clear();
    if args.replay {
        let (log, views) = (open_stores(config).await?.log, open_views(config, LIVE).await?);
        replay::rebuild(&log, &views, manifest.head, args.json).await?;
    }
    report(&manifest, work.len(), &args)
}

fn report(manifest: &Manifest, queued: usize, args: &Args) -> Result<Exit, Failure> {
    let Manifest { head, log_id, archived_through, .. } = manifest;
    if args.json {
        print_json(&json!({
            "log_id": log_id,
            "head": head,
            "archived_through": archived_through,
            "queued": queued,
            "credentials": manifest.credentials.is_some(),
        }))?;
        return Ok(Exit::Done);
    }
    println!("{head} events restored; {queued} submissions queued again");
    if manifest.credentials.is_none() {
        eprintln!(
            "The backup has no credentials; create an account with `assay account create` to sign in."
        );
    }
    if manifest.tree_heads.is_some() {
        eprintln!(
            "Copy the file with the signing keys to the path in audit.keys; no backup contains it."
        );
    }
    if !args.replay {
        eprintln!("The projector will build the views when it runs.");
    }
    Ok(Exit::Done)
}

/// Refuses an incomplete backup before anything is written.
async fn verify(backup: &Backup, manifest: &Manifest, bar: &ProgressBar) -> Result<(), Failure> {
    let refused = |why: String| Err(Failure::new(Exit::Usage, format!("the backup {why}")));
    let heads = TreePart::read(backup, manifest.tree_heads.as_ref())?;
    let mut tree = heads.grow(None);
    let (mut reached, mut checked) = (Position::START, HashSet::new());
    for entry in &manifest.segments {
        if entry.first != reached.next() {
            return refused(format!("lacks position {}", reached.next()));
        }
        let events = backup.events(entry).await?;
        for event in &events {
            tree.push(event).await?;
        }
        let named: BTreeSet<Digest> =
            events.iter().flat_map(|event| named_blobs(event).surely).collect();
        let known =
            |digest: &Digest| !manifest.blobs.missing.contains(digest) && checked.insert(*digest);
        let named: Vec<Digest> = named.into_iter().filter(known).collect();
        stream::iter(named)
            .map(|digest| async move {
                let kept = backup.blobs.get(&digest).await;
                kept.map_err(|error| Failure::of(Exit::Usage, "reading the backup", &error))
            })
            .buffer_unordered(BLOBS_AT_ONCE)
            .try_for_each(|_| async { Ok(()) })
            .await?;
        reached = entry.last;
        bar.set_position(reached.0);
    }
    if reached != manifest.head {
        return refused(format!("ends at position {reached}, not at {}", manifest.head));
    }
    tree.finish()?;
    if let Some(part) = &manifest.credentials {
        CredentialsPart::read(backup, part)?;
    }
    Ok(())
}

/// Fails unless the views are empty: views of another log, or of a longer one, would stop the
/// projector.
async fn refuse_views(config: &Config) -> Result<(), Failure> {
    let views = open_views(config, LIVE).await?;
    let checkpoints = views.reader.checkpoints().await;
    let checkpoints =
        checkpoints.map_err(|error| Failure::of(Exit::Network, "reading views", &error))?;
    let built = views.generations.all().await;
    let built = built.map_err(|error| Failure::of(Exit::Network, "reading views", &error))?;
    if checkpoints.is_empty() && built.is_empty() {
        return Ok(());
    }
    let message = "the views are not empty; delete them, because they will be rebuilt from the log";
    Err(Failure::new(Exit::Network, message))
}

async fn copy_blobs(
    backup: &Backup,
    restoration: &Restoration,
    events: &[Recorded],
) -> Result<(), Failure> {
    let named = events.iter().map(named_blobs);
    let named: BTreeSet<Digest> =
        named.flat_map(|named| [named.surely, named.perhaps].concat()).collect();
    let (from, to) = (backup.blobs.as_ref(), restoration.stores.blobs.as_ref());
    stream::iter(named)
        .map(|digest| copy_blob(from, to, digest))
        .buffer_unordered(BLOBS_AT_ONCE)
        .try_for_each(|_| async { Ok(()) })
        .await
}

/// The streams with work in the original's queue, as derived from the events so far, and the account
/// whose turn each of them uses.
#[derive(Debug, Default)]
struct Unfinished(BTreeMap<StreamId, Option<Login>>);

impl Unfinished {
    fn note(&mut self, recorded: &Recorded) {
        let is_finished = match (&recorded.stream, &recorded.event) {
            (StreamId::Submission(_) | StreamId::Trial(_), event) => {
                matches!(
                    event,
                    Event::JudgingFinished(_)
                        | Event::SubmissionAbandoned(_)
                        | Event::SubmissionCancelled(_)
                )
            }
            (StreamId::Rejudge(_), event) => !matches!(event, Event::RejudgeCreated(_)),
            (
                StreamId::Problem(_)
                | StreamId::Account(_)
                | StreamId::Webhook(_)
                | StreamId::Run(_),
                _,
            ) => return,
        };
        if is_finished {
            self.0.remove(&recorded.stream);
        } else {
            let account = self.0.entry(recorded.stream.clone()).or_default();
            if let Event::SubmissionReceived(received) = &recorded.event {
                *account = Some(received.author.clone());
            }
        }
    }

    /// The work to queue. The original's queue is not in the backup, but its content follows from
    /// the events (INV-6).
    fn work(self) -> Vec<WorkItem> {
        let item = |(stream, account): (StreamId, Option<Login>)| {
            let lane = match stream {
                StreamId::Trial(_) | StreamId::Rejudge(_) => Lane::Rejudge,
                _ => Lane::Submit,
            };
            WorkItem { lane, stream, account }
        };
        self.0.into_iter().map(item).collect()
    }
}

fn writing(error: &(dyn std::error::Error + 'static)) -> Failure {
    Failure::of(Exit::Network, "restoring", error)
}
