//! Compares events, while something else reads them, with what was signed of them.

use domain::{Digest, Position, Recorded};

use crate::head::SignedHead;
use crate::merkle::{Frontier, leaf_hash};
use crate::signer::SignError;
use crate::tree::Tree;

/// Events that are read in order, compared with the newest signed head.
#[derive(Debug)]
pub struct Unchanged {
    events: Frontier,
    /// The number of signed events, and the root hash over them.
    signed: (u64, Digest),
}

impl Unchanged {
    /// Begins before the first event.
    ///
    /// # Errors
    /// When the newest head cannot be read.
    pub async fn begin(tree: &Tree) -> Result<Self, SignError> {
        let events = Frontier::default();
        let newest = tree.store().newest_head().await?;
        let signed = match newest {
            None => (0, events.root()),
            Some(newest) => {
                let head = SignedHead::parse(&newest.note)?.head;
                (head.size, head.root)
            }
        };
        Ok(Self { events, signed })
    }

    /// Takes the next event.
    ///
    /// # Errors
    /// [`SignError::Diverged`] at the last signed event if one of the events was changed.
    pub fn take(&mut self, recorded: &Recorded) -> Result<(), SignError> {
        self.events.push(leaf_hash(&recorded.leaf()));
        let (size, root) = self.signed;
        if self.events.size() == size && self.events.root() != root {
            let reason = format!("one of the first {size} events was changed");
            return Err(SignError::Diverged(reason));
        }
        Ok(())
    }

    /// Ends after the last event.
    ///
    /// # Errors
    /// [`SignError::Diverged`] if signed events are missing.
    pub fn end(self) -> Result<(), SignError> {
        let (end, size) = (Position(self.events.size()), self.signed.0);
        if end.0 < size {
            let reason = format!("it ends at {end}, but {size} events were signed");
            return Err(SignError::Diverged(reason));
        }
        Ok(())
    }
}
