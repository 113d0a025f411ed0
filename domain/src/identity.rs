//! The names of things, each valid by construction.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A name did not have the form its kind requires.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error("a {kind} is {rule}")]
pub struct InvalidIdentity {
    /// What was to be named: `slug`, `login`, …
    pub kind: &'static str,
    /// The form it must have.
    pub rule: &'static str,
}

/// Declares a validated string; the three kinds below differ only in their rule.
macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $rule:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidIdentity;

            fn from_str(text: &str) -> Result<Self, InvalidIdentity> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(InvalidIdentity { kind: $kind, rule: $rule })
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidIdentity;

            fn try_from(text: String) -> Result<Self, InvalidIdentity> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

name!(
    /// A problem's identity, as it stands in addresses: `two-sum`.
    Slug,
    "slug",
    "1 to 64 of a-z, 0-9 and single hyphens inside",
    |text| kebab(text, 64)
);
name!(
    /// An account's identity: `ada`.
    Login,
    "login",
    "2 to 32 of a-z, 0-9 and single hyphens inside, beginning with a letter",
    |text| kebab(text, 32) && text.len() >= 2 && text.starts_with(|c: char| c.is_ascii_lowercase())
);
name!(
    /// A programming language as this installation names it: `cpp`, `python3`.
    LanguageId,
    "language id",
    "1 to 32 of a-z and 0-9 and single hyphens inside",
    |text| kebab(text, 32)
);

fn kebab(text: &str, length_max: usize) -> bool {
    (1..=length_max).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
        && !text.contains("--")
}

/// A submission's identity.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SubmissionId(Uuid);

impl SubmissionId {
    /// The identity that an author's idempotency key always leads to.
    ///
    /// The stream's name then carries the key, so the log's own rule that a stream begins once
    /// makes the submission unique: there is no second store of keys to keep in step.
    pub fn from_idempotency_key(author: &Login, key: &str) -> Self {
        let scope = Uuid::new_v5(&Uuid::NAMESPACE_OID, author.as_str().as_bytes());
        Self(Uuid::new_v5(&scope, key.as_bytes()))
    }

    /// The UUID.
    pub fn uuid(self) -> Uuid {
        self.0
    }
}

impl From<Uuid> for SubmissionId {
    fn from(uuid: Uuid) -> Self {
        Self(uuid)
    }
}

impl FromStr for SubmissionId {
    type Err = InvalidIdentity;

    fn from_str(text: &str) -> Result<Self, InvalidIdentity> {
        Uuid::try_parse(text)
            .map(Self)
            .map_err(|_| InvalidIdentity { kind: "submission id", rule: "a UUID" })
    }
}

impl fmt::Display for SubmissionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for SubmissionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_construct_only_when_valid() {
        for good in ["a", "two-sum", "3-sum", &"x".repeat(64)] {
            assert!(good.parse::<Slug>().is_ok(), "{good}");
        }
        for bad in ["", "-a", "a-", "a--b", "Two", "a b", "a/b", "é", "a\n", &"x".repeat(65)] {
            assert!(bad.parse::<Slug>().is_err(), "{bad:?}");
        }
        assert!("3d".parse::<Login>().is_err());
        assert!("a".parse::<Login>().is_err());
        assert!(serde_json::from_str::<Slug>("\"../etc\"").is_err());
    }

    #[test]
    fn an_idempotency_key_is_scoped_to_its_author() {
        let (ada, bob) = ("ada".parse().unwrap(), "bob".parse().unwrap());
        let id = SubmissionId::from_idempotency_key;
        assert_eq!(id(&ada, "k"), id(&ada, "k"));
        assert_ne!(id(&ada, "k"), id(&bob, "k"));
        assert_ne!(id(&ada, "k"), id(&ada, "l"));
    }
}
