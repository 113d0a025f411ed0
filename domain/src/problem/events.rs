//! The event of a problem.

use serde::{Deserialize, Serialize};

use super::content::RevisionContent;
use crate::Digest;

/// A problem has a new revision; the first one creates the problem.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProblemRevised {
    /// The revision's number, from 1.
    pub revision: u32,
    /// Digest of `content`, as computed when it was written.
    pub digest: Digest,
    /// The revision's content.
    pub content: RevisionContent,
}
