//! Every signed head of the tree over the log, one per line. The tree's hashes are derived from the
//! events.

use std::sync::Arc;

use audit::merkle::leaf_hash;
use audit::{Growth, SignedHead};
use domain::{Digest, Position, Recorded};
use event_store::{KeptHead, TreeStore};

use super::{Backup, FilePart};
use crate::{Exit, Failure};

const NAME: &str = "tree-heads.jsonl";
/// Heads read at once.
const READ_LIMIT: u32 = 1_024;

/// The signed heads of a log up to a position.
#[derive(Debug, Default)]
pub(crate) struct TreePart {
    heads: Vec<KeptHead>,
}

impl TreePart {
    /// Collects the heads that cover only copied events.
    pub(crate) async fn collect(tree: &dyn TreeStore, head: Position) -> Result<Self, Failure> {
        let mut heads: Vec<KeptHead> = Vec::new();
        loop {
            let after = heads.last().map_or(0, |head| head.size);
            let page = tree.heads(after, READ_LIMIT).await;
            let page =
                page.map_err(|error| Failure::of(Exit::Network, "reading the tree", &error))?;
            let count = page.len();
            heads.extend(page.into_iter().take_while(|kept| kept.size <= head.0));
            if count < READ_LIMIT as usize || heads.last().is_none_or(|last| last.size == after) {
                return Ok(Self { heads });
            }
        }
    }

    /// Writes the heads into a backup; `None` if there are none.
    pub(crate) fn write(&self, backup: &Backup) -> Result<Option<FilePart>, Failure> {
        if self.heads.is_empty() {
            return Ok(None);
        }
        let lines = self.heads.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>();
        let text = lines.expect("a head is text and numbers").join("\n") + "\n";
        backup.write(NAME, text.as_bytes())?;
        let digest = Digest::of(text.as_bytes());
        Ok(Some(FilePart { name: NAME.to_owned(), digest, lines: self.heads.len() as u64 }))
    }

    /// Reads the heads of a backup.
    pub(crate) fn read(backup: &Backup, part: Option<&FilePart>) -> Result<Self, Failure> {
        let Some(part) = part else { return Ok(Self::default()) };
        let text = backup.read(part)?;
        let heads = text.lines().map(serde_json::from_str).collect::<Result<Vec<_>, _>>();
        let heads =
            heads.map_err(|error| Failure::of(Exit::Usage, "reading tree heads", &error))?;
        Ok(Self { heads })
    }

    /// A tree to rebuild along these heads, from the first event on. It is stored if a store is
    /// given.
    pub(crate) fn grow(self, store: Option<Arc<dyn TreeStore>>) -> GrowingTree {
        let heads = self.heads.into_iter().peekable();
        GrowingTree { store, growth: Growth::default(), kept: 0, heads }
    }
}

/// A tree that is being rebuilt.
pub(crate) struct GrowingTree {
    store: Option<Arc<dyn TreeStore>>,
    growth: Growth,
    /// Number of events that the last head covers.
    kept: u64,
    heads: std::iter::Peekable<std::vec::IntoIter<KeptHead>>,
}

impl GrowingTree {
    /// Adds an event. If a head was signed here, its root must match.
    pub(crate) async fn push(&mut self, recorded: &Recorded) -> Result<(), Failure> {
        self.growth.push(leaf_hash(&recorded.leaf()));
        let Some(head) = self.heads.next_if(|head| head.size <= self.growth.size()) else {
            return Ok(());
        };
        let signed = SignedHead::parse(&head.note)
            .map_err(|error| Failure::of(Exit::Usage, "reading tree heads", &error))?;
        if (signed.head.size, signed.head.root) != (self.growth.size(), self.growth.root()) {
            let position = recorded.position;
            let message = format!(
                "the backup's events up to position {position} do not match the signed head"
            );
            return Err(Failure::new(Exit::Usage, message));
        }
        let tiles = self.growth.take_tiles();
        if let Some(store) = &self.store {
            let kept = store.advance(self.kept, tiles, &head).await;
            kept.map_err(|error| Failure::of(Exit::Network, "restoring the tree", &error))?;
        }
        self.kept = head.size;
        Ok(())
    }

    /// Fails if a head was not reached.
    pub(crate) fn finish(mut self) -> Result<(), Failure> {
        match self.heads.next() {
            None => Ok(()),
            Some(head) => {
                let (size, end) = (head.size, self.growth.size());
                let message =
                    format!("the backup ends at {end} but has a signed head of {size} events");
                Err(Failure::new(Exit::Usage, message))
            }
        }
    }
}
