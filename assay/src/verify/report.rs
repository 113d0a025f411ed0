//! The report of a verification, for programs and people.

use std::path::Path;

use domain::Verdict;
use domain::problem::TimeLimitOrigin;
use problem_package::{Diagnostic, Severity};
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, Event};
use serde::Serialize;

use crate::table::table;
use crate::{Exit, Failure};

/// The results for all packages.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// One report per problem, in the order of the paths.
    pub(crate) packages: Vec<PackageReport>,
}

/// The result for one problem of a package.
#[derive(Debug, Default, Serialize)]
pub struct PackageReport {
    /// The path as it was given.
    pub(crate) path: String,
    /// The package's format; `None` if it could not be determined.
    pub(crate) format: Option<&'static str>,
    /// The problem's slug; `None` if it could not be determined.
    pub(crate) slug: Option<String>,
    /// Errors in the package.
    pub(crate) problems: Vec<Finding>,
    /// Warnings about the package.
    pub(crate) warnings: Vec<Finding>,
    /// The time limit and measured times; `None` if no submission was run.
    pub(crate) limits: Option<LimitsReport>,
    /// The results of the submissions, in the package's order.
    pub(crate) submissions: Vec<SubmissionReport>,
}

/// An error or a warning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// The file in the package; empty for the whole package.
    pub(crate) file: String,
    /// The line, from 1; `None` if it is unknown.
    pub(crate) line: Option<u32>,
    /// What is wrong.
    pub(crate) message: String,
    /// What is expected instead; empty if that is obvious.
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

/// The time limit and the measured times.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct LimitsReport {
    pub(crate) time_limit_ms: u64,
    pub(crate) memory_kb: u64,
    /// How the time limit was chosen.
    pub(crate) time_limit: TimeLimitOrigin,
    /// The slowest submission that must stay within the limit, and the time of its slowest test in
    /// milliseconds.
    pub(crate) slowest: Option<(String, u64)>,
    /// The fastest submission that must exceed the limit, and the time of its slowest test in
    /// milliseconds, as far as it was observed.
    pub(crate) fastest_beyond: Option<(String, u64)>,
}

/// The result for one submission.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct SubmissionReport {
    pub(crate) path: String,
    pub(crate) language: String,
    /// The accepted verdicts, any of them; empty if only rules about tests apply.
    pub(crate) expected: Vec<Verdict>,
    pub(crate) verdict: Verdict,
    pub(crate) score: Option<f64>,
    /// The time of the slowest test, in milliseconds.
    pub(crate) time_ms: u64,
    /// The largest memory use of a test, in KiB.
    pub(crate) memory_kb: u64,
    /// The number of tests of the problem.
    pub(crate) tests: usize,
    /// The number of tests that were run.
    pub(crate) tests_run: usize,
    pub(crate) agrees: bool,
    /// Why the result does not agree, or a message worth showing.
    pub(crate) detail: String,
    /// Messages about the submission's tests, in judging order.
    pub(crate) messages: Vec<Message>,
}

/// A validator's and the checker's messages about one test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Message {
    /// The test's name, relative to `data/`.
    pub(crate) test: String,
    /// The test's verdict.
    pub(crate) verdict: Verdict,
    /// The message for judges and setters.
    pub(crate) judge: Option<String>,
    /// The message for the submission's author.
    pub(crate) team: Option<String>,
}

impl PackageReport {
    /// Whether there are no errors and every submission is as expected.
    pub fn is_green(&self) -> bool {
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

    /// Prints the report for the setter.
    pub fn print(&self) {
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
            self.verdict.to_string(),
            score,
            format!("{} ms", self.time_ms),
            format!("{} KiB", self.memory_kb),
            self.extent(),
            agreement,
        ]
    }

    /// The number of tests that were run, for the table.
    fn extent(&self) -> String {
        match (self.tests_run, self.tests) {
            (run, all) if run == all => format!("{all} tests"),
            (run, all) => format!("{run} of {all} tests"),
        }
    }
}

impl Report {
    /// Writes the report as JSON.
    pub(crate) fn write_json(&self, path: &Path) -> Result<(), Failure> {
        let json = serde_json::to_vec_pretty(self).expect("a report is maps, strings and numbers");
        std::fs::write(path, json).map_err(|error| failed(path, &error))
    }

    /// Writes the report as JUnit XML: a suite per package, with a case per submission and one for
    /// the package itself.
    pub(crate) fn write_junit(&self, path: &Path) -> Result<(), Failure> {
        let suites: Vec<Suite> = self.packages.iter().map(Suite::of).collect();
        let xml = junit(&suites).map_err(|error| failed(path, &error))?;
        std::fs::write(path, xml).map_err(|error| failed(path, &error))
    }
}

/// A test suite of a JUnit report.
struct Suite {
    name: String,
    cases: Vec<Case>,
}

/// A test case of a JUnit report; it fails if `wrong` is not empty.
struct Case {
    name: String,
    wrong: String,
    time_ms: u64,
}

impl Suite {
    fn of(package: &PackageReport) -> Self {
        let problems: Vec<_> = package.problems.iter().map(ToString::to_string).collect();
        let whole = Case { name: "package".to_owned(), wrong: problems.join("\n"), time_ms: 0 };
        let submissions = package.submissions.iter().map(|submission| {
            let wrong = match (submission.agrees, submission.detail.as_str()) {
                (true, _) => "",
                (false, "") => "not as expected",
                (false, detail) => detail,
            };
            let (name, time_ms) = (submission.path.clone(), submission.time_ms);
            Case { name, wrong: wrong.to_owned(), time_ms }
        });
        Self { name: package.path.clone(), cases: [whole].into_iter().chain(submissions).collect() }
    }

    fn failures(&self) -> usize {
        self.cases.iter().filter(|case| !case.wrong.is_empty()).count()
    }
}

fn junit(suites: &[Suite]) -> std::io::Result<Vec<u8>> {
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 4);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let count = |of: fn(&Suite) -> usize| suites.iter().map(of).sum::<usize>().to_string();
    let all = xml.create_element("testsuites").with_attributes([
        ("name", "assay problem verify"),
        ("tests", &count(|suite| suite.cases.len())),
        ("failures", &count(Suite::failures)),
        ("errors", "0"),
    ]);
    all.write_inner_content(|xml| suites.iter().try_for_each(|suite| write_suite(xml, suite)))?;
    let mut bytes = xml.into_inner();
    bytes.push(b'\n');
    Ok(bytes)
}

fn write_suite(xml: &mut Writer<Vec<u8>>, suite: &Suite) -> std::io::Result<()> {
    let element = xml.create_element("testsuite").with_attributes([
        ("name", suite.name.as_str()),
        ("tests", &suite.cases.len().to_string()),
        ("disabled", "0"),
        ("errors", "0"),
        ("failures", &suite.failures().to_string()),
    ]);
    element.write_inner_content(|xml| {
        suite.cases.iter().try_for_each(|case| {
            let time = format!("{:.3}", case.time_ms as f64 / 1e3);
            let element = xml.create_element("testcase");
            let element = element.with_attributes([("name", case.name.as_str()), ("time", &time)]);
            if case.wrong.is_empty() {
                return element.write_empty().map(drop);
            }
            let failure = |xml: &mut Writer<Vec<u8>>| {
                xml.create_element("failure")
                    .with_attribute(("message", printable(&case.wrong).as_str()))
                    .write_empty()
                    .map(drop)
            };
            element.write_inner_content(failure).map(drop)
        })
    })?;
    Ok(())
}

/// XML has no control characters, not even escaped.
fn printable(text: &str) -> String {
    text.chars().filter(|it| !it.is_control() || matches!(it, '\n' | '\t')).collect()
}

fn failed(path: &Path, error: &(dyn std::error::Error + 'static)) -> Failure {
    Failure::of(Exit::Usage, &format!("writing {}", path.display()), error)
}
