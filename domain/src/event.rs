//! All events, and how they are stored.
//!
//! A stored event is a type name, a schema number and JSON. Every schema that was ever written has
//! a golden file in `domain/golden/` that is never edited. Old schemas are read through [`upcast`]
//! (INV-3).

use serde_json::value::RawValue;

use crate::account::{AccountErased, AccountRegistered, RoleGranted, RoleRevoked};
use crate::problem::{
    CollaboratorAdded, CollaboratorRemoved, ProblemArchived, ProblemRestored, ProblemRevised,
    ProblemTextRulesChanged, ProblemTransferred, ProblemVisibilityChanged, first_schema,
};
use crate::rejudge::{
    RejudgeApplied, RejudgeCancelled, RejudgeCreated, RejudgeReverted, RejudgeTrialsQueued,
};
use crate::submission::{
    AttemptAbandoned, Compiled, JudgingFinished, JudgingStarted, SubmissionAbandoned,
    SubmissionCancelled, SubmissionReceived, TestsJudged, TrialStarted,
};
use crate::webhook::{
    DeliveryGivenUp, DeliveryRetried, WebhookAdvanced, WebhookCreated, WebhookDisabled,
    WebhookRemoved, WebhookRewound,
};

/// A stored event could not be read.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The stored bytes do not have the form of an event.
    #[error("the stored event is malformed")]
    Malformed(#[source] serde_json::Error),
    /// The type or schema is unknown. A newer version of Assay probably wrote the event.
    #[error("this version of Assay does not know the event {kind} at schema {schema}")]
    Unknown {
        /// Type name.
        kind: String,
        /// Schema number.
        schema: u32,
    },
}

/// Declares the events: one line each, with the newest schema number.
macro_rules! events {
    ($($(#[$doc:meta])* $name:ident = $schema:literal,)+) => {
        /// A past-tense fact.
        #[derive(Debug, Clone, PartialEq)]
        #[allow(clippy::large_enum_variant, reason = "events are written, read and dropped one by one")]
        pub enum Event {
            $($(#[$doc])* $name($name),)+
        }

        impl Event {
            /// Every type name with its newest schema number.
            pub const SCHEMAS: &[(&str, u32)] = &[$((stringify!($name), $schema),)+];

            /// The type name, as stored.
            pub fn kind(&self) -> &'static str {
                match self {
                    $(Self::$name(_) => stringify!($name),)+
                }
            }

            /// The newest schema number, which [`Event::encode`] writes.
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
    /// An account was registered.
    AccountRegistered = 1,
    /// A role was granted to the account.
    RoleGranted = 1,
    /// A role of the account was revoked.
    RoleRevoked = 1,
    /// The account's personal data and secrets were erased.
    AccountErased = 1,
    /// A problem has a new revision; the first one creates the problem.
    ProblemRevised = 5,
    /// Other accounts may see the problem from now on, or no longer.
    ProblemVisibilityChanged = 1,
    /// The problem was archived.
    ProblemArchived = 1,
    /// The problem is no longer archived.
    ProblemRestored = 1,
    /// The problem has another owner.
    ProblemTransferred = 1,
    /// One more account works on the problem.
    CollaboratorAdded = 1,
    /// An account no longer works on the problem.
    CollaboratorRemoved = 1,
    /// Editorial and hints are shown by other rules from now on.
    ProblemTextRulesChanged = 1,
    /// A program was submitted.
    SubmissionReceived = 1,
    /// An evaluator started an attempt at judging the submission.
    JudgingStarted = 2,
    /// Compilation ended, successfully or not.
    Compiled = 1,
    /// One or more tests were judged.
    TestsJudged = 3,
    /// The attempt ended with a verdict.
    JudgingFinished = 2,
    /// The attempt ended without a verdict.
    AttemptAbandoned = 1,
    /// No evaluator could judge the submission.
    SubmissionAbandoned = 1,
    /// The submission was cancelled before it had a verdict.
    SubmissionCancelled = 1,
    /// A submission is judged again for a rejudge.
    TrialStarted = 1,
    /// A rejudge of some submissions was created.
    RejudgeCreated = 1,
    /// Every trial of the rejudge was queued.
    RejudgeTrialsQueued = 1,
    /// The verdicts of the trials count from now on.
    RejudgeApplied = 1,
    /// The rejudge was cancelled; the verdicts of its trials will never count.
    RejudgeCancelled = 1,
    /// The verdicts of the trials no longer count.
    RejudgeReverted = 1,
    /// A webhook was created; events are sent to its server from now on.
    WebhookCreated = 1,
    /// Every event up to a position was delivered, given up or skipped.
    WebhookAdvanced = 1,
    /// An event could not be delivered and became a dead letter.
    DeliveryGivenUp = 1,
    /// One more delivery of a dead letter was requested.
    DeliveryRetried = 1,
    /// Redelivery of every event from a position on was requested.
    WebhookRewound = 1,
    /// The server asked for no further events.
    WebhookDisabled = 1,
    /// The webhook was removed.
    WebhookRemoved = 1,
}

/// Converts an older schema to the newest. Every change of a schema adds an arm here.
fn upcast(kind: &str, schema: u32, data: &RawValue) -> Result<Event, DecodeError> {
    let data = data.get();
    match (kind, schema) {
        ("ProblemRevised", 1) => serde_json::from_str::<first_schema::Revised>(data)
            .map(|revised| Event::ProblemRevised(revised.into())),
        // A field was removed, or fields were added that default to empty.
        ("ProblemRevised", 2..=4) => serde_json::from_str(data).map(Event::ProblemRevised),
        ("JudgingStarted", 1) => serde_json::from_str(data).map(Event::JudgingStarted),
        ("TestsJudged", 1 | 2) => serde_json::from_str(data).map(Event::TestsJudged),
        ("JudgingFinished", 1) => serde_json::from_str(data).map(Event::JudgingFinished),
        _ => return Err(DecodeError::Unknown { kind: kind.to_owned(), schema }),
    }
    .map_err(DecodeError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// INV-3: every schema ever written can be read, and the newest is still written the same way.
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
