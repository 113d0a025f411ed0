//! Who may see and change a problem, apart from its content.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::visibility::{TextRule, Visibility};
use crate::{Actor, Event, Login};

/// Maximum number of collaborators of a problem.
pub const COLLABORATORS_MAX: usize = 50;

/// Who may see and change a problem. It is not part of a revision, so it does not change digests.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProblemAccess {
    /// Who may see the problem.
    pub visibility: Visibility,
    /// Whether the problem is archived: not listed, and closed to new submissions of others than
    /// the people who work on it.
    pub archived: bool,
    /// The account that owns the problem; `None` if no account created it.
    pub owner: Option<Login>,
    /// Other accounts that work on the problem.
    pub collaborators: BTreeSet<Login>,
    /// When the editorial is shown.
    pub editorial: TextRule,
    /// When the hints are shown.
    pub hints: TextRule,
}

impl ProblemAccess {
    /// The access to a problem whose first revision this actor made.
    pub fn created_by(actor: &Actor) -> Self {
        Self { owner: actor.login(), ..Self::default() }
    }

    /// The access after the event. Other events change nothing.
    pub fn evolve(&mut self, event: &Event) {
        match event {
            Event::ProblemRevised(it) => {
                self.visibility = it.visibility.unwrap_or(self.visibility);
            }
            Event::ProblemVisibilityChanged(it) => self.visibility = it.visibility,
            Event::ProblemArchived(_) => self.archived = true,
            Event::ProblemRestored(_) => self.archived = false,
            Event::ProblemTransferred(it) => {
                self.collaborators.remove(&it.owner);
                self.owner = Some(it.owner.clone());
            }
            Event::CollaboratorAdded(it) => {
                self.collaborators.insert(it.login.clone());
            }
            Event::CollaboratorRemoved(it) => {
                self.collaborators.remove(&it.login);
            }
            Event::ProblemTextRulesChanged(it) => {
                (self.editorial, self.hints) = (it.editorial, it.hints);
            }
            _ => {}
        }
    }

    /// Whether lists contain the problem.
    pub fn is_listed(&self) -> bool {
        self.visibility == Visibility::Public && !self.archived
    }

    /// Whether the account is the owner.
    pub fn is_owner(&self, login: &Login) -> bool {
        self.owner.as_ref() == Some(login)
    }

    /// Whether the account works on the problem: as its owner or as a collaborator.
    pub fn works_on_it(&self, login: &Login) -> bool {
        self.is_owner(login) || self.collaborators.contains(login)
    }
}
