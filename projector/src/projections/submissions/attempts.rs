//! The attempts at judging a submission or a trial, and the outcomes of their tests.

use domain::submission::TestsJudged;
use domain::{Event, Recorded};
use read_model::views::{JudgementView, OutcomesView};

use crate::{Missing, Workspace};

/// Applies an event of the stream of the submission or trial with this id.
pub(super) fn advance(
    judged: &str,
    recorded: &Recorded,
    views: &mut Workspace,
) -> Result<(), Missing> {
    let attempt = match &recorded.event {
        Event::JudgingStarted(started) => {
            views.put(JudgementView::new(judged.to_owned(), started, recorded));
            return Ok(());
        }
        Event::TestsJudged(tests) => return add_outcomes(judged, tests, views),
        Event::Compiled(compiled) => compiled.attempt,
        Event::JudgingFinished(finished) => finished.attempt,
        Event::AttemptAbandoned(abandoned) => abandoned.attempt,
        Event::SubmissionCancelled(cancelled) => match cancelled.attempt {
            Some(attempt) => attempt,
            None => return Ok(()),
        },
        _ => return Ok(()),
    };
    let key = JudgementView::key_of(judged, attempt);
    if let Some(mut judgement) = views.get::<JudgementView>(&key)? {
        judgement.evolve(recorded);
        views.put(judgement);
    }
    Ok(())
}

fn add_outcomes(judged: &str, tests: &TestsJudged, views: &mut Workspace) -> Result<(), Missing> {
    let numbers = tests.outcomes.iter().map(|outcome| outcome.number);
    let mut pages: Vec<u32> = numbers.map(OutcomesView::page_of).collect();
    pages.sort_unstable();
    pages.dedup();
    let key_of = |page: &u32| OutcomesView::key_of(judged, tests.attempt, *page);
    views.require::<OutcomesView>(pages.iter().map(key_of).collect())?;
    for page in pages {
        let known = views.get::<OutcomesView>(&key_of(&page))?;
        let new = || OutcomesView::new(judged.to_owned(), tests.attempt, page);
        let mut outcomes = known.unwrap_or_else(new);
        for outcome in &tests.outcomes {
            if OutcomesView::page_of(outcome.number) == page {
                outcomes.add(outcome.clone());
            }
        }
        views.put(outcomes);
    }
    Ok(())
}
