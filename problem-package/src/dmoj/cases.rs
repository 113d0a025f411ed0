//! `test_cases`: a list of cases and batches, or patterns for the names of their files.

use domain::problem::bounds::TESTS_MAX;
use domain::problem::{BlobRef, Test};

use super::checker::Judge;
use super::config::{
    Config, FILE, Scope, WITHOUT_MEANING, find, is_dynamic, is_true, refuse_dynamic,
    warn_of_symlinks,
};
use super::data::Data;
use super::names::{self, Files, Named};
use super::pattern::Pattern;
use crate::blobs::Blobs;
use crate::diagnostic::{Report, quote};
use crate::fields::{Field, unknown_key};
use crate::yaml::{Key, Node, Value};

/// A single case, or a batch of cases.
#[derive(Debug)]
pub(super) struct Unit {
    pub(super) tests: Vec<Test>,
    pub(super) points: f64,
    /// The batch's number, from 1; `None` for a single case.
    pub(super) batch: Option<u32>,
    /// Numbers of earlier batches that this one depends on.
    pub(super) dependencies: Vec<u32>,
    /// Pretests run first and score nothing. They must pass before anything else runs.
    pub(super) is_pretest: bool,
}

/// The test cases in judging order.
#[derive(Debug, Default)]
pub(super) struct Outline {
    pub(super) cases: Vec<Case>,
    /// Whether DMOJ calls a partly correct output wrong although it scores points.
    pub(super) part_is_wrong: bool,
}

#[derive(Debug)]
pub(super) struct Case {
    pub(super) name: String,
    pub(super) points: f64,
    /// The index of its unit if that is a batch.
    pub(super) batch: Option<u32>,
}

impl Outline {
    pub(super) fn of(units: &[Unit], judge: &Judge) -> Self {
        let cases = (0..).zip(units).flat_map(|(place, unit)| {
            let batch = unit.batch.map(|_| place);
            let case =
                move |test: &Test| Case { name: test.name.clone(), points: unit.points, batch };
            unit.tests.iter().map(case)
        });
        Self { cases: cases.collect(), part_is_wrong: judge.part_is_wrong }
    }
}

struct Reader<'a, 'b> {
    config: &'a Config<'a>,
    data: &'a Data<'a>,
    judge: &'a Judge,
    blobs: &'b mut Blobs,
    report: &'b mut Report,
    batches: u32,
    tests: usize,
}

/// Reads all cases in judging order.
pub(super) fn read(
    config: &Config<'_>,
    data: &Data<'_>,
    judge: &Judge,
    blobs: &mut Blobs,
    report: &mut Report,
) -> Vec<Unit> {
    let mut reader = Reader { config, data, judge, blobs, report, batches: 0, tests: 0 };
    let mut units = Vec::new();
    if let Some(field) = config.field("pretest_test_cases") {
        units = reader.list(field, true);
        if units.iter().any(|unit| !unit.dependencies.is_empty()) {
            let message = "`dependencies` of pretests are not supported";
            reader.report.error((FILE, field.position()), message, "pretests without them");
        }
    }
    // Batches of pretests are not numbered.
    reader.batches = 0;
    match config.field("test_cases") {
        Some(field) if matches!(field.node.value, Value::List(_)) => {
            units.extend(reader.list(field, false));
        }
        field => units.extend(reader.named(field)),
    }
    if units.is_empty() && !reader.report.has_errors() {
        let is_named = config
            .field("test_cases")
            .is_none_or(|field| matches!(field.node.value, Value::Map(_)));
        match is_named && data.names().is_some() {
            true => {
                let message = "no file in the archive matches the test case patterns";
                let expected =
                    "`test_cases` with `input_format` and `output_format` that match, or a list";
                reader.report.error(FILE, message, expected);
            }
            false => reader.report.error(FILE, "there are no test cases", "`test_cases`"),
        }
    }
    units
}

impl<'a> Reader<'a, '_> {
    fn list(&mut self, field: Field<'a>, is_pretest: bool) -> Vec<Unit> {
        let Value::List(nodes) = &field.node.value else {
            field.error(self.report, "a list of test cases");
            return vec![];
        };
        nodes.iter().filter_map(|node| self.unit(Field { node, ..field }, is_pretest)).collect()
    }

    fn unit(&mut self, field: Field<'a>, is_pretest: bool) -> Option<Unit> {
        let Value::Map(entries) = &field.node.value else {
            field.error(
                self.report,
                "a map with `in`, `out` and `points`, or with `batched` and `points`",
            );
            return None;
        };
        let scope = Scope { case: &[], batch: entries, config: self.config };
        let Some(batched) = find(entries, "batched") else {
            let points = if is_pretest { 0.0 } else { self.points_of(scope) };
            let test = self.case(field, &[], points)?;
            return Some(Unit {
                tests: vec![test],
                points,
                batch: None,
                dependencies: vec![],
                is_pretest,
            });
        };
        self.batches += 1;
        let batch = self.batches;
        self.check_keys(field, true);
        let Value::List(nodes) = &batched.node.value else {
            batched.error(self.report, "a list of test cases");
            return None;
        };
        let points = if is_pretest { 0.0 } else { self.batch_points(batched, entries, nodes) };
        let mut tests = Vec::new();
        for node in nodes {
            let inner = Field { node, ..batched };
            let is_batch =
                matches!(&node.value, Value::Map(entries) if find(entries, "batched").is_some());
            if is_batch {
                let message = "a batch is inside another batch";
                self.report.error((FILE, node.position), message, "test cases with `in` and `out`");
            } else {
                tests.extend(self.case(inner, entries, points));
            }
        }
        if nodes.is_empty() {
            batched.error(self.report, "at least one test case");
        }
        let dependencies =
            scope.field("dependencies").map_or(vec![], |field| self.dependencies(field, batch));
        Some(Unit { tests, points, batch: Some(batch), dependencies, is_pretest })
    }

    /// The points of a batch: the minimum of its cases.
    fn batch_points(&mut self, at: Field<'a>, batch: &'a [(Key, Node)], nodes: &'a [Node]) -> f64 {
        let cases = nodes.iter().filter_map(|node| match &node.value {
            Value::Map(case) => Some(Scope { case, batch, config: self.config }),
            _ => None,
        });
        let all: Vec<f64> =
            cases.collect::<Vec<_>>().into_iter().map(|it| self.points_of(it)).collect();
        let least = all.iter().copied().fold(f64::INFINITY, f64::min);
        if all.iter().any(|points| *points > least) {
            let message = format!(
                "the cases of the batch have different points; the batch is worth the least of them, {least}"
            );
            self.report.warning((FILE, at.position()), message, "`points` of the batch");
        }
        if least.is_finite() { least } else { 0.0 }
    }

    fn points_of(&mut self, scope: Scope<'a>) -> f64 {
        let given = scope.field("points").or_else(|| self.config.field("points"));
        given.map_or(1.0, |field| self.points(field))
    }

    fn points(&mut self, field: Field<'_>) -> f64 {
        let points = match field.node.value {
            #[allow(clippy::cast_precision_loss, reason = "points are small")]
            Value::Integer(points) => points as f64,
            Value::Float(points) => points,
            _ => f64::NAN,
        };
        if points.is_finite() && points >= 0.0 {
            return points;
        }
        field.error(self.report, "a number of at least 0");
        0.0
    }

    fn dependencies(&mut self, field: Field<'_>, batch: u32) -> Vec<u32> {
        let Value::List(nodes) = &field.node.value else {
            field.error(self.report, "a list of numbers of batches, from 1");
            return vec![];
        };
        let mut numbers = Vec::new();
        for node in nodes {
            let number = match node.value {
                Value::Integer(number) => u32::try_from(number).ok().filter(|number| *number > 0),
                _ => None,
            };
            let problem = match number {
                None => format!("the batch {batch} depends on {}", node.value.describe()),
                Some(number) if number == batch => format!("the batch {batch} depends on itself"),
                Some(number) if number > batch => {
                    format!("the batch {batch} depends on {number}, which is not before it")
                }
                Some(number) => {
                    numbers.push(number);
                    continue;
                }
            };
            self.report.error(
                (FILE, node.position),
                problem,
                "the number of an earlier batch, from 1",
            );
        }
        numbers
    }

    fn case(&mut self, field: Field<'a>, batch: &'a [(Key, Node)], points: f64) -> Option<Test> {
        let Value::Map(case) = &field.node.value else {
            field.error(self.report, "a map with `in` and `out`");
            return None;
        };
        self.check_keys(field, false);
        let scope = Scope { case, batch, config: self.config };
        let (input, output) = (scope.named("in"), scope.named("out"));
        let path = |field: Option<Field<'a>>, reader: &mut Self| match field {
            Some(field) => field.text(reader.report).map(Some),
            None => Some(None),
        };
        let files = Files { input: path(input, self)?, output: path(output, self)? };
        let place = [input.unwrap_or(field), output.unwrap_or(field)];
        self.test(files, place, scope, points)
    }

    fn test(
        &mut self,
        files: Files,
        place: [Field<'_>; 2],
        scope: Scope<'a>,
        points: f64,
    ) -> Option<Test> {
        self.tests += 1;
        if self.tests > TESTS_MAX {
            if self.tests == TESTS_MAX + 1 {
                self.report.error(
                    FILE,
                    "there are too many test cases",
                    format!("at most {TESTS_MAX}"),
                );
            }
            return None;
        }
        let is_whole = files.input.is_some() && files.output.is_some();
        if let Some(generator) = scope.named("generator").filter(|_| !is_whole) {
            let message = "`generator` is not supported: the data must be in the package";
            self.report.error(
                (FILE, generator.position()),
                message,
                "`in` and `out` for every test case",
            );
            return None;
        }
        let name = files.input.clone().or_else(|| files.output.clone());
        let name = name.unwrap_or_else(|| format!("case-{}", self.tests));
        if files.output.is_none() && self.judge.compares {
            let message =
                format!("the test case {} has no `out`, so its answer is empty", quote(&name));
            self.report.warning((FILE, place[1].position()), message, "`out: …`");
        }
        let is_binary = scope.named("binary_data").is_some();
        let [input, answer] = [(files.input, place[0]), (files.output, place[1])]
            .map(|(path, field)| self.data(path, field, is_binary));
        let mut test = Test::new(&name, input?, answer?);
        test.validator_args = self.judge.args(points);
        Some(test)
    }

    /// The contents of a file; empty if no file is named.
    fn data(&mut self, path: Option<String>, field: Field<'_>, is_binary: bool) -> Option<BlobRef> {
        match path {
            Some(path) => self.data.test_data(&path, field, is_binary, self.blobs, self.report),
            None => Some(self.blobs.put(&bytes::Bytes::new())),
        }
    }

    /// Reports unsupported and unknown keys of a case or batch.
    fn check_keys(&mut self, field: Field<'_>, is_batch: bool) {
        let Value::Map(entries) = &field.node.value else { return };
        for (key, node) in entries {
            match key.text.replace('-', "_").as_str() {
                "in"
                | "out"
                | "points"
                | "generator"
                | "generator_args"
                | "binary_data"
                | "checker"
                | "output_limit_length" => {}
                "batched" | "dependencies" if is_batch => {}
                known if WITHOUT_MEANING.contains(&known) => {}
                "symlinks" => {
                    warn_of_symlinks(Field { path: FILE, key: "symlinks", node }, self.report);
                }
                "file_io" | "io_redirects" => {
                    let message = format!("`{}` of a single test case is not supported", key.text);
                    self.report.error((FILE, key.position), message, "the same for all test cases");
                }
                dynamic if is_dynamic(dynamic) => refuse_dynamic(key, self.report),
                _ => unknown_key(FILE, key, &key.text, self.report),
            }
        }
    }

    /// Finds the cases by the file names in the archive.
    fn named(&mut self, field: Option<Field<'a>>) -> Vec<Unit> {
        let entries = field.map_or(&[][..], |field| field.map(self.report));
        let get = |name| find(entries, name).filter(|field| is_true(field.node));
        for (key, _) in entries {
            match key.text.as_str() {
                "input_format" | "output_format" | "case_points" => {}
                dynamic if is_dynamic(dynamic) => refuse_dynamic(key, self.report),
                _ => unknown_key(FILE, key, &key.text, self.report),
            }
        }
        let Some(names) = self.data.names() else {
            if self.config.field("archive").is_none() {
                let at = field.map(|field| field.position());
                let message = "test cases are found by file name only in an archive";
                self.report.error((FILE, at), message, "`archive`, or a list of test cases");
            }
            return vec![];
        };
        let patterns = [("input_format", names::INPUT), ("output_format", names::OUTPUT)]
            .map(|(key, default)| self.pattern(get(key), default, names.len()));
        let [Some(input), Some(output)] = &patterns else { return vec![] };
        let at = field.map(|field| field.position());
        let cases = match names::cases(names.iter().map(String::as_str), [input, output]) {
            Ok(cases) => cases,
            Err(problem) => {
                self.report.error((FILE, at), problem, "patterns with a group `case`");
                return vec![];
            }
        };
        let default = self.config.field("points").map_or(1.0, |field| self.points(field));
        let mut points =
            get("case_points").map(|field| self.case_points(field)).map(Vec::into_iter);
        let start = crate::diagnostic::Position { line: 1, column: 1 };
        let node = Node::new(at.unwrap_or(start), Value::Null);
        let place = Field { path: FILE, key: "test_cases", node: &node };
        let scope = Scope { case: &[], batch: &[], config: self.config };
        let mut units = Vec::new();
        for case in cases {
            let points = match &mut points {
                Some(points) => points.next(),
                None => Some(default),
            };
            let Some(points) = points else {
                self.report.error(
                    (FILE, at),
                    "`case_points` has too few numbers",
                    "one for each test case or batch",
                );
                break;
            };
            let (files, batch) = match case {
                Named::Case(files) => (vec![files], None),
                Named::Batch(files) => {
                    self.batches += 1;
                    (files, Some(self.batches))
                }
            };
            let tests = files
                .into_iter()
                .filter_map(|files| self.test(files, [place, place], scope, points))
                .collect();
            units.push(Unit { tests, points, batch, dependencies: vec![], is_pretest: false });
        }
        units
    }

    fn pattern(
        &mut self,
        field: Option<Field<'_>>,
        default: &str,
        names: usize,
    ) -> Option<Pattern> {
        let text = match field {
            Some(field) => field.text(self.report)?,
            None => default.to_owned(),
        };
        match Pattern::parse(&text, names) {
            Ok(pattern) => Some(pattern),
            Err(problem) => {
                let field = field?;
                let message = format!("`{}` cannot be read: {problem}", field.key);
                self.report.error(
                    (FILE, field.position()),
                    message,
                    "a pattern with the groups `batch` and `case`",
                );
                None
            }
        }
    }

    fn case_points(&mut self, field: Field<'_>) -> Vec<f64> {
        let Value::List(nodes) = &field.node.value else {
            field.error(self.report, "a list of numbers");
            return vec![];
        };
        nodes.iter().map(|node| self.points(Field { node, ..field })).collect()
    }
}
