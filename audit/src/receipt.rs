//! Receipts: [proofs](https://c2sp.org/tlog-proof) that an event is in the log. They contain the
//! event.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use domain::record::InvalidLeaf;
use domain::{Digest, Recorded};
use event_store::TreeStoreError;

use crate::head::{InvalidHead, SignedHead};
use crate::key::{KeyId, VerifierKey};
use crate::merkle::includes;
use crate::tree::Tree;

/// The first line of a receipt.
const FORMAT: &str = "c2sp.org/tlog-proof@v1";
const EXTRA: &str = "extra ";
const INDEX: &str = "index ";
/// Hashes of a path: more than the levels of any tree.
pub(crate) const PATH_MAX: usize = 64;
/// Bytes of a receipt. An event has at most 2 MiB.
pub const RECEIPT_BYTES_MAX: usize = 8 << 20;

/// An event, and the proof that a signed tree head covers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The event's leaf in the tree.
    pub leaf: Vec<u8>,
    /// The leaf's index, from 0: one less than the event's position.
    pub index: u64,
    /// Hashes from the leaf's sibling to the root's child.
    pub path: Vec<Digest>,
    /// The head that covers the event.
    pub head: SignedHead,
}

/// The result of checking a receipt.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// The event that is proved.
    pub recorded: Recorded,
    /// The key that signed the head.
    pub signed_by: KeyId,
}

/// The receipt proves nothing.
#[derive(Debug, thiserror::Error)]
pub enum InvalidReceipt {
    /// The text does not have the form of a receipt.
    #[error("not a receipt: {0}")]
    Form(&'static str),
    /// The receipt's head is not validly signed by a known key.
    #[error("the receipt's tree head cannot be trusted")]
    Head(#[from] InvalidHead),
    /// The proof does not show that the event is at its position.
    #[error(
        "the receipt does not prove that the event is at position {position} of the signed tree"
    )]
    NotIncluded {
        /// The event's position according to the receipt.
        position: u64,
    },
    /// The event is in the tree, but this version of Assay cannot read it.
    #[error("the event is in the log but cannot be read")]
    Leaf(#[from] InvalidLeaf),
}

impl Receipt {
    /// Makes the receipt of an event; `None` while no head covers it.
    ///
    /// # Errors
    /// When the tree or its newest head cannot be read.
    pub async fn of(tree: &Tree, recorded: &Recorded) -> Result<Option<Self>, ReceiptError> {
        let Some(newest) = tree.store().newest_head().await? else { return Ok(None) };
        let head = SignedHead::parse(&newest.note)?;
        let index = recorded.position.0 - 1;
        if index >= newest.size {
            return Ok(None);
        }
        let path = tree.at(newest.size).prove_inclusion(index).await?;
        Ok(Some(Self { leaf: recorded.leaf(), index, path, head }))
    }

    /// Checks the receipt with these keys alone.
    ///
    /// # Errors
    /// When the receipt proves nothing.
    pub fn check(&self, keys: &[VerifierKey]) -> Result<Checked, InvalidReceipt> {
        let signed_by = self.head.verify(keys)?;
        let (size, root) = (self.head.head.size, self.head.head.root);
        let position = self.index + 1;
        if !includes(&self.leaf, self.index, &self.path, size, &root) {
            return Err(InvalidReceipt::NotIncluded { position });
        }
        let recorded = Recorded::of_leaf(&self.leaf)?;
        if recorded.position.0 != position {
            return Err(InvalidReceipt::NotIncluded { position });
        }
        Ok(Checked { recorded, signed_by })
    }

    /// The receipt as text.
    pub fn to_text(&self) -> String {
        let leaf = BASE64_STANDARD.encode(&self.leaf);
        let hash_line = |hash: &Digest| format!("{}\n", BASE64_STANDARD.encode(hash.as_bytes()));
        let path: String = self.path.iter().map(hash_line).collect();
        let (index, note) = (self.index, self.head.note());
        format!("{FORMAT}\n{EXTRA}{leaf}\n{INDEX}{index}\n{path}\n{note}")
    }

    /// Parses a receipt without checking it.
    ///
    /// # Errors
    /// When the text does not have the form of a receipt.
    pub fn parse(text: &str) -> Result<Self, InvalidReceipt> {
        let malformed = InvalidReceipt::Form;
        if text.len() > RECEIPT_BYTES_MAX {
            return Err(malformed("it is too long"));
        }
        let (proof, note) = text.split_once("\n\n").ok_or(malformed("it has no tree head"))?;
        let mut lines = proof.lines();
        if lines.next() != Some(FORMAT) {
            return Err(malformed("its first line is not c2sp.org/tlog-proof@v1"));
        }
        let leaf = lines.next().and_then(|line| line.strip_prefix(EXTRA));
        let leaf = leaf.and_then(|leaf| BASE64_STANDARD.decode(leaf).ok());
        let index = lines.next().and_then(|line| line.strip_prefix(INDEX));
        let index = index.and_then(|index| index.parse().ok());
        let path = lines.map(|line| {
            let hash = BASE64_STANDARD.decode(line).ok();
            let hash = hash.and_then(|hash| <[u8; 32]>::try_from(hash).ok());
            hash.map(Digest::from)
                .ok_or(malformed("its path has a line that is not a SHA-256 hash"))
        });
        let path = path.collect::<Result<Vec<_>, _>>()?;
        if path.len() > PATH_MAX {
            return Err(malformed("its path is too long"));
        }
        Ok(Self {
            leaf: leaf.ok_or(malformed("its event is missing"))?,
            index: index
                .filter(|index| *index < u64::MAX)
                .ok_or(malformed("its index is missing"))?,
            path,
            head: SignedHead::parse(note)?,
        })
    }
}

/// A receipt could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptError {
    /// The tree could not be read.
    #[error("the tree cannot be read")]
    Tree(#[from] TreeStoreError),
    /// The stored head is malformed.
    #[error("the newest head cannot be read")]
    Head(#[from] InvalidHead),
}
