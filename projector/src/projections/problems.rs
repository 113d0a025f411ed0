//! Problems with their counters and tags, and how accounts stand with them.

use std::collections::BTreeSet;

use domain::problem::ProblemRevised;
use domain::submission::SubmissionReceived;
use domain::{Event, Recorded, Slug, StreamId, SubmissionId, Verdict};
use read_model::views::{
    Counter, ProblemView, RevisionView, SolvedStatus, SolvedView, TagView, Tally,
};
use read_model::{Collection, View};

use crate::{Missing, Projection, Workspace};

/// Keeps [`ProblemView`], [`RevisionView`], [`TagView`] and [`SolvedView`].
#[derive(Debug)]
pub(super) struct Problems;

impl Projection for Problems {
    fn name(&self) -> &'static str {
        "problems"
    }

    fn version(&self) -> u32 {
        2
    }

    fn collections(&self) -> Vec<Collection> {
        vec![
            ProblemView::COLLECTION,
            RevisionView::COLLECTION,
            TagView::COLLECTION,
            SolvedView::COLLECTION,
            Tally::COLLECTION,
            Counter::COLLECTION,
        ]
    }

    fn apply(&self, recorded: &Recorded, views: &mut Workspace) -> Result<(), Missing> {
        match (&recorded.stream, &recorded.event) {
            (StreamId::Problem(slug), Event::ProblemRevised(revised)) => {
                revise(slug, revised, recorded, views)
            }
            (StreamId::Submission(_), Event::SubmissionReceived(received)) => {
                receive(received, views)
            }
            (StreamId::Submission(id), Event::JudgingFinished(finished)) => {
                judge(*id, finished.verdict, recorded, views)
            }
            (StreamId::Submission(id), Event::SubmissionAbandoned(_)) => {
                judge(*id, Verdict::JudgeError, recorded, views)
            }
            _ => Ok(()),
        }
    }
}

fn revise(
    slug: &Slug,
    revised: &ProblemRevised,
    recorded: &Recorded,
    views: &mut Workspace,
) -> Result<(), Missing> {
    let before = views.get::<ProblemView>(slug.as_str())?;
    let tags_before: BTreeSet<Slug> =
        before.iter().flat_map(|problem| problem.tags.iter().cloned()).collect();
    let problem = match before {
        Some(mut problem) => {
            problem.revise(revised, recorded);
            problem
        }
        None => {
            let number = next("problems", views)?;
            ProblemView::new(slug.clone(), number, revised, recorded)
        }
    };
    let tags: BTreeSet<Slug> = problem.tags.iter().cloned().collect();
    for tag in tags.difference(&tags_before) {
        count_tag(tag, 1, views)?;
    }
    for tag in tags_before.difference(&tags) {
        count_tag(tag, -1, views)?;
    }
    views.put(RevisionView::new(slug.clone(), revised));
    views.put(problem);
    Ok(())
}

fn receive(received: &SubmissionReceived, views: &mut Workspace) -> Result<(), Missing> {
    let key = SolvedView::key_of(&received.author, &received.problem);
    let mut solved = views.get::<SolvedView>(&key)?.unwrap_or_else(|| SolvedView {
        login: received.author.clone(),
        problem: received.problem.clone(),
        status: SolvedStatus::Attempted,
        submissions: 0,
        accepted: 0,
        solved_at: None,
    });
    solved.submissions += 1;
    if let Some(mut problem) = views.get::<ProblemView>(received.problem.as_str())? {
        problem.count(1, 0, 0);
        views.put(problem);
    }
    views.put(solved);
    views.put(Tally {
        submission: received.submission,
        author: received.author.clone(),
        problem: received.problem.clone(),
        verdict: None,
    });
    Ok(())
}

/// Counts the verdict in the place of the one that was counted before, if any.
fn judge(
    id: SubmissionId,
    verdict: Verdict,
    recorded: &Recorded,
    views: &mut Workspace,
) -> Result<(), Missing> {
    let Some(mut tally) = views.get::<Tally>(&id.to_string())? else { return Ok(()) };
    let accepted = |verdict: Option<Verdict>| i64::from(verdict == Some(Verdict::Accepted));
    let change = accepted(Some(verdict)) - accepted(tally.verdict);
    if change != 0 {
        let key = SolvedView::key_of(&tally.author, &tally.problem);
        let mut solvers = 0;
        if let Some(mut solved) = views.get::<SolvedView>(&key)? {
            let before = solved.accepted > 0;
            solved.accepted += change;
            let after = solved.accepted > 0;
            solvers = i64::from(after) - i64::from(before);
            solved.status = if after { SolvedStatus::Solved } else { SolvedStatus::Attempted };
            solved.solved_at = match (before, after) {
                (false, true) => Some(recorded.recorded_at.into()),
                (_, false) => None,
                _ => solved.solved_at,
            };
            views.put(solved);
        }
        if let Some(mut problem) = views.get::<ProblemView>(tally.problem.as_str())? {
            problem.count(0, change, solvers);
            views.put(problem);
        }
    }
    tally.verdict = Some(verdict);
    views.put(tally);
    Ok(())
}

fn count_tag(slug: &Slug, change: i64, views: &mut Workspace) -> Result<(), Missing> {
    let before = views.get::<TagView>(slug.as_str())?.map_or(0, |tag| tag.problems);
    match before + change {
        0 => views.delete::<TagView>(slug.as_str()),
        problems => views.put(TagView { slug: slug.clone(), problems }),
    }
    Ok(())
}

fn next(name: &str, views: &mut Workspace) -> Result<i64, Missing> {
    let value = views.get::<Counter>(name)?.map_or(0, |counter| counter.value) + 1;
    views.put(Counter { name: name.to_owned(), value });
    Ok(value)
}
