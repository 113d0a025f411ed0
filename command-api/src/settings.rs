//! How accounts are made and signed in to, as configured.

use std::sync::Arc;

use async_graphql::Enum;
use serde::{Deserialize, Serialize};

use crate::oidc::Providers;
use crate::reset_mails::ResetMails;

/// Who may register an account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Enum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Registration {
    /// Everyone may register.
    #[default]
    Open,
    /// Everyone with an invitation may register. Administrators create invitations.
    Invitation,
    /// Nobody may register. Administrators create accounts on the command line.
    Closed,
}

/// How accounts are made and signed in to.
#[derive(Debug, Clone, Default)]
pub struct AccountSettings {
    /// Who may register an account.
    pub registration: Registration,
    /// The mails that reset passwords; `None` if mail is not configured.
    pub resets: Option<Arc<ResetMails>>,
    /// The identity providers; `None` if there are none.
    pub providers: Option<Arc<Providers>>,
}
