//! Removes stored data that no event names. That is blobs, personal data and secrets stored before
//! an event that was never written, and blobs that were meant to be temporary, such as uploaded
//! packages and the selections of rejudge previews.
//!
//! The whole log determines which data is named. Data stored, or stored again, after a point in
//! time is never removed, even if no event names it, because a command stores data before it
//! appends.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::error::Error;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use audit::{SignError, Tree, Unchanged};
use domain::{Digest, Event, Position, Recorded, StreamId};
use event_store::{
    BlobError, CredentialsError, ExportsError, KeptBlob, ReadError, Stores, lasting_fault,
};
use jiff::{SignedDuration, Timestamp};
use supervision::{Fault, Reporter, Task, error_chain};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::backup::named_blobs;

/// Blobs or names listed at once.
const LIST_PAGE: usize = 1_000;
/// Events read from the log at once.
const LOG_PAGE: u32 = 512;
/// How long the sweeper waits after a start, and after a failure.
const FIRST_DELAY: Duration = Duration::from_secs(3_600);
/// Minimum age of removed data, so that requests in progress are safe.
pub(crate) const AGE_MIN: SignedDuration = SignedDuration::from_hours(1);

/// A sweep failed. Nothing was removed, or the removal stopped half-way.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SweepError {
    /// The log could not be read whole.
    #[error("reading the log failed")]
    Log(#[from] ReadError),
    /// The log is not the one that was signed, so data that the signed one names would be removed.
    #[error("comparing the log with what was signed of it failed")]
    Signed(#[from] SignError),
    /// The blobs could not be listed or removed.
    #[error("listing or removing blobs failed")]
    Blobs(#[from] BlobError),
    /// The exports could not be read.
    #[error("reading the list of exports failed")]
    Exports(#[from] ExportsError),
    /// The credentials could not be listed or removed.
    #[error("listing or removing credentials failed")]
    Credentials(#[from] CredentialsError),
}

impl SweepError {
    /// Whether a later retry may help.
    fn is_passing(&self) -> bool {
        match self {
            Self::Signed(error) => error.is_passing(),
            error => lasting_fault(error).is_none(),
        }
    }
}

/// Stored data that no event names and that is older than the requested age.
#[derive(Debug, Default)]
pub(crate) struct Unnamed {
    /// Only data stored since the log began is removed.
    since: Timestamp,
    /// The data was stored before this time.
    before: Timestamp,
    /// The blobs, with their sizes in the store.
    pub(crate) blobs: BTreeMap<Digest, u64>,
    /// Subjects of profiles that belong to no account, or to an erased one.
    pub(crate) subjects: HashSet<Uuid>,
    /// Names of the secrets of webhooks that do not exist.
    pub(crate) secrets: HashSet<String>,
}

/// The owners of credentials, from the events read so far.
#[derive(Debug, Default)]
struct Owners {
    /// Every subject that has a profile.
    with_profile: HashSet<Uuid>,
    /// The subject of each account that is not erased.
    subjects: HashMap<StreamId, Uuid>,
    /// The name of the secret of each webhook that is not removed.
    secrets: HashSet<String>,
}

impl Unnamed {
    /// Size of the blobs in the store, in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.blobs.values().sum()
    }

    /// Finds data that is older than `before` and that no event names up to the end of the log.
    /// `reached` is called with each position read.
    pub(crate) async fn find(
        stores: &Stores,
        before: Timestamp,
        reached: impl Fn(Position),
    ) -> Result<Self, SweepError> {
        let mut unchanged = Unchanged::begin(&Tree::new(Arc::clone(&stores.tree))).await?;
        // What is older than the log belongs to another one: a log that was moved or lost, or one
        // that shares the stores.
        let first = stores.log.read_all(Position::START, 1).await?;
        let Some(since) = first.first().map(|first| first.recorded_at) else {
            unchanged.end()?;
            return Ok(Self::default());
        };
        // List before reading the log, so that data stored later is not listed.
        let mut unnamed = Self { since, before, ..Self::default() };
        unnamed.list_blobs(stores).await?;
        let mut owners = Owners::default();
        unnamed.list_credentials(stores, &mut owners).await?;
        for segment in stores.archive.status().await?.segments {
            unnamed.blobs.remove(&segment.digest);
        }
        // A part that is stored from here on is too young to be removed.
        for digest in stores.exports.parts().await? {
            unnamed.blobs.remove(&digest);
        }
        let mut position = Position::START;
        loop {
            let events = stores.log.read_all(position, LOG_PAGE).await?;
            let Some(last) = events.last() else { break };
            position = last.position;
            for recorded in &events {
                unchanged.take(recorded)?;
                unnamed.take_named(recorded, &mut owners);
            }
            reached(position);
        }
        unchanged.end()?;
        for subject in owners.subjects.values() {
            unnamed.subjects.remove(subject);
        }
        unnamed.secrets.retain(|name| !owners.secrets.contains(name));
        Ok(unnamed)
    }

    async fn list_blobs(&mut self, stores: &Stores) -> Result<(), SweepError> {
        let mut after = None;
        loop {
            let page = stores.blobs.list(after.as_ref(), LIST_PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.digest);
            let old = page.iter().filter(|it| (self.since..self.before).contains(&it.put_at));
            self.blobs.extend(old.map(|KeptBlob { digest, bytes, .. }| (*digest, *bytes)));
        }
    }

    async fn list_credentials(
        &mut self,
        stores: &Stores,
        owners: &mut Owners,
    ) -> Result<(), SweepError> {
        let (times, mut subject, mut secret) = (self.since..self.before, None, None);
        loop {
            let page = stores.credentials.subjects(subject, LIST_PAGE as u32).await?;
            let Some(last) = page.last() else { break };
            subject = Some(*last);
            owners.with_profile.extend(&page);
            self.subjects.extend(page.into_iter().filter(|id| is_of(*id, &times)));
        }
        loop {
            let page = stores.credentials.secret_names(secret.as_deref(), LIST_PAGE as u32).await?;
            let Some(last) = page.last() else { return Ok(()) };
            secret = Some(last.clone());
            self.secrets.extend(page.into_iter().filter(
                |name| matches!(name.parse(), Ok(StreamId::Webhook(id)) if is_of(id.uuid(), &times)),
            ));
        }
    }

    /// Removes what the event names from the set.
    fn take_named(&mut self, recorded: &Recorded, owners: &mut Owners) {
        match &recorded.event {
            Event::AccountRegistered(registered) => {
                owners.subjects.insert(recorded.stream.clone(), registered.subject);
            }
            // Erasing may have been interrupted.
            Event::AccountErased(_) => {
                let erased = owners.subjects.remove(&recorded.stream);
                self.subjects.extend(erased.filter(|it| owners.with_profile.contains(it)));
            }
            _ => {
                let named = named_blobs(recorded);
                for digest in named.surely.iter().chain(&named.perhaps) {
                    self.blobs.remove(digest);
                }
            }
        }
        // A webhook's secret is needed from its creation to its removal.
        if let StreamId::Webhook(_) = recorded.stream {
            let name = recorded.stream.to_string();
            match recorded.event {
                Event::WebhookRemoved(_) => drop(owners.secrets.remove(&name)),
                _ => drop(owners.secrets.insert(name)),
            }
        }
    }

    /// Removes the data, except blobs that were stored again since. Returns the number of removed
    /// blobs and their size in bytes.
    pub(crate) async fn remove(&self, stores: &Stores) -> Result<(u64, u64), SweepError> {
        let (mut blobs, mut removed_bytes) = (0, 0);
        for (digest, bytes) in &self.blobs {
            if stores.blobs.remove(digest, self.before).await? {
                blobs += 1;
                removed_bytes += bytes;
            }
        }
        stores.blobs.remove_unfinished(self.before).await?;
        for subject in &self.subjects {
            stores.credentials.erase(*subject).await?;
        }
        for name in &self.secrets {
            stores.credentials.remove_secret(name).await?;
        }
        Ok((blobs, removed_bytes))
    }
}

/// Whether an id was made in this time. Subjects from before ids had a time are kept.
fn is_of(id: Uuid, times: &Range<Timestamp>) -> bool {
    let made_at = id.get_timestamp().map(|at| at.to_unix().0.cast_signed());
    made_at.is_some_and(|at| (times.start.as_second()..times.end.as_second()).contains(&at))
}

/// Sweeps at regular intervals, as part of the role `projector`.
#[derive(Debug)]
pub(crate) struct Sweeper {
    pub(crate) stores: Stores,
    /// Time between two sweeps.
    pub(crate) every: Duration,
    /// Minimum age of removed data.
    pub(crate) age: SignedDuration,
}

#[async_trait]
impl Task for Sweeper {
    fn name(&self) -> &'static str {
        "sweeper"
    }

    async fn run(&self, reporter: &Reporter, cancelled: CancellationToken) -> Result<(), Fault> {
        let mut delay = FIRST_DELAY.min(self.every);
        while cancelled.run_until_cancelled(tokio::time::sleep(delay)).await.is_some() {
            delay = match cancelled.run_until_cancelled(self.sweep()).await {
                None => return Ok(()),
                Some(Ok(())) => {
                    reporter.running();
                    self.every
                }
                Some(Err(error)) => {
                    reporter.retrying(error_chain(&error));
                    let alert = (!error.is_passing()).then_some(true);
                    tracing::warn!(alert, error = &error as &dyn Error, "sweeping failed");
                    FIRST_DELAY
                }
            };
        }
        Ok(())
    }
}

impl Sweeper {
    async fn sweep(&self) -> Result<(), SweepError> {
        let unnamed = Unnamed::find(&self.stores, Timestamp::now() - self.age, |_| ()).await?;
        let (blobs, bytes) = unnamed.remove(&self.stores).await?;
        let (profiles, secrets) = (unnamed.subjects.len(), unnamed.secrets.len());
        tracing::info!(blobs, bytes, profiles, secrets, "removed data that no event names");
        Ok(())
    }
}

#[cfg(test)]
mod tests;
