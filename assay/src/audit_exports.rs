//! Makes the exports of the log that auditors ask for over the API, one after the other.

use std::error::Error;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use audit::{ExportError, Filter, Manifest, Tree};
use domain::{Digest, Position};
use event_store::{
    BlobError, ExportContent, ExportLease, ExportPart, ExportsError, Stores, alert, lasting_fault,
};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use supervision::{Fault, Reporter, Task, error_chain};
use tokio_util::sync::CancellationToken;

/// How often it is checked whether an export waits.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// How often a process reports how far it is, and renews its lease.
const RENEW_INTERVAL: Duration = Duration::from_secs(1);
/// How often expired exports are removed. Nobody can read them in the meantime.
const REMOVAL_INTERVAL: Duration = Duration::from_secs(10 * 60);
/// Maximum size of an export, in bytes.
const EXPORT_BYTES_MAX: u64 = 8 << 30;
/// Maximum size of a part of an export, in bytes. Each is a blob. A process holds one in memory.
const PART_BYTES_MAX: u64 = 16 << 20;

/// Makes exports, and removes those that have expired.
#[derive(Debug)]
pub(crate) struct AuditExports {
    stores: Stores,
    tree: Tree,
}

/// Why an export was not finished.
#[derive(Debug, thiserror::Error)]
enum Unfinished {
    /// It cannot be made. The text is for the auditor.
    #[error("{0}")]
    Impossible(String),
    /// The log or the tree failed; it is tried again when the lease has expired.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// The blobs failed.
    #[error("storing the export failed")]
    Blobs(#[from] BlobError),
    /// The list of exports failed, or the lease was lost.
    #[error("recording the export failed")]
    Exports(#[from] ExportsError),
}

impl AuditExports {
    pub(crate) fn new(stores: Stores) -> Self {
        let tree = Tree::new(Arc::clone(&stores.tree));
        Self { stores, tree }
    }

    /// Makes the oldest export that waits. Returns whether there was one.
    async fn make_next(&self, cancelled: &CancellationToken) -> Result<bool, Unfinished> {
        let exports = &self.stores.exports;
        let Some(held) = exports.take(Timestamp::now()).await? else { return Ok(false) };
        match cancelled.run_until_cancelled(self.make(&held)).await {
            None => exports.give_back(&held).await?,
            Some(Ok(content)) => exports.finish(&held, content, Timestamp::now()).await?,
            Some(Err(error)) => {
                let Some(reason) = reason(&error) else { return Err(error) };
                log_failure(&held, &error);
                exports.fail(&held, &reason, Timestamp::now()).await?;
            }
        }
        Ok(true)
    }

    async fn make(&self, held: &ExportLease) -> Result<ExportContent, Unfinished> {
        let filter: Filter = serde_json::from_str(&held.export.filter)
            .map_err(|error| Unfinished::Impossible(format!("the filter is invalid: {error}")))?;
        // The file has no name, so nothing is left if the process dies.
        let file = tempfile::tempfile().map_err(ExportError::from)?;
        let written = file.try_clone().map_err(ExportError::from)?;
        let reached = Arc::new(AtomicU64::new(0));
        tokio::select! {
            made = self.write_and_store(held, filter, file, &reached) => made,
            stopped = self.hold(held, &written, &reached) => Err(stopped),
        }
    }

    /// Renews the lease until it is lost or the file is too large.
    async fn hold(&self, held: &ExportLease, file: &File, reached: &AtomicU64) -> Unfinished {
        loop {
            tokio::time::sleep(RENEW_INTERVAL).await;
            match file.metadata() {
                Ok(metadata) if metadata.len() <= EXPORT_BYTES_MAX => {}
                Ok(_) => return too_large(),
                Err(error) => return ExportError::from(error).into(),
            }
            let position = Position(reached.load(Ordering::Relaxed));
            match self.stores.exports.renew(held, position, Timestamp::now()).await {
                Err(error @ ExportsError::LeaseLost(_)) => return error.into(),
                // The lease may last until the store responds again.
                Err(error) => tracing::warn!(
                    error = &error as &dyn Error,
                    "renewing the lease of an export failed"
                ),
                Ok(()) => {}
            }
        }
    }

    async fn write_and_store(
        &self,
        held: &ExportLease,
        filter: Filter,
        mut file: File,
        reached: &Arc<AtomicU64>,
    ) -> Result<ExportContent, Unfinished> {
        let output = file.try_clone().map_err(ExportError::from)?;
        let manifest = self.write(filter, output, reached).await?;
        if file.metadata().map_err(ExportError::from)?.len() > EXPORT_BYTES_MAX {
            return Err(too_large());
        }
        file.rewind().map_err(ExportError::from)?;
        let mut hasher = Sha256::new();
        for number in 0.. {
            let (rest, part) = read_part(file).await.map_err(ExportError::from)?;
            file = rest;
            if part.is_empty() {
                break;
            }
            hasher.update(&part);
            let bytes = part.len() as u64;
            let digest = self.stores.blobs.put(part.into()).await?;
            self.stores.exports.add_part(held, number, ExportPart { digest, bytes }).await?;
        }
        let digest = Digest::from(<[u8; 32]>::from(hasher.finalize()));
        Ok(ExportContent { events: manifest.events, head: Position(manifest.size), digest })
    }

    /// Writes the file on a thread of its own, because compression takes long between two awaits.
    async fn write(
        &self,
        filter: Filter,
        file: File,
        reached: &Arc<AtomicU64>,
    ) -> Result<Manifest, ExportError> {
        let (log, tree) = (Arc::clone(&self.stores.log), self.tree.clone());
        let reached = Arc::clone(reached);
        let stop = CancellationToken::new();
        // If this future is dropped, the thread stops at its next read.
        let _stop_when_dropped = stop.clone().drop_guard();
        let runtime = tokio::runtime::Handle::current();
        let writing = tokio::task::spawn_blocking(move || {
            let progress = |at: Position| reached.store(at.0, Ordering::Relaxed);
            let export = audit::export(log.as_ref(), &tree, filter, file, progress);
            runtime.block_on(stop.run_until_cancelled(export))
        });
        match writing.await {
            Ok(Some(written)) => written,
            Ok(None) => Err(io::Error::from(io::ErrorKind::Interrupted).into()),
            Err(error) => Err(io::Error::other(error).into()),
        }
    }
}

fn log_failure(held: &ExportLease, error: &Unfinished) {
    let (export, alert) = (held.export.id, alert(error));
    tracing::warn!(alert, %export, error = error as &dyn Error, "an export failed");
}

/// Removes the exports that have expired, and their blobs.
async fn remove_expired(stores: &Stores, now: Timestamp) -> Result<(), Unfinished> {
    let parts = stores.exports.remove_expired(now).await?;
    let mut removed = 0;
    for (digest, ended_at) in parts {
        // A blob that was put again since is used by something else.
        removed += u32::from(stores.blobs.remove(&digest, ended_at).await?);
    }
    if removed > 0 {
        tracing::info!(blobs = removed, "removed exports that have expired");
    }
    Ok(())
}

/// Why the export can never be made, for the auditor; `None` if a later try may succeed.
fn reason(error: &Unfinished) -> Option<String> {
    match error {
        Unfinished::Impossible(reason) => Some(reason.clone()),
        Unfinished::Export(ExportError::NothingSigned) => Some(error.to_string()),
        Unfinished::Export(ExportError::Io(cause)) => {
            Some(format!("the server's temporary folder cannot hold the export: {cause}"))
        }
        Unfinished::Export(ExportError::Zip(cause)) => {
            Some(format!("the server's temporary folder cannot hold the export: {cause}"))
        }
        error if lasting_fault(error).is_some() => {
            Some("the stored data is damaged; the server's log has the details".to_owned())
        }
        _ => None,
    }
}

fn too_large() -> Unfinished {
    let gib = EXPORT_BYTES_MAX >> 30;
    Unfinished::Impossible(format!(
        "the export is larger than {gib} GiB; ask for a part of the log, for example with `to`"
    ))
}

/// Reads the next part of a file; empty at the end.
async fn read_part(mut file: File) -> io::Result<(File, Vec<u8>)> {
    let reading = tokio::task::spawn_blocking(move || {
        let mut part = Vec::new();
        (&mut file).take(PART_BYTES_MAX).read_to_end(&mut part)?;
        Ok((file, part))
    });
    reading.await.map_err(io::Error::other)?
}

#[async_trait]
impl Task for AuditExports {
    fn name(&self) -> &'static str {
        "audit exports"
    }

    async fn run(&self, reporter: &Reporter, cancelled: CancellationToken) -> Result<(), Fault> {
        let mut last_removal: Option<Instant> = None;
        while !cancelled.is_cancelled() {
            let mut outcome = Ok(false);
            if last_removal.is_none_or(|at| at.elapsed() >= REMOVAL_INTERVAL) {
                outcome = remove_expired(&self.stores, Timestamp::now()).await.map(|()| false);
                last_removal = Some(Instant::now());
            }
            if outcome.is_ok() {
                outcome = self.make_next(&cancelled).await;
            }
            match outcome {
                Ok(true) => {
                    reporter.running();
                    continue;
                }
                Ok(false) => reporter.running(),
                Err(error) => {
                    reporter.retrying(error_chain(&error));
                    let alert = alert(&error);
                    let error = &error as &dyn Error;
                    tracing::warn!(alert, error, "making or removing exports failed");
                }
            }
            cancelled.run_until_cancelled(tokio::time::sleep(POLL_INTERVAL)).await;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use event_store::{ExportCreation, NewExport, StoreUrls};
    use jiff::SignedDuration;
    use uuid::Uuid;

    use super::*;

    #[tokio::test]
    async fn the_blobs_of_an_expired_export_go_unless_they_were_put_again() {
        let folder = tempfile::tempdir().unwrap();
        let stores = event_store::open(&StoreUrls::embedded(folder.path())).await.unwrap();
        let new = NewExport {
            id: Uuid::new_v4(),
            requested_by: "ada".parse().unwrap(),
            requested_at: Timestamp::now(),
            filter: "{}".to_owned(),
            keep_hours: 1,
        };
        let created = stores.exports.create(&new).await.unwrap();
        assert!(matches!(created, ExportCreation::Created(_)));
        let held = stores.exports.take(Timestamp::now()).await.unwrap().unwrap();
        let mut parts = vec![];
        for (number, bytes) in [&b"one"[..], b"two"].into_iter().enumerate() {
            let digest = stores.blobs.put(Bytes::from_static(bytes)).await.unwrap();
            let part = ExportPart { digest, bytes: 3 };
            stores.exports.add_part(&held, number, part).await.unwrap();
            parts.push(digest);
        }
        let digest = Digest::of(b"onetwo");
        let content = ExportContent { events: 0, head: Position(0), digest };
        // The file system's clock may lag behind by some milliseconds.
        let ended_at = Timestamp::now() + SignedDuration::from_secs(1);
        stores.exports.finish(&held, content, ended_at).await.unwrap();
        remove_expired(&stores, ended_at + SignedDuration::from_mins(59)).await.unwrap();
        assert!(stores.blobs.contains(&parts[0]).await.unwrap());
        assert_eq!(stores.exports.parts().await.unwrap().len(), 2);

        // A part that is put again after the export ended belongs to something else.
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        stores.blobs.put(Bytes::from_static(b"two")).await.unwrap();
        remove_expired(&stores, ended_at + SignedDuration::from_hours(1)).await.unwrap();
        assert!(!stores.blobs.contains(&parts[0]).await.unwrap());
        assert!(stores.blobs.contains(&parts[1]).await.unwrap());
        assert!(stores.exports.list(Timestamp::now()).await.unwrap().is_empty());
    }

    #[test]
    fn only_lasting_failures_end_an_export() {
        assert_eq!(reason(&BlobError::Unavailable("away".into()).into()), None);
        assert!(reason(&too_large()).unwrap().contains("8 GiB"));
        assert!(reason(&ExportError::NothingSigned.into()).unwrap().contains("signed"));
        let full = ExportError::from(io::Error::from(io::ErrorKind::StorageFull));
        assert!(reason(&full.into()).unwrap().contains("temporary folder"));
    }
}
