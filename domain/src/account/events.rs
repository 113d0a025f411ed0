//! The events of an account.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Login;

/// A role of an account. Every account is a `User`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Role {
    /// May submit, and see its own submissions.
    User,
    /// May write problems and see their hidden parts.
    Setter,
    /// May see every submission.
    Judge,
    /// May see every event.
    Auditor,
    /// May do everything, and grant roles.
    Admin,
}

/// An account was registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountRegistered {
    /// The account's login, which identifies it.
    pub login: Login,
    /// The key under which its personal data and secrets are kept.
    pub subject: Uuid,
}

/// A role was granted to the account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleGranted {
    /// The role that was granted.
    pub role: Role,
}

/// A role of the account was revoked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleRevoked {
    /// The role that was revoked.
    pub role: Role,
}

/// The account's personal data and secrets were erased for good. Its login and submissions stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountErased {}
