//! Problems with their counters and tags, the status of accounts for them, and the history of all
//! these.

mod counter;
mod history;

use std::collections::BTreeSet;

use domain::rejudge::{RejudgeApplied, RejudgeReverted};
use domain::submission::SubmissionReceived;
use domain::{Event, Recorded, RejudgeId, Slug, StreamId, SubmissionId, Verdict};
use read_model::views::{
    Counter, DifficultySince, ProblemView, RankingSegment, RejudgedSince, RevisionView, SolvedView,
    SolvesView, StatisticsSince, StatusSince, TagView, Tally, VerdictStack,
};
use read_model::{Collection, View};

use crate::{Missing, Projection, Workspace};

/// Keeps [`ProblemView`], [`RevisionView`], [`TagView`] and [`SolvedView`], and the history of what
/// they count. They are one projection, so that history and current state come from the same code.
#[derive(Debug)]
pub(super) struct Problems;

impl Projection for Problems {
    fn name(&self) -> &'static str {
        "problems"
    }

    fn version(&self) -> u32 {
        8
    }

    fn collections(&self) -> Vec<Collection> {
        vec![
            ProblemView::COLLECTION,
            RevisionView::COLLECTION,
            TagView::COLLECTION,
            SolvedView::COLLECTION,
            Tally::COLLECTION,
            Counter::COLLECTION,
            StatusSince::COLLECTION,
            StatisticsSince::COLLECTION,
            DifficultySince::COLLECTION,
            RejudgedSince::COLLECTION,
            SolvesView::COLLECTION,
            RankingSegment::COLLECTION,
        ]
    }

    fn parked_name(&self) -> &'static str {
        "parked_problems"
    }

    fn wants(&self, stream: &StreamId) -> bool {
        matches!(stream, StreamId::Problem(_) | StreamId::Submission(_) | StreamId::Rejudge(_))
    }

    fn apply(&self, recorded: &Recorded, views: &mut Workspace) -> Result<(), Missing> {
        match (&recorded.stream, &recorded.event) {
            (StreamId::Problem(slug), _) => change(slug, recorded, views),
            (StreamId::Submission(_), Event::SubmissionReceived(received)) => {
                receive(received, recorded, views)
            }
            (StreamId::Submission(id), Event::JudgingFinished(finished)) => {
                judge(*id, finished.verdict, recorded, views)
            }
            (StreamId::Submission(id), Event::SubmissionAbandoned(_)) => {
                judge(*id, Verdict::JudgeError, recorded, views)
            }
            (StreamId::Submission(id), Event::SubmissionCancelled(_)) => {
                cancel(*id, recorded, views)
            }
            (StreamId::Rejudge(id), Event::RejudgeApplied(applied)) => {
                apply(*id, applied, recorded, views)
            }
            (StreamId::Rejudge(id), Event::RejudgeReverted(reverted)) => {
                revert(*id, reverted, recorded, views)
            }
            // A trial's verdict does not count by itself.
            _ => Ok(()),
        }
    }
}

fn change(slug: &Slug, recorded: &Recorded, views: &mut Workspace) -> Result<(), Missing> {
    let before = views.get::<ProblemView>(slug.as_str())?;
    let tags_before: BTreeSet<Slug> =
        before.iter().flat_map(|problem| problem.listed_tags().iter().cloned()).collect();
    let difficulty_before = before.as_ref().map(|problem| problem.difficulty);
    let problem = match (before, &recorded.event) {
        (Some(mut problem), _) => {
            problem.evolve(recorded);
            problem
        }
        (None, Event::ProblemRevised(revised)) => {
            let number = counter::next(Counter::PROBLEMS, views)?;
            ProblemView::new(slug.clone(), number, revised, recorded)
        }
        (None, _) => return Ok(()),
    };
    let tags: BTreeSet<Slug> = problem.listed_tags().iter().cloned().collect();
    for tag in tags.difference(&tags_before) {
        count_tag(tag, 1, views)?;
    }
    for tag in tags_before.difference(&tags) {
        count_tag(tag, -1, views)?;
    }
    if let Event::ProblemRevised(revised) = &recorded.event {
        views.write(RevisionView::new(slug.clone(), revised));
    }
    if difficulty_before != Some(problem.difficulty) {
        history::difficulty(&problem, recorded, views);
    }
    views.put(problem);
    Ok(())
}

fn receive(
    received: &SubmissionReceived,
    recorded: &Recorded,
    views: &mut Workspace,
) -> Result<(), Missing> {
    let key = SolvedView::key_of(&received.author, &received.problem);
    let known = views.get::<SolvedView>(&key)?;
    let mut solved = known
        .clone()
        .unwrap_or_else(|| SolvedView::new(received.author.clone(), received.problem.clone()));
    solved.submissions += 1;
    count(&received.problem, (1, 0, 0), recorded, views)?;
    history::solved(known.as_ref(), &solved, recorded, views)?;
    views.put(solved);
    views.put(Tally {
        submission: received.submission,
        author: received.author.clone(),
        problem: received.problem.clone(),
        verdicts: VerdictStack::default(),
    });
    Ok(())
}

fn judge(
    id: SubmissionId,
    verdict: Verdict,
    recorded: &Recorded,
    views: &mut Workspace,
) -> Result<(), Missing> {
    let at = recorded.recorded_at.into();
    recount(id, |verdicts| verdicts.judge(verdict, at), recorded, views)?;
    Ok(())
}

/// A cancelled submission does not count: afterwards it is as if it had never been received.
fn cancel(id: SubmissionId, recorded: &Recorded, views: &mut Workspace) -> Result<(), Missing> {
    let Some(tally) = views.get::<Tally>(&id.to_string())? else { return Ok(()) };
    let key = SolvedView::key_of(&tally.author, &tally.problem);
    if let Some(before) = views.get::<SolvedView>(&key)? {
        let mut solved = before.clone();
        solved.submissions -= 1;
        history::solved(Some(&before), &solved, recorded, views)?;
        match solved.submissions {
            0 => views.delete::<SolvedView>(&key),
            _ => views.put(solved),
        }
    }
    count(&tally.problem, (-1, 0, 0), recorded, views)?;
    views.delete::<Tally>(&id.to_string());
    Ok(())
}

fn apply(
    id: RejudgeId,
    applied: &RejudgeApplied,
    recorded: &Recorded,
    views: &mut Workspace,
) -> Result<(), Missing> {
    let at = recorded.recorded_at.into();
    load(applied.found.iter().map(|found| found.submission), views)?;
    for found in &applied.found {
        let apply = |verdicts: &mut VerdictStack| verdicts.apply(id, found.verdict, at);
        if let Some(tally) = recount(found.submission, apply, recorded, views)? {
            history::rejudged(&tally, recorded, views);
        }
    }
    Ok(())
}

fn revert(
    id: RejudgeId,
    reverted: &RejudgeReverted,
    recorded: &Recorded,
    views: &mut Workspace,
) -> Result<(), Missing> {
    load(reverted.submissions.iter().copied(), views)?;
    for submission in &reverted.submissions {
        let revert = |verdicts: &mut VerdictStack| verdicts.revert(id);
        if let Some(tally) = recount(*submission, revert, recorded, views)? {
            history::rejudged(&tally, recorded, views);
        }
    }
    Ok(())
}

/// Requests all views that these submissions affect, at once.
fn load(
    submissions: impl Iterator<Item = SubmissionId>,
    views: &mut Workspace,
) -> Result<(), Missing> {
    let keys: Vec<String> = submissions.map(|submission| submission.to_string()).collect();
    views.require::<Tally>(keys.clone())?;
    let (mut standings, mut problems) = (BTreeSet::new(), BTreeSet::new());
    let mut authors = BTreeSet::new();
    for key in &keys {
        if let Some(tally) = views.get::<Tally>(key)? {
            standings.insert(SolvedView::key_of(&tally.author, &tally.problem));
            problems.insert(tally.problem.to_string());
            authors.insert(tally.author);
        }
    }
    views.require::<SolvedView>(standings.into_iter().collect())?;
    views.require::<ProblemView>(problems.into_iter().collect())?;
    views.require::<Counter>(vec![Counter::RANKED.to_owned()])?;
    history::load(authors.iter(), views)
}

/// Replaces the previously counted verdict by the current one. `tally` is the state afterwards.
fn recount(
    id: SubmissionId,
    change: impl FnOnce(&mut VerdictStack),
    recorded: &Recorded,
    views: &mut Workspace,
) -> Result<Option<Tally>, Missing> {
    let Some(mut tally) = views.get::<Tally>(&id.to_string())? else { return Ok(None) };
    let accepted_since = |verdicts: &VerdictStack| {
        verdicts.counting().filter(|it| it.verdict == Verdict::Accepted).map(|it| it.since)
    };
    let was = accepted_since(&tally.verdicts);
    change(&mut tally.verdicts);
    let is = accepted_since(&tally.verdicts);
    if was != is {
        let key = SolvedView::key_of(&tally.author, &tally.problem);
        let mut solvers = 0;
        if let Some(before) = views.get::<SolvedView>(&key)? {
            let mut solved = before.clone();
            solved.count(was, is);
            solvers = i64::from(solved.accepted > 0) - i64::from(before.accepted > 0);
            history::solved(Some(&before), &solved, recorded, views)?;
            views.put(solved);
        }
        let accepted = i64::from(is.is_some()) - i64::from(was.is_some());
        if accepted != 0 {
            count(&tally.problem, (0, accepted, solvers), recorded, views)?;
        }
    }
    views.put(tally.clone());
    Ok(Some(tally))
}

/// Adds differences to a problem's counters of submissions, accepted ones and solvers.
fn count(
    slug: &Slug,
    (submissions, accepted, solvers): (i64, i64, i64),
    recorded: &Recorded,
    views: &mut Workspace,
) -> Result<(), Missing> {
    if let Some(mut problem) = views.get::<ProblemView>(slug.as_str())? {
        problem.count(submissions, accepted, solvers);
        history::statistics(&problem, recorded, views);
        views.put(problem);
    }
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
