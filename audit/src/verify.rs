//! Compares events with every head that was ever signed, and names the first position that is not as it was
//! (INV-14).

use std::collections::HashMap;
use std::iter::Peekable;

use domain::{Digest, Position, Recorded, StreamId, Version};
use event_store::{EventLog, KeptHead, ReadError, TILE_WIDTH, TileId, TreeStoreError};
use futures::{StreamExt, stream};
use serde::{Deserialize, Serialize};

use crate::head::SignedHead;
use crate::key::VerifierKey;
use crate::merkle::{Frontier, leaf_hash};
use crate::tree::Tree;

/// Events read at once.
const READ_LIMIT: u32 = 1_024;
/// Heads read at once.
const HEADS_LIMIT: u32 = 1_024;
/// Streams that are read at the same time.
const STREAMS_AT_ONCE: usize = 16;

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
        let (root, at) = (signed.head.root, signed.head.at);
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

/// Reads the whole log and compares it with every head that was ever signed: those of the tree, and those that somebody
/// `kept` elsewhere. Then compares what readers of single streams find.
///
/// # Errors
/// When a store does not answer. What is wrong with the log is in the report.
pub async fn verify(
    log: &dyn EventLog,
    tree: &Tree,
    keys: &[VerifierKey],
    kept: &[SignedHead],
    progress: impl Fn(Position),
) -> Result<Report, VerifyError> {
    let mut walk = Walk::new(keys);
    let archived_through = log.info().await.map_err(VerifyError::Log)?.archived_through;
    let mut streams = Streams { archived_through, ..Streams::default() };
    let broken = match walk_log(log, tree, kept, &mut walk, &mut streams, progress).await? {
        None => streams.first_unlike(log, walk.position()).await?,
        broken => broken,
    };
    Ok(walk.report(broken))
}

async fn walk_log(
    log: &dyn EventLog,
    tree: &Tree,
    given: &[SignedHead],
    walk: &mut Walk<'_>,
    streams: &mut Streams,
    progress: impl Fn(Position),
) -> Result<Option<Break>, VerifyError> {
    let mut heads = Heads::new(tree, given).await?;
    loop {
        let next = heads.next_size();
        let limit = next.unwrap_or(u64::MAX) - walk.position().0;
        let limit = u32::try_from(limit).unwrap_or(READ_LIMIT).min(READ_LIMIT);
        let events = match read(log, walk.position(), limit).await? {
            Ok(events) => events,
            Err(reason) => return Ok(Some(walk.missing(reason))),
        };
        if events.is_empty() {
            let Some(size) = next else { return Ok(None) };
            let end = walk.position();
            let reason = format!("the log ends at {end}, and a head of {size} events was signed");
            return Ok(Some(walk.missing(reason)));
        }
        let kept = kept_hashes(tree, &events, &heads).await?;
        for (recorded, kept) in events.iter().zip(kept) {
            walk.event(&recorded.leaf(), kept);
            streams.follow(recorded);
        }
        progress(walk.position());
        while let Some(head) = heads.take_through(walk.position(), tree).await? {
            if let Err(broken) = walk.head(&head) {
                return Ok(Some(broken));
            }
        }
    }
}

/// Where each stream's last event stands. Decisions are made on what a stream holds, which stores find by an index of
/// their own.
#[derive(Debug, Default)]
struct Streams {
    last: HashMap<StreamId, (Version, Position)>,
    /// The last archived event of each stream that goes on behind the archive, for which there may be another index.
    archived: Vec<(StreamId, Version, Position)>,
    archived_through: Position,
    /// The first event that does not follow the one before it in its stream.
    broken: Option<Break>,
}

impl Streams {
    fn follow(&mut self, recorded: &Recorded) {
        let Recorded { stream, version, position, .. } = recorded;
        let before = self.last.insert(stream.clone(), (*version, *position));
        if let Some((version, at)) = before
            && at <= self.archived_through
            && *position > self.archived_through
        {
            self.archived.push((stream.clone(), version, at));
        }
        let expected = Version(before.map_or(0, |(version, _)| version.0) + 1);
        if *version != expected && self.broken.is_none() {
            let reason =
                format!("it is version {version} of {stream}, where {expected} should stand");
            self.broken = Some(Break { position: *position, through: *position, reason });
        }
    }

    /// The first stream of which its readers find something else than the log holds up to `end`.
    async fn first_unlike(
        self,
        log: &dyn EventLog,
        end: Position,
    ) -> Result<Option<Break>, VerifyError> {
        if self.broken.is_some() {
            return Ok(self.broken);
        }
        let archived =
            self.archived.into_iter().map(|(stream, version, at)| (stream, version, at, 1));
        // Of the last ones also that nothing follows.
        let last = self.last.into_iter().map(|(stream, (version, at))| (stream, version, at, 2));
        let mut looks: Vec<_> = archived.chain(last).collect();
        // Neighbours are in the same segment of the archive.
        looks.sort_unstable_by_key(|(_, _, position, _)| *position);
        let found = stream::iter(looks).map(|(stream, version, position, limit)| async move {
            let found = log.read_stream(&stream, version, limit).await;
            unlike(&stream, version, position, end, found)
        });
        let mut found = found.buffered(STREAMS_AT_ONCE);
        while let Some(found) = found.next().await {
            if let Some(broken) = found? {
                return Ok(Some(broken));
            }
        }
        Ok(None)
    }
}

/// What is wrong with what readers find from a stream's last version on, if anything is.
fn unlike(
    stream: &StreamId,
    version: Version,
    position: Position,
    end: Position,
    found: Result<Vec<Recorded>, ReadError>,
) -> Result<Option<Break>, VerifyError> {
    let reason = match found {
        Err(error @ ReadError::Unavailable(_)) => return Err(VerifyError::Log(error)),
        Err(error) => format!("readers of {stream} do not find it: {}", told(&error)),
        Ok(found) => match found.as_slice() {
            [last] if last.position == position => return Ok(None),
            // Appended since.
            [last, next] if last.position == position && next.position > end => return Ok(None),
            [] => format!("readers of {stream} do not find it: it is version {version}"),
            _ => format!("readers of {stream} find other events than the log holds"),
        },
    };
    Ok(Some(Break { position, through: position, reason }))
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
        if heads.stored.is_none() {
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

/// Signed heads, the smallest first: those of the tree, and those that were given.
struct Heads {
    stored: Option<KeptHead>,
    page: std::vec::IntoIter<KeptHead>,
    given: Peekable<std::vec::IntoIter<KeptHead>>,
}

impl Heads {
    async fn new(tree: &Tree, given: &[SignedHead]) -> Result<Self, TreeStoreError> {
        let given = sorted(given).into_iter().peekable();
        let mut heads = Self { stored: None, page: vec![].into_iter(), given };
        heads.read_stored(tree, 0).await?;
        Ok(heads)
    }

    fn next_size(&mut self) -> Option<u64> {
        let (stored, given) = (self.stored.as_ref(), self.given.peek());
        stored.into_iter().chain(given).map(|head| head.size).min()
    }

    /// The next head, if it covers no more than this.
    async fn take_through(
        &mut self,
        position: Position,
        tree: &Tree,
    ) -> Result<Option<KeptHead>, TreeStoreError> {
        if let Some(head) = self.stored.take_if(|head| head.size <= position.0) {
            self.read_stored(tree, head.size).await?;
            return Ok(Some(head));
        }
        Ok(self.given.next_if(|head| head.size <= position.0))
    }

    async fn read_stored(&mut self, tree: &Tree, after: u64) -> Result<(), TreeStoreError> {
        if self.page.len() == 0 {
            self.page = tree.store().heads(after, HEADS_LIMIT).await?.into_iter();
        }
        self.stored = self.page.next();
        Ok(())
    }
}

/// Heads that somebody kept, the smallest first. One of no events says nothing.
pub(crate) fn sorted(given: &[SignedHead]) -> Vec<KeptHead> {
    let mut heads: Vec<_> =
        given.iter().filter(|it| it.head.size > 0).map(SignedHead::kept).collect();
    heads.sort_by_key(|head| head.size);
    heads
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
