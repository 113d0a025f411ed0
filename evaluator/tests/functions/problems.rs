//! Small function problems with solutions in many languages, written as people write them. Each
//! folder of `problems` has a declaration (`problem.toml`), cases (`cases.jsonl`), programs that are
//! right (`accepted`) and programs that fail at least one case (`wrong`).

use std::path::{Path, PathBuf};
use std::{env, fs};

use domain::Verdict;
use futures::StreamExt;
use sandbox::Adapter;
use serde_json::Value as Json;

use crate::judge::{Judge, Problem, in_short, shown};

/// The number of submissions that are judged at the same time.
const AT_ONCE: usize = 2;
/// In containers, one of this many submissions is judged.
const IN_CONTAINERS: usize = 3;

/// A file that is submitted.
struct Submission {
    problem: usize,
    path: PathBuf,
    is_accepted: bool,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/functions/problems")
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// Only problems and languages whose path contains the text in this variable are judged.
fn is_chosen(path: &Path) -> bool {
    let wanted = env::var("ASSAY_FUNCTIONS_CASE").unwrap_or_default();
    path.to_string_lossy().contains(&wanted)
}

fn read() -> (Vec<Problem>, Vec<Submission>) {
    let (mut problems, mut submissions) = (vec![], vec![]);
    for folder in entries(&folder()) {
        let declaration = fs::read_to_string(folder.join("problem.toml")).unwrap();
        let cases = fs::read_to_string(folder.join("cases.jsonl")).unwrap();
        let cases: Vec<(Json, Json)> = cases
            .lines()
            .map(|line| {
                let mut case: Json = serde_json::from_str(line)
                    .unwrap_or_else(|error| panic!("{}: {error}: {line}", folder.display()));
                (case["args"].take(), case["expected"].take())
            })
            .collect();
        for (name, is_accepted) in [("accepted", true), ("wrong", false)] {
            let paths = entries(&folder.join(name)).into_iter().filter(|path| is_chosen(path));
            let problem = problems.len();
            submissions.extend(paths.map(|path| Submission { problem, path, is_accepted }));
        }
        problems.push(Problem::new(&declaration, &cases));
    }
    (problems, submissions)
}

/// What is wrong with the result of a submission; `None` if nothing is.
async fn fault(judge: &Judge, problems: &[Problem], submission: &Submission) -> Option<String> {
    let Submission { problem, path, is_accepted } = submission;
    let extension = path.extension().unwrap().to_str().unwrap();
    let language = judge.language_of(extension);
    let text = fs::read_to_string(path).unwrap();
    let path = path.strip_prefix(folder()).unwrap().display();
    match judge.judge(&problems[*problem], &language, &text).await {
        Err(log) => Some(format!("{path}: {log}")),
        Ok(outcomes) => {
            let failed = outcomes.iter().find(|it| it.verdict != Verdict::Accepted);
            if failed.is_none() == *is_accepted {
                return None;
            }
            let detail = failed.map(|outcome| (outcome.number, outcome.end, shown(outcome)));
            Some(format!("{path}: {}: {detail:?}", in_short(&outcomes)))
        }
    }
}

async fn check(adapter: Adapter, share: usize) {
    let (problems, submissions) = read();
    let submissions: Vec<_> = submissions.iter().step_by(share).collect();
    let judge = Judge::new(adapter);
    let faults: Vec<String> = futures::stream::iter(&submissions)
        .map(|submission| fault(&judge, &problems, submission))
        .buffer_unordered(AT_ONCE)
        .filter_map(async |fault| fault)
        .collect()
        .await;
    judge.shutdown().await;
    println!("{} problems, {} submissions", problems.len(), submissions.len());
    let count = submissions.len();
    assert!(faults.is_empty(), "{} of {count}:\n{}", faults.len(), faults.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn in_native_cells() {
    check(Adapter::Native, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_containers() {
    check(Adapter::Docker, IN_CONTAINERS).await;
}
