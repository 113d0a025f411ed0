//! Two programs that end at nearly the same time: the result must not depend on the scheduler.
//!
//! `ASSAY_RACES=200` sets how many times each race is run.

use std::env;
use std::fmt::Write;

use bytes::Bytes;
use domain::Verdict::{self, Accepted, RuntimeError, WrongAnswer};
use domain::problem::{Limits, ValidationLimits};
use evaluator::judge::{Fault, JudgingCells, TestData};
use sandbox::{Adapter, SandboxConfig};

use crate::judge::{Judge, Validators};

/// How many times each race is run by default.
const RUNS: usize = 3;

/// A program that performs the steps in its arguments after `--`, in each language.
const ACTORS: [(&str, &str); 3] = [
    ("cpp", include_str!("races/actor.cpp")),
    ("python3", include_str!("races/actor.py")),
    ("java", include_str!("races/Main.java")),
];

struct Race {
    name: &'static str,
    submission: &'static str,
    interactor: &'static str,
    /// `None` is a judge error.
    expected: Option<Verdict>,
}

const fn race(
    name: &'static str,
    submission: &'static str,
    interactor: &'static str,
    expected: Option<Verdict>,
) -> Race {
    Race { name, submission, interactor, expected }
}

/// 1,000,000 bytes are more than a pipe holds.
const RACES: [Race; 22] = [
    // The submission does not read the reply.
    race("leaves before the reply", "say:5", "hear say:5 exit:42", Some(Accepted)),
    race("leaves before a long reply", "say:5", "hear say:1000000 exit:42", Some(Accepted)),
    race("leaves before a reply to a mistake", "say:5", "hear say:5 exit:43", Some(WrongAnswer)),
    race("leaves before a long rejection", "say:5", "hear say:1000000 exit:43", Some(WrongAnswer)),
    race("leaves during a speech", "say:50000", "say:1000000 hear-all exit:42", Some(Accepted)),
    race("shuts its output", "shut-output hear-all", "say:1000000 exit:42", Some(Accepted)),
    // The interactor does not read the rest of the submission's output.
    race("a word after the verdict", "say:5 say:5", "hear exit:42", Some(Accepted)),
    race("a speech after the verdict", "say:5 say:1000000", "hear exit:42", Some(Accepted)),
    race("a speech to nobody", "say:1000000", "exit:42", Some(Accepted)),
    race("a speech after a rejection", "say:5 say:1000000", "hear exit:43", Some(WrongAnswer)),
    race("a speech to nobody, rejected", "say:1000000", "exit:43", Some(WrongAnswer)),
    // The interactor ends first, and the submission ends because of that.
    race("hears the end of an accepted talk", "hear-all", "exit:42", Some(Accepted)),
    race("fails at the end of an accepted talk", "hear", "exit:42", Some(RuntimeError)),
    race("fails at the end of a rejected talk", "hear", "exit:43", Some(WrongAnswer)),
    race("fails after a rejection", "say:5 hear-all exit:3", "hear exit:43", Some(WrongAnswer)),
    race("fails when the interactor fails", "hear", "exit:1", None),
    // The submission ends first, and the interactor ends because of that.
    race("fails before an acceptance", "exit:3", "hear-all exit:42", Some(RuntimeError)),
    race("fails before a rejection", "exit:3", "hear-all exit:43", Some(RuntimeError)),
    race("fails, and the interactor too", "exit:3", "hear exit:42", Some(RuntimeError)),
    race("ends, and the interactor fails", "exit:0", "hear exit:42", None),
    // The interactor sends its whole input at once, then judges the reply.
    race(
        "one input, one output",
        "hear-all say:5",
        "say:5 shut-output hear-all exit:42",
        Some(Accepted),
    ),
    race(
        "one input, no output",
        "hear-all exit:3",
        "say:5 shut-output hear-all exit:43",
        Some(RuntimeError),
    ),
];

fn steps(text: &str) -> Vec<String> {
    std::iter::once("--").chain(text.split(' ')).map(str::to_owned).collect()
}

/// Runs every race. Returns those with unexpected results, as text.
async fn run_races(judge: &Judge) -> String {
    let runs = env::var("ASSAY_RACES").ok().and_then(|runs| runs.parse().ok()).unwrap_or(RUNS);
    let mut wrong = String::new();
    for (place, (language, submission)) in ACTORS.into_iter().enumerate() {
        // Rotate the pairs, so that each language meets each.
        for (number, race) in RACES.iter().enumerate() {
            let (other, interactor) = ACTORS[(place + number) % ACTORS.len()];
            let counted = run_race(judge, race, (language, submission), (other, interactor), runs);
            let found = counted.await;
            let expected = found.iter().filter(|found| **found == race.expected).count();
            if expected != runs {
                let _ = writeln!(wrong, "{}: {language} and {other}: {found:?}", race.name);
            }
        }
    }
    println!("{} races, {} languages, {runs} runs each", RACES.len(), ACTORS.len());
    wrong
}

async fn run_race(
    judge: &Judge,
    race: &Race,
    submission: (&str, &str),
    interactor: (&str, &str),
    runs: usize,
) -> Vec<Option<Verdict>> {
    let validators = Validators {
        programs: vec![interactor],
        limits: ValidationLimits { time_ms: 10_000, memory_kib: 512 * 1024, output_kib: 1024 },
        ..Validators::interactor("")
    };
    let limits = Limits { time_ms: 10_000, memory_kib: 256 * 1024, ..Limits::default() };
    let mut test = TestData::new(1, Bytes::from_static(b"21\n"), Bytes::from_static(b"42\n"));
    test.args = steps(race.submission);
    test.validator_args = steps(race.interactor);
    let mut judging_cells: Option<JudgingCells> = None;
    let mut found = Vec::new();
    for _ in 0..runs {
        let ready = match judging_cells.take() {
            Some(ready) => ready,
            None => {
                let problem_programs = judge.problem_programs(&validators).await.unwrap();
                judge.judging_cells(submission, limits, problem_programs).await.unwrap()
            }
        };
        let ready = judging_cells.insert(ready);
        match ready.judge(&test, None).await {
            Ok(judged) => found.push(Some(judged.outcome.verdict)),
            Err(Fault::Program { .. }) => {
                found.push(None);
                judging_cells.take().unwrap().tear_down().await;
            }
            Err(fault) => panic!("{}: {fault}", race.name),
        }
    }
    if let Some(judging_cells) = judging_cells {
        judging_cells.tear_down().await;
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn in_native_cells() {
    let wrong = run_races(&Judge::new()).await;
    assert!(wrong.is_empty(), "{wrong}");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_containers() {
    let config = SandboxConfig { adapter: Adapter::Docker, ..SandboxConfig::default() };
    let judge = Judge::with(&config);
    let wrong = run_races(&judge).await;
    judge.shutdown().await;
    assert!(wrong.is_empty(), "{wrong}");
}
