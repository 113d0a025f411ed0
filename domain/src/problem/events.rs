//! The events of a problem.

use serde::{Deserialize, Serialize};

use super::content::RevisionContent;
use super::visibility::{TextRule, Visibility};
use crate::{Digest, Login};

/// A problem has a new revision; the first one creates the problem.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProblemRevised {
    /// The revision's number, from 1.
    pub revision: u32,
    /// Digest of `content`, as computed when it was written.
    pub digest: Digest,
    /// The revision's content.
    pub content: RevisionContent,
    /// The problem's visibility from this event on; `None` leaves it as it is. In the first
    /// revision, so that no reader ever sees a new draft as a public problem.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visibility: Option<Visibility>,
}

/// Other accounts may see the problem from now on, or no longer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProblemVisibilityChanged {
    /// The visibility from now on.
    pub visibility: Visibility,
}

/// The problem was archived: it is not listed, and is closed to new submissions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProblemArchived {}

/// The problem is no longer archived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProblemRestored {}

/// The problem has another owner. The previous one no longer works on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProblemTransferred {
    /// The owner from now on.
    pub owner: Login,
}

/// One more account works on the problem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CollaboratorAdded {
    /// The account that was added.
    pub login: Login,
}

/// An account no longer works on the problem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CollaboratorRemoved {
    /// The account that was removed.
    pub login: Login,
}

/// Editorial and hints are shown by other rules from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProblemTextRulesChanged {
    /// When the editorial is shown.
    pub editorial: TextRule,
    /// When the hints are shown.
    pub hints: TextRule,
}
