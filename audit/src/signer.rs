//! Follows the log, and signs a head of its tree whenever it has grown (INV-14).

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::Position;
use event_store::{EventLog, ReadError, TreeStoreError, alert, lasting_fault};
use jiff::Timestamp;
use supervision::{Backoff, Fault, Reporter, Task, error_chain};
use tokio_util::sync::CancellationToken;

use crate::head::{InvalidHead, SignedHead, TreeHead};
use crate::key::{SignerKey, VerifierKey};
use crate::memory::{Memory, MemoryError};
use crate::merkle::{extends, leaf_hash};
use crate::tree::{Growth, Tree};

/// Events read from the log at once.
const READ_LIMIT: u32 = 1_024;
/// Maximum number of events between two heads.
const EVENTS_PER_HEAD_MAX: u64 = 65_536;
/// Minimum time between two heads. An event is covered about a second after it is appended.
const HEAD_INTERVAL: Duration = Duration::from_millis(500);
/// How often the log is polled without a wake-up, as another process may have appended.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// The first and the longest delay before a retry after a transient fault.
const RETRY_DELAY: Duration = Duration::from_millis(100);
const RETRY_DELAY_MAX: Duration = Duration::from_secs(5);

/// Signs the log's events.
#[derive(Debug)]
pub struct Signer {
    log: Arc<dyn EventLog>,
    tree: Tree,
    /// The signing keys, newest first.
    keys: Vec<SignerKey>,
    memory: Memory,
}

/// Signing failed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The log could not be read.
    #[error("signing failed: the log cannot be read")]
    Log(#[from] ReadError),
    /// The tree could not be read or written.
    #[error("signing failed: the tree cannot be read or written")]
    Tree(#[from] TreeStoreError),
    /// The newest head was not signed by any of the signing keys.
    #[error(
        "the newest tree head was not signed by any of the signing keys; put its key back into the key file"
    )]
    Head(#[source] InvalidHead),
    /// The newest head is not what a signer wrote.
    #[error("the newest tree head is damaged; restore the tree's store")]
    DamagedHead(#[source] InvalidHead),
    /// The log is not the one that was signed. Signing stops.
    #[error("the log has diverged from what was signed: {0}; run: assay audit verify")]
    Diverged(String),
    /// The tree's store ends before the remembered head. Nothing is signed until it is restored.
    #[error(
        "the tree's store has lost signed heads: {memory} has a signed head of {signed} events, but the store's newest \
         covers {kept}; restore the store or, if it is meant to be a different one, move {memory} away: see \
         docs/operations.md, \"A tree that was set back\""
    )]
    SetBack {
        /// Number of events that the remembered head covers.
        signed: u64,
        /// Number of events that the store's newest head covers.
        kept: u64,
        /// Where the remembered head is kept.
        memory: String,
    },
    /// The new head could not be written to the memory.
    #[error("signing failed: the signed head cannot be remembered")]
    Memory(#[from] MemoryError),
    /// There is no key to sign with.
    #[error("there is no key to sign with")]
    NoKey,
}

impl From<InvalidHead> for SignError {
    fn from(error: InvalidHead) -> Self {
        match error {
            InvalidHead::NotSigned { .. } => Self::Head(error),
            error => Self::DamagedHead(error),
        }
    }
}

impl SignError {
    /// Whether a later retry may help.
    pub fn is_passing(&self) -> bool {
        let is_passing = matches!(
            self,
            Self::Log(ReadError::Unavailable(_))
                | Self::Tree(TreeStoreError::Unavailable(_) | TreeStoreError::Superseded { .. })
                | Self::Memory(_)
                // The store may be restored, and a server that was cut off may lag behind.
                | Self::SetBack { .. }
        );
        is_passing && lasting_fault(self).is_none()
    }
}

/// Fails if the last signed event is missing from the log (INV-8). [`verify`](crate::verify) checks
/// the whole log.
///
/// # Errors
/// [`SignError::Diverged`], or when the log or the tree cannot be read.
pub async fn refuse_diverged(log: &dyn EventLog, tree: &Tree) -> Result<(), SignError> {
    match tree.store().newest_head().await? {
        Some(newest) => still_has_signed(log, tree, newest.size).await,
        None => Ok(()),
    }
}

async fn still_has_signed(log: &dyn EventLog, tree: &Tree, size: u64) -> Result<(), SignError> {
    let (before, last) = (Position(size.saturating_sub(1)), Position(size));
    match log.read_all(before, 1).await?.first() {
        Some(recorded) if leaf_hash(&recorded.leaf()) == tree.leaf(before.0).await? => Ok(()),
        Some(_) => Err(SignError::Diverged(format!("another event is at position {last}"))),
        None => {
            let head = log.info().await?.head;
            Err(SignError::Diverged(format!("it ends at {head}, but {last} events were signed")))
        }
    }
}

#[async_trait]
impl Task for Signer {
    fn name(&self) -> &'static str {
        "signer"
    }

    /// Signs what is appended until cancelled, and then what was appended until then.
    async fn run(&self, reporter: &Reporter, cancelled: CancellationToken) -> Result<(), Fault> {
        if let Some(error) = cancelled.run_until_cancelled(self.supervise(reporter)).await {
            let cause = &error as &dyn std::error::Error;
            tracing::error!(alert = true, error = cause, "nothing more is signed");
            return Err(error.into());
        }
        if let Err(error) = self.catch_up().await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(
                alert = alert(error),
                error,
                "the last events before the shutdown are not signed yet"
            );
        }
        Ok(())
    }
}

impl Signer {
    /// A signer with these keys, newest first. It remembers the newest head in memory only.
    pub fn new(log: Arc<dyn EventLog>, tree: Tree, keys: Vec<SignerKey>) -> Self {
        Self { log, tree, keys, memory: Memory::default() }
    }

    /// Uses this memory for the newest head instead.
    #[must_use]
    pub fn remembering(self, memory: Memory) -> Self {
        Self { memory, ..self }
    }

    async fn supervise(&self, reporter: &Reporter) -> SignError {
        let mut backoff = Backoff::new(RETRY_DELAY, RETRY_DELAY_MAX);
        loop {
            let Err(error) = self.follow(reporter, &mut backoff).await;
            if !error.is_passing() {
                return error;
            }
            reporter.retrying(error_chain(&error));
            let delay = backoff.next_delay();
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                ?delay,
                "signing failed; it is tried again"
            );
            tokio::time::sleep(delay).await;
        }
    }

    async fn follow(
        &self,
        reporter: &Reporter,
        backoff: &mut Backoff,
    ) -> Result<std::convert::Infallible, SignError> {
        let mut head = self.log.head();
        let mut growth = self.resume().await?;
        loop {
            head.mark_unchanged();
            while self.sign_next(&mut growth).await? {
                backoff.reset();
                tokio::time::sleep(HEAD_INTERVAL).await;
            }
            reporter.running();
            // Poll also after a timeout, or when the channel is closed.
            let _ = tokio::time::timeout(POLL_INTERVAL, head.changed()).await;
        }
    }

    /// Signs everything up to the log's head.
    ///
    /// # Errors
    /// At the first fault.
    pub async fn catch_up(&self) -> Result<(), SignError> {
        let mut growth = self.resume().await?;
        while self.sign_next(&mut growth).await? {}
        Ok(())
    }

    /// Continues after the newest head, if that extends the remembered head and the log still has
    /// the last signed event (INV-8).
    async fn resume(&self) -> Result<Growth, SignError> {
        let newest = self.tree.store().newest_head().await?;
        let kept = newest.as_ref().map_or(0, |newest| newest.size);
        let remembered = self.memory.newest();
        if let Some(signed) = remembered.as_ref().map(|it| it.head.size).filter(|it| *it > kept) {
            return Err(SignError::SetBack { signed, kept, memory: self.memory.place() });
        }
        let Some(newest) = newest else { return Ok(self.tree.growth(0).await?) };
        let signed = SignedHead::parse(&newest.note)?;
        let ours: Vec<VerifierKey> = self.keys.iter().map(SignerKey::verifier).collect();
        signed.verify(&ours)?;
        let growth = self.tree.growth(newest.size).await?;
        if growth.root() != signed.head.root {
            let reason =
                format!("the stored hashes of {} events differ from the signed head", newest.size);
            return Err(TreeStoreError::Damaged(reason).into());
        }
        if let Some(remembered) = remembered {
            self.goes_on_from(&remembered.head, &signed.head).await?;
        }
        still_has_signed(self.log.as_ref(), &self.tree, newest.size).await?;
        self.memory.keep(&signed).await?;
        Ok(growth)
    }

    /// Checks that the tree extends the remembered one. Another projector may have signed since.
    async fn goes_on_from(&self, old: &TreeHead, new: &TreeHead) -> Result<(), SignError> {
        let proof = self.tree.at(new.size).prove_consistency(old.size).await?;
        if extends((old.size, &old.root), (new.size, &new.root), &proof) {
            return Ok(());
        }
        let (size, memory) = (old.size, self.memory.place());
        let reason = format!("the first {size} signed events differ from the head in {memory}");
        Err(SignError::Diverged(reason))
    }

    /// Signs one more head; `false` when there are no new events.
    async fn sign_next(&self, growth: &mut Growth) -> Result<bool, SignError> {
        let from = growth.size();
        while growth.size() - from < EVENTS_PER_HEAD_MAX {
            let events = self.log.read_all(Position(growth.size()), READ_LIMIT).await?;
            if events.is_empty() {
                break;
            }
            for recorded in events {
                growth.push(leaf_hash(&recorded.leaf()));
            }
        }
        if growth.size() == from {
            return Ok(false);
        }
        let origin = self.keys.first().ok_or(SignError::NoKey)?.verifier().name().clone();
        let at = Timestamp::now();
        let head = TreeHead { origin, size: growth.size(), root: growth.root(), at };
        let signed = head.sign(&self.keys);
        self.tree.store().advance(from, growth.take_tiles(), &signed.kept()).await?;
        self.memory.keep(&signed).await?;
        Ok(true)
    }
}
