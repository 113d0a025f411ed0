//! Past states are reported correctly: they equal those of a fresh read model of the log up to that
//! position.

use std::collections::BTreeMap;

use domain::problem::{ProblemVisibilityChanged, Visibility};
use domain::{Checkpoint, Login, Slug};
use read_model::views::{Standing, SubmissionFold, rank};
use read_model::{Then, Views, positions_around};

use super::*;

const LOGINS: [&str; 3] = ["ada", "bob", "cleo"];
const PROBLEMS: [&str; 3] = ["a", "b", "c"];
const DIFFICULTIES: [Difficulty; 3] = [Difficulty::Easy, Difficulty::Medium, Difficulty::Hard];

/// One step of a generated story.
#[derive(Debug, Clone)]
enum Step {
    Revise {
        problem: usize,
        difficulty: usize,
    },
    Show {
        problem: usize,
        visibility: usize,
    },
    Receive {
        author: usize,
        problem: usize,
    },
    /// The submission, counted from the newest, gets this verdict, or no evaluator could judge it.
    Judge {
        back: usize,
        accepted: Option<bool>,
    },
    /// The submission, counted from the newest, is cancelled unless it has a verdict.
    Cancel {
        back: usize,
    },
    /// The rejudge is applied with these verdicts of the first submissions, or reverted if it is
    /// applied.
    Rejudge {
        number: u128,
        found: [Option<bool>; 5],
    },
}

fn step() -> impl Strategy<Value = Step> {
    let found = prop::array::uniform5(any::<Option<bool>>());
    prop_oneof![
        1 => (0..3usize, 0..3usize)
            .prop_map(|(problem, difficulty)| Step::Revise { problem, difficulty }),
        1 => (0..3usize, 0..3usize)
            .prop_map(|(problem, visibility)| Step::Show { problem, visibility }),
        4 => (0..3usize, 0..3usize).prop_map(|(author, problem)| Step::Receive { author, problem }),
        5 => (0..5usize, prop::option::weighted(0.9, prop::bool::weighted(0.7)))
            .prop_map(|(back, accepted)| Step::Judge { back, accepted }),
        1 => (0..5usize).prop_map(|back| Step::Cancel { back }),
        2 => (1..4u128, found).prop_map(|(number, found)| Step::Rejudge { number, found }),
    ]
}

fn story(steps: &[Step]) -> Story {
    let (mut story, mut revisions) = (Story::new(), [0; 3]);
    let (mut submissions, mut rejudges) = (0, BTreeMap::new());
    (1..4).for_each(|number| story.create_rejudge(number));
    for step in steps.iter().cloned() {
        match step {
            Step::Revise { problem, difficulty } => {
                revisions[problem] += 1;
                let (slug, difficulty) = (PROBLEMS[problem], DIFFICULTIES[difficulty]);
                story.revise_as(slug, revisions[problem], &[], difficulty);
            }
            Step::Show { problem, .. } | Step::Receive { problem, .. }
                if revisions[problem] == 0 => {}
            Step::Show { problem, visibility } => {
                let all = [Visibility::Draft, Visibility::Hidden, Visibility::Public];
                let changed = ProblemVisibilityChanged { visibility: all[visibility] };
                story.append(StreamId::Problem(PROBLEMS[problem].parse().unwrap()), changed);
            }
            Step::Receive { author, problem } => {
                submissions += 1;
                story.receive(submissions, LOGINS[author], PROBLEMS[problem]);
            }
            Step::Judge { back, .. } | Step::Cancel { back } if back as u128 >= submissions => {}
            Step::Cancel { back } => {
                let id = submissions - back as u128;
                let view: SubmissionView = story.get(&submission(id).to_string()).unwrap();
                if view.verdict.is_none() && view.state == SubmissionState::Queued {
                    let cancelled = SubmissionCancelled { attempt: None, reason: None };
                    story.append(StreamId::Submission(submission(id)), cancelled);
                }
            }
            Step::Judge { back, accepted } => {
                let id = submissions - back as u128;
                let view: SubmissionView = story.get(&submission(id).to_string()).unwrap();
                if view.state == SubmissionState::Cancelled {
                    continue;
                }
                match accepted {
                    Some(accepted) => story.finish(id, verdict(accepted)),
                    None => {
                        let detail = "no disk".to_owned();
                        let abandoned = SubmissionAbandoned { deliveries: 3, detail };
                        story.append(StreamId::Submission(submission(id)), abandoned);
                    }
                }
            }
            Step::Rejudge { number, found } => {
                let is_cancelled = |id: u128| {
                    let view: SubmissionView = story.get(&submission(id).to_string()).unwrap();
                    view.state == SubmissionState::Cancelled
                };
                let found = (1..=submissions).zip(found).filter(|(id, _)| !is_cancelled(*id));
                let found: Vec<(u128, Verdict)> =
                    found.filter_map(|(id, found)| Some((id, verdict(found?)))).collect();
                match rejudges.get(&number) {
                    None => {
                        story.apply(number, &found);
                        let members = found.iter().map(|(id, _)| submission(*id)).collect();
                        rejudges.insert(number, Some(members));
                    }
                    Some(None) => {}
                    Some(Some(members)) => {
                        let submissions: Vec<SubmissionId> = Clone::clone(members);
                        let by = "jo".parse().unwrap();
                        story.of_rejudge(number, RejudgeReverted { by, reason: None, submissions });
                        rejudges.insert(number, None);
                    }
                }
            }
        }
    }
    story
}

fn verdict(accepted: bool) -> Verdict {
    if accepted { A } else { W }
}

/// The log up to a position.
fn until(log: &[Recorded], position: u64) -> Story {
    let mut story = Story::new();
    log.iter().take(position as usize).cloned().for_each(|recorded| story.apply_event(recorded));
    story
}

/// The account's solved problems by the current views, without history.
fn solved(story: &Story, login: &Login) -> BTreeMap<Slug, SolvedView> {
    let known = PROBLEMS.iter().filter_map(|problem| {
        let solved: SolvedView = story.get(&format!("{login}/{problem}"))?;
        Some((solved.problem.clone(), solved))
    });
    known.collect()
}

/// The time since which an account has solved a problem, from the counting verdicts of its
/// submissions.
fn solved_since(story: &Story, login: &Login, problem: &Slug) -> Option<Micros> {
    let submissions = (1..=40).filter_map(|id| story.get(&submission(id).to_string()));
    let theirs =
        submissions.filter(|it: &SubmissionView| it.author == *login && it.problem == *problem);
    theirs.filter(|it| it.verdict == Some(A)).filter_map(|it| it.judged_at).min()
}

fn standing(story: &Story, login: &Login) -> Standing {
    let solved = solved(story, login);
    let solved: Vec<_> = solved.values().filter_map(|it| it.solved_at).collect();
    let (login, last_solved_at) = (login.clone(), solved.iter().max().copied());
    Standing { login, solved: solved.len() as i64, last_solved_at }
}

/// Stores the views of the whole story.
async fn stored(story: &mut Story, folder: &tempfile::TempDir) -> Views {
    let file = folder.path().join("views.db");
    let views = read_model::open(&format!("sqlite:{}", file.display()), "live").await.unwrap();
    let to = Checkpoint::start(Uuid::nil());
    views.writer.commit("all", None, &to, story.views.take_changes()).await.unwrap();
    views
}

async fn every_moment_is_as_it_was(steps: &[Step]) {
    let (mut story, folder) = (story(steps), tempfile::tempdir().unwrap());
    let views = stored(&mut story, &folder).await;
    let logins = LOGINS.map(|login| login.parse::<Login>().unwrap());
    let slugs = PROBLEMS.map(|slug| slug.parse::<Slug>().unwrap());
    for position in 0..=story.position {
        let then = Then::new(views.reader.as_ref(), Position(position));
        let fresh = until(&story.log, position);
        let of = |stream: StreamId| -> Vec<Recorded> {
            fresh.log.iter().filter(|recorded| recorded.stream == stream).cloned().collect()
        };
        let mut difficulties = BTreeMap::new();
        for slug in &slugs {
            let expected: Option<ProblemView> = fresh.get(slug.as_str());
            difficulties.extend(expected.iter().map(|it| (it.slug.clone(), it.difficulty)));
            let today: Option<ProblemView> = story.get(slug.as_str());
            let number = today.map_or(0, |problem| problem.number);
            let statistics = then.statistics(slug).await.unwrap();
            let events = of(StreamId::Problem(slug.clone()));
            assert_eq!(ProblemView::fold(number, &events, statistics.as_ref()), expected);
        }
        assert_eq!(then.difficulties().await.unwrap(), difficulties, "{position}");
        for login in &logins {
            let expected = solved(&fresh, login);
            for (problem, solved) in &expected {
                let since = solved_since(&fresh, login, problem);
                assert_eq!(solved.solved_at, since, "{login}, {problem} at {position}");
            }
            let expected = expected.into_iter();
            let expected: BTreeMap<_, _> =
                expected.map(|(problem, solved)| (problem, solved.status)).collect();
            assert_eq!(then.statuses(login).await.unwrap(), expected, "{login} at {position}");
        }
        let expected = rank(logins.iter().map(|login| standing(&fresh, login)).collect());
        assert_eq!(then.standings().await.unwrap(), expected, "{position}");
        for id in (1..=20).map(submission) {
            let expected: Option<SubmissionView> = fresh.get(&id.to_string());
            let rejudged = then.rejudged(id).await.unwrap();
            let events = of(StreamId::Submission(id));
            let fold = SubmissionFold::of(&events).map(|fold| fold.with_rejudged(rejudged));
            assert_eq!(fold.map(|fold| fold.summary), expected, "{position}");
        }
        let at = Micros(position as i64 * 1_000_000);
        let (before, after) = positions_around(views.reader.as_ref(), at).await.unwrap();
        assert!(before.is_none_or(|before| before.0 <= position), "{before:?}");
        assert!(after.is_none_or(|after| after.0 > position), "{after:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// For any sequence of submissions, verdicts, revisions, applied and reverted rejudges.
    #[test]
    fn the_state_at_a_moment_equals_the_views_built_up_to_it(
        steps in prop::collection::vec(step(), 1..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(every_moment_is_as_it_was(&steps));
    }
}

/// The earliest submission that is still accepted counts, in whatever order rejudges change
/// verdicts and are reverted.
#[test]
fn a_problem_is_solved_since_the_earliest_that_is_accepted() {
    let mut story = Story::new();
    story.revise("a", 1, &[]);
    story.receive(1, "ada", "a");
    story.receive(2, "ada", "a");
    story.finish(1, A);
    let first = story.position;
    story.finish(2, A);
    let second = story.position;
    let since = |story: &Story| {
        let solved: SolvedView = story.get("ada/a").unwrap();
        solved.solved_at.map(|since| since.0 / 1_000_000)
    };
    assert_eq!(since(&story), Some(first as i64));
    story.apply(1, &[(1, W)]);
    assert_eq!(since(&story), Some(second as i64));
    story.apply(2, &[(2, W)]);
    assert_eq!(since(&story), None);
    story.revert(2);
    story.revert(1);
    assert_eq!(since(&story), Some(first as i64));
    // Newest first, as a rejudge lists them.
    story.apply(3, &[(2, W), (1, W)]);
    story.revert(3);
    assert_eq!(since(&story), Some(first as i64));
}

/// A verdict that a rejudge removed and a revert restored keeps its original time.
#[test]
fn reverting_gives_the_place_in_the_ranking_back() {
    let mut story = Story::new();
    story.revise("a", 1, &[]);
    for (id, author) in [(1, "ada"), (2, "bob")] {
        story.receive(id, author, "a");
        story.finish(id, A);
    }
    let places = |story: &Story| {
        let logins = ["ada", "bob"].map(|login| standing(story, &login.parse().unwrap()));
        let ranked = rank(logins.into()).into_iter();
        ranked.map(|it| it.login.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(places(&story), ["ada", "bob"]);
    story.apply(1, &[(1, W)]);
    assert_eq!(places(&story), ["bob"]);
    story.revert(1);
    assert_eq!(places(&story), ["ada", "bob"]);
}
