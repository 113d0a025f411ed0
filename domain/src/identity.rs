//! Names and ids, each valid by construction.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The text does not have the form that this kind of name requires.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error("a {kind} must be {rule}")]
pub struct InvalidIdentity {
    /// The kind of name: `slug`, `login`, …
    pub kind: &'static str,
    /// The form that it must have.
    pub rule: &'static str,
}

/// Declares a validated string. The three kinds below differ only in their rule.
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
    /// A problem's id, as used in URLs: `two-sum`.
    Slug,
    "slug",
    "1 to 64 characters: a-z, 0-9 and single hyphens between them",
    |text| kebab(text, 64)
);
name!(
    /// An account's login, which identifies it: `ada`.
    Login,
    "login",
    "2 to 32 characters: a-z, 0-9 and single hyphens between them, beginning with a letter",
    |text| kebab(text, 32) && text.len() >= 2 && text.starts_with(|c: char| c.is_ascii_lowercase())
);
name!(
    /// A programming language's id in this installation: `cpp`, `python3`.
    LanguageId,
    "language id",
    "1 to 32 characters: a-z, 0-9 and single hyphens between them",
    |text| kebab(text, 32)
);

fn kebab(text: &str, length_max: usize) -> bool {
    (1..=length_max).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
        && !text.contains("--")
}

/// Declares an id that is a UUID.
macro_rules! uuid_name {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Derives the id from an account's idempotency key; the same key gives the same id.
            ///
            /// The stream's name thus contains the key. The log allows one first event per stream,
            /// which makes the key unique without a separate store of keys.
            pub fn from_idempotency_key(login: &Login, key: &str) -> Self {
                let scope = Uuid::new_v5(&Uuid::NAMESPACE_OID, login.as_str().as_bytes());
                Self(Uuid::new_v5(&scope, key.as_bytes()))
            }

            /// The UUID.
            pub fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl FromStr for $name {
            type Err = InvalidIdentity;

            fn from_str(text: &str) -> Result<Self, InvalidIdentity> {
                Uuid::try_parse(text)
                    .map(Self)
                    .map_err(|_| InvalidIdentity { kind: $kind, rule: "a UUID" })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

uuid_name!(
    /// A submission's id.
    SubmissionId,
    "submission id"
);
uuid_name!(
    /// A rejudge's id.
    RejudgeId,
    "rejudge id"
);
uuid_name!(
    /// A webhook's id.
    WebhookId,
    "webhook id"
);

uuid_name!(
    /// The id of a run on its author's own inputs.
    RunId,
    "run id"
);

/// A trial's id, made of its rejudge and its submission: `<rejudge>.<submission>`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrialId {
    /// The rejudge that the trial belongs to.
    pub rejudge: RejudgeId,
    /// The submission that is judged again.
    pub submission: SubmissionId,
}

impl TrialId {
    /// The id of its first event. Every writer derives the same id, so the log detects a retry.
    pub fn first_event(self) -> Uuid {
        Uuid::new_v5(&self.rejudge.0, self.submission.0.as_bytes())
    }
}

impl FromStr for TrialId {
    type Err = InvalidIdentity;

    fn from_str(text: &str) -> Result<Self, InvalidIdentity> {
        let rule = "<rejudge>.<submission>, both UUIDs";
        let (rejudge, submission) =
            text.split_once('.').ok_or(InvalidIdentity { kind: "trial id", rule })?;
        Ok(Self { rejudge: rejudge.parse()?, submission: submission.parse()? })
    }
}

impl fmt::Display for TrialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.rejudge, self.submission)
    }
}

impl fmt::Debug for TrialId {
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

    #[test]
    fn a_trial_has_one_first_event() {
        let trial = |rejudge, submission| TrialId {
            rejudge: Uuid::from_u128(rejudge).into(),
            submission: Uuid::from_u128(submission).into(),
        };
        assert_eq!(trial(1, 2).to_string().parse(), Ok(trial(1, 2)));
        assert_eq!(trial(1, 2).first_event(), trial(1, 2).first_event());
        assert_ne!(trial(1, 2).first_event(), trial(2, 1).first_event());
        assert!("1.2".parse::<TrialId>().is_err());
        assert!(Uuid::nil().to_string().parse::<TrialId>().is_err());
    }
}
