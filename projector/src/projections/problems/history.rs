//! Writes the history of the counters where they change, so that the two cannot differ.

use std::collections::BTreeSet;

use domain::{Login, Recorded};
use read_model::Micros;
use read_model::views::{
    Counter, ProblemView, RankingSegment, RejudgedSince, SolvedView, SolvesView, StatusSince, Tally,
};

use super::counter;
use crate::{Missing, Workspace};

/// Records the problem's difficulty from now on.
pub(super) fn difficulty(problem: &ProblemView, recorded: &Recorded, views: &mut Workspace) {
    views.write(problem.difficulty_since(position(recorded)));
}

/// Records the problem's counters from now on.
pub(super) fn statistics(problem: &ProblemView, recorded: &Recorded, views: &mut Workspace) {
    views.write(problem.statistics_since(position(recorded), recorded.recorded_at.into()));
}

/// Records the submission's applied rejudges from now on.
pub(super) fn rejudged(tally: &Tally, recorded: &Recorded, views: &mut Workspace) {
    views.write(RejudgedSince::new(position(recorded), tally));
}

/// Records the account's status for the problem from now on.
pub(super) fn solved(
    before: Option<&SolvedView>,
    solved: &SolvedView,
    recorded: &Recorded,
    views: &mut Workspace,
) -> Result<(), Missing> {
    let is_gone = solved.submissions == 0;
    if is_gone || before.is_none_or(|before| before.status != solved.status) {
        views.write(StatusSince::new(position(recorded), solved));
    }
    let was = before.and_then(|before| before.solved_at);
    match solved.solved_at == was {
        true => Ok(()),
        false => rerank(&solved.login, was, solved.solved_at, recorded, views),
    }
}

/// Updates the ranking after the account's solve time of a problem was added, changed or removed.
fn rerank(
    login: &Login,
    was: Option<Micros>,
    is: Option<Micros>,
    recorded: &Recorded,
    views: &mut Workspace,
) -> Result<(), Missing> {
    let position = position(recorded);
    let mut solves = match views.get::<SolvesView>(login.as_str())? {
        Some(solves) => solves,
        None => SolvesView::new(login.clone(), counter::next(Counter::RANKED, views)?),
    };
    if let Some(was) = was {
        solves.unsolve(was);
    }
    if let Some(is) = is {
        solves.solve(is);
    }
    let open = views.get::<RankingSegment>(&RankingSegment::open_key(solves.page))?;
    let open = open.unwrap_or_else(|| RankingSegment::first(solves.page, position));
    let (closed, mut open) = open.turn(position);
    open.change(position, solves.standing());
    if let Some(closed) = closed {
        views.write(closed);
    }
    views.put(open);
    views.put(solves);
    Ok(())
}

/// Requests all views that rank these accounts, at once.
pub(super) fn load<'a>(
    logins: impl Iterator<Item = &'a Login>,
    views: &mut Workspace,
) -> Result<(), Missing> {
    let logins: BTreeSet<String> = logins.map(ToString::to_string).collect();
    views.require::<SolvesView>(logins.iter().cloned().collect())?;
    let mut pages = BTreeSet::new();
    for login in &logins {
        if let Some(solves) = views.get::<SolvesView>(login)? {
            pages.insert(solves.page);
        }
    }
    views.require::<RankingSegment>(pages.into_iter().map(RankingSegment::open_key).collect())
}

fn position(recorded: &Recorded) -> i64 {
    i64::try_from(recorded.position.0).expect("a log has fewer than 2^63 events")
}
