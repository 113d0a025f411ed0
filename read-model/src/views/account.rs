//! Accounts.

use std::collections::BTreeSet;

use domain::{Event, Login, Recorded, Role};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Collection, Micros, View};

/// The public part of an account. It contains no personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountView {
    /// The account's login.
    pub login: Login,
    /// The key of its personal data.
    pub subject: Uuid,
    /// The account's roles; empty once it is erased.
    pub roles: BTreeSet<Role>,
    /// Whether the account was erased.
    pub is_erased: bool,
    /// Time of registration.
    pub created_at: Micros,
}

impl View for AccountView {
    const COLLECTION: Collection =
        Collection { name: "accounts", schema: 3, indexes: &[&["subject"]] };

    fn key(&self) -> String {
        self.login.to_string()
    }
}

impl AccountView {
    /// Folds the events of the account's stream, from the first.
    pub fn fold(events: &[Recorded]) -> Option<Self> {
        let (first, rest) = events.split_first()?;
        let mut view = Self::from_first(first)?;
        rest.iter().for_each(|recorded| view.evolve(recorded));
        Some(view)
    }

    /// The account after its first event; `None` if that is another kind of event.
    pub fn from_first(recorded: &Recorded) -> Option<Self> {
        match &recorded.event {
            Event::AccountRegistered(registered) => Some(Self {
                login: registered.login.clone(),
                subject: registered.subject,
                roles: [Role::User].into(),
                is_erased: false,
                created_at: recorded.recorded_at.into(),
            }),
            _ => None,
        }
    }

    /// Applies a later event of the account's stream.
    pub fn evolve(&mut self, recorded: &Recorded) {
        match &recorded.event {
            Event::RoleGranted(granted) => {
                self.roles.insert(granted.role);
            }
            Event::RoleRevoked(revoked) => {
                self.roles.remove(&revoked.role);
            }
            Event::AccountErased(_) => {
                self.roles.clear();
                self.is_erased = true;
            }
            _ => {}
        }
    }
}
