//! Reads `<judging>`: limits, tests, samples and grading.

use std::borrow::Cow;

use bytes::Bytes;
use domain::grading::{Grading, OnFailure};
use domain::problem::bounds::{SAMPLE_BYTES_MAX, SAMPLES_MAX, TESTS_MAX};
use domain::problem::{Sample, Test};

use super::points::{self, Graded, Worth};
use crate::blobs::Blobs;
use crate::diagnostic::{Position, Report, quote};
use crate::text::{text, unix_lines};
use crate::tree::FileTree;
use crate::xml::Element;

/// The test set used for judging. Others are for the package's authors.
const TESTSET: &str = "tests";

/// File names that mean standard input and output.
const STANDARD_FILES: [&str; 3] = ["", "stdin", "stdout"];

/// The contents of `<judging>`.
pub(super) struct Judging {
    pub(super) time_ms: Option<u64>,
    pub(super) memory_kib: Option<u64>,
    /// The position of the test set.
    pub(super) limits_at: Option<Position>,
    /// In judging order.
    pub(super) tests: Vec<Test>,
    /// The group of each test, as named in the package.
    pub(super) groups: Vec<Option<String>>,
    pub(super) samples: Vec<Sample>,
    pub(super) grading: Grading,
    /// Whether the tests have CRLF line endings, as in packages for Windows.
    pub(super) is_of_windows: bool,
}

impl Judging {
    /// Sets the grading and puts the tests in judging order.
    fn grade(&mut self, graded: Graded) {
        let Graded { grading, order, slots } = graded;
        self.grading = grading;
        for (test, (group, points)) in self.tests.iter_mut().zip(slots) {
            (test.group, test.points) = (group, points);
        }
        self.tests = order.iter().filter_map(|at| self.tests.get(*at).cloned()).collect();
        self.groups = order.iter().filter_map(|at| self.groups.get(*at).cloned()).collect();
    }
}

pub(super) fn read(
    root: Element<'_>,
    tree: &FileTree,
    blobs: &mut Blobs,
    report: &mut Report,
) -> Judging {
    let mut judging = Judging {
        time_ms: None,
        memory_kib: None,
        limits_at: None,
        tests: vec![],
        groups: vec![],
        samples: vec![],
        grading: Grading::pass_fail(OnFailure::Stop),
        is_of_windows: false,
    };
    let Some(element) = root.child("judging") else {
        report.error(root.place(), "there is no <judging>", "the limits and tests of the problem");
        return judging;
    };
    check_ways(element, report);
    let Some(testset) = testset(element, report) else {
        report.error(element.place(), "there is no <testset>", "the tests of the problem");
        return judging;
    };
    judging.limits_at = testset.place().1;
    judging.time_ms = limit(testset, "time-limit", "milliseconds", report);
    judging.memory_kib = limit(testset, "memory-limit", "bytes", report).map(|bytes| bytes / 1024);
    read_tests(testset, tree, blobs, &mut judging, report);
    judging
}

/// Reports unsupported ways of running submissions.
fn check_ways(judging: Element<'_>, report: &mut Report) {
    for name in ["input-file", "output-file"] {
        let file = judging.attribute(name).unwrap_or_default();
        if !STANDARD_FILES.contains(&file) {
            let message = format!(
                "`{name}` is {}, but reading or writing files is not supported",
                quote(file)
            );
            report.error(judging.place(), message, "standard input and output");
        }
    }
    let runs = judging.attribute("run-count").unwrap_or("1");
    if runs != "1" {
        let message = format!(
            "`run-count` is {}, but running a submission several times is not supported",
            quote(runs)
        );
        report.error(judging.place(), message, "1");
    }
}

fn testset<'a>(judging: Element<'a>, report: &mut Report) -> Option<Element<'a>> {
    let all: Vec<_> = judging.children("testset").collect();
    let is_main = |testset: &&Element<'_>| testset.attribute("name") == Some(TESTSET);
    let found = all.iter().find(is_main).or(all.first())?;
    for other in all.iter().filter(|other| other.place() != found.place()) {
        let name = other.attribute("name").unwrap_or_default();
        let message = format!("the testset {} is ignored", quote(name));
        report.warning(other.place(), message, format!("the testset {TESTSET:?}"));
    }
    Some(*found)
}

fn limit(testset: Element<'_>, name: &str, unit: &str, report: &mut Report) -> Option<u64> {
    let Some(element) = testset.child(name) else {
        report.error(
            testset.place(),
            format!("there is no <{name}>"),
            format!("a number of {unit}"),
        );
        return None;
    };
    let text = element.text();
    let number = text.trim().parse().ok().filter(|number| *number > 0);
    if number.is_none() {
        let message = format!("<{name}> is {}", quote(text.trim()));
        report.error(element.place(), message, format!("a number of {unit}"));
    }
    number
}

fn read_tests(
    testset: Element<'_>,
    tree: &FileTree,
    blobs: &mut Blobs,
    judging: &mut Judging,
    report: &mut Report,
) {
    let elements: Vec<_> =
        testset.child("tests").into_iter().flat_map(|tests| tests.elements()).collect();
    if elements.is_empty() {
        report.error(testset.place(), "there are no tests", "<tests> with a <test> for each");
        return;
    }
    if elements.len() > TESTS_MAX {
        let message = format!("there are {} tests", elements.len());
        report.error(testset.place(), message, format!("at most {TESTS_MAX}"));
        return;
    }
    let count = testset.child("test-count").map(|count| count.text());
    if let Some(count) = count.filter(|count| count.trim().parse() != Ok(elements.len())) {
        let message = format!("<test-count> is {}", quote(count.trim()));
        report.error(testset.place(), message, format!("{}, the number of tests", elements.len()));
    }
    let input = Pattern::of(testset, "input-path-pattern", report);
    let answer = Pattern::of(testset, "answer-path-pattern", report);
    let (Some(input), Some(answer)) = (input, answer) else { return };
    let mut missing = Missing::default();
    let mut worth = Vec::new();
    for (number, element) in (1..).zip(elements) {
        let (input, answer) = (input.path(number), answer.path(number));
        let files = (missing.get(tree, &input), missing.get(tree, &answer));
        let group = element.attribute("group").filter(|group| !group.is_empty());
        let points = element.number("points", report);
        let (Some(input_bytes), Some(answer_bytes)) = files else { continue };
        let [input_bytes, answer_bytes] = [input_bytes, answer_bytes].map(unix_lines);
        judging.is_of_windows |= matches!(input_bytes, Cow::Owned(_));
        let sample = element.attribute("sample") == Some("true");
        judging.tests.push(Test {
            sample,
            ..Test::new(&input, blobs.put(&input_bytes), blobs.put(&answer_bytes))
        });
        judging.groups.push(group.map(str::to_owned));
        worth.push(Worth { group: group.map(str::to_owned), points });
        if sample && judging.samples.len() == SAMPLES_MAX {
            let message = format!("the sample {input} is judged but not shown");
            report.warning(element.place(), message, format!("at most {SAMPLES_MAX} samples"));
        } else if sample {
            let name = (judging.samples.len() + 1).to_string();
            let shown = [(&*input, &*input_bytes), (&*answer, &*answer_bytes)];
            judging.samples.extend(self::sample(name, number, shown, tree, report));
        }
    }
    missing.report(report);
    if judging.tests.is_empty() || report.has_errors() && missing.any() {
        return;
    }
    if let Some(graded) = points::read(testset, &worth, report) {
        judging.grade(graded);
    }
}

/// The sample as the statement shows it, which may differ from the test.
fn sample(
    name: String,
    number: usize,
    files: [(&str, &Bytes); 2],
    tree: &FileTree,
    report: &mut Report,
) -> Option<Sample> {
    let shown = |suffix: &str| {
        let is_it = |path: &&str| {
            let file = path.rsplit('/').next().unwrap_or_default();
            path.starts_with("statement-sections/")
                && file == format!("example.{number:02}{suffix}")
        };
        tree.files().find(|(path, _)| is_it(path))
    };
    let [input, answer] = files;
    let [input, output] =
        [shown("").unwrap_or(input), shown(".a").unwrap_or(answer)].map(|(path, bytes)| {
            if bytes.len() > SAMPLE_BYTES_MAX {
                let message =
                    format!("is a sample and has {} bytes, so it is not shown", bytes.len());
                report.warning(path, message, format!("at most {SAMPLE_BYTES_MAX}"));
                return None;
            }
            text(path, bytes, report)
        });
    Some(Sample { name, input: input?.to_owned(), output: output?.to_owned(), explanation: None })
}

/// A path with a number, in the syntax of C's `printf`: `tests/%02d.a`.
pub(super) struct Pattern {
    before: String,
    width: usize,
    after: String,
}

/// Maximum number of digits of a number in a path.
const WIDTH_MAX: usize = 9;

impl Pattern {
    pub(super) fn of(testset: Element<'_>, name: &str, report: &mut Report) -> Option<Self> {
        let Some(element) = testset.child(name) else {
            report.error(
                testset.place(),
                format!("there is no <{name}>"),
                "a path such as tests/%02d",
            );
            return None;
        };
        let text = element.text();
        let pattern = Self::parse(text.trim());
        if pattern.is_none() {
            let message = format!("<{name}> is {}", quote(text.trim()));
            report.error(element.place(), message, "a path with one number, such as tests/%02d");
        }
        pattern
    }

    fn parse(text: &str) -> Option<Self> {
        let (before, rest) = text.split_once('%')?;
        let (width, after) = rest.split_once('d')?;
        let width = if width.is_empty() {
            0
        } else {
            width.parse().ok().filter(|width| *width <= WIDTH_MAX)?
        };
        (!after.contains('%')).then(|| Self {
            before: before.to_owned(),
            width,
            after: after.to_owned(),
        })
    }

    pub(super) fn path(&self, number: usize) -> String {
        let Self { before, width, after } = self;
        format!("{before}{number:0width$}{after}")
    }
}

/// Collects missing files.
#[derive(Default)]
struct Missing {
    paths: Vec<String>,
    found: usize,
}

impl Missing {
    fn get<'a>(&mut self, tree: &'a FileTree, path: &str) -> Option<&'a Bytes> {
        let bytes = tree.get(path);
        match bytes {
            Some(_) => self.found += 1,
            None => self.paths.push(path.to_owned()),
        }
        bytes
    }

    fn any(&self) -> bool {
        !self.paths.is_empty()
    }

    fn report(&self, report: &mut Report) {
        let expected = "a full package, which has the tests and answers that Polygon generated";
        if self.found == 0 && self.paths.len() > 1 {
            let first = self.paths.first().map_or("", String::as_str);
            let message = format!("is missing, like all {} test files", self.paths.len());
            report.error(first, message, expected);
            return;
        }
        for path in &self.paths {
            report.error(path, "is missing", expected);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_has_one_number() {
        let path = |pattern, number| Pattern::parse(pattern).map(|pattern| pattern.path(number));
        assert_eq!(path("tests/%02d", 7).as_deref(), Some("tests/07"));
        assert_eq!(path("tests/%02d.a", 123).as_deref(), Some("tests/123.a"));
        assert_eq!(path("%d", 7).as_deref(), Some("7"));
        assert_eq!(path("tests/%03d", 7).as_deref(), Some("tests/007"));
        for bad in ["tests/1", "%s", "%99999999999d", "%100d", "%d/%d", "%", "%-2d", ""] {
            assert_eq!(path(bad, 1), None, "{bad}");
        }
    }
}
