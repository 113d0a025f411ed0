//! Everything that can be said about an installation, and how it is written down.
//!
//! A stored event is a type name, a schema number and JSON. A schema that was ever written keeps a
//! golden file in `domain/golden/` that is never edited, and reading it goes through [`upcast`]
//! (INV-3).

use serde_json::value::RawValue;

use crate::account::{AccountErased, AccountRegistered, RoleGranted, RoleRevoked};
use crate::problem::{ProblemRevised, first_schema};
use crate::rejudge::{
    RejudgeApplied, RejudgeCancelled, RejudgeCreated, RejudgeReverted, RejudgeTrialsQueued,
};
use crate::submission::{
    AttemptAbandoned, Compiled, JudgingFinished, JudgingStarted, SubmissionAbandoned,
    SubmissionReceived, TestsJudged, TrialStarted,
};
use crate::webhook::{
    DeliveryGivenUp, DeliveryRetried, WebhookAdvanced, WebhookCreated, WebhookDisabled,
    WebhookRemoved, WebhookRewound,
};

/// A stored event could not be read.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The bytes are not an event's.
    #[error("the stored event is malformed")]
    Malformed(#[source] serde_json::Error),
    /// A newer Assay wrote it, or nobody did.
    #[error("this version of Assay does not know the event {kind} at schema {schema}")]
    Unknown {
        /// Type name.
        kind: String,
        /// Schema number.
        schema: u32,
    },
}

/// Declares the events: a line each, with the schema number written today.
macro_rules! events {
    ($($(#[$doc:meta])* $name:ident = $schema:literal,)+) => {
        /// A past-tense fact.
        #[derive(Debug, Clone, PartialEq)]
        #[allow(clippy::large_enum_variant, reason = "events are written, read and dropped one by one")]
        pub enum Event {
            $($(#[$doc])* $name($name),)+
        }

        impl Event {
            /// Every type name with the schema number written today.
            pub const SCHEMAS: &[(&str, u32)] = &[$((stringify!($name), $schema),)+];

            /// The type name, as stored.
            pub fn kind(&self) -> &'static str {
                match self {
                    $(Self::$name(_) => stringify!($name),)+
                }
            }

            /// The schema number that [`Event::encode`] writes.
            pub fn schema(&self) -> u32 {
                match self {
                    $(Self::$name(_) => $schema,)+
                }
            }

            /// The JSON to store.
            pub fn encode(&self) -> Box<RawValue> {
                match self {
                    $(Self::$name(data) => serde_json::value::to_raw_value(data),)+
                }
                .expect("an event is maps, strings and numbers")
            }

            /// Reads stored JSON of any schema ever written.
            ///
            /// # Errors
            /// When the type or schema is unknown or the JSON does not fit it.
            pub fn decode(kind: &str, schema: u32, data: &RawValue) -> Result<Self, DecodeError> {
                match (kind, schema) {
                    $((stringify!($name), $schema) => {
                        serde_json::from_str(data.get()).map(Self::$name)
                    })+
                    _ => return upcast(kind, schema, data),
                }
                .map_err(DecodeError::Malformed)
            }
        }

        $(impl From<$name> for Event {
            fn from(data: $name) -> Self {
                Self::$name(data)
            }
        })+
    };
}

events! {
    /// A login exists from now on.
    AccountRegistered = 1,
    /// An account may do more.
    RoleGranted = 1,
    /// An account may do less.
    RoleRevoked = 1,
    /// Who an account was is forgotten.
    AccountErased = 1,
    /// A problem has a new revision; the first makes the problem.
    ProblemRevised = 2,
    /// A program was handed in.
    SubmissionReceived = 1,
    /// An evaluator took the submission.
    JudgingStarted = 2,
    /// The program was compiled, or was not.
    Compiled = 1,
    /// Some tests have a verdict.
    TestsJudged = 2,
    /// The attempt has its verdict.
    JudgingFinished = 2,
    /// The attempt ended without one.
    AttemptAbandoned = 1,
    /// No evaluator could judge it.
    SubmissionAbandoned = 1,
    /// A submission is judged again, beside what counts.
    TrialStarted = 1,
    /// Submissions are to be judged again.
    RejudgeCreated = 1,
    /// Every trial waits for an evaluator, or was with one already.
    RejudgeTrialsQueued = 1,
    /// What the trials found counts from now on.
    RejudgeApplied = 1,
    /// What the trials find will never count.
    RejudgeCancelled = 1,
    /// What the trials found counts no more.
    RejudgeReverted = 1,
    /// A server is to be told of events from now on.
    WebhookCreated = 1,
    /// Everything up to a position was delivered, given up, or not wanted.
    WebhookAdvanced = 1,
    /// An event could not be delivered.
    DeliveryGivenUp = 1,
    /// A dead letter is to be tried once more.
    DeliveryRetried = 1,
    /// Everything from a position on is to be delivered again.
    WebhookRewound = 1,
    /// The server wants nothing more.
    WebhookDisabled = 1,
    /// The webhook is no more.
    WebhookRemoved = 1,
}

/// Turns an older schema into the newest. An event's first change adds its arm here.
fn upcast(kind: &str, schema: u32, data: &RawValue) -> Result<Event, DecodeError> {
    let data = data.get();
    match (kind, schema) {
        ("ProblemRevised", 1) => serde_json::from_str::<first_schema::Revised>(data)
            .map(|revised| Event::ProblemRevised(revised.into())),
        // A field went, or fields came that are empty where they are missing.
        ("JudgingStarted", 1) => serde_json::from_str(data).map(Event::JudgingStarted),
        ("TestsJudged", 1) => serde_json::from_str(data).map(Event::TestsJudged),
        ("JudgingFinished", 1) => serde_json::from_str(data).map(Event::JudgingFinished),
        _ => return Err(DecodeError::Unknown { kind: kind.to_owned(), schema }),
    }
    .map_err(DecodeError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// INV-3: what was ever written can be read, and today's writer still writes the same bytes.
    #[test]
    fn every_schema_ever_written_is_still_read() {
        let golden = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
        for (kind, newest) in Event::SCHEMAS {
            for schema in 1..=*newest {
                let path = golden.join(format!("{kind}.{schema}.json"));
                let text = std::fs::read_to_string(&path)
                    .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                let value: Box<RawValue> = serde_json::from_str(text.trim()).unwrap();
                let event = Event::decode(kind, schema, &value).unwrap();
                assert_eq!(&event.kind(), kind);
                if schema == *newest {
                    let written: serde_json::Value =
                        serde_json::from_str(event.encode().get()).unwrap();
                    let expected: serde_json::Value = serde_json::from_str(value.get()).unwrap();
                    assert_eq!(written, expected, "{}", path.display());
                }
            }
        }
    }

    #[test]
    fn an_unknown_event_is_refused_by_name() {
        let data = RawValue::from_string("{}".to_owned()).unwrap();
        let error = Event::decode("AccountRegistered", 9, &data).unwrap_err();
        assert!(error.to_string().contains("AccountRegistered at schema 9"));
    }
}
