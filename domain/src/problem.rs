//! A problem and its immutable revisions.

pub mod bounds;
mod content;
pub mod diff;
mod events;
pub(crate) mod first_schema;
mod flaws;
mod judging;
mod limits;
mod test;

use std::sync::Arc;

use crate::Event;
use crate::aggregate::Aggregate;

pub use content::{Attachment, Difficulty, ProblemLanguage, RevisionContent, Sample, Translation};
pub use events::ProblemRevised;
pub use flaws::Flaw;
pub use judging::{Checker, Include, PackagedProgram, Protocol, Validation, ValidationLimits};
pub use limits::{Derivation, Limits, TimeLimitOrigin};
pub use test::{BlobRef, ProgramFile, Test};

/// The command to create a new revision.
#[derive(Debug, Clone, PartialEq)]
pub struct ReviseProblem {
    /// The revision that the change is based on, 0 for a new problem; `None` skips the check.
    pub expected: Option<u32>,
    /// The content of the new revision.
    pub content: RevisionContent,
}

/// Why a problem refused a command.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum ProblemRejection {
    /// The problem is not at the expected revision.
    #[error("the problem is at revision {actual}, not {expected}")]
    RevisionMismatch {
        /// The revision that the command expected.
        expected: u32,
        /// The problem's newest revision.
        actual: u32,
    },
    /// The content is invalid.
    #[error("the revision is invalid")]
    Flawed(Vec<Flaw>),
}

/// A problem's state: its newest revision.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Problem {
    /// The newest revision; `None` before the first.
    pub current: Option<Arc<ProblemRevised>>,
}

impl Aggregate for Problem {
    type Command = ReviseProblem;
    type Rejection = ProblemRejection;

    fn decide(&self, command: ReviseProblem) -> Result<Vec<Event>, ProblemRejection> {
        let actual = self.current.as_ref().map_or(0, |current| current.revision);
        if let Some(expected) = command.expected
            && expected != actual
        {
            return Err(ProblemRejection::RevisionMismatch { expected, actual });
        }
        let flaws = command.content.flaws();
        if !flaws.is_empty() {
            return Err(ProblemRejection::Flawed(flaws));
        }
        let digest = command.content.digest();
        if self.current.as_ref().is_some_and(|current| current.digest == digest) {
            return Ok(vec![]);
        }
        let revised = ProblemRevised { revision: actual + 1, digest, content: command.content };
        Ok(vec![revised.into()])
    }

    fn evolve(&mut self, event: &Event) {
        if let Event::ProblemRevised(revised) = event {
            self.current = Some(Arc::new(revised.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Digest;

    fn content(title: &str) -> RevisionContent {
        let blob = BlobRef { digest: Digest::of(b""), bytes: 0 };
        RevisionContent {
            title: title.to_owned(),
            statement: "Add.".to_owned(),
            tests: vec![Test::new("secret/1", blob, blob)],
            ..RevisionContent::default()
        }
    }

    fn revise(problem: &mut Problem, title: &str) -> usize {
        let command = ReviseProblem { expected: None, content: content(title) };
        let events = problem.decide(command).unwrap();
        events.iter().for_each(|event| problem.evolve(event));
        events.len()
    }

    #[test]
    fn the_same_content_again_is_no_revision() {
        let mut problem = Problem::default();
        assert_eq!(revise(&mut problem, "A"), 1);
        assert_eq!(revise(&mut problem, "A"), 0);
        assert_eq!(revise(&mut problem, "B"), 1);
        assert_eq!(problem.current.unwrap().revision, 2);
    }

    #[test]
    fn a_stale_revision_is_rejected_with_the_current_number() {
        let mut problem = Problem::default();
        revise(&mut problem, "A");
        let stale = ReviseProblem { expected: Some(0), content: content("B") };
        let rejection = ProblemRejection::RevisionMismatch { expected: 0, actual: 1 };
        assert_eq!(problem.decide(stale), Err(rejection));
    }

    #[test]
    fn every_flaw_is_named_at_once() {
        let mut flawed = content("");
        flawed.tests.clear();
        flawed.limits.time_ms = 0;
        let fields: Vec<_> = flawed.flaws().into_iter().map(|flaw| flaw.field).collect();
        assert_eq!(fields, ["title", "tests", "limits.timeMs"]);
    }
}
