//! Signs a webhook's messages according to Standard Webhooks: HMAC-SHA256 with a secret shared with
//! the receiver.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use domain::{StreamId, WebhookId};
use hmac::{Hmac, KeyInit, Mac};
use rand::TryRngCore;
use rand::rngs::OsRng;
use sha2::Sha256;

/// Size of a secret, in random bytes.
const SECRET_BYTES: usize = 32;
/// Prefix of a secret as text, so that people and scanners recognize it.
const PREFIX: &str = "whsec_";
/// The version tag of a signature.
const SIGNATURE_VERSION: &str = "v1";

/// The name that a webhook's secret is kept under.
pub fn secret_name(webhook: WebhookId) -> String {
    StreamId::Webhook(webhook).to_string()
}

/// A signing secret.
#[derive(Clone)]
pub struct SigningSecret(Vec<u8>);

/// The text is not a valid secret.
#[derive(Debug, thiserror::Error)]
#[error("a signing secret is {PREFIX} and {SECRET_BYTES} bytes in Base64")]
pub struct InvalidSecret;

impl SigningSecret {
    /// Generates a random secret.
    ///
    /// # Panics
    /// If the operating system provides no randomness.
    pub fn generate() -> Self {
        let mut bytes = vec![0; SECRET_BYTES];
        OsRng.try_fill_bytes(&mut bytes).expect("the operating system has randomness");
        Self(bytes)
    }

    /// Parses the form of [`SigningSecret::to_text`].
    ///
    /// # Errors
    /// When the text has another form.
    pub fn parse(text: &str) -> Result<Self, InvalidSecret> {
        let encoded = text.strip_prefix(PREFIX).ok_or(InvalidSecret)?;
        let bytes = BASE64_STANDARD.decode(encoded).map_err(|_| InvalidSecret)?;
        if bytes.len() == SECRET_BYTES { Ok(Self(bytes)) } else { Err(InvalidSecret) }
    }

    /// The secret as text, shown to its receiver once.
    pub fn to_text(&self) -> String {
        format!("{PREFIX}{}", BASE64_STANDARD.encode(&self.0))
    }

    /// The value of the `webhook-signature` header.
    pub(crate) fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("keys have any length");
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        let signature = BASE64_STANDARD.encode(mac.finalize().into_bytes());
        format!("{SIGNATURE_VERSION},{signature}")
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningSecret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The expected value is from OpenSSL: `printf %s "$id.$timestamp.$body" | openssl dgst -sha256
    /// -mac HMAC -macopt hexkey:$key -binary | base64`.
    #[test]
    fn signatures_are_those_of_another_program() {
        let key: Vec<u8> = (0..32).collect();
        let secret =
            SigningSecret::parse(&format!("whsec_{}", BASE64_STANDARD.encode(&key))).unwrap();
        let id = "018f3c5e-7b1a-7c3d-9a54-0242ac120003";
        let body = r#"{"type":"JudgingFinished","data":{"verdict":"ACCEPTED","über":"ß"}}"#;
        let signature = secret.sign(id, 1_795_435_200, body.as_bytes());
        assert_eq!(signature, "v1,DFXnP6Kjyr6S/+Xe5WW1eD9jeduy1sgr6vh0I58TnCc=");
        assert_ne!(secret.sign(id, 1_795_435_201, body.as_bytes()), signature);
        assert_ne!(SigningSecret::generate().sign(id, 1_795_435_200, body.as_bytes()), signature);
    }

    #[test]
    fn a_secret_parses_back_and_is_hidden_in_debug_output() {
        let secret = SigningSecret::generate();
        let text = secret.to_text();
        assert_eq!(SigningSecret::parse(&text).unwrap().0, secret.0);
        assert_ne!(SigningSecret::generate().to_text(), text);
        assert!(!format!("{secret:?}").contains(&text[PREFIX.len()..]));
        for other in ["", "whsec_", "whsec_AAAA", "whsec_*", &text[PREFIX.len()..]] {
            assert!(SigningSecret::parse(other).is_err(), "{other}");
        }
    }
}
