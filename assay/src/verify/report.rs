//! What verifying found, for programs and for people.

use std::path::Path;

use domain::Verdict;
use domain::problem::TimeLimitOrigin;
use problem_package::{Diagnostic, Severity};
use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};
use serde::Serialize;

use super::agreement::Word;
use crate::table::table;
use crate::{Exit, Failure};

/// What was found of all packages.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// One for each problem, in the order of the paths.
    pub(crate) packages: Vec<PackageReport>,
}

/// What was found of one problem of a package.
#[derive(Debug, Default, Serialize)]
pub(crate) struct PackageReport {
    /// As it was given.
    pub(crate) path: String,
    /// `None` where that could not be told.
    pub(crate) format: Option<&'static str>,
    /// `None` where that could not be told.
    pub(crate) slug: Option<String>,
    /// What is wrong with it.
    pub(crate) problems: Vec<Finding>,
    /// What is odd.
    pub(crate) warnings: Vec<Finding>,
    /// `None` where no submission was run.
    pub(crate) limits: Option<LimitsReport>,
    /// In the package's order.
    pub(crate) submissions: Vec<SubmissionReport>,
}

/// One thing that is wrong, or odd.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// In the package; empty for all of it.
    pub(crate) file: String,
    /// From 1, where it is known.
    pub(crate) line: Option<u32>,
    /// What is wrong.
    pub(crate) message: String,
    /// What would be right; empty where that goes without saying.
    pub(crate) expected: String,
}

impl Finding {
    pub(super) fn of(file: impl Into<String>, message: impl Into<String>) -> Self {
        let (file, message) = (file.into(), message.into());
        Self { file, line: None, message, expected: String::new() }
    }
}

impl From<&Diagnostic> for Finding {
    fn from(diagnostic: &Diagnostic) -> Self {
        Self {
            file: diagnostic.path.clone(),
            line: diagnostic.position.map(|position| position.line),
            message: diagnostic.message.clone(),
            expected: diagnostic.expected.clone(),
        }
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if !self.file.is_empty() {
            f.write_str(&self.file)?;
            if let Some(line) = self.line {
                write!(f, ":{line}")?;
            }
            f.write_str(": ")?;
        }
        f.write_str(&self.message)?;
        if !self.expected.is_empty() {
            write!(f, "; expected {}", self.expected)?;
        }
        Ok(())
    }
}

/// The time limit against what was measured.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct LimitsReport {
    pub(crate) time_limit_ms: u64,
    pub(crate) memory_kb: u64,
    /// How the time limit came about.
    pub(crate) time_limit: TimeLimitOrigin,
    /// The slowest submission that has to be within the limit, and its slowest test.
    pub(crate) slowest: Option<(String, u64)>,
    /// The fastest submission that has to be beyond it, and its slowest test, as far as it was watched.
    pub(crate) fastest_beyond: Option<(String, u64)>,
}

/// What was found of one submission.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct SubmissionReport {
    pub(crate) path: String,
    pub(crate) language: String,
    /// Any of these; empty where only rules about its tests count.
    pub(crate) expected: Vec<Verdict>,
    pub(crate) verdict: Verdict,
    pub(crate) score: Option<f64>,
    /// Of the slowest test.
    pub(crate) time_ms: u64,
    /// Of the largest test.
    pub(crate) memory_kb: u64,
    /// Of the problem.
    pub(crate) tests: usize,
    /// How many of them it was run on.
    pub(crate) tests_run: usize,
    pub(crate) agrees: bool,
    /// Why it does not agree, or what there is to know.
    pub(crate) detail: String,
    /// What was said about its tests, in judging order.
    pub(crate) messages: Vec<Message>,
}

/// What validators and the checker said about a submission on one test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Message {
    /// The test's name, from `data/`.
    pub(crate) test: String,
    /// What the test was found to be.
    pub(crate) verdict: Verdict,
    /// For those who judge and set problems.
    pub(crate) judge: Option<String>,
    /// For the author of the submission.
    pub(crate) team: Option<String>,
}

impl PackageReport {
    /// Nothing is wrong, and every submission is as expected.
    pub(crate) fn is_green(&self) -> bool {
        self.problems.is_empty() && self.submissions.iter().all(|submission| submission.agrees)
    }

    pub(super) fn add(&mut self, diagnostics: &[Diagnostic]) {
        for diagnostic in diagnostics {
            match diagnostic.severity {
                Severity::Error => self.problems.push(diagnostic.into()),
                Severity::Warning => self.warnings.push(diagnostic.into()),
            }
        }
    }

    /// Prints what a setter wants to see.
    pub(crate) fn print(&self) {
        let name = self.slug.as_deref().unwrap_or(&self.path);
        let format = self.format.unwrap_or("not read");
        println!("{name} ({format}, {})", self.path);
        for problem in &self.problems {
            println!("  error: {problem}");
        }
        for warning in &self.warnings {
            println!("  warning: {warning}");
        }
        if let Some(limits) = &self.limits {
            println!("  {}", limits.line());
        }
        if !self.submissions.is_empty() {
            let mut rows = table([
                "submission",
                "language",
                "verdict",
                "score",
                "time",
                "memory",
                "judged",
                "",
            ]);
            for submission in &self.submissions {
                rows.add_row(submission.row());
            }
            println!("{rows}");
        }
        let agreeing = self.submissions.iter().filter(|submission| submission.agrees).count();
        println!(
            "  {}: {agreeing} of {} submissions as expected, {} errors, {} warnings\n",
            if self.is_green() { "ok" } else { "NOT OK" },
            self.submissions.len(),
            self.problems.len(),
            self.warnings.len(),
        );
    }
}

impl LimitsReport {
    fn line(&self) -> String {
        let origin = match &self.time_limit {
            TimeLimitOrigin::Given => "given",
            TimeLimitOrigin::Default => "the default",
            TimeLimitOrigin::Derived(_) => "derived",
        };
        let mut line = format!("time limit {} ms, {origin}", self.time_limit_ms);
        if let Some((path, ms)) = &self.slowest {
            line.push_str(&format!("; slowest within it {ms} ms ({path})"));
        }
        if let Some((path, ms)) = &self.fastest_beyond {
            line.push_str(&format!("; fastest beyond it {ms} ms ({path})"));
        }
        line
    }
}

impl SubmissionReport {
    fn row(&self) -> [String; 8] {
        let score = self.score.map(|score| format!("{score}")).unwrap_or_default();
        let agreement = match (self.agrees, self.detail.as_str()) {
            (true, "") => "ok".to_owned(),
            (true, detail) => format!("ok: {detail}"),
            (false, detail) => format!("NOT OK: {detail}"),
        };
        [
            self.path.clone(),
            self.language.clone(),
            Word(self.verdict).to_string(),
            score,
            format!("{} ms", self.time_ms),
            format!("{} KiB", self.memory_kb),
            self.extent(),
            agreement,
        ]
    }

    /// How many of the tests it was run on.
    fn extent(&self) -> String {
        match (self.tests_run, self.tests) {
            (run, all) if run == all => format!("{all} tests"),
            (run, all) => format!("{run} of {all} tests"),
        }
    }
}

impl Report {
    /// Writes it as JSON.
    pub(crate) fn write_json(&self, path: &Path) -> Result<(), Failure> {
        let json = serde_json::to_vec_pretty(self).expect("a report is maps, strings and numbers");
        std::fs::write(path, json).map_err(|error| failed(path, &error))
    }

    /// Writes it for build servers: a suite for each package, a case for each of its submissions and one for the
    /// package itself.
    pub(crate) fn write_junit(&self, path: &Path) -> Result<(), Failure> {
        let mut junit = quick_junit::Report::new("assay problem verify");
        for package in &self.packages {
            let mut suite = TestSuite::new(package.path.clone());
            let problems: Vec<_> = package.problems.iter().map(ToString::to_string).collect();
            suite.add_test_case(case("package", &problems.join("\n")));
            for submission in &package.submissions {
                let detail = if submission.agrees { "" } else { submission.detail.as_str() };
                let detail = match (submission.agrees, detail) {
                    (false, "") => "not as expected",
                    (_, detail) => detail,
                };
                let mut case = case(&submission.path, detail);
                case.set_time(std::time::Duration::from_millis(submission.time_ms));
                suite.add_test_case(case);
            }
            junit.add_test_suite(suite);
        }
        let xml = junit.to_string().map_err(|error| failed(path, &error))?;
        std::fs::write(path, xml).map_err(|error| failed(path, &error))
    }
}

/// A case that failed if something is wrong.
fn case(name: &str, wrong: &str) -> TestCase {
    let status = if wrong.is_empty() {
        TestCaseStatus::success()
    } else {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_message(wrong);
        status
    };
    TestCase::new(name, status)
}

fn failed(path: &Path, error: &(dyn std::error::Error + 'static)) -> Failure {
    Failure::of(Exit::Usage, &format!("writing {}", path.display()), error)
}
