//! A problem, its immutable revisions, and who may see and change it.

mod access;
pub mod bounds;
mod content;
pub mod diff;
mod events;
pub(crate) mod first_schema;
mod flaws;
mod judging;
mod limits;
mod test;
mod visibility;

use std::sync::Arc;

use crate::aggregate::Aggregate;
use crate::{Event, Login};

pub use access::{COLLABORATORS_MAX, ProblemAccess};
pub use content::{
    Attachment, Difficulty, ProblemLanguage, ReferenceSolution, RevisionContent, Sample,
    Translation,
};
pub use events::{
    CollaboratorAdded, CollaboratorRemoved, ProblemArchived, ProblemRestored, ProblemRevised,
    ProblemTextRulesChanged, ProblemTransferred, ProblemVisibilityChanged,
};
pub use flaws::Flaw;
pub use judging::{Checker, Include, PackagedProgram, Protocol, Validation, ValidationLimits};
pub use limits::{Derivation, Limits, TimeLimitOrigin};
pub use test::{BlobRef, ProgramFile, Test};
pub use visibility::{TextRule, Visibility};

/// What can be done with a problem.
#[derive(Debug, Clone, PartialEq)]
pub enum ProblemCommand {
    /// Create a new revision. The first one creates the problem.
    Revise(Box<ReviseProblem>),
    /// Change who may see the problem.
    SetVisibility(Visibility),
    /// Take the problem out of lists, and close it to new submissions.
    Archive,
    /// Undo [`ProblemCommand::Archive`].
    Restore,
    /// Let another account work on the problem.
    AddCollaborator(Login),
    /// End an account's work on the problem.
    RemoveCollaborator(Login),
    /// Give the problem to another account.
    Transfer(Login),
    /// Change when editorial and hints are shown.
    SetTextRules {
        /// The editorial's rule; `None` leaves it as it is.
        editorial: Option<TextRule>,
        /// The rule of the hints; `None` leaves it as it is.
        hints: Option<TextRule>,
    },
}

/// The command to create a new revision.
#[derive(Debug, Clone, PartialEq)]
pub struct ReviseProblem {
    /// The revision that the change is based on, 0 for a new problem; `None` skips the check.
    pub expected: Option<u32>,
    /// The content of the new revision.
    pub content: RevisionContent,
    /// The problem's new visibility; `None` leaves it as it is. A new problem is public.
    pub visibility: Option<Visibility>,
}

impl From<ReviseProblem> for ProblemCommand {
    fn from(revise: ReviseProblem) -> Self {
        Self::Revise(Box::new(revise))
    }
}

impl ProblemCommand {
    /// The command to create a revision with this content, based on any other. The visibility stays
    /// as it is.
    pub fn revise(content: RevisionContent) -> Self {
        ReviseProblem { expected: None, content, visibility: None }.into()
    }
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
    /// The problem has no revision yet.
    #[error("there is no such problem")]
    Missing,
    /// The problem has the maximum number of collaborators.
    #[error("a problem has at most {COLLABORATORS_MAX} collaborators")]
    TooManyCollaborators,
}

/// A problem's state: its newest revision, and who may see and change it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Problem {
    /// The newest revision; `None` before the first.
    pub current: Option<Arc<ProblemRevised>>,
    /// Who may see and change the problem. The first owner is the actor of the first event, which
    /// the events themselves do not contain: [`ProblemAccess::created_by`].
    pub access: ProblemAccess,
}

impl Aggregate for Problem {
    type Command = ProblemCommand;
    type Rejection = ProblemRejection;

    fn decide(&self, command: ProblemCommand) -> Result<Vec<Event>, ProblemRejection> {
        let access = &self.access;
        if self.current.is_none() && !matches!(command, ProblemCommand::Revise(_)) {
            return Err(ProblemRejection::Missing);
        }
        let event: Option<Event> = match command {
            ProblemCommand::Revise(revise) => self.revise(*revise)?,
            ProblemCommand::SetVisibility(visibility) => (visibility != access.visibility)
                .then(|| ProblemVisibilityChanged { visibility }.into()),
            ProblemCommand::Archive => (!access.archived).then(|| ProblemArchived {}.into()),
            ProblemCommand::Restore => access.archived.then(|| ProblemRestored {}.into()),
            ProblemCommand::AddCollaborator(login) if access.works_on_it(&login) => None,
            ProblemCommand::AddCollaborator(_)
                if access.collaborators.len() >= COLLABORATORS_MAX =>
            {
                return Err(ProblemRejection::TooManyCollaborators);
            }
            ProblemCommand::AddCollaborator(login) => Some(CollaboratorAdded { login }.into()),
            ProblemCommand::RemoveCollaborator(login) => {
                access.collaborators.contains(&login).then(|| CollaboratorRemoved { login }.into())
            }
            ProblemCommand::Transfer(owner) => {
                (!access.is_owner(&owner)).then(|| ProblemTransferred { owner }.into())
            }
            ProblemCommand::SetTextRules { editorial, hints } => {
                let rules = (editorial.unwrap_or(access.editorial), hints.unwrap_or(access.hints));
                let (editorial, hints) = rules;
                (rules != (access.editorial, access.hints))
                    .then(|| ProblemTextRulesChanged { editorial, hints }.into())
            }
        };
        Ok(event.into_iter().collect())
    }

    fn evolve(&mut self, event: &Event) {
        if let Event::ProblemRevised(revised) = event {
            self.current = Some(Arc::new(revised.clone()));
        }
        self.access.evolve(event);
    }
}

impl Problem {
    fn revise(&self, command: ReviseProblem) -> Result<Option<Event>, ProblemRejection> {
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
        let visibility = command.visibility.filter(|it| *it != self.access.visibility);
        let digest = command.content.digest();
        if self.current.as_ref().is_some_and(|current| current.digest == digest) {
            return Ok(visibility.map(|visibility| ProblemVisibilityChanged { visibility }.into()));
        }
        let revision = actual + 1;
        let revised = ProblemRevised { revision, digest, content: command.content, visibility };
        Ok(Some(revised.into()))
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
        apply(problem, ProblemCommand::revise(content(title)))
    }

    /// Executes the command. Returns the number of events.
    fn apply(problem: &mut Problem, command: ProblemCommand) -> usize {
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
        let stale = ReviseProblem { expected: Some(0), content: content("B"), visibility: None };
        let rejection = ProblemRejection::RevisionMismatch { expected: 0, actual: 1 };
        assert_eq!(problem.decide(stale.into()), Err(rejection));
    }

    #[test]
    fn every_flaw_is_named_at_once() {
        let mut flawed = content("");
        flawed.tests.clear();
        flawed.limits.time_ms = 0;
        let fields: Vec<_> = flawed.flaws().into_iter().map(|flaw| flaw.field).collect();
        assert_eq!(fields, ["title", "tests", "limits.timeMs"]);
    }

    #[test]
    fn a_new_problem_is_public_unless_its_first_revision_says_otherwise() {
        let mut problem = Problem::default();
        revise(&mut problem, "A");
        assert_eq!(problem.access.visibility, Visibility::Public);
        let mut draft = Problem::default();
        let visibility = Some(Visibility::Draft);
        let command = ReviseProblem { expected: None, content: content("A"), visibility };
        assert_eq!(apply(&mut draft, command.into()), 1);
        assert_eq!(draft.access.visibility, Visibility::Draft);
        // A revision that says nothing leaves it so, and the same content again can still change it.
        assert_eq!(revise(&mut draft, "B"), 1);
        assert_eq!(draft.access.visibility, Visibility::Draft);
        let visibility = Some(Visibility::Hidden);
        let command = ReviseProblem { expected: None, content: content("B"), visibility };
        assert_eq!(apply(&mut draft, command.into()), 1);
        assert_eq!(draft.access.visibility, Visibility::Hidden);
        assert_eq!(draft.current.unwrap().revision, 2);
    }

    #[test]
    fn a_command_without_effect_is_no_event() {
        use ProblemCommand::{
            AddCollaborator, Archive, RemoveCollaborator, Restore, SetTextRules, SetVisibility,
            Transfer,
        };
        let (ada, bob): (Login, Login) = ("ada".parse().unwrap(), "bob".parse().unwrap());
        let mut problem = Problem::default();
        assert_eq!(problem.decide(Archive), Err(ProblemRejection::Missing));
        revise(&mut problem, "A");
        problem.access.owner = Some(ada.clone());
        let rules = SetTextRules { editorial: Some(TextRule::Never), hints: None };
        for (command, events) in [
            (Restore, 0),
            (Archive, 1),
            (Archive, 0),
            (Restore, 1),
            (SetVisibility(Visibility::Public), 0),
            (SetVisibility(Visibility::Draft), 1),
            (AddCollaborator(ada.clone()), 0),
            (AddCollaborator(bob.clone()), 1),
            (AddCollaborator(bob.clone()), 0),
            (RemoveCollaborator(ada.clone()), 0),
            (Transfer(ada.clone()), 0),
            (Transfer(bob.clone()), 1),
            (RemoveCollaborator(bob.clone()), 0),
            (rules.clone(), 1),
            (rules, 0),
        ] {
            assert_eq!(apply(&mut problem, command.clone()), events, "{command:?}");
        }
        let access = ProblemAccess {
            visibility: Visibility::Draft,
            owner: Some(bob),
            editorial: TextRule::Never,
            ..ProblemAccess::default()
        };
        assert_eq!(problem.access, access);
        assert!(!problem.access.works_on_it(&ada), "the previous owner no longer works on it");
    }

    #[test]
    fn the_number_of_collaborators_is_bounded() {
        let mut problem = Problem::default();
        revise(&mut problem, "A");
        let add = |number: usize| {
            ProblemCommand::AddCollaborator(format!("user-{number}").parse().unwrap())
        };
        for number in 0..COLLABORATORS_MAX {
            assert_eq!(apply(&mut problem, add(number)), 1);
        }
        let refused = Err(ProblemRejection::TooManyCollaborators);
        assert_eq!(problem.decide(add(COLLABORATORS_MAX)), refused);
        assert_eq!(problem.decide(add(0)), Ok(vec![]));
    }
}
