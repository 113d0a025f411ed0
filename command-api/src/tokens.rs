//! Secrets of tokens.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::Login;
use event_store::{Scope, TokenKind, TokenRecord};
use graphql::Secret;
use jiff::{SignedDuration, Timestamp};
use rand::TryRngCore;
use rand::rngs::OsRng;
use uuid::Uuid;

/// Random bytes in a secret.
const SECRET_BYTES: usize = 32;

/// A fresh secret. The prefix lets secret scanners recognise it.
///
/// # Panics
/// If the operating system provides no randomness, since no secret would be safe then.
pub fn generate() -> Secret {
    let mut bytes = [0; SECRET_BYTES];
    OsRng.try_fill_bytes(&mut bytes).expect("the operating system has randomness");
    Secret(format!("assay_{}", URL_SAFE_NO_PAD.encode(bytes)))
}

/// A token to issue. Its secret is shown only once.
pub(crate) struct Issue<'a> {
    pub(crate) id: Uuid,
    pub(crate) subject: Uuid,
    pub(crate) login: &'a Login,
    pub(crate) kind: TokenKind,
    pub(crate) name: &'a str,
    pub(crate) scopes: Vec<Scope>,
    pub(crate) lifetime: Option<SignedDuration>,
    /// The sign-in it descends from; `None` if it starts one.
    pub(crate) family: Option<Uuid>,
}

impl Issue<'_> {
    pub(crate) fn issue(self) -> (Secret, TokenRecord) {
        let secret = generate();
        let created_at = Timestamp::now();
        let record = TokenRecord {
            id: self.id,
            hash: secret.hash(),
            subject: self.subject,
            login: self.login.clone(),
            kind: self.kind,
            name: self.name.to_owned(),
            scopes: self.scopes,
            created_at,
            last_used_at: None,
            expires_at: self.lifetime.map(|lifetime| created_at + lifetime),
            family: self.family.unwrap_or(self.id),
            rotated_at: None,
        };
        (secret, record)
    }
}
