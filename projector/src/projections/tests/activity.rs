//! The activity of accounts, and the distribution of what accepted submissions take.

use read_model::views::{ActivityView, DistributionView, LanguageUseView};

use super::*;

fn judge(story: &mut Story, stream: StreamId, verdict: Verdict, time_ms: u64) {
    story.append(stream, JudgingFinished { time_ms, memory_kib: 100, ..finished(verdict) });
}

/// Submissions and accepted ones of Ada on the only day.
fn activity(story: &Story) -> Option<(i64, i64)> {
    let day: Option<ActivityView> = story.get("ada/1970-01-01");
    let language: Option<LanguageUseView> = story.get("ada/cpp");
    let day = day.map(|it| (it.submissions, it.accepted));
    assert_eq!(day, language.map(|it| (it.submissions, it.accepted)));
    day
}

/// The share of accepted submissions that take at least these times.
fn shares(story: &Story, times_ms: [i64; 2]) -> [Option<f64>; 2] {
    let distribution: DistributionView = story.get("a/cpp").unwrap();
    times_ms.map(|time_ms| distribution.times.at_least(time_ms))
}

#[test]
fn a_day_counts_what_was_received_on_it() {
    let mut story = Story::new();
    assert_eq!(activity(&story), None);
    let stream = |id| StreamId::Submission(submission(id));
    story.receive(1, "ada", "a");
    story.receive(2, "ada", "b");
    story.receive(3, "bob", "a");
    judge(&mut story, stream(1), A, 10);
    judge(&mut story, stream(2), W, 10);
    assert_eq!(activity(&story), Some((2, 1)));
    story.receive(4, "ada", "a");
    story.append(stream(4), SubmissionCancelled { attempt: None, reason: None });
    assert_eq!(activity(&story), Some((2, 1)));
}

#[test]
fn a_day_whose_submissions_were_cancelled_is_empty() {
    let mut story = Story::new();
    story.receive(1, "ada", "a");
    let cancelled = SubmissionCancelled { attempt: None, reason: None };
    story.append(StreamId::Submission(submission(1)), cancelled);
    assert_eq!(activity(&story), None);
}

#[test]
fn the_judgement_that_counts_is_the_one_in_the_distribution() {
    let mut story = Story::new();
    story.revise("a", 1, &[]);
    for (id, time_ms) in [(1, 10), (2, 1_000)] {
        story.receive(id, "ada", "a");
        judge(&mut story, StreamId::Submission(submission(id)), A, time_ms);
    }
    assert_eq!(shares(&story, [10, 1_000]), [Some(100.0), Some(50.0)]);

    // The rejudge measures a longer time.
    story.create_rejudge(1);
    let trial = TrialId { rejudge: rejudge(1), submission: submission(1) };
    judge(&mut story, StreamId::Trial(trial), A, 4_000);
    assert_eq!(shares(&story, [1_000, 4_000]), [Some(50.0), Some(0.0)]);
    story.apply(1, &[(1, A)]);
    assert_eq!(shares(&story, [1_000, 4_000]), [Some(100.0), Some(50.0)]);

    // A second one rejects the submission.
    story.create_rejudge(2);
    story.apply(2, &[(1, W)]);
    assert_eq!(activity(&story), Some((2, 1)));
    assert_eq!(shares(&story, [1_000, 4_000]), [Some(100.0), Some(0.0)]);

    let revert = |story: &mut Story, number| {
        let by = "jo".parse().unwrap();
        let submissions = vec![submission(1)];
        story.of_rejudge(number, RejudgeReverted { by, reason: None, submissions });
    };
    revert(&mut story, 2);
    assert_eq!(shares(&story, [1_000, 4_000]), [Some(100.0), Some(50.0)]);
    revert(&mut story, 1);
    assert_eq!(shares(&story, [10, 1_000]), [Some(100.0), Some(50.0)]);
    assert_eq!(activity(&story), Some((2, 2)));
}
