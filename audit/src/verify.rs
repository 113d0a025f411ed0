//! Compares events with every head that was ever signed, and names the first position that was
//! changed (INV-14).

use std::collections::HashMap;
use std::iter::Peekable;

use domain::{Digest, Position, Recorded, StreamId, Version};
use event_store::{EventLog, KeptHead, ReadError, TILE_WIDTH, TileId, TreeStoreError};
use futures::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use supervision::error_chain;

use crate::head::SignedHead;
use crate::key::VerifierKey;
use crate::merkle::{Frontier, leaf_hash};
use crate::tree::Tree;

/// Events read at once.
const READ_LIMIT: u32 = 1_024;
/// Heads read at once.
const HEADS_LIMIT: u32 = 1_024;
/// Streams read at the same time.
const STREAMS_AT_ONCE: usize = 16;

/// The result of a verification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Number of events that agree with a signed head.
    pub verified: u64,
    /// Number of signed heads that agree with the events.
    pub heads: u64,
    /// Number of events after the last head, which are not signed yet.
    pub not_covered: u64,
    /// The root hash over the verified events.
    pub root: Digest,
    /// The first thing that is wrong, if any.
    pub broken: Option<Break>,
}

/// Where a log differs from what was signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Break {
    /// The first position that may have been changed.
    pub position: Position,
    /// The last position that may have been changed first. It equals `position` unless the stored
    /// hashes do not agree with the signed head either.
    pub through: Position,
    /// What is wrong.
    pub reason: String,
}

/// A verification could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The log could not be read.
    #[error("verifying failed: the log cannot be read")]
    Log(#[source] ReadError),
    /// The tree could not be read.
    #[error("verifying failed: the tree cannot be read")]
    Tree(#[from] TreeStoreError),
}

/// Checks events and heads in order.
#[derive(Debug)]
pub(crate) struct Walk<'a> {
    keys: &'a [VerifierKey],
    /// The tree over the events that were read.
    events: Frontier,
    /// The tree over the stored hashes.
    kept: Frontier,
    /// The first event since the last head whose hash differs from the stored one.
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

    /// Compares the events so far with a head of the same size.
    pub(crate) fn head(&mut self, kept: &KeptHead) -> Result<(), Break> {
        let (first, last) = (Position(self.verified + 1), self.position());
        let signed = SignedHead::parse(&kept.note);
        let signed = signed.and_then(|signed| signed.verify(self.keys).map(|_| signed));
        let signed = match signed {
            Ok(signed) if signed.head.size == kept.size => signed,
            Ok(signed) => {
                let reason = format!(
                    "the head stored for {} events is signed for {}",
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
            // Drop stored hashes that differ from the events: the head agrees with the events.
            self.kept = self.events.clone();
            self.differs_at = None;
            (self.verified, self.root) = (last.0, root);
            self.heads += 1;
            return Ok(());
        }
        match self.differs_at {
            Some(position) if self.kept.root() == root => {
                let reason = format!(
                    "the event is not the one that the head of {last} events, signed at {at}, covers"
                );
                Err(Break { position, through: position, reason })
            }
            _ => {
                let reason = format!(
                    "events up to {last} differ from the head signed at {at}, and the stored hashes do not show which"
                );
                Err(Break { position: first, through: last, reason })
            }
        }
    }

    /// The break if the next event is missing or unreadable.
    pub(crate) fn missing(&self, reason: String) -> Break {
        // An earlier event that differs comes first. No head has reported it yet.
        let next = self.position().next();
        match self.differs_at {
            Some(position) => {
                let reason = "the event is not the one that was signed".to_owned();
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

/// Reads the whole log and compares it with every head that was ever signed: the tree's heads, and
/// those in `kept`, which were kept elsewhere. Then checks that reading single streams finds the
/// same events.
///
/// # Errors
/// When a store does not answer. The report says what is wrong with the log.
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
            let reason = format!("the log ends at {end}, but a head of {size} events was signed");
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

/// The position of each stream's last event. Decisions depend on the events of one stream, which
/// the stores find with a separate index, so that index must be checked too.
#[derive(Debug, Default)]
struct Streams {
    last: HashMap<StreamId, (Version, Position)>,
    /// The last archived event of each stream that continues after the archive. The archive may use
    /// a separate index.
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
            let reason = format!("the event is version {version} of {stream}; expected {expected}");
            self.broken = Some(Break { position: *position, through: *position, reason });
        }
    }

    /// The first stream that, when read by itself, differs from the log up to `end`.
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
        // After a stream's last event there must be no other, so read two.
        let last = self.last.into_iter().map(|(stream, (version, at))| (stream, version, at, 2));
        let mut looks: Vec<_> = archived.chain(last).collect();
        // In order of position, so that each segment of the archive is read once.
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

/// Compares what was read from a stream, from this version on, with the log.
fn unlike(
    stream: &StreamId,
    version: Version,
    position: Position,
    end: Position,
    found: Result<Vec<Recorded>, ReadError>,
) -> Result<Option<Break>, VerifyError> {
    let reason = match found {
        Err(error @ ReadError::Unavailable(_)) => return Err(VerifyError::Log(error)),
        Err(error) => format!("reading the stream {stream} fails: {}", error_chain(&error)),
        Ok(found) => match found.as_slice() {
            [last] if last.position == position => return Ok(None),
            // The second event was appended since.
            [last, next] if last.position == position && next.position > end => return Ok(None),
            [] => format!("reading the stream {stream} does not find version {version}"),
            _ => format!("reading the stream {stream} finds other events than the log has"),
        },
    };
    Ok(Some(Break { position, through: position, reason }))
}

/// The stored hashes of events; `None` after the newest head.
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
            // If the tile is missing or damaged, the next head shows it.
            tile = Some((number, tree.whole_tile(id).await?));
        }
        let hash = tile.as_ref().and_then(|(_, hashes)| hashes.get((index % TILE_WIDTH) as usize));
        kept.push(hash.copied());
    }
    Ok(kept)
}

/// Signed heads in order of size: the tree's heads, and those that were given.
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

    /// The next head, if it covers no event after this position.
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

/// Heads that were kept elsewhere, in order of size. Heads of no events are left out.
pub(crate) fn sorted(given: &[SignedHead]) -> Vec<KeptHead> {
    let mut heads: Vec<_> =
        given.iter().filter(|it| it.head.size > 0).map(SignedHead::kept).collect();
    heads.sort_by_key(|head| head.size);
    heads
}

/// The next events; or, if the very next one cannot be read, the reason.
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
            // One of these events cannot be read. Read the ones before it.
            Err(_) if limit > 1 => limit /= 2,
            Err(error) => return Ok(Err(error_chain(&error))),
        }
    }
}
