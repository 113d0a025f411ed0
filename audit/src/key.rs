//! Keys that sign tree heads, in the text forms of [signed notes](https://c2sp.org/signed-note).

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};

/// The identifier of an Ed25519 signature.
const ED25519: u8 = 1;
/// The beginning of a private key's text.
pub(crate) const PRIVATE: &str = "PRIVATE+KEY+";
/// Characters of a key's name.
const NAME_CHARS_MAX: usize = 200;

/// The name of a key and of the log that it signs. It is the first line of every head that the key
/// signs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyName(String);

/// A key's id: the first four bytes of a hash of its name and its public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub(crate) [u8; 4]);

/// A public key, which verifies signatures: `<name>+<key id>+<base64>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: KeyName,
    key: VerifyingKey,
}

/// A private key, which signs: `PRIVATE+KEY+<name>+<key id>+<base64>`.
#[derive(Clone)]
pub struct SignerKey {
    name: KeyName,
    key: SigningKey,
}

/// The text is not a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// The text does not have the form of a key.
    #[error("a {kind} key must have the form {form}")]
    Form {
        /// `private` or `public`.
        kind: &'static str,
        /// The form that it must have.
        form: &'static str,
    },
    /// The key's name is not allowed in a note.
    #[error(
        "a key's name must have 1 to {NAME_CHARS_MAX} printable ASCII characters, without space and +"
    )]
    Name,
    /// It is not an Ed25519 key.
    #[error("the key is not an Ed25519 key")]
    Algorithm,
    /// The key's id does not match the rest.
    #[error("the key's id does not match its name and public key")]
    Id,
}

impl FromStr for KeyName {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let is_plain = |it: char| it.is_ascii_graphic() && it != '+';
        let fits = (1..=NAME_CHARS_MAX).contains(&text.len());
        if fits && text.chars().all(is_plain) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidKey::Name)
        }
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl KeyId {
    fn of(name: &KeyName, key: &VerifyingKey) -> Self {
        let mut hasher = Sha256::new_with_prefix(name.0.as_bytes());
        hasher.update([b'\n', ED25519]);
        hasher.update(key.as_bytes());
        let digest = hasher.finalize();
        Self([digest[0], digest[1], digest[2], digest[3]])
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl VerifierKey {
    /// The key's name.
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// The key's id.
    pub fn id(&self) -> KeyId {
        KeyId::of(&self.name, &self.key)
    }

    /// Whether this is a valid signature of the text by this key.
    pub(crate) fn verifies(&self, text: &str, signature: &[u8]) -> bool {
        let signature = Signature::from_slice(signature);
        signature.is_ok_and(|it| self.key.verify_strict(text.as_bytes(), &it).is_ok())
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", written(&self.name, self.id(), self.key.as_bytes()))
    }
}

impl FromStr for VerifierKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        const FORM: InvalidKey =
            InvalidKey::Form { kind: "public", form: "NAME+8 hex digits+base64" };
        let (name, id, bytes) = parts(text, FORM)?;
        let key = VerifyingKey::from_bytes(&bytes).map_err(|_| FORM)?;
        let key = Self { name, key };
        if key.id().to_string() == id { Ok(key) } else { Err(InvalidKey::Id) }
    }
}

impl SignerKey {
    /// Makes a key from 32 secret random bytes.
    pub fn new(name: KeyName, secret: [u8; 32]) -> Self {
        Self { name, key: SigningKey::from_bytes(&secret) }
    }

    /// The public key that verifies its signatures.
    pub fn verifier(&self) -> VerifierKey {
        VerifierKey { name: self.name.clone(), key: self.key.verifying_key() }
    }

    /// Signs a text.
    pub(crate) fn sign(&self, text: &str) -> [u8; Signature::BYTE_SIZE] {
        self.key.sign(text.as_bytes()).to_bytes()
    }

    /// The key as text, secret part included, to be stored in the key file.
    pub fn to_secret_text(&self) -> String {
        format!("{PRIVATE}{}", written(&self.name, self.verifier().id(), &self.key.to_bytes()))
    }
}

impl fmt::Debug for SignerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignerKey({})", self.verifier())
    }
}

impl FromStr for SignerKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        const FORM: InvalidKey =
            InvalidKey::Form { kind: "private", form: "PRIVATE+KEY+NAME+8 hex digits+base64" };
        let (name, id, bytes) = parts(text.strip_prefix(PRIVATE).ok_or(FORM)?, FORM)?;
        let key = Self::new(name, bytes);
        if key.verifier().id().to_string() == id { Ok(key) } else { Err(InvalidKey::Id) }
    }
}

fn written(name: &KeyName, id: KeyId, key: &[u8; 32]) -> String {
    let key = BASE64_STANDARD.encode([&[ED25519], key.as_slice()].concat());
    format!("{name}+{id}+{key}")
}

fn parts(text: &str, form: InvalidKey) -> Result<(KeyName, &str, [u8; 32]), InvalidKey> {
    let mut parts = text.splitn(3, '+');
    let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(form);
    };
    let key = BASE64_STANDARD.decode(key).map_err(|_| form.clone())?;
    let (algorithm, key) = key.split_first().ok_or_else(|| form.clone())?;
    if *algorithm != ED25519 {
        return Err(InvalidKey::Algorithm);
    }
    Ok((name.parse()?, id, key.try_into().map_err(|_| form)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example key in the documentation of Go's implementation of signed notes.
    const PUBLIC: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const SECRET: &str =
        "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";

    #[test]
    fn keys_are_written_as_other_programs_write_them() {
        let secret: SignerKey = SECRET.parse().unwrap();
        assert_eq!(secret.to_secret_text(), SECRET);
        assert_eq!(secret.verifier().to_string(), PUBLIC);
        let public: VerifierKey = PUBLIC.parse().unwrap();
        assert_eq!(public, secret.verifier());
        assert_eq!(
            (public.name().to_string(), public.id().to_string()),
            ("PeterNeumann".into(), "c74f20a3".into())
        );
        assert!(!format!("{secret:?}").contains("AYEKFALVFGyNhPJEMzD1QIDr"));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let form = |text: &str| text.parse::<VerifierKey>().unwrap_err();
        assert_eq!(form(&PUBLIC.replace("Peter", "Petra")), InvalidKey::Id);
        assert_eq!(form(&PUBLIC.replace("c74f", "c74e")), InvalidKey::Id);
        assert_eq!(form(&PUBLIC.replace("+AR", "+Ah")), InvalidKey::Algorithm);
        assert_eq!(form(&PUBLIC.replace("Peter", "Peter ")), InvalidKey::Name);
        for text in ["", "a", "a+b", "a+b+c", &PUBLIC[..PUBLIC.len() - 4], SECRET] {
            assert!(text.parse::<VerifierKey>().is_err(), "{text}");
        }
        assert!(PUBLIC.parse::<SignerKey>().is_err());
        assert!("".parse::<KeyName>().is_err());
        assert!("a+b".parse::<KeyName>().is_err());
    }
}
