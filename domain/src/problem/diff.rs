//! The changes from one revision of a problem to the next, shown before an import.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::{
    Attachment, BlobRef, Limits, PackagedProgram, ProgramFile, RevisionContent, Sample, Test,
    TimeLimitOrigin, Translation,
};
use crate::Digest;
use crate::grading::TestGroup;

/// Characters of a value that a change shows.
const VALUE_CHARS_MAX: usize = 200;

/// The part of a revision that changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// There is no revision yet.
    New,
    /// The title.
    Title,
    /// The intended difficulty.
    Difficulty,
    /// The tags.
    Tags,
    /// The statement, or its natural language.
    Statement,
    /// The statement in another natural language, by language.
    Translation,
    /// The editorial.
    Editorial,
    /// The hints.
    Hints,
    /// A sample, by name.
    Sample,
    /// An attachment, by path.
    Attachment,
    /// A limit, by name, or where the time limit comes from.
    Limits,
    /// A new test, by name.
    TestAdded,
    /// A removed test, by name.
    TestRemoved,
    /// A changed test, by name and field.
    TestChanged,
    /// The same tests in a different order.
    TestOrder,
    /// How outputs are judged.
    Checker,
    /// How tests are graded, by group.
    Grading,
    /// The grader.
    Grader,
    /// The static validator.
    StaticValidator,
    /// Files placed beside every submission, by language.
    Include,
    /// What the problem provides for a programming language, by language, or their order.
    Languages,
    /// The reference solution.
    ReferenceSolution,
    /// The function or class that submissions define.
    Signature,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The part of the revision that changes.
    pub kind: ChangeKind,
    /// Which item or field of that part, where there are several.
    pub path: Option<String>,
    /// The old value, shortened; `None` when there is none.
    pub before: Option<String>,
    /// The new value, shortened; `None` when there is none.
    pub after: Option<String>,
}

/// All changes; empty if and only if the contents are equal.
pub fn diff(before: Option<&RevisionContent>, after: &RevisionContent) -> Vec<Change> {
    let mut changes = Changes::default();
    match before {
        Some(before) => changes.content(before, after),
        None => {
            let summary = format!("{}, {} tests", after.title, after.tests.len());
            changes.push(ChangeKind::New, None, None, Some(summary));
        }
    }
    changes.0
}

#[derive(Default)]
struct Changes(Vec<Change>);

impl Changes {
    fn content(&mut self, before: &RevisionContent, after: &RevisionContent) {
        // Destructured, so that a new field does not compile until it is compared.
        let RevisionContent {
            title,
            difficulty,
            tags,
            statement,
            editorial,
            hints,
            samples,
            natural_language,
            translations,
            attachments,
            limits,
            time_limit,
            tests,
            checker,
            grading,
            grader,
            static_validator,
            include,
            languages,
            reference,
            signature,
        } = before;
        self.value(ChangeKind::Title, None, title, &after.title, Clone::clone);
        self.value(ChangeKind::Difficulty, None, difficulty, &after.difficulty, stored);
        self.value(ChangeKind::Tags, None, tags, &after.tags, |tags| {
            tags.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        });
        self.value(ChangeKind::Statement, None, statement, &after.statement, |text| {
            text_digest(text)
        });
        let language = ("naturalLanguage", natural_language, &after.natural_language);
        self.value(ChangeKind::Statement, Some(language.0), language.1, language.2, Clone::clone);
        self.value(ChangeKind::Editorial, None, editorial, &after.editorial, |text| {
            text.as_deref().map_or_else(none, text_digest)
        });
        self.value(ChangeKind::Hints, None, hints, &after.hints, |hints| {
            hints.iter().map(|hint| text_digest(hint)).collect::<Vec<_>>().join("; ")
        });
        let name = |it: &Sample| it.name.clone();
        self.list(ChangeKind::Sample, samples, &after.samples, name, sample);
        let name = |it: &Translation| it.language.clone();
        let text = |it: &Translation| format!("{}, {}", it.title, blob(&it.statement));
        self.list(ChangeKind::Translation, translations, &after.translations, name, text);
        let name = |it: &Attachment| it.path.clone();
        let text = |it: &Attachment| blob(&it.content);
        self.list(ChangeKind::Attachment, attachments, &after.attachments, name, text);
        self.limits(*limits, after.limits);
        let origin = Some("timeLimitOrigin");
        self.value(ChangeKind::Limits, origin, time_limit, &after.time_limit, time_limit_origin);
        self.tests(before, after, tests);
        self.value(ChangeKind::Checker, None, checker, &after.checker, |checker| match checker {
            super::Checker::Programs(validation) => {
                let programs = validation.programs.iter().map(program).collect::<Vec<_>>();
                let super::Validation { protocol, interactive, passes, limits, .. } = validation;
                let kind = if *interactive { "interactive" } else { "not interactive" };
                let (protocol, limits) = (stored(protocol), stored(limits));
                format!("{protocol}, {kind}, {passes} passes, {limits}: {}", programs.join("; "))
            }
            other => stored(other),
        });
        let objective = Some("objective");
        let of = &after.grading.objective;
        self.value(ChangeKind::Grading, objective, &grading.objective, of, stored);
        let name =
            |it: &TestGroup| if it.name.is_empty() { "/".to_owned() } else { it.name.clone() };
        let groups = (&grading.groups, &after.grading.groups);
        self.list(ChangeKind::Grading, groups.0, groups.1, name, stored);
        let optional = |it: &Option<PackagedProgram>| it.as_ref().map_or_else(none, program);
        self.value(ChangeKind::Grader, None, grader, &after.grader, optional);
        let kind = ChangeKind::StaticValidator;
        self.value(kind, None, static_validator, &after.static_validator, optional);
        let name = |it: &super::Include| {
            it.language.as_ref().map_or_else(|| "default".to_owned(), ToString::to_string)
        };
        let text = |it: &super::Include| files(&it.files);
        self.list(ChangeKind::Include, include, &after.include, name, text);
        let name = |it: &super::ProblemLanguage| it.language.to_string();
        let text = |it: &super::ProblemLanguage| {
            let parts = [&it.starter_code, &it.start_snippet, &it.end_snippet];
            parts.map(|code| text_digest(code)).join(", ")
        };
        self.list(ChangeKind::Languages, languages, &after.languages, name, text);
        let kind = ChangeKind::ReferenceSolution;
        self.value(kind, None, reference, &after.reference, |reference| {
            let text =
                |it: &super::ReferenceSolution| format!("{}, {}", it.language, blob(&it.source));
            reference.as_ref().map_or_else(none, text)
        });
        self.value(ChangeKind::Signature, None, signature, &after.signature, |signature| {
            signature.as_ref().map_or_else(none, stored)
        });
    }

    fn limits(&mut self, before: Limits, after: Limits) {
        let Limits { time_ms, memory_kib, output_kib, source_bytes } = before;
        for (name, before, after) in [
            ("timeMs", time_ms, after.time_ms),
            ("memoryKb", memory_kib, after.memory_kib),
            ("outputKb", output_kib, after.output_kib),
            ("sourceBytes", source_bytes, after.source_bytes),
        ] {
            self.value(ChangeKind::Limits, Some(name), &before, &after, u64::to_string);
        }
    }

    fn tests(&mut self, before: &RevisionContent, after: &RevisionContent, tests: &[Test]) {
        let described = |content: &RevisionContent, test: &Test| {
            let group = content.grading.groups.get(test.group as usize);
            let group = group.map_or_else(String::new, |group| group.name.clone());
            fields(&group, test)
        };
        let by_name = |content: &RevisionContent| -> BTreeMap<_, _> {
            let described = |test| (unique_key(&content.tests, test), described(content, test));
            content.tests.iter().map(described).collect()
        };
        let (old, new) = (by_name(before), by_name(after));
        let count = self.0.len();
        for (name, fields) in &old {
            let Some(others) = new.get(name) else {
                let data = fields.first().map(|(_, value)| value.clone());
                self.push(ChangeKind::TestRemoved, Some(name), data, None);
                continue;
            };
            for ((field, before), (_, after)) in fields.iter().zip(others) {
                let path = format!("{name}: {field}");
                self.value(ChangeKind::TestChanged, Some(&path), before, after, Clone::clone);
            }
        }
        for (name, fields) in new.iter().filter(|(name, _)| !old.contains_key(*name)) {
            let data = fields.first().map(|(_, value)| value.clone());
            self.push(ChangeKind::TestAdded, Some(name), None, data);
        }
        let moved = tests.iter().zip(&after.tests).find(|(old, new)| old.name != new.name);
        // Moving a group within the list moves no test. It is reported as a change of the groups.
        let differs = tests != after.tests && before.grading == after.grading;
        if self.0.len() == count && (moved.is_some() || differs) {
            let (old, new) = moved.map(|(old, new)| (old.name.clone(), new.name.clone())).unzip();
            self.push(ChangeKind::TestOrder, None, old, new);
        }
    }

    /// Compares lists of named items: items removed, changed and added, or a new order.
    fn list<T: PartialEq>(
        &mut self,
        kind: ChangeKind,
        before: &[T],
        after: &[T],
        name: impl Fn(&T) -> String,
        text: impl Fn(&T) -> String,
    ) {
        let count = self.0.len();
        for old in before {
            let path = name(old);
            match after.iter().find(|new| name(new) == path) {
                Some(new) => self.value(kind, Some(&path), old, new, &text),
                None => self.push(kind, Some(&path), Some(text(old)), None),
            }
        }
        for new in after {
            let path = name(new);
            if !before.iter().any(|old| name(old) == path) {
                self.push(kind, Some(&path), None, Some(text(new)));
            }
        }
        if self.0.len() == count && before != after {
            let names = |list: &[T]| list.iter().map(&name).collect::<Vec<_>>().join(", ");
            self.push(kind, None, Some(names(before)), Some(names(after)));
        }
    }

    fn value<T: PartialEq>(
        &mut self,
        kind: ChangeKind,
        path: Option<&str>,
        before: &T,
        after: &T,
        text: impl Fn(&T) -> String,
    ) {
        if before != after {
            self.push(kind, path, Some(text(before)), Some(text(after)));
        }
    }

    fn push(
        &mut self,
        kind: ChangeKind,
        path: Option<&str>,
        before: Option<String>,
        after: Option<String>,
    ) {
        let (before, after) = (before.as_deref().map(shortened), after.as_deref().map(shortened));
        self.0.push(Change { kind, path: path.map(str::to_owned), before, after });
    }
}

/// The test's name, with a number appended if an earlier test has the same name.
fn unique_key(tests: &[Test], test: &Test) -> String {
    let same = || tests.iter().filter(|other| other.name == test.name);
    match same().position(|other| std::ptr::eq(other, test)) {
        None | Some(0) => test.name.clone(),
        Some(place) => format!("{} ({})", test.name, place + 1),
    }
}

/// A test's fields except its name, with the input first.
fn fields(group: &str, test: &Test) -> Vec<(&'static str, String)> {
    let Test {
        name: _,
        group: _,
        sample,
        input,
        answer,
        args,
        files: beside,
        tokens,
        validator_args,
        points,
        full_feedback,
        hint,
        is_static,
    } = test;
    vec![
        ("input", blob(input)),
        ("answer", blob(answer)),
        ("group", group.to_owned()),
        ("sample", sample.to_string()),
        ("args", args.join(" ")),
        ("files", files(beside)),
        ("tokens", stored(tokens)),
        ("validatorArgs", validator_args.join(" ")),
        ("points", points.map_or_else(none, |points| points.to_string())),
        ("fullFeedback", full_feedback.to_string()),
        ("hint", hint.clone().unwrap_or_else(none)),
        ("static", is_static.to_string()),
    ]
}

fn sample(sample: &Sample) -> String {
    let explanation = sample.explanation.as_deref().map_or_else(none, text_digest);
    format!("{}, {}, {explanation}", text_digest(&sample.input), text_digest(&sample.output))
}

fn program(program: &PackagedProgram) -> String {
    let PackagedProgram { name, language, files: parts } = program;
    let language = language.as_ref().map_or("its own scripts", |language| language.as_str());
    format!("{name} in {language}: {}", files(parts))
}

fn files(files: &[ProgramFile]) -> String {
    let files = files.iter().map(|file| {
        let mode = if file.executable { " executable" } else { "" };
        format!("{} {}{mode}", file.path, blob(&file.content))
    });
    files.collect::<Vec<_>>().join(", ")
}

fn time_limit_origin(origin: &TimeLimitOrigin) -> String {
    match origin {
        TimeLimitOrigin::Given => "given".to_owned(),
        TimeLimitOrigin::Default => "default".to_owned(),
        TimeLimitOrigin::Derived(derivation) => {
            let super::Derivation { slowest, slowest_ms, multiplier, sandbox, .. } = derivation;
            format!("derived: {multiplier} times the {slowest_ms} ms of {slowest}, in {sandbox}")
        }
    }
}

/// A text as its size and digest.
fn text_digest(text: &str) -> String {
    blob(&BlobRef { digest: Digest::of(text.as_bytes()), bytes: text.len() as u64 })
}

fn blob(blob: &BlobRef) -> String {
    let digest = blob.digest.to_string();
    format!("{} bytes {}", blob.bytes, &digest[..12])
}

fn none() -> String {
    "none".to_owned()
}

/// A value as the events hold it.
fn stored<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(name)) => name,
        Ok(value) => value.to_string(),
        Err(_) => String::new(),
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(VALUE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checker::TokenOptions;
    use crate::function::Declaration;
    use crate::grading::{Objective, OnFailure, TestGroup};
    use crate::problem::{
        Checker, Derivation, Difficulty, Include, ProblemLanguage, Protocol, ReferenceSolution,
        Validation, ValidationLimits,
    };

    fn blob_of(text: &str) -> BlobRef {
        BlobRef { digest: Digest::of(text.as_bytes()), bytes: text.len() as u64 }
    }

    fn test(name: &str) -> Test {
        Test::new(name, blob_of("1"), blob_of("2"))
    }

    fn content() -> RevisionContent {
        RevisionContent {
            title: "Sum".to_owned(),
            tests: vec![test("secret/1"), test("secret/2")],
            ..RevisionContent::default()
        }
    }

    fn program() -> PackagedProgram {
        let files = vec![ProgramFile {
            path: "check.py".to_owned(),
            content: blob_of("pass"),
            executable: false,
        }];
        let language = Some("python3".parse().unwrap());
        PackagedProgram { name: "output_validators/check.py".to_owned(), language, files }
    }

    /// A change of one field, and the expected kind and path.
    type Case = (fn(&mut RevisionContent), ChangeKind, Option<&'static str>);

    #[test]
    fn every_changed_field_is_reported_once() {
        use ChangeKind as Kind;
        let cases: [Case; 29] = [
            (|it| it.title.push('!'), Kind::Title, None),
            (|it| it.difficulty = Difficulty::Hard, Kind::Difficulty, None),
            (|it| it.tags.push("math".parse().unwrap()), Kind::Tags, None),
            (|it| it.statement.push('x'), Kind::Statement, None),
            (|it| it.natural_language = "sv".to_owned(), Kind::Statement, Some("naturalLanguage")),
            (|it| it.editorial = Some("x".to_owned()), Kind::Editorial, None),
            (|it| it.hints.push("x".to_owned()), Kind::Hints, None),
            (
                |it| {
                    let (name, input, output) = ("1".to_owned(), "1".to_owned(), "2".to_owned());
                    it.samples.push(Sample { name, input, output, explanation: None });
                },
                Kind::Sample,
                Some("1"),
            ),
            (
                |it| {
                    let (language, title) = ("sv".to_owned(), "Summa".to_owned());
                    it.translations.push(Translation { language, title, statement: blob_of("x") });
                },
                Kind::Translation,
                Some("sv"),
            ),
            (
                |it| {
                    let path = "fig.png".to_owned();
                    it.attachments.push(Attachment { path, content: blob_of("x") });
                },
                Kind::Attachment,
                Some("fig.png"),
            ),
            (|it| it.limits.time_ms += 1, Kind::Limits, Some("timeMs")),
            (|it| it.limits.memory_kib += 1, Kind::Limits, Some("memoryKb")),
            (|it| it.limits.output_kib += 1, Kind::Limits, Some("outputKb")),
            (|it| it.limits.source_bytes += 1, Kind::Limits, Some("sourceBytes")),
            (|it| it.time_limit = TimeLimitOrigin::Default, Kind::Limits, Some("timeLimitOrigin")),
            (|it| it.tests.push(test("secret/3")), Kind::TestAdded, Some("secret/3")),
            (|it| it.tests.push(test("secret/2")), Kind::TestAdded, Some("secret/2 (2)")),
            (|it| drop(it.tests.pop()), Kind::TestRemoved, Some("secret/2")),
            (|it| it.tests[0].input = blob_of("3"), Kind::TestChanged, Some("secret/1: input")),
            (|it| it.tests[1].points = Some(2.0), Kind::TestChanged, Some("secret/2: points")),
            (|it| it.tests.reverse(), Kind::TestOrder, None),
            (
                |it| {
                    let case_sensitive = !TokenOptions::default().case_sensitive;
                    let options = TokenOptions { case_sensitive, ..TokenOptions::default() };
                    it.checker = Checker::Tokens(options);
                },
                Kind::Checker,
                None,
            ),
            (|it| it.grading.objective = Some(Objective::Max), Kind::Grading, Some("objective")),
            (|it| it.grading.groups[0].on_reject = OnFailure::Stop, Kind::Grading, Some("/")),
            (|it| it.grader = Some(program()), Kind::Grader, None),
            (|it| it.static_validator = Some(program()), Kind::StaticValidator, None),
            (
                |it| {
                    let language = "python3".parse().unwrap();
                    let source = blob_of("print(3)");
                    it.reference = Some(ReferenceSolution { language, source });
                },
                Kind::ReferenceSolution,
                None,
            ),
            (|it| it.signature = Some(Declaration::default()), Kind::Signature, None),
            (
                |it| it.include.push(Include { language: None, files: program().files }),
                Kind::Include,
                Some("default"),
            ),
        ];
        for (change, kind, path) in cases {
            let (before, mut after) = (content(), content());
            change(&mut after);
            let kinds_and_paths = |changes: Vec<Change>| -> Vec<_> {
                changes.into_iter().map(|it| (it.kind, it.path)).collect()
            };
            let changes = kinds_and_paths(diff(Some(&before), &after));
            assert_eq!(changes, [(kind, path.map(str::to_owned))]);
            assert_eq!(diff(Some(&after), &before).len(), 1, "{kind:?} back");
            assert_eq!(diff(Some(&after), &after), []);
        }
    }

    #[test]
    fn the_first_revision_is_one_change() {
        let change = Change {
            kind: ChangeKind::New,
            path: None,
            before: None,
            after: Some("Sum, 2 tests".to_owned()),
        };
        assert_eq!(diff(None, &content()), [change]);
    }

    #[test]
    fn values_are_shortened() {
        let (mut before, mut after) = (content(), content());
        before.limits.time_ms = 1_000;
        after.limits.time_ms = 2_500;
        after.time_limit = TimeLimitOrigin::Derived(Derivation {
            slowest: "accepted/sum.py".to_owned(),
            slowest_ms: 450,
            multiplier: 5.0,
            resolution_ms: 500,
            fastest_beyond: None,
            margin: 2.0,
            sandbox: "native".to_owned(),
        });
        after.title = "x".repeat(300);
        let changes: Vec<_> = diff(Some(&before), &after)
            .into_iter()
            .map(|change| (change.before.unwrap(), change.after.unwrap()))
            .collect();
        let derived = "derived: 5 times the 450 ms of accepted/sum.py, in native";
        assert_eq!(changes[0], ("Sum".to_owned(), format!("{}…", "x".repeat(200))));
        assert_eq!(changes[1], ("1000".to_owned(), "2500".to_owned()));
        assert_eq!(changes[2], ("given".to_owned(), derived.to_owned()));
    }

    /// A change beyond the part of a value that is shown is still a change.
    #[test]
    fn programs_are_compared_by_their_bytes() {
        let checker = |text: &str| {
            let mut program = program();
            program.files[0].content = blob_of(text);
            Checker::Programs(Validation {
                programs: vec![program],
                protocol: Protocol::Kattis,
                interactive: false,
                passes: 1,
                limits: ValidationLimits::default(),
            })
        };
        let before = RevisionContent { checker: checker("a"), ..content() };
        let after = RevisionContent { checker: checker("b"), ..content() };
        let changes = diff(Some(&before), &after);
        assert_eq!(changes.len(), 1);
        assert_ne!(changes[0].before, changes[0].after);
    }

    #[test]
    fn groups_and_languages_are_reported_by_name() {
        let offer = |code: &str| ProblemLanguage {
            language: "cpp".parse().unwrap(),
            starter_code: code.to_owned(),
            start_snippet: String::new(),
            end_snippet: String::new(),
        };
        let group = |name: &str| TestGroup {
            name: name.to_owned(),
            parent: Some(0),
            ..TestGroup::root(OnFailure::Continue)
        };
        let mut before = RevisionContent { languages: vec![offer("a")], ..content() };
        let mut after = RevisionContent { languages: vec![offer("b")], ..content() };
        before.grading.groups.push(group("secret/small"));
        after.grading.groups.push(group("secret/large"));
        for (content, place) in [(&mut before, 2), (&mut after, 2)] {
            content.grading.groups.insert(place, group("sample"));
        }
        after.grading.groups.swap(1, 2);
        (before.tests[0].group, after.tests[0].group) = (2, 1);
        let changes: Vec<_> = diff(Some(&before), &after)
            .into_iter()
            .map(|change| (change.kind, change.path.unwrap(), change.after.is_some()))
            .collect();
        let expected = [
            (ChangeKind::Grading, "secret/small".to_owned(), false),
            (ChangeKind::Grading, "secret/large".to_owned(), true),
            (ChangeKind::Languages, "cpp".to_owned(), true),
        ];
        assert_eq!(changes, expected);
    }
}
