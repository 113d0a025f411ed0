//! Follows the log, and signs a head of its tree after each growth (INV-14).

use std::sync::Arc;
use std::time::Duration;

use domain::Position;
use event_store::{EventLog, ReadError, TreeStoreError};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::head::{InvalidHead, SignedHead, TreeHead};
use crate::key::{SignerKey, VerifierKey};
use crate::memory::{Memory, MemoryError};
use crate::merkle::{extends, leaf_hash};
use crate::tree::{Growth, Tree};

/// Events read from the log at once.
const READ_LIMIT: u32 = 1_024;
/// Events between two heads at most.
const EVENTS_PER_HEAD_MAX: u64 = 65_536;
/// How long to wait between two heads at least: what is appended is covered within a second.
const HEAD_INTERVAL: Duration = Duration::from_millis(500);
/// How long to wait for a wake-up before looking all the same: another process may have appended.
const IDLE_LOOK: Duration = Duration::from_secs(1);
/// The first wait after a passing fault, and the longest.
const RETRY_DELAY: Duration = Duration::from_millis(100);
const RETRY_DELAY_MAX: Duration = Duration::from_secs(5);

/// Signs what the log holds.
#[derive(Debug)]
pub struct Signer {
    log: Arc<dyn EventLog>,
    tree: Tree,
    /// The newest first.
    keys: Vec<SignerKey>,
    memory: Memory,
}

/// Nothing can be signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The log could not be read.
    #[error("signing failed at the log")]
    Log(#[from] ReadError),
    /// The tree could not be read or written.
    #[error("signing failed at the tree")]
    Tree(#[from] TreeStoreError),
    /// The newest head is not ours.
    #[error(
        "the newest tree head was not signed by a key that is here; put its key back into the file"
    )]
    Head(#[from] InvalidHead),
    /// The log is not the one that was signed. Nothing is signed any more.
    #[error("the log has diverged from what was signed: {0}; run: assay audit verify")]
    Diverged(String),
    /// The tree ends before what was seen signed. Nothing is signed in the place of what is gone.
    #[error(
        "the tree's store has lost signed heads: {signed} events were signed, as {memory} remembers, and it ends at \
         {kept}; put the store back, or, if it is meant to be another, move {memory} away: docs/operations.md, \"A tree \
         that was set back\""
    )]
    SetBack {
        /// Events that the remembered head covers.
        signed: u64,
        /// Events that the newest kept head covers.
        kept: u64,
        /// Where it is remembered.
        memory: String,
    },
    /// What was signed cannot be remembered.
    #[error("signing failed at remembering what was signed")]
    Memory(#[from] MemoryError),
    /// There is no key to sign with.
    #[error("there is no key to sign with")]
    NoKey,
}

impl SignError {
    fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Log(ReadError::Unavailable(_))
                | Self::Tree(TreeStoreError::Unavailable(_) | TreeStoreError::Superseded { .. })
                | Self::Memory(_)
                // The store may be put back, and a server that was cut off may know less than there is.
                | Self::SetBack { .. }
        )
    }
}

/// Refuses a log that has not the last event that was signed of it (INV-8). Whether it is all as it was signed is for
/// [`verify`](crate::verify) to say.
///
/// # Errors
/// [`SignError::Diverged`], or when log or tree do not answer.
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
        Some(_) => Err(SignError::Diverged(format!("another event stands at {last}"))),
        None => {
            let head = log.info().await?.head;
            Err(SignError::Diverged(format!("it ends at {head}, {last} were signed")))
        }
    }
}

impl Signer {
    /// A signer with these keys, the newest first, that remembers what it signs as long as it lives.
    pub fn new(log: Arc<dyn EventLog>, tree: Tree, keys: Vec<SignerKey>) -> Self {
        Self { log, tree, keys, memory: Memory::default() }
    }

    /// It remembers in this place instead.
    #[must_use]
    pub fn remembering(self, memory: Memory) -> Self {
        Self { memory, ..self }
    }

    /// Signs what is appended, until cancelled or a lasting fault, which is logged: then nothing more is covered, and
    /// `system` shows it. Once cancelled, it signs what was appended until then.
    pub async fn run(self, cancelled: CancellationToken) {
        if cancelled.run_until_cancelled(self.supervise()).await.is_some() {
            return;
        }
        if let Err(error) = self.catch_up().await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "the last events before the shutdown are not signed yet");
        }
    }

    async fn supervise(&self) {
        let mut delay = RETRY_DELAY;
        loop {
            let Err(error) = self.follow(&mut delay).await;
            if !error.is_passing() {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "nothing more is signed");
                return;
            }
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                ?delay,
                "signing is kept back"
            );
            tokio::time::sleep(delay).await;
            delay = (delay * 2).min(RETRY_DELAY_MAX);
        }
    }

    async fn follow(&self, delay: &mut Duration) -> Result<std::convert::Infallible, SignError> {
        let mut head = self.log.head();
        let mut growth = self.resume().await?;
        loop {
            head.mark_unchanged();
            while self.sign_next(&mut growth).await? {
                *delay = RETRY_DELAY;
                tokio::time::sleep(HEAD_INTERVAL).await;
            }
            // A time-out and a closed channel are both a reason to look again.
            let _ = tokio::time::timeout(IDLE_LOOK, head.changed()).await;
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

    /// Takes up after the newest head, if it goes on from what is remembered and the log still bears it out (INV-8).
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
                format!("the kept hashes of {} events are not those that were signed", newest.size);
            return Err(TreeStoreError::Damaged(reason).into());
        }
        if let Some(remembered) = remembered {
            self.goes_on_from(&remembered.head, &signed.head).await?;
        }
        still_has_signed(self.log.as_ref(), &self.tree, newest.size).await?;
        self.memory.keep(&signed).await?;
        Ok(growth)
    }

    /// Somebody else may have signed since; the tree must begin with what is remembered all the same.
    async fn goes_on_from(&self, old: &TreeHead, new: &TreeHead) -> Result<(), SignError> {
        let proof = self.tree.at(new.size).prove_consistency(old.size).await?;
        if extends((old.size, &old.root), (new.size, &new.root), &proof) {
            return Ok(());
        }
        let (size, memory) = (old.size, self.memory.place());
        let reason =
            format!("the first {size} signed events are not those that {memory} remembers");
        Err(SignError::Diverged(reason))
    }

    /// Signs one more head; `false` when there is nothing to cover.
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
