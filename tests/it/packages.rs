//! `assay problem verify` for every package of `tests/packages` and every sample problem: each of
//! their submissions must have the result in `expected.json`. Native cells judge all packages.
//! Containers, which take three times as long, judge some of every kind.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde_json::Value;
use tests::deployment::assay_command;
use tests::package::{PROBLEMS, collection, copy_folder, folders};

/// The number of submissions judged concurrently.
const JOBS: &str = "2";
/// Scores that differ by less are equal.
const SCORE_TOLERANCE: f64 = 1e-6;

/// The packages judged in containers: every format, and every feature that needs a sandbox.
const IN_CONTAINERS: [&str; 28] = [
    // Validators as a file, a folder or scripts, several validators, and input validators.
    "pyvalidator",
    "buildvalidator",
    "twovalidators",
    "inputvalidators",
    "invaliddata",
    // Interaction, several passes, and both together.
    "interactiveguess",
    "scoringinteractive",
    "multipass",
    "interactivemultipass",
    // Graders, static validators.
    "scoresum",
    "customgrader",
    "staticvalidator",
    // Included files, arguments, test files, and submissions of several files.
    "includedriver",
    "includedefault",
    "testargs",
    "testfiles",
    "multifile",
    // Limits of memory and output.
    "limits",
    "icpcversion",
    "polygongroups",
    "polygoninteractor",
    "polygonresources",
    "dmojbatched",
    "dmojbridged",
    "dmojinteractive",
    "dmojinteractortestlib",
    "fpssingle",
    "fpstwo",
];

/// Scored and pass-fail, older and newer formats, with a validator, and with submissions that are
/// too slow.
const DECIDED_EARLY: [&str; 6] =
    ["scoresum", "pyvalidator", "derivedlimit", "limits", "scoregroups", "dmojtestlib"];

/// A language that Assay does not ship.
const OWN_LANGUAGE: &str = include_str!("../../evaluator/tests/programs/operators/awk.toml");

/// The tests take turns, because each keeps all cores busy and depends on time limits.
static TURN: Mutex<()> = Mutex::new(());

#[test]
fn every_package_is_as_expected_in_native_cells() {
    let mut paths = folders(&collection());
    paths.extend(folders(Path::new(PROBLEMS)));
    are_as_expected("native", &paths);
}

#[test]
fn packages_of_every_kind_are_as_expected_in_containers() {
    println!("containers judge {}", IN_CONTAINERS.join(", "));
    are_as_expected("docker", &IN_CONTAINERS.map(|name| collection().join(name)));
}

/// Ending a submission early must give the same result.
#[test]
fn the_early_decision_is_the_one_after_all_tests() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let paths = DECIDED_EARLY.map(|name| collection().join(name));
    let submissions = |further: &[&str]| -> Vec<Value> {
        let (report, _) = verify("native", &paths, further);
        let packages = report["packages"].as_array().unwrap().iter();
        packages.flat_map(|it| it["submissions"].as_array().unwrap().clone()).collect()
    };
    let (early, whole) = (submissions(&[]), submissions(&["--all"]));
    assert_eq!(early.len(), whole.len());
    let ran = |it: &Value| it["tests_run"].as_u64().unwrap();
    for (early, whole) in early.iter().zip(&whole) {
        for key in ["path", "verdict", "score", "agrees", "tests"] {
            assert_eq!(early[key], whole[key], "{early} {whole}");
        }
        assert_eq!(whole["tests_run"], whole["tests"], "{whole}");
        assert!(ran(early) <= ran(whole), "{early}");
    }
    assert!(early.iter().map(ran).sum::<u64>() < whole.iter().map(ran).sum(), "none ended early");
}

/// A submission that cannot be run on this machine does not make its package invalid.
#[test]
fn a_submission_in_a_language_that_is_not_installed_is_left_aside() {
    let folder = tempfile::tempdir().unwrap();
    let at = |path: &str| folder.path().join(path);
    let definition = OWN_LANGUAGE.replace("awk", "nowhere");
    fs::create_dir(at("languages")).unwrap();
    fs::write(at("languages/nowhere.toml"), definition).unwrap();
    copy_folder(&collection().join("minimal202509"), &at("package"));
    fs::write(at("package/submissions/accepted/code"), "{ print $1 + 1 }").unwrap();
    let sheet = "accepted/code: { language: nowhere }\n";
    fs::write(at("package/submissions/submissions.yaml"), sheet).unwrap();
    let languages = format!("sandbox.languages={}", at("languages").display());
    let (report, _) = verify("native", &[at("package")], &["--set", &languages]);
    let report = &report["packages"][0];
    let submissions = report["submissions"].as_array().unwrap();
    let judged: Vec<_> = submissions.iter().map(|it| &it["path"]).collect();
    assert_eq!(judged, ["accepted/next.py", "wrong_answer/same.py"]);
    let warnings = report["warnings"].as_array().unwrap();
    let warning = warnings.iter().find(|it| it["file"] == "submissions/accepted/code").unwrap();
    assert!(warning["message"].as_str().unwrap().contains("is left aside"), "{warning}");
    assert!(warning["message"].as_str().unwrap().contains("nowhere"), "{warning}");
}

#[test]
fn every_package_is_in_the_index() {
    let expected = expected();
    let names: BTreeSet<_> = expected.iter().map(|it| it["path"].as_str().unwrap()).collect();
    let paths = folders(&collection());
    let there: Vec<_> = paths.iter().map(|path| name_of(path.to_str().unwrap())).collect();
    assert_eq!(names, there.iter().map(String::as_str).collect());
    assert_eq!(names.len(), expected.len(), "one of them stands there twice");
    // Containers must judge some packages of each format.
    let formats = |is_judged: &dyn Fn(&str) -> bool| -> BTreeSet<String> {
        let judged = expected.iter().filter(|it| is_judged(it["path"].as_str().unwrap()));
        judged.map(|it| it["format"].to_string()).collect()
    };
    assert_eq!(formats(&|name| IN_CONTAINERS.contains(&name)), formats(&|_| true));
}

fn expected() -> Vec<Value> {
    let expected = fs::read(collection().join("expected.json")).unwrap();
    let mut expected: Value = serde_json::from_slice(&expected).unwrap();
    match expected["packages"].take() {
        Value::Array(packages) => packages,
        other => panic!("{other}"),
    }
}

fn are_as_expected(sandbox: &str, paths: &[PathBuf]) {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let (report, junit) = verify(sandbox, paths, &[]);

    let mut wrong = Vec::new();
    let mut found: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
    let reports = report["packages"].as_array().unwrap();
    for package in reports {
        let name = name_of(package["path"].as_str().unwrap());
        let problems = package["problems"].as_array().unwrap();
        wrong.extend(problems.iter().map(|problem| format!("{name}: {problem}")));
        let submissions = package["submissions"].as_array().unwrap();
        if submissions.is_empty() {
            wrong.push(format!("{name}: no submission was judged"));
        }
        let disagrees = |it: &&Value| it["agrees"] != true;
        wrong.extend(submissions.iter().filter(disagrees).map(|it| format!("{name}: {it}")));
        found.entry(name).or_default().push(package);
    }
    for package in &expected() {
        let name = package["path"].as_str().unwrap();
        let Some(reports) = found.get(name) else { continue };
        wrong.extend(differences(package, reports).iter().map(|it| format!("{name}: {it}")));
    }
    assert!(wrong.is_empty(), "{sandbox}:\n{}", wrong.join("\n"));
    assert_eq!(found.len(), paths.len(), "there is a report of every package");
    assert_eq!(junit.matches("<testsuite ").count(), reports.len(), "{junit}");
    assert!(!junit.contains("<failure") && !junit.contains("<error"), "{junit}");
}

/// The command's report. The command must succeed.
fn verify(sandbox: &str, paths: &[PathBuf], further: &[&str]) -> (Value, String) {
    let folder = tempfile::tempdir().unwrap();
    let (json, junit) = (folder.path().join("report.json"), folder.path().join("junit.xml"));
    let arguments = ["problem", "verify", "--sandbox", sandbox, "--jobs", JOBS];
    let mut command = assay_command(folder.path(), &arguments);
    command.args(further);
    command.arg("--json").arg(&json).arg("--junit").arg(&junit).args(paths);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let not_ok: Vec<_> = said.lines().filter(|line| line.contains("NOT OK")).collect();
    let errors: Vec<_> = said.lines().filter(|line| line.contains("  error: ")).collect();
    let messages = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{sandbox}: {errors:#?}\n{not_ok:#?}\n{messages}");
    let report = serde_json::from_slice(&fs::read(json).unwrap()).unwrap();
    (report, fs::read_to_string(junit).unwrap())
}

/// The submissions of a package whose results are unexpected.
fn differences(package: &Value, reports: &[&Value]) -> Vec<String> {
    let format = package["format"].as_str().unwrap();
    let mut got: BTreeMap<&str, &Value> = BTreeMap::new();
    for report in reports {
        let submissions = report["submissions"].as_array().unwrap();
        got.extend(submissions.iter().map(|it| (it["path"].as_str().unwrap(), it)));
    }
    let mut wrong: Vec<_> = reports
        .iter()
        .filter(|report| report["format"] != format)
        .map(|report| format!("read as {}", report["format"]))
        .collect();
    for wanted in package["submissions"].as_array().unwrap() {
        let path = wanted["path"].as_str().unwrap();
        let Some(submission) = got.remove(reported_path(format, path)) else {
            wrong.push(format!("{path} was not judged"));
            continue;
        };
        if !is_verdict(format, path, wanted, submission) || !is_score(wanted, submission) {
            let (verdict, score) = (&submission["verdict"], &submission["score"]);
            wrong.push(format!("{path} got {verdict} and scored {score}, not {wanted}"));
        }
    }
    wrong.extend(got.keys().map(|path| format!("{path} is not in expected.json")));
    wrong
}

/// In reports, Kattis submissions lack `submissions/`, and DMOJ submissions have the folder's name.
fn reported_path<'a>(format: &str, path: &'a str) -> &'a str {
    match format {
        "legacy" | "legacy-icpc" | "2025-09" => path.strip_prefix("submissions/").unwrap_or(path),
        _ => path,
    }
}

fn is_verdict(format: &str, path: &str, wanted: &Value, submission: &Value) -> bool {
    let (wanted, got) = (&wanted["verdict"], &submission["verdict"]);
    // Most formats have no presentation error.
    let is_finer = wanted == "WRONG_ANSWER" && got == "PRESENTATION_ERROR";
    // The format does not determine which failure gives the verdict of such a submission.
    let is_rejected = format == "2025-09" && path.starts_with("submissions/rejected/");
    let is_failure = |verdict: &Value| !["ACCEPTED", "PARTIAL"].iter().any(|it| verdict == it);
    wanted == got || is_finer || is_rejected && is_failure(wanted) && is_failure(got)
}

fn is_score(wanted: &Value, submission: &Value) -> bool {
    let Some(wanted) = wanted["score"].as_f64() else { return true };
    submission["score"].as_f64().is_some_and(|score| (score - wanted).abs() < SCORE_TOLERANCE)
}

fn name_of(path: &str) -> String {
    Path::new(path).file_name().unwrap().to_string_lossy().into_owned()
}
