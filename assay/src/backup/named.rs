//! The blobs that an event names.

use domain::{Digest, Event, Recorded};
use serde_json::{Map, Value};

/// The blobs that an event names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct NamedBlobs {
    /// Blobs that must exist, because the event was written after them.
    pub(crate) surely: Vec<Digest>,
    /// Digests that may or may not name blobs.
    pub(crate) perhaps: Vec<Digest>,
}

/// The blobs that an event names, for any schema version of the event.
pub(crate) fn named_blobs(recorded: &Recorded) -> NamedBlobs {
    let body: Value = serde_json::from_str(&recorded.body).unwrap_or_default();
    let mut named = NamedBlobs::default();
    walk(&body["data"], &mut named);
    if has_no_other_blobs(&recorded.event) {
        named.perhaps.clear();
    }
    named
}

/// Whether every blob of such an event is recognised by the shape of its reference. Its other
/// digests name programs, languages and revisions.
fn has_no_other_blobs(event: &Event) -> bool {
    matches!(
        event,
        Event::AccountRegistered(_)
            | Event::RoleGranted(_)
            | Event::RoleRevoked(_)
            | Event::AccountErased(_)
            | Event::TrialStarted(_)
            | Event::RejudgeCreated(_)
            | Event::RejudgeTrialsQueued(_)
            | Event::RejudgeApplied(_)
            | Event::RejudgeCancelled(_)
            | Event::RejudgeReverted(_)
            | Event::WebhookCreated(_)
            | Event::WebhookAdvanced(_)
            | Event::DeliveryGivenUp(_)
            | Event::DeliveryRetried(_)
            | Event::WebhookRewound(_)
            | Event::WebhookDisabled(_)
            | Event::WebhookRemoved(_)
            | Event::ProblemRevised(_)
            | Event::ProblemVisibilityChanged(_)
            | Event::ProblemArchived(_)
            | Event::ProblemRestored(_)
            | Event::ProblemTransferred(_)
            | Event::CollaboratorAdded(_)
            | Event::CollaboratorRemoved(_)
            | Event::ProblemTextRulesChanged(_)
            | Event::SubmissionReceived(_)
            | Event::JudgingStarted(_)
            | Event::Compiled(_)
            | Event::TestsJudged(_)
            | Event::JudgingFinished(_)
            | Event::AttemptAbandoned(_)
            | Event::SubmissionAbandoned(_)
            | Event::SubmissionCancelled(_)
    )
}

fn walk(value: &Value, named: &mut NamedBlobs) {
    match value {
        Value::Object(fields) => match reference(fields) {
            Some(digest) => named.surely.push(digest),
            None => fields.iter().for_each(|(name, value)| match (name.as_str(), digest(value)) {
                ("source", Some(digest)) => named.surely.push(digest),
                _ => walk(value, named),
            }),
        },
        Value::Array(values) => values.iter().for_each(|value| walk(value, named)),
        value => named.perhaps.extend(digest(value)),
    }
}

/// The digest, if the object is a [`BlobRef`](domain::problem::BlobRef).
fn reference(fields: &Map<String, Value>) -> Option<Digest> {
    let is_reference = fields.len() == 2 && fields.get("bytes").is_some_and(Value::is_u64);
    is_reference.then(|| fields.get("digest").and_then(digest)).flatten()
}

fn digest(value: &Value) -> Option<Digest> {
    value.as_str().and_then(|text| text.parse().ok())
}

#[cfg(test)]
mod tests {
    use domain::record::Placement;
    use domain::{Position, Version};
    use jiff::Timestamp;

    use super::*;

    /// A golden file's event as stored in the log.
    fn golden(kind: &str, schema: u32) -> Recorded {
        let path = format!("{}/../domain/golden/{kind}.{schema}.json", env!("CARGO_MANIFEST_DIR"));
        let data = std::fs::read_to_string(&path).unwrap();
        let metadata = r#"{"actor":"system","correlation":"00000000-0000-0000-0000-000000000002","causation":null,"traceparent":null}"#;
        let body = format!(
            r#"{{"id":"00000000-0000-0000-0000-000000000001","type":"{kind}","schema":{schema},"metadata":{metadata},"data":{data}}}"#
        );
        let placement = Placement {
            position: Position(1),
            stream: "account:ada".parse().unwrap(),
            version: Version(1),
            recorded_at: Timestamp::UNIX_EPOCH,
        };
        Recorded::decode(placement, body).unwrap()
    }

    #[test]
    fn a_submission_names_its_source() {
        let received = golden("SubmissionReceived", 1);
        let Event::SubmissionReceived(event) = &received.event else { panic!("{received:?}") };
        let expected = NamedBlobs { surely: vec![event.source], perhaps: vec![] };
        assert_eq!(named_blobs(&received), expected);
    }

    #[test]
    fn a_revision_of_any_schema_names_its_tests_and_files() {
        for schema in [1, 2, 3, 4] {
            let revised = golden("ProblemRevised", schema);
            let Event::ProblemRevised(event) = &revised.event else { panic!("{revised:?}") };
            let named = named_blobs(&revised);
            let content = &event.content;
            let tests = content.tests.iter().flat_map(|test| [test.input, test.answer]);
            let files = content.tests.iter().flat_map(|test| &test.files).map(|it| it.content);
            let attachments = content.attachments.iter().map(|it| it.content);
            let statements = content.translations.iter().map(|it| it.statement);
            let programs =
                content.programs().flat_map(|program| &program.files).map(|it| it.content);
            let include = content.include.iter().flat_map(|it| &it.files).map(|it| it.content);
            let mut expected: Vec<Digest> = tests
                .chain(files)
                .chain(attachments)
                .chain(statements)
                .chain(programs)
                .chain(include)
                .chain(content.reference.iter().map(|it| it.source))
                .map(|blob| blob.digest)
                .collect();
            let mut surely = named.surely;
            surely.sort_unstable();
            expected.sort_unstable();
            assert!(!expected.is_empty());
            assert_eq!(surely, expected, "schema {schema}");
            assert_eq!(named.perhaps, []);
        }
    }

    #[test]
    fn a_verdict_names_none() {
        assert_eq!(named_blobs(&golden("JudgingFinished", 2)), NamedBlobs::default());
    }

    #[test]
    fn all_digests_of_an_unknown_event_may_be_blobs() {
        let (mut named, digest) = (NamedBlobs::default(), Digest::of(b"a"));
        walk(&serde_json::json!({ "a": [{ "b": digest, "c": "no digest" }] }), &mut named);
        assert_eq!(named, NamedBlobs { surely: vec![], perhaps: vec![digest] });
    }
}
