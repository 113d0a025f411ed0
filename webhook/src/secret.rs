//! What signs a webhook's messages, as Standard Webhooks has it: HMAC-SHA256 with a secret that the
//! receiver has too.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use domain::{StreamId, WebhookId};
use hmac::{Hmac, KeyInit, Mac};
use rand::TryRngCore;
use rand::rngs::OsRng;
use sha2::Sha256;

/// Random bytes of a secret.
const SECRET_BYTES: usize = 32;
/// What a written secret begins with, so that people and scanners know what it is.
const PREFIX: &str = "whsec_";
/// How a signature of this kind is marked.
const SIGNATURE_VERSION: &str = "v1";

/// The name that a webhook's secret is kept under.
pub fn secret_name(webhook: WebhookId) -> String {
    StreamId::Webhook(webhook).to_string()
}

/// A secret that signs.
#[derive(Clone)]
pub struct SigningSecret(Vec<u8>);

/// It is not written as a secret is.
#[derive(Debug, thiserror::Error)]
#[error("a signing secret is {PREFIX} and {SECRET_BYTES} bytes in Base64")]
pub struct InvalidSecret;

impl SigningSecret {
    /// A fresh one.
    ///
    /// # Panics
    /// When the operating system has no randomness to give, without which nothing here is safe.
    pub fn generate() -> Self {
        let mut bytes = vec![0; SECRET_BYTES];
        OsRng.try_fill_bytes(&mut bytes).expect("the operating system has randomness");
        Self(bytes)
    }

    /// Reads what [`SigningSecret::to_text`] wrote.
    ///
    /// # Errors
    /// When it has another form.
    pub fn parse(text: &str) -> Result<Self, InvalidSecret> {
        let encoded = text.strip_prefix(PREFIX).ok_or(InvalidSecret)?;
        let bytes = BASE64_STANDARD.decode(encoded).map_err(|_| InvalidSecret)?;
        if bytes.len() == SECRET_BYTES { Ok(Self(bytes)) } else { Err(InvalidSecret) }
    }

    /// As its receiver is shown it, once.
    pub fn to_text(&self) -> String {
        format!("{PREFIX}{}", BASE64_STANDARD.encode(&self.0))
    }

    /// The value of `webhook-signature`.
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

    /// Expected is what OpenSSL says: `printf %s "$id.$timestamp.$body" | openssl dgst -sha256 -mac HMAC
    /// -macopt hexkey:$key -binary | base64`.
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
    fn a_secret_reads_back_and_does_not_show_itself() {
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
