//! The built-in checkers of DMOJ's judge.

use std::ops::RangeInclusive;

use bytes::Bytes;
use domain::checker::{LineRule, TokenOptions};
use domain::problem::{Checker, PackagedProgram, ProgramFile, Protocol};

use super::{Judge, Reader, checker, validation};
use crate::diagnostic::quote;
use crate::dmoj::config::{FILE, is_true};
use crate::fields::Field;
use crate::yaml::{Key, Node, Value};

/// A checker program that judges outputs line by line and gives partial points.
const LINES: &str = include_str!("../lines.py");

/// The allowed values of `precision`, in decimal digits.
const DIGITS: RangeInclusive<i64> = -100..=300;

const KNOWN: &str = "standard, easy, floats, floatsabs, floatsrel, identical, linecount, linematches, rstripped, \
                     sorted, unordered or bridged";

impl Reader<'_, '_> {
    pub(super) fn named(&mut self, field: Field<'_>, args: Option<Field<'_>>) -> Judge {
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
                        "the checker {} is not supported: its Python code runs only inside DMOJ's judge",
                        quote(&name)
                    );
                    self.report.error(place, message, "a bridged checker");
                } else {
                    self.report.error(place, format!("unknown checker {}", quote(&name)), KNOWN);
                }
                lines(LineRule::Words)
            }
        }
    }

    /// Returns the checker, and warns of unknown arguments, which DMOJ's judge ignores too.
    fn plain(&mut self, entries: &[(Key, Node)], known: &[&str], judge: Judge) -> Judge {
        for (key, _) in entries.iter().filter(|(key, _)| !known.contains(&key.text.as_str())) {
            let message = format!("unknown checker argument {} is ignored", quote(&key.text));
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
        let message = "the checker rstripped counts empty lines at the end of an output as a difference; here they are ignored";
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
            format!("the checker {name} compares line by line; here only words are compared");
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
                            "a list of numbers of at least 0, not all of them 0",
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

    /// A checker that gives points for each line, using the program in `lines.py`.
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
}

/// Converts a value as Python's `int` does.
fn whole(node: &Node) -> Option<i64> {
    match &node.value {
        Value::Integer(number) => Some(*number),
        Value::Text(text) => text.trim().parse().ok(),
        Value::Float(number) if number.is_finite() => Some(*number as i64),
        _ => None,
    }
}
