//! `checker` and `interactive`: how outputs are judged.

use std::ops::RangeInclusive;

use bytes::Bytes;
use domain::LanguageId;
use domain::checker::{LineRule, TokenOptions};
use domain::problem::bounds::{MEMORY_KIB, VALIDATION_TIME_MS};
use domain::problem::{
    Checker, PackagedProgram, ProgramFile, Protocol, Validation, ValidationLimits,
};

use super::cases::{self, same};
use super::data::Data;
use super::{Config, FILE, is_true, languages};
use crate::blobs::Blobs;
use crate::diagnostic::{Report, quote};
use crate::fields::{Field, unknown_key};
use crate::languages::language_of;
use crate::yaml::{Key, Node, Value};

/// Judges outputs line by line and gives points for a part of them.
const LINES: &str = include_str!("lines.py");

/// The header that checkers and interactors of Testlib include.
const TESTLIB: &str = "testlib.h";

/// How many digits of a number must be right.
const DIGITS: RangeInclusive<i64> = -100..=300;

const KNOWN: &str = "standard, easy, floats, floatsabs, floatsrel, identical, linecount, linematches, rstripped, \
                     sorted, unordered or bridged";

/// How outputs are judged.
#[derive(Debug)]
pub(super) struct Judge {
    pub(super) checker: Checker,
    /// It needs an answer to compare with.
    pub(super) compares: bool,
    /// It gives points for a part of the output.
    pub(super) is_partial: bool,
    /// An output with a part of the points is wrong, as far as the package's own tests are concerned.
    pub(super) part_is_wrong: bool,
    /// What follows the points of a test among its arguments, where there are any.
    args: Option<Vec<String>>,
}

impl Judge {
    fn of(checker: Checker) -> Self {
        let compares = !matches!(checker, Checker::Programs(_));
        Self { checker, compares, is_partial: false, part_is_wrong: false, args: None }
    }

    /// The arguments of the checker for a test that is worth so many points.
    pub(super) fn args(&self, points: f64) -> Vec<String> {
        let own = self.args.iter().flatten().cloned();
        let points = self.args.as_ref().map(|_| points.to_string());
        points.into_iter().chain(own).collect()
    }
}

pub(super) fn read(
    config: &Config<'_>,
    data: &Data<'_>,
    blobs: &mut Blobs,
    report: &mut Report,
) -> Judge {
    let mut reader = Reader { data, blobs, report };
    if let Some(field) = config.field("interactive") {
        let entries = field.map(reader.report);
        let program = reader.program(entries, field, "interactive");
        let validation = program.map(|program| Validation { interactive: true, ..program });
        return Judge { compares: false, ..Judge::of(checker(validation)) };
    }
    let Some(field) = checker_field(config, reader.report) else {
        return Judge::of(Checker::Lines(LineRule::Words));
    };
    match &field.node.value {
        Value::Map(entries) => {
            let name = entries.iter().find(|(key, _)| key.text == "name");
            let Some((_, node)) = name else {
                field.error(reader.report, "a name, or a map with `name` and `args`");
                return Judge::of(Checker::Lines(LineRule::Words));
            };
            for (key, _) in
                entries.iter().filter(|(key, _)| !["name", "args"].contains(&key.text.as_str()))
            {
                unknown_key(FILE, key, &key.text, reader.report);
            }
            let args = entries.iter().find(|(key, _)| key.text == "args");
            let args = args.map(|(_, node)| Field { path: FILE, key: "args", node });
            reader.named(Field { node, ..field }, args)
        }
        _ => reader.named(field, None),
    }
}

/// The checker of all test cases, wherever it stands.
fn checker_field<'a>(config: &'a Config<'a>, report: &mut Report) -> Option<Field<'a>> {
    let named = |field: Option<Field<'a>>| field.filter(|field| is_true(field.node));
    let mut fields = cases::scopes(config).into_iter().map(|scope| named(scope.field("checker")));
    let Some(first) = fields.next() else { return named(config.field("checker")) };
    let standard = Value::Text("standard".to_owned());
    let value = |field: Option<Field<'a>>| field.map_or(&standard, |field| &field.node.value);
    if let Some(other) = fields.find(|other| !same(value(first), value(*other)))
        && let Some(at) = other.or(first)
    {
        let message = "a `checker` of a single test case is not supported";
        report.error((FILE, at.position()), message, "one for all test cases");
    }
    first
}

/// Where there is an error, it does not matter which.
fn checker(validation: Option<Validation>) -> Checker {
    validation.map_or(Checker::Lines(LineRule::Words), Checker::Programs)
}

struct Reader<'a, 'b> {
    data: &'a Data<'a>,
    blobs: &'b mut Blobs,
    report: &'b mut Report,
}

impl Reader<'_, '_> {
    fn named(&mut self, field: Field<'_>, args: Option<Field<'_>>) -> Judge {
        let entries = args.map_or(&[][..], |args| args.map(self.report));
        let Some(name) = field.text(self.report) else {
            return Judge::of(Checker::Lines(LineRule::Words));
        };
        let lines = |rule| Judge::of(Checker::Lines(rule));
        match name.as_str() {
            "standard" => self.plain(entries, &[], lines(LineRule::Words)),
            "easy" => self.plain(entries, &[], lines(LineRule::Characters)),
            "identical" => self.plain(entries, &["pe_allowed"], lines(LineRule::Identical)),
            "unordered" => self.plain(entries, &[], lines(LineRule::SortedWords)),
            "rstripped" => self.right_stripped(field, entries),
            "sorted" => self.sorted(entries),
            "floats" | "floatsabs" | "floatsrel" => self.floats(&name, field, entries),
            "linecount" => {
                let judge = self.plain(entries, &["feedback"], lines(LineRule::Words));
                Judge { part_is_wrong: true, ..self.by_lines(judge, vec!["count".to_owned()]) }
            }
            "linematches" => self.line_matches(entries),
            "bridged" => Judge::of(checker(self.program(entries, field, "checker"))),
            _ => {
                let place = (FILE, field.position());
                if name.contains('.') {
                    let message = format!(
                        "the checker {} is not supported: its Python code runs inside DMOJ's judge and nowhere else",
                        quote(&name)
                    );
                    self.report.error(place, message, "a bridged checker");
                } else {
                    self.report.error(
                        place,
                        format!("the checker {} is not known", quote(&name)),
                        KNOWN,
                    );
                }
                lines(LineRule::Words)
            }
        }
    }

    /// A checker whose arguments make no difference, or that has none. The judge leaves those aside that it does not know.
    fn plain(&mut self, entries: &[(Key, Node)], known: &[&str], judge: Judge) -> Judge {
        for (key, _) in entries.iter().filter(|(key, _)| !known.contains(&key.text.as_str())) {
            let message = format!(
                "the argument {} of the checker is not known and is left aside",
                quote(&key.text)
            );
            self.report.warning((FILE, key.position), message, "");
        }
        judge
    }

    fn right_stripped(&mut self, field: Field<'_>, entries: &[(Key, Node)]) -> Judge {
        let judge = Judge::of(Checker::Lines(LineRule::RightStripped));
        let judge = self.plain(entries, &["filter_new_line"], judge);
        let is_filtered =
            |(key, node): &(Key, Node)| key.text == "filter_new_line" && is_true(node);
        if entries.iter().any(is_filtered) {
            let judge = self.by_lines(judge, vec!["strip".to_owned()]);
            return Judge { is_partial: false, ..judge };
        }
        let message = "the checker rstripped takes empty lines at the end of an output for a difference; here they are none";
        self.report.warning((FILE, field.position()), message, "");
        judge
    }

    fn sorted(&mut self, entries: &[(Key, Node)]) -> Judge {
        let mut rule = LineRule::SortedLines;
        for (key, node) in entries.iter().filter(|(key, _)| key.text == "split_on") {
            let field = Field { path: FILE, key: &key.text, node };
            match &node.value {
                Value::Text(text) if text == "lines" => {}
                Value::Text(text) if text == "whitespace" => rule = LineRule::SortedWords,
                _ => field.error(self.report, "lines or whitespace"),
            }
        }
        self.plain(entries, &["split_on"], Judge::of(Checker::Lines(rule)))
    }

    fn floats(&mut self, name: &str, field: Field<'_>, entries: &[(Key, Node)]) -> Judge {
        let mut precision = 6;
        let mut mode = match name {
            "floatsabs" => "absolute",
            "floatsrel" => "relative",
            _ => "default",
        }
        .to_owned();
        for (key, node) in entries {
            let field = Field { path: FILE, key: &key.text, node };
            match key.text.as_str() {
                "precision" => match whole(node) {
                    Some(number) if DIGITS.contains(&number) => precision = number,
                    _ => {
                        let (least, most) = (DIGITS.start(), DIGITS.end());
                        field.error(
                            self.report,
                            &format!("a number of digits, from {least} to {most}"),
                        );
                    }
                },
                "error_mode" if name != "floats" => {
                    field.error(self.report, "no `error_mode`, or the checker floats");
                }
                "error_mode" => match &node.value {
                    Value::Text(text)
                        if ["default", "absolute", "relative"].contains(&text.as_str()) =>
                    {
                        mode.clone_from(text);
                    }
                    _ => field.error(self.report, "default, absolute or relative"),
                },
                _ => {}
            }
        }
        let message =
            format!("the checker {name} tells lines from each other; here only words are compared");
        self.report.warning((FILE, field.position()), message, "");
        #[allow(clippy::cast_possible_truncation, reason = "it is in `DIGITS`")]
        let tolerance = 10_f64.powi(-(precision as i32));
        let options = TokenOptions {
            case_sensitive: true,
            space_sensitive: false,
            float_absolute: (mode != "relative").then_some(tolerance),
            float_relative: (mode != "absolute").then_some(tolerance),
        };
        self.plain(entries, &["precision", "error_mode"], Judge::of(Checker::Tokens(options)))
    }

    fn line_matches(&mut self, entries: &[(Key, Node)]) -> Judge {
        let mut distribution = "1".to_owned();
        let mut all = true;
        for (key, node) in entries {
            let field = Field { path: FILE, key: &key.text, node };
            match (key.text.as_str(), &node.value) {
                ("point_distribution", Value::List(nodes)) => {
                    let numbers: Vec<String> = nodes
                        .iter()
                        .filter_map(|node| match node.value {
                            Value::Integer(number) if number >= 0 => Some(number.to_string()),
                            Value::Float(number) if number >= 0.0 && number.is_finite() => {
                                Some(number.to_string())
                            }
                            _ => None,
                        })
                        .collect();
                    if numbers.len() != nodes.len() || numbers.iter().all(|number| number == "0") {
                        field.error(
                            self.report,
                            "a list of numbers from 0, one of which is above 0",
                        );
                    }
                    distribution = numbers.join(",");
                }
                ("filler_lines_required", Value::Bool(required)) => all = *required,
                ("point_distribution", _) => field.error(self.report, "a list of numbers"),
                ("filler_lines_required", _) => field.error(self.report, "true or false"),
                _ => {}
            }
        }
        let judge = Judge::of(Checker::Lines(LineRule::Words));
        let judge = self.plain(entries, &["point_distribution", "filler_lines_required"], judge);
        let lines = if all { "all" } else { "some" };
        self.by_lines(judge, vec!["match".to_owned(), distribution, lines.to_owned()])
    }

    /// A checker that gives points for each line, by a program that comes with this reader.
    fn by_lines(&mut self, judge: Judge, args: Vec<String>) -> Judge {
        let content = self.blobs.put(&Bytes::from_static(LINES.as_bytes()));
        let program = PackagedProgram {
            name: "lines.py".to_owned(),
            language: Some("python3".parse().expect("it is a language id")),
            files: vec![ProgramFile { path: "lines.py".to_owned(), content, executable: false }],
        };
        let checker = Checker::Programs(validation(program, Protocol::Testlib));
        Judge { checker, is_partial: true, args: Some(args), ..judge }
    }

    /// A program in the package: a bridged checker or an interactor.
    fn program(
        &mut self,
        entries: &[(Key, Node)],
        at: Field<'_>,
        role: &str,
    ) -> Option<Validation> {
        let (mut paths, mut language, mut flags) = (Vec::new(), None, Vec::new());
        let (mut protocol, mut format, mut is_silent) = (Protocol::Bridged, None, false);
        let mut limits = ValidationLimits::default();
        let mut files_field = at;
        for (key, node) in entries {
            let field = Field { path: FILE, key: &key.text, node };
            if field.is_null() {
                continue;
            }
            match key.text.as_str() {
                "files" => {
                    paths = field.texts(self.report);
                    files_field = field;
                }
                "lang" => language = self.language(field),
                "type" => protocol = self.protocol(field).unwrap_or(protocol),
                "flags" => flags = field.texts(self.report),
                "args_format_string" => format = Some(field).filter(|field| is_true(field.node)),
                "feedback" => is_silent = !is_true(node),
                "treat_checker_points_as_percentage" if is_true(node) => {
                    let feature = "points of a checker that are a percentage are";
                    field.not_supported(self.report, feature, "points");
                }
                "treat_checker_points_as_percentage" => {}
                "time_limit" => {
                    if let Some(seconds) = field.positive(self.report, "a number of seconds") {
                        #[allow(
                            clippy::cast_possible_truncation,
                            clippy::cast_sign_loss,
                            reason = "it is above 0, and held to the bounds"
                        )]
                        let time_ms = (seconds * 1_000.0).round() as u64;
                        limits.time_ms =
                            time_ms.clamp(*VALIDATION_TIME_MS.start(), *VALIDATION_TIME_MS.end());
                    }
                }
                "memory_limit" => {
                    if let Some(kib) = field.positive_integer(self.report, "a number of KiB") {
                        limits.memory_kib = kib.clamp(*MEMORY_KIB.start(), *MEMORY_KIB.end());
                    }
                }
                "cached" | "compiler_time_limit" | "preprocessing_time" | "unbuffered" => {}
                _ => unknown_key(FILE, key, &key.text, self.report),
            }
        }
        if paths.is_empty() {
            let message = format!("the {role} has no `files`");
            self.report.error((FILE, at.position()), message, "`files: …`");
            return None;
        }
        // On many judges the header is installed; here a package brings it, and need not list it.
        if protocol == Protocol::Testlib
            && !paths.iter().any(|path| path.ends_with(TESTLIB))
            && self.data.has(TESTLIB)
        {
            paths.push(TESTLIB.to_owned());
        }
        let files: Vec<ProgramFile> = paths
            .iter()
            .filter_map(|path| self.data.program_file(path, files_field, self.blobs, self.report))
            .collect();
        let language = language.or_else(|| default_language(&paths));
        let Some(language) = language else {
            let message = format!("the language of the {role} is not known");
            self.report.error((FILE, files_field.position()), message, "`lang: CPP17`");
            return None;
        };
        let name = paths.first().map_or(role, String::as_str).to_owned();
        let is_interactor = role == "interactive";
        let arguments = match format {
            Some(field) => self.arguments(field, protocol, is_interactor)?,
            None => None,
        };
        // What an interactor prints, the submission reads.
        let is_silent = is_silent && protocol == Protocol::Bridged && !is_interactor;
        let is_plain = flags.is_empty() && arguments.is_none() && !is_silent;
        let program = if is_plain {
            PackagedProgram { name, language: Some(language), files }
        } else {
            let arguments = arguments.unwrap_or_else(|| "\"$@\"".to_owned());
            // What the author must not see, judges and setters do.
            let redirected = if is_silent { " >&2" } else { "" };
            let run = format!("{arguments}{redirected}");
            self.with_script(name, &language, files, &flags, &run, files_field)?
        };
        Some(Validation { limits, ..validation(program, protocol) })
    }

    fn language(&mut self, field: Field<'_>) -> Option<LanguageId> {
        let name = field.text(self.report)?;
        let language = languages::of(&name);
        if language.is_none() {
            field.error(self.report, "a language such as CPP17 or PY3");
        }
        language
    }

    fn protocol(&mut self, field: Field<'_>) -> Option<Protocol> {
        match field.text(self.report)?.as_str() {
            "default" => Some(Protocol::Bridged),
            "testlib" => Some(Protocol::Testlib),
            other => {
                let why = match other {
                    "coci" => ": its programs give a fraction of the points",
                    "peg" => ": its programs print a fraction of the points",
                    _ => "",
                };
                let message = format!("`type` is {}, which is not supported{why}", quote(other));
                self.report.error((FILE, field.position()), message, "default or testlib");
                None
            }
        }
    }

    /// The arguments of a program as a shell writes them, which is given them in the default order; `Some(None)` where
    /// the order is the default.
    fn arguments(
        &mut self,
        field: Field<'_>,
        protocol: Protocol,
        is_interactor: bool,
    ) -> Option<Option<String>> {
        let format = field.text(self.report)?;
        let [input, output, answer] = ["{input_file}", "{output_file}", "{answer_file}"];
        // An interactor has no output of a submission.
        let (default, given) = match (is_interactor, protocol) {
            (true, Protocol::Bridged) => (vec![input, answer], ["$1", "/dev/null", "$2"]),
            _ => (vec![input, output, answer], ["$1", "$2", "$3"]),
        };
        let words: Vec<&str> = format.split_whitespace().collect();
        if words == default {
            return Some(None);
        }
        let mut arguments = Vec::new();
        for word in words {
            let bare = [input, output, answer]
                .iter()
                .fold(word.to_owned(), |bare, name| bare.replace(name, ""));
            if bare.contains(['{', '}', '\'', '"', '\\']) {
                let message =
                    format!("`{}` is {}, which is not supported", field.key, quote(&format));
                let expected = format!("words with {input}, {output} and {answer}, without quotes");
                self.report.error((FILE, field.position()), message, expected);
                return None;
            }
            let names = [input, output, answer].into_iter().zip(given);
            arguments.push(names.fold(quoted(word), |word, (name, value)| {
                word.replace(name, &format!("'\"{value}\"'"))
            }));
        }
        Some(Some(arguments.join(" ")))
    }

    /// A program that is compiled with flags, or run with other arguments: scripts do it.
    fn with_script(
        &mut self,
        name: String,
        language: &LanguageId,
        mut files: Vec<ProgramFile>,
        flags: &[String],
        run: &str,
        at: Field<'_>,
    ) -> Option<PackagedProgram> {
        let (compiler, standard) = match language.as_str() {
            "c" => ("gcc", "gnu17"),
            "cpp" => ("g++", "gnu++17"),
            "cpp20" => ("g++", "gnu++20"),
            "cpp23" => ("g++", "gnu++23"),
            _ => {
                let message = format!(
                    "`flags`, `args_format_string` and `feedback: false` are not supported for {language}"
                );
                self.report.error(
                    (FILE, at.position()),
                    message,
                    "a program in C or C++, or none of them",
                );
                return None;
            }
        };
        let sources =
            files.iter().map(|file| file.path.as_str()).filter(|path| language_of(path).is_some());
        let words: Vec<String> =
            flags.iter().map(String::as_str).chain(sources).map(quoted).collect();
        let build = format!(
            "#!/bin/sh\nexec {compiler} -std={standard} -O2 -o program {} -lm\n",
            words.join(" ")
        );
        let run = format!("#!/bin/sh\nexec \"$(dirname \"$0\")/program\" {run}\n");
        for (path, script) in [("build", build), ("run", run)] {
            let content = self.blobs.put(&Bytes::from(script));
            files.push(ProgramFile { path: path.to_owned(), content, executable: true });
        }
        Some(PackagedProgram { name, language: None, files })
    }
}

fn validation(program: PackagedProgram, protocol: Protocol) -> Validation {
    Validation {
        programs: vec![program],
        protocol,
        interactive: false,
        passes: 1,
        limits: ValidationLimits::default(),
    }
}

/// A word that a shell takes as it is.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// The number that Python's `int` makes of a value.
fn whole(node: &Node) -> Option<i64> {
    match &node.value {
        Value::Integer(number) => Some(*number),
        Value::Text(text) => text.trim().parse().ok(),
        Value::Float(number) if number.is_finite() => Some(*number as i64),
        _ => None,
    }
}

/// The language of a program where the package does not say: for C++ the newest that the judge has.
fn default_language(paths: &[String]) -> Option<LanguageId> {
    let found = paths.iter().find_map(|path| language_of(path))?;
    Some(if found.as_str() == "cpp" {
        "cpp20".parse().expect("it is a language id")
    } else {
        found
    })
}
