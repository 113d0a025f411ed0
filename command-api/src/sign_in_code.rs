//! The code with which an app learns who signed in at an identity provider. It works once, and only
//! for the app that began the sign-in.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use event_store::{Credentials, CredentialsError, Ticket, TicketKind};
use graphql::Secret;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::oidc::ExternalAccount;
use crate::tokens::generate;

/// How long a code works.
const CODE_LIFETIME: SignedDuration = SignedDuration::from_mins(5);
/// The length of a SHA-256 in base64url, in characters.
const CHALLENGE_CHARS: usize = 43;

/// What a code stands for.
#[derive(Serialize, Deserialize)]
pub(crate) struct SignInCode {
    pub(crate) account: ExternalAccount,
    /// The SHA-256 of the verifier that the app has, in base64url.
    pub(crate) challenge: String,
}

impl SignInCode {
    /// Stores it, and returns the code. It ends with the sign-ins of the account that the identity
    /// is linked to, if there is one.
    pub(crate) async fn keep(
        self,
        credentials: &dyn Credentials,
    ) -> Result<Secret, CredentialsError> {
        let (code, created_at) = (generate(), Timestamp::now());
        let ExternalAccount { issuer, external_id, .. } = &self.account;
        let linked = credentials.identity(issuer, external_id).await?;
        let ticket = Ticket {
            hash: code.hash(),
            id: Uuid::now_v7(),
            kind: TicketKind::SignInCode,
            subject: linked.map(|identity| identity.subject),
            data: serde_json::to_string(&self).expect("it is text"),
            created_at,
            expires_at: created_at + CODE_LIFETIME,
        };
        credentials.put_ticket(&ticket).await?;
        Ok(code)
    }

    /// Uses the code up; returns the account if the verifier is right.
    pub(crate) async fn take(
        credentials: &dyn Credentials,
        code: String,
        verifier: String,
    ) -> Result<Option<ExternalAccount>, CredentialsError> {
        let (kind, now) = (TicketKind::SignInCode, Timestamp::now());
        let taken = credentials.take_ticket(kind, &Secret(code).hash(), now).await?;
        let code = taken.and_then(|ticket| serde_json::from_str::<Self>(&ticket.data).ok());
        let code = code.filter(|code| code.challenge == challenge_of(verifier));
        Ok(code.map(|code| code.account))
    }
}

/// Whether a text can be the challenge of an app.
pub(crate) fn is_challenge(text: &str) -> bool {
    text.len() == CHALLENGE_CHARS && URL_SAFE_NO_PAD.decode(text).is_ok()
}

fn challenge_of(verifier: String) -> String {
    URL_SAFE_NO_PAD.encode(Secret(verifier).hash().0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7636, appendix B.
    #[test]
    fn a_challenge_is_the_sha_256_of_the_verifier() {
        let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert_eq!(challenge_of(verifier.to_owned()), challenge);
        assert!(is_challenge(challenge));
        assert!(!is_challenge(verifier.get(1..).unwrap()));
        assert!(!is_challenge("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM"));
    }
}
