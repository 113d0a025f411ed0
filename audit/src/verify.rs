//! Compares events with every head that was ever signed, and names the first position that is not as it was
//! (INV-14).

use domain::{Digest, Position, Recorded};
use event_store::{EventLog, KeptHead, ReadError, TILE_WIDTH, TileId, TreeStoreError};
use serde::{Deserialize, Serialize};

use crate::head::SignedHead;
use crate::key::VerifierKey;
use crate::merkle::{Frontier, leaf_hash};
use crate::tree::Tree;

/// Events read at once.
const READ_LIMIT: u32 = 1_024;
/// Heads read at once.
const HEADS_LIMIT: u32 = 1_024;

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Events that were read and found to be as they were signed.
    pub verified: u64,
    /// Signed heads that they bear out.
    pub heads: u64,
    /// Events after the last head, which nothing vouches for yet.
    pub not_covered: u64,
    /// The root hash of what was verified.
    pub root: Digest,
    /// What is wrong first, if anything is.
    pub broken: Option<Break>,
}

/// Where a log is not what was signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Break {
    /// The first position that is not as it was.
    pub position: Position,
    /// The last position that may be it, where no single one can be told: the kept hashes do not agree with the signed
    /// head either.
    pub through: Position,
    /// What is wrong.
    pub reason: String,
}

/// A verification could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The log does not answer.
    #[error("verifying failed at the log")]
    Log(#[source] ReadError),
    /// The tree does not answer.
    #[error("verifying failed at the tree")]
    Tree(#[from] TreeStoreError),
}

/// Goes over events and heads in order.
#[derive(Debug)]
pub(crate) struct Walk<'a> {
    keys: &'a [VerifierKey],
    /// Over what is read, and over what is kept beside it.
    events: Frontier,
    kept: Frontier,
    /// The first event since the last head whose hash is not the kept one.
    differs_at: Option<Position>,
    verified: u64,
    heads: u64,
    root: Digest,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(keys: &'a [VerifierKey]) -> Self {
        let (events, kept) = (Frontier::default(), Frontier::default());
        let root = events.root();
        Self { keys, events, kept, differs_at: None, verified: 0, heads: 0, root }
    }

    /// The position of the last event.
    pub(crate) fn position(&self) -> Position {
        Position(self.events.size())
    }

    pub(crate) fn event(&mut self, leaf: &[u8], kept_hash: Option<Digest>) {
        let hash = leaf_hash(leaf);
        self.events.push(hash);
        self.kept.push(kept_hash.unwrap_or(hash));
        if kept_hash.is_some_and(|kept| kept != hash) {
            self.differs_at = self.differs_at.or(Some(self.position()));
        }
    }

    /// Compares with a head of as many events as there were.
    pub(crate) fn head(&mut self, kept: &KeptHead) -> Result<(), Break> {
        let (first, last) = (Position(self.verified + 1), self.position());
        let signed = SignedHead::parse(&kept.note);
        let signed = signed.and_then(|signed| signed.verify(self.keys).map(|_| signed));
        let signed = match signed {
            Ok(signed) if signed.head.size == kept.size => signed,
            Ok(signed) => {
                let reason = format!(
                    "the head that is kept for {} events is of {}",
                    kept.size, signed.head.size
                );
                return Err(Break { position: first, through: last, reason });
            }
            Err(error) => {
                return Err(Break { position: first, through: last, reason: error.to_string() });
            }
        };
        let root = signed.head.root;
        let at = signed.head.at;
        if self.events.root() == root {
            // The kept hashes are of no further use where they differ.
            self.kept = self.events.clone();
            self.differs_at = None;
            (self.verified, self.root) = (last.0, root);
            self.heads += 1;
            return Ok(());
        }
        match self.differs_at {
            Some(position) if self.kept.root() == root => {
                let reason = format!(
                    "another event was there when the head of {last} events was signed at {at}"
                );
                Err(Break { position, through: position, reason })
            }
            _ => {
                let reason = format!(
                    "events up to {last} are not those whose head was signed at {at}, and the kept hashes do not tell which"
                );
                Err(Break { position: first, through: last, reason })
            }
        }
    }

    /// What stands in place of the next event is none.
    pub(crate) fn missing(&self, reason: String) -> Break {
        // Should an earlier one differ, it comes first; no head has told yet.
        let next = self.position().next();
        match self.differs_at {
            Some(position) => {
                let reason = "it is not the event that was signed".to_owned();
                Break { position, through: position, reason }
            }
            None => Break { position: next, through: next, reason },
        }
    }

    pub(crate) fn report(self, broken: Option<Break>) -> Report {
        let not_covered = match broken {
            Some(_) => 0,
            None => self.events.size() - self.verified,
        };
        Report { verified: self.verified, heads: self.heads, not_covered, root: self.root, broken }
    }
}

/// Reads the whole log and compares it with every head that was ever signed.
///
/// # Errors
/// When a store does not answer. What is wrong with the log is in the report.
pub async fn verify(
    log: &dyn EventLog,
    tree: &Tree,
    keys: &[VerifierKey],
    progress: impl Fn(Position),
) -> Result<Report, VerifyError> {
    let mut walk = Walk::new(keys);
    let mut heads = Heads::new(tree).await?;
    loop {
        let limit = heads.next.as_ref().map_or(u64::MAX, |head| head.size) - walk.position().0;
        let limit = u32::try_from(limit).unwrap_or(READ_LIMIT).min(READ_LIMIT);
        let events = match read(log, walk.position(), limit).await? {
            Ok(events) => events,
            Err(reason) => {
                let broken = walk.missing(reason);
                return Ok(walk.report(Some(broken)));
            }
        };
        if events.is_empty() {
            let Some(head) = heads.next else { return Ok(walk.report(None)) };
            let (end, size, at) = (walk.position(), head.size, head.at);
            let reason =
                format!("the log ends at {end}, and a head of {size} events was signed at {at}");
            let broken = walk.missing(reason);
            return Ok(walk.report(Some(broken)));
        }
        let kept = kept_hashes(tree, &events, &heads).await?;
        for (recorded, kept) in events.iter().zip(kept) {
            walk.event(&recorded.leaf(), kept);
        }
        progress(walk.position());
        while let Some(head) = heads.next.take_if(|head| head.size <= walk.position().0) {
            if let Err(broken) = walk.head(&head) {
                return Ok(walk.report(Some(broken)));
            }
            heads.advance(tree, head.size).await?;
        }
    }
}

/// The hashes that are kept for events: none beyond the newest head.
async fn kept_hashes(
    tree: &Tree,
    events: &[Recorded],
    heads: &Heads,
) -> Result<Vec<Option<Digest>>, VerifyError> {
    let mut kept = Vec::with_capacity(events.len());
    let mut tile: Option<(u64, Vec<Digest>)> = None;
    for recorded in events {
        let index = recorded.position.0 - 1;
        if heads.next.is_none() {
            kept.push(None);
            continue;
        }
        let number = index / TILE_WIDTH;
        if tile.as_ref().is_none_or(|(loaded, _)| *loaded != number) {
            let id = TileId { level: 0, index: number };
            // What is missing or damaged there is told by the next head.
            tile = Some((number, tree.whole_tile(id).await?));
        }
        let hash = tile.as_ref().and_then(|(_, hashes)| hashes.get((index % TILE_WIDTH) as usize));
        kept.push(hash.copied());
    }
    Ok(kept)
}

/// Signed heads, the smallest first.
struct Heads {
    next: Option<KeptHead>,
    read: std::vec::IntoIter<KeptHead>,
}

impl Heads {
    async fn new(tree: &Tree) -> Result<Self, TreeStoreError> {
        let mut heads = Self { next: None, read: vec![].into_iter() };
        heads.advance(tree, 0).await?;
        Ok(heads)
    }

    async fn advance(&mut self, tree: &Tree, after: u64) -> Result<(), TreeStoreError> {
        if self.read.len() == 0 {
            self.read = tree.store().heads(after, HEADS_LIMIT).await?.into_iter();
        }
        self.next = self.read.next();
        Ok(())
    }
}

/// The next events; or, where the very next one is not to be had, why.
async fn read(
    log: &dyn EventLog,
    after: Position,
    limit: u32,
) -> Result<Result<Vec<Recorded>, String>, VerifyError> {
    let mut limit = limit;
    loop {
        match log.read_all(after, limit).await {
            Ok(events) => return Ok(Ok(events)),
            Err(error @ ReadError::Unavailable(_)) => return Err(VerifyError::Log(error)),
            // Somewhere in what was asked for: what comes before it is good.
            Err(_) if limit > 1 => limit /= 2,
            Err(error) => return Ok(Err(told(&error))),
        }
    }
}

/// The error with its causes.
fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
