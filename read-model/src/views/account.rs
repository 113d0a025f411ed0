//! Accounts.

use std::collections::BTreeSet;

use domain::{Event, Login, Recorded, Role};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Collection, Micros, View};

/// An account as others may know it. Personal data is not here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountView {
    /// Its identity.
    pub login: Login,
    /// The key of its personal data.
    pub subject: Uuid,
    /// What it may do; nothing once it is erased.
    pub roles: BTreeSet<Role>,
    /// When it was registered.
    pub created_at: Micros,
}

impl View for AccountView {
    const COLLECTION: Collection = Collection { name: "accounts", schema: 2, indexes: &[] };

    fn key(&self) -> String {
        self.login.to_string()
    }
}

impl AccountView {
    /// The account after these events of its stream, from the first.
    pub fn fold(events: &[Recorded]) -> Option<Self> {
        let (first, rest) = events.split_first()?;
        let mut view = Self::from_first(first)?;
        rest.iter().for_each(|recorded| view.evolve(recorded));
        Some(view)
    }

    /// The account after its first event; `None` when it is another kind of event.
    pub fn from_first(recorded: &Recorded) -> Option<Self> {
        match &recorded.event {
            Event::AccountRegistered(registered) => Some(Self {
                login: registered.login.clone(),
                subject: registered.subject,
                roles: [Role::User].into(),
                created_at: recorded.recorded_at.into(),
            }),
            _ => None,
        }
    }

    /// The account after a later event of its stream.
    pub fn evolve(&mut self, recorded: &Recorded) {
        match &recorded.event {
            Event::RoleGranted(granted) => {
                self.roles.insert(granted.role);
            }
            Event::RoleRevoked(revoked) => {
                self.roles.remove(&revoked.role);
            }
            Event::AccountErased(_) => self.roles.clear(),
            _ => {}
        }
    }
}
