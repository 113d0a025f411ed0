//! The port of exports of the log, which auditors ask for over the API.

use std::collections::HashSet;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use domain::{Digest, Position};
use jiff::Timestamp;
use uuid::Uuid;

use crate::export_list::{
    Export, ExportContent, ExportCreation, ExportList, ExportPart, LeaseLost, NewExport,
};

/// Tries to change the list while others change it too.
const CHANGE_TRIES_MAX: u32 = 32;

/// Stores the list of exports as one document, in the store of the tree. It is short: see
/// [`EXPORTS_KEPT_MAX`](crate::EXPORTS_KEPT_MAX).
#[async_trait]
pub trait ExportStore: Send + Sync + fmt::Debug {
    /// The document and its revision; `None` if it was never written.
    async fn load(&self) -> Result<Option<(u64, String)>, ExportsError>;

    /// Writes the document with the revision after `from`, which is 0 for the first one. Returns
    /// `false`, and writes nothing, if the stored document does not have the revision `from`. It is
    /// on disk when this returns.
    async fn replace(&self, from: u64, document: &str) -> Result<bool, ExportsError>;
}

/// The exports. Each change is one atomic step, by any process.
#[derive(Debug, Clone)]
pub struct Exports {
    store: Arc<dyn ExportStore>,
}

/// The right to make an export, until another process takes it.
#[derive(Debug, Clone)]
pub struct ExportLease {
    /// The export, as it was when it was taken.
    pub export: Export,
    lease: Uuid,
}

impl ExportLease {
    fn key(&self) -> (Uuid, Uuid) {
        (self.export.id, self.lease)
    }
}

/// Why an operation on exports failed.
#[derive(Debug, thiserror::Error)]
pub enum ExportsError {
    /// Another process makes the export, or it does not exist.
    #[error(transparent)]
    LeaseLost(#[from] LeaseLost),
    /// Other processes changed the list at every try.
    #[error("the list of exports changes too often")]
    Busy,
    /// The store did not answer in time. A write may have happened.
    #[error("the store of exports does not answer")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// The stored document is not one that Assay writes.
    #[error("the store of exports is damaged: {0}")]
    Damaged(String),
}

impl Exports {
    pub(crate) fn new(store: Arc<dyn ExportStore>) -> Self {
        Self { store }
    }

    /// Creates an export, unless one with its id exists or there are too many.
    ///
    /// # Errors
    /// If the store fails. Creating the same export again is then safe.
    pub async fn create(&self, new: &NewExport) -> Result<ExportCreation, ExportsError> {
        self.change(|list| Ok(list.create(new))).await
    }

    /// Takes the oldest export that no process makes, with a lease of
    /// [`EXPORT_LEASE`](crate::EXPORT_LEASE). It is made from the start. If the write happened but
    /// this fails, the export is free again when the lease has expired.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn take(&self, now: Timestamp) -> Result<Option<ExportLease>, ExportsError> {
        let lease = Uuid::new_v4();
        let taken = self.change(|list| Ok(list.take(lease, now))).await?;
        Ok(taken.map(|export| ExportLease { export, lease }))
    }

    /// Extends the lease, and records the position that was read last.
    ///
    /// # Errors
    /// If the lease was lost, or the store fails.
    pub async fn renew(
        &self,
        held: &ExportLease,
        reached: Position,
        now: Timestamp,
    ) -> Result<(), ExportsError> {
        self.change(|list| list.renew(held.key(), reached, now)).await
    }

    /// Records the part with this number, from 0, after it was stored as a blob. From then on no
    /// sweep removes it.
    ///
    /// # Errors
    /// If the lease was lost, or the store fails. Recording it again is then safe.
    pub async fn add_part(
        &self,
        held: &ExportLease,
        number: usize,
        part: ExportPart,
    ) -> Result<(), ExportsError> {
        self.change(|list| list.add_part(held.key(), number, part)).await
    }

    /// Ends the export: its recorded parts are the whole file.
    ///
    /// # Errors
    /// If the lease was lost, or the store fails.
    pub async fn finish(
        &self,
        held: &ExportLease,
        content: ExportContent,
        now: Timestamp,
    ) -> Result<(), ExportsError> {
        self.change(|list| list.finish(held.key(), content, now)).await
    }

    /// Ends the export without a file.
    ///
    /// # Errors
    /// If the lease was lost, or the store fails.
    pub async fn fail(
        &self,
        held: &ExportLease,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), ExportsError> {
        self.change(|list| list.fail(held.key(), reason.to_owned(), now)).await
    }

    /// Lets another process make the export at once.
    ///
    /// # Errors
    /// If the lease was lost, or the store fails.
    pub async fn give_back(&self, held: &ExportLease) -> Result<(), ExportsError> {
        self.change(|list| list.give_back(held.key())).await
    }

    /// The exports that have not expired, newest first.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn list(&self, now: Timestamp) -> Result<Vec<Export>, ExportsError> {
        Ok(self.load().await?.1.newest_first(now))
    }

    /// The export with this id; `None` if there is none or it has expired.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn read(&self, id: Uuid, now: Timestamp) -> Result<Option<Export>, ExportsError> {
        Ok(self.list(now).await?.into_iter().find(|it| it.id == id))
    }

    /// Removes the exports that have expired. Returns the blobs that were parts of them and of no
    /// others, each with the time when its export ended. A blob that was put later has become part
    /// of something else.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn remove_expired(
        &self,
        now: Timestamp,
    ) -> Result<Vec<(Digest, Timestamp)>, ExportsError> {
        self.change(|list| Ok(list.remove_expired(now))).await
    }

    /// The blobs that are parts of exports.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn parts(&self) -> Result<HashSet<Digest>, ExportsError> {
        Ok(self.load().await?.1.named())
    }

    async fn load(&self) -> Result<(u64, ExportList), ExportsError> {
        let Some((revision, document)) = self.store.load().await? else {
            return Ok((0, ExportList::default()));
        };
        let list = serde_json::from_str(&document);
        Ok((revision, list.map_err(|error| ExportsError::Damaged(error.to_string()))?))
    }

    async fn change<T>(
        &self,
        change: impl Fn(&mut ExportList) -> Result<T, LeaseLost>,
    ) -> Result<T, ExportsError> {
        for _ in 0..CHANGE_TRIES_MAX {
            let (revision, list) = self.load().await?;
            let mut changed = list.clone();
            let outcome = change(&mut changed)?;
            if changed == list {
                return Ok(outcome);
            }
            let document =
                serde_json::to_string(&changed).expect("a list is maps, strings and numbers");
            if self.store.replace(revision, &document).await? {
                return Ok(outcome);
            }
        }
        Err(ExportsError::Busy)
    }
}
