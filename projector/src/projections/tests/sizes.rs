//! Limits on the size of documents.

use std::collections::BTreeMap;

use domain::problem::bounds::TESTS_MAX;
use domain::submission::{Feedback, Shown};
use read_model::Change;
use read_model::views::SUMMARY_BYTES_MAX;

use super::*;

/// The maximum number of tests of a problem, each with the longest texts, in small steps and out of
/// order.
#[test]
fn no_document_grows_with_the_number_of_tests() {
    let mut story = Story::new();
    story.receive(1, "ada", "a");
    let stream = || StreamId::Submission(submission(1));
    let tests = TESTS_MAX as u32;
    story.append(stream(), JudgingStarted { attempt: 1, evaluator: "e".to_owned(), tests });
    let log = String::new();
    story.append(stream(), Compiled { attempt: 1, ok: true, log, truncated: false, time_ms: 1 });
    // A control character takes six bytes in JSON.
    let (stream_text, message) = ("\u{1}".repeat(4 << 10), "\u{1}".repeat(1_000));
    let outcome = |number| TestOutcome {
        number,
        verdict: Verdict::WrongAnswer,
        end: None,
        time_ms: 1,
        memory_kib: 1,
        score: None,
        feedback: Some(Feedback { judge: Some(message.clone()), team: Some(message.clone()) }),
        shown: Some(Shown {
            result: None,
            stdout: stream_text.clone(),
            stderr: stream_text.clone(),
            truncated: true,
            checker: Some(message.clone()),
        }),
    };
    let numbers: Vec<u32> = (1..=tests).rev().collect();
    for numbers in numbers.chunks(17) {
        let outcomes = numbers.iter().copied().map(outcome).collect();
        story.append(stream(), TestsJudged { attempt: 1, outcomes });
    }
    story.finish(1, Verdict::WrongAnswer);

    let mut sizes: BTreeMap<&str, usize> = BTreeMap::new();
    for change in story.views.take_changes() {
        let Change::Put { collection, key, document } = change else { continue };
        let largest = sizes.entry(collection.name).or_default();
        *largest = (*largest).max(document.text().len());
        document.check(&key).unwrap();
    }
    assert!(sizes["submissions"] <= SUMMARY_BYTES_MAX, "{sizes:?}");
    let judgement = JudgementView::key_of(&submission(1).to_string(), 1);
    let judgement = story.get::<JudgementView>(&judgement).unwrap();
    let pages = judgement.outcome_keys().map(|key| story.get::<OutcomesView>(&key).unwrap());
    let found: Vec<u32> = pages.flat_map(|it| it.outcomes).map(|it| it.number).collect();
    assert_eq!(found, (1..=tests).collect::<Vec<_>>());
}
