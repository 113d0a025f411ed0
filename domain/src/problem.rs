//! A problem and its immutable revisions.

use serde::{Deserialize, Serialize};

use crate::aggregate::Aggregate;
use crate::checker::{LineRule, TokenOptions};
use crate::grading::{Grading, Rubric, Slot};
use crate::{Digest, Event, LanguageId, Slug};

pub mod diff;
pub(crate) mod first_schema;

/// How hard a problem is meant to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Difficulty {
    /// For a first week.
    Easy,
    /// For a practised hand.
    Medium,
    /// For a contest's end.
    Hard,
}

/// Bytes kept in the blob store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobRef {
    /// Their name.
    pub digest: Digest,
    /// How many there are.
    pub bytes: u64,
}

/// What a run of the program may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Cpu time of one test, in milliseconds.
    pub time_ms: u64,
    /// Memory of one test, in KiB.
    pub memory_kib: u64,
    /// Standard output of one test, in KiB.
    pub output_kib: u64,
    /// Size of the submitted source, in bytes.
    pub source_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            time_ms: 1_000,
            memory_kib: 256 * 1024,
            output_kib: 8 * 1024,
            source_bytes: 128 * 1024,
        }
    }
}

/// An example shown with the statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// `1`, `2`, …
    pub name: String,
    /// What the program reads.
    pub input: String,
    /// What it should print.
    pub output: String,
    /// Markdown.
    pub explanation: Option<String>,
}

/// One test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Test {
    /// As the package names it: `secret/03-large`.
    pub name: String,
    /// Its group's place in [`Grading::groups`].
    pub group: u32,
    /// A sample is shown to everyone; every other test is hidden.
    pub sample: bool,
    /// What the program reads.
    pub input: BlobRef,
    /// What the checker compares with. Never enters the submission's cell (INV-12).
    pub answer: BlobRef,
    /// Arguments of the program.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// Files in the program's working directory.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<ProgramFile>,
    /// How tokens are compared, where that differs from the rest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<TokenOptions>,
    /// Arguments of the problem's validators.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub validator_args: Vec<String>,
    /// What it is worth, where it says so itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub points: Option<f64>,
    /// The author of a submission that fails it is shown what a sample shows.
    #[serde(default, skip_serializing_if = "is_false")]
    pub full_feedback: bool,
    /// For the author of a submission that fails it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// It looks at the submission's files and runs nothing of them.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_static: bool,
}

/// A file that is put beside a program, or is part of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgramFile {
    /// Relative, with `/` between names.
    pub path: String,
    /// What is in it.
    pub content: BlobRef,
    /// Whether it can be executed.
    #[serde(default, skip_serializing_if = "is_false")]
    pub executable: bool,
}

/// A program that comes with a problem: a validator, an interactor, a grader.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackagedProgram {
    /// As the package names it: `output_validators/check.py`.
    pub name: String,
    /// `None`: it has scripts of its own, `build` and `run`.
    pub language: Option<LanguageId>,
    /// All of it.
    pub files: Vec<ProgramFile>,
}

/// How outputs are judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "options", rename_all = "snake_case")]
pub enum Checker {
    /// Token by token.
    Tokens(TokenOptions),
    /// Line by line.
    Lines(LineRule),
    /// By programs of the problem's.
    Programs(Validation),
}

/// Programs that judge outputs, and how they are to be run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validation {
    /// All of them must accept. An interactive problem has one.
    pub programs: Vec<PackagedProgram>,
    /// What they are given, and how they answer.
    pub protocol: Protocol,
    /// They talk with the submission while it runs.
    pub interactive: bool,
    /// How often the submission may be run on one test, each time with the input that the validator
    /// wrote; 1 for most problems.
    pub passes: u32,
    /// What one run of a validator may use.
    pub limits: ValidationLimits,
}

/// What a validator is given, and how it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// `input answer feedback_dir/ args… < output`; exit code 42 accepts and 43 rejects.
    Kattis,
    /// `input output answer args…`; exit codes 0 accepted, 1 wrong, 2 or 8 presentation, 3 failure, 4 and 5 wrong,
    /// 7 points. An interactor then has a checker after it, where there is a second program.
    Testlib,
    /// `input output answer args…`; exit code 0 accepts and 1 rejects; the message is on standard output.
    Bridged,
}

/// What one run of a validator or grader may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValidationLimits {
    /// Cpu time, in milliseconds.
    pub time_ms: u64,
    /// Memory, in KiB.
    pub memory_kib: u64,
    /// What it may write to one file or stream, in KiB.
    pub output_kib: u64,
}

impl Default for ValidationLimits {
    /// What the package format calls the typical defaults, with less memory.
    fn default() -> Self {
        Self { time_ms: 60_000, memory_kib: 1024 * 1024, output_kib: 8 * 1024 }
    }
}

/// Files that are put beside every submission before it is compiled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Include {
    /// Those in this language, whose files come before those for all; `None` for all.
    pub language: Option<LanguageId>,
    /// The files. One of the submission's with the same name gives way.
    pub files: Vec<ProgramFile>,
}

/// The statement in another natural language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Translation {
    /// `sv`, `pt-BR`, …
    pub language: String,
    /// Plain text.
    pub title: String,
    /// Markdown.
    pub statement: BlobRef,
}

/// A file for whoever solves the problem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// Relative, with `/` between names.
    pub path: String,
    /// What is in it.
    pub content: BlobRef,
}

/// How the time limit came about.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum TimeLimitOrigin {
    /// The package, or whoever wrote the problem, says it.
    #[default]
    Given,
    /// Nobody said it, and there was nothing to measure.
    Default,
    /// From the times of the package's own submissions.
    Derived(Derivation),
}

/// A time limit made from measured times.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Derivation {
    /// The slowest submission that has to be within it.
    pub slowest: String,
    /// Its slowest test, in milliseconds.
    pub slowest_ms: u64,
    /// The limit is at least so many times that.
    pub multiplier: f64,
    /// And a multiple of this, in milliseconds.
    pub resolution_ms: u64,
    /// The fastest submission that has to be beyond it, and its slowest test in milliseconds.
    pub fastest_beyond: Option<(String, u64)>,
    /// That has to be so many times the limit.
    pub margin: f64,
    /// `native` or `docker`.
    pub sandbox: String,
}

/// Whether later tests run after one has failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// Every test is run.
    #[default]
    Continue,
    /// The first failure ends the attempt.
    Stop,
}

/// What a problem offers in one language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProblemLanguage {
    /// The language.
    pub language: LanguageId,
    /// Shown to the author as a beginning.
    pub starter_code: String,
    /// Joined before the submitted code, on lines of its own.
    pub start_snippet: String,
    /// Joined after the submitted code, on lines of its own.
    pub end_snippet: String,
}

impl ProblemLanguage {
    /// Whether there is code around what is submitted.
    pub fn has_snippets(&self) -> bool {
        !(self.start_snippet.is_empty() && self.end_snippet.is_empty())
    }

    /// The program that is compiled: the submitted code between the two snippets.
    pub fn join(&self, submitted: &str) -> String {
        [&self.start_snippet, submitted, &self.end_snippet]
            .into_iter()
            .filter(|part| !part.is_empty())
            .map(|part| part.strip_suffix('\n').unwrap_or(part))
            .flat_map(|part| [part, "\n"])
            .collect()
    }
}

/// Everything a submission can be judged against, and everything a reader is shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RevisionContent {
    /// Plain text.
    pub title: String,
    /// How hard.
    pub difficulty: Difficulty,
    /// Lower-case words.
    pub tags: Vec<Slug>,
    /// Markdown.
    pub statement: String,
    /// Markdown.
    pub editorial: Option<String>,
    /// Markdown, from a nudge to nearly the solution.
    pub hints: Vec<String>,
    /// Shown with the statement.
    pub samples: Vec<Sample>,
    /// The natural language of all this.
    pub natural_language: String,
    /// The statement in others.
    pub translations: Vec<Translation>,
    /// Files for whoever solves the problem.
    pub attachments: Vec<Attachment>,
    /// What a run may use.
    pub limits: Limits,
    /// How the time limit came about.
    pub time_limit: TimeLimitOrigin,
    /// In judging order.
    pub tests: Vec<Test>,
    /// How outputs are judged.
    pub checker: Checker,
    /// How the tests make a verdict.
    pub grading: Grading,
    /// Makes the result of the groups that ask for it.
    pub grader: Option<PackagedProgram>,
    /// Looks at the files of submissions, for the tests that ask for it.
    pub static_validator: Option<PackagedProgram>,
    /// Files beside every submission.
    pub include: Vec<Include>,
    /// Empty: every language of the installation, with no starter code.
    pub languages: Vec<ProblemLanguage>,
}

impl Default for RevisionContent {
    /// No test, no text, and the defaults for the rest.
    fn default() -> Self {
        Self {
            title: String::new(),
            difficulty: Difficulty::Medium,
            tags: vec![],
            statement: String::new(),
            editorial: None,
            hints: vec![],
            samples: vec![],
            natural_language: "en".to_owned(),
            translations: vec![],
            attachments: vec![],
            limits: Limits::default(),
            time_limit: TimeLimitOrigin::Given,
            tests: vec![],
            checker: Checker::Tokens(TokenOptions::default()),
            grading: Grading::pass_fail(OnFailure::default()),
            grader: None,
            static_validator: None,
            include: vec![],
            languages: vec![],
        }
    }
}

impl Test {
    /// A hidden test in the root group.
    pub fn new(name: &str, input: BlobRef, answer: BlobRef) -> Self {
        Self {
            name: name.to_owned(),
            group: 0,
            sample: false,
            input,
            answer,
            args: vec![],
            files: vec![],
            tokens: None,
            validator_args: vec![],
            points: None,
            full_feedback: false,
            hint: None,
            is_static: false,
        }
    }
}

/// Bounds of a revision, so that one event stays a small thing.
pub mod bounds {
    /// Characters of a title.
    pub const TITLE_CHARS_MAX: usize = 120;
    /// Tags of a problem.
    pub const TAGS_MAX: usize = 16;
    /// Bytes of a statement or an editorial.
    pub const MARKDOWN_BYTES_MAX: usize = 256 * 1024;
    /// Hints of a problem.
    pub const HINTS_MAX: usize = 16;
    /// Samples of a problem.
    pub const SAMPLES_MAX: usize = 32;
    /// Bytes of one sample's input or output.
    pub const SAMPLE_BYTES_MAX: usize = 64 * 1024;
    /// Tests of a problem.
    pub const TESTS_MAX: usize = 2_000;
    /// Bytes of a starter code or a snippet.
    pub const CODE_BYTES_MAX: usize = 64 * 1024;
    /// Milliseconds a test may take.
    pub const TIME_MS: std::ops::RangeInclusive<u64> = 10..=60_000;
    /// KiB a test may use.
    pub const MEMORY_KIB: std::ops::RangeInclusive<u64> = 1_024..=4 * 1024 * 1024;
    /// KiB a test may print.
    pub const OUTPUT_KIB: std::ops::RangeInclusive<u64> = 1..=256 * 1024;
    /// Bytes of a submitted source.
    pub const SOURCE_BYTES: std::ops::RangeInclusive<u64> = 1..=1024 * 1024;
    /// Test groups of a problem.
    pub const GROUPS_MAX: usize = 500;
    /// Attachments of a problem.
    pub const ATTACHMENTS_MAX: usize = 100;
    /// Natural languages of a problem besides its first.
    pub const TRANSLATIONS_MAX: usize = 50;
    /// Files of a packaged program, or beside submissions or a test.
    pub const PROGRAM_FILES_MAX: usize = 200;
    /// Validators of a problem.
    pub const VALIDATORS_MAX: usize = 8;
    /// Times that a submission is run on one test.
    pub const PASSES: std::ops::RangeInclusive<u32> = 1..=100;
    /// Milliseconds a validator may take.
    pub const VALIDATION_TIME_MS: std::ops::RangeInclusive<u64> = 100..=300_000;
    /// Characters of all arguments of one test, of its program and its validators.
    pub const ARGS_CHARS_MAX: usize = 4_096;
}

/// One thing wrong with a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// The field, as the API names it.
    pub field: &'static str,
    /// What is expected.
    pub message: String,
}

impl RevisionContent {
    /// The digest that tells one content from another.
    pub fn digest(&self) -> Digest {
        let json = serde_json::to_vec(self).expect("a revision is maps, strings and numbers");
        Digest::of(&json)
    }

    /// What is offered in a language; `None` when the problem does not take it.
    pub fn language(&self, language: &LanguageId) -> Option<ProblemLanguage> {
        if self.languages.is_empty() {
            return Some(ProblemLanguage {
                language: language.clone(),
                starter_code: String::new(),
                start_snippet: String::new(),
                end_snippet: String::new(),
            });
        }
        self.languages.iter().find(|offer| offer.language == *language).cloned()
    }

    /// How its tests are graded.
    ///
    /// # Panics
    /// When the content has [`flaws`](Self::flaws).
    pub fn rubric(&self) -> Rubric {
        Rubric::new(self.grading.clone(), self.slots())
    }

    fn slots(&self) -> Vec<Slot> {
        self.tests.iter().map(|test| Slot { group: test.group, points: test.points }).collect()
    }

    /// The files beside a submission in a language: those for all, but for those that the language has of its own.
    pub fn included(&self, language: &LanguageId) -> Vec<ProgramFile> {
        let of = |wanted: Option<&LanguageId>| {
            let include = self.include.iter().find(|it| it.language.as_ref() == wanted);
            include.map(|include| include.files.clone()).unwrap_or_default()
        };
        let mut files = of(Some(language));
        let for_all = of(None).into_iter();
        let own: Vec<_> = files.iter().map(|file| file.path.clone()).collect();
        files.extend(for_all.filter(|file| !own.contains(&file.path)));
        files
    }

    /// The group that a test is in.
    ///
    /// # Panics
    /// When the content has [`flaws`](Self::flaws).
    pub fn group_of(&self, test: &Test) -> &str {
        &self.grading.groups[test.group as usize].name
    }

    /// Everything that is out of bounds.
    pub fn flaws(&self) -> Vec<Flaw> {
        let mut flaws = Vec::new();
        let mut require = |met: bool, field: &'static str, message: &dyn Fn() -> String| {
            if !met {
                flaws.push(Flaw { field, message: message() });
            }
        };
        let title_chars = self.title.chars().count();
        require((1..=bounds::TITLE_CHARS_MAX).contains(&title_chars), "title", &|| {
            format!("a title has 1 to {} characters", bounds::TITLE_CHARS_MAX)
        });
        require(!self.title.contains(char::is_control), "title", &|| {
            "a title has no control characters".to_owned()
        });
        require(self.tags.len() <= bounds::TAGS_MAX, "tags", &|| {
            format!("at most {} tags", bounds::TAGS_MAX)
        });
        for (field, text) in
            [("statement", Some(&self.statement)), ("editorial", self.editorial.as_ref())]
        {
            require(
                text.is_none_or(|text| text.len() <= bounds::MARKDOWN_BYTES_MAX),
                field,
                &|| format!("at most {} bytes", bounds::MARKDOWN_BYTES_MAX),
            );
        }
        require(self.hints.len() <= bounds::HINTS_MAX, "hints", &|| {
            format!("at most {} hints", bounds::HINTS_MAX)
        });
        require(
            self.hints.iter().all(|hint| hint.len() <= bounds::MARKDOWN_BYTES_MAX),
            "hints",
            &|| format!("at most {} bytes a hint", bounds::MARKDOWN_BYTES_MAX),
        );
        require(self.samples.len() <= bounds::SAMPLES_MAX, "samples", &|| {
            format!("at most {} samples", bounds::SAMPLES_MAX)
        });
        require(
            self.samples.iter().all(|sample| {
                sample.input.len().max(sample.output.len()) <= bounds::SAMPLE_BYTES_MAX
            }),
            "samples",
            &|| format!("at most {} bytes each way", bounds::SAMPLE_BYTES_MAX),
        );
        require((1..=bounds::TESTS_MAX).contains(&self.tests.len()), "tests", &|| {
            format!("1 to {} tests", bounds::TESTS_MAX)
        });
        self.flaws_of_judging(&mut flaws);
        let mut require = |met: bool, field: &'static str, message: &dyn Fn() -> String| {
            if !met {
                flaws.push(Flaw { field, message: message() });
            }
        };
        let code = |offer: &ProblemLanguage| {
            offer.starter_code.len().max(offer.start_snippet.len()).max(offer.end_snippet.len())
        };
        require(
            self.languages.iter().all(|offer| code(offer) <= bounds::CODE_BYTES_MAX),
            "languages",
            &|| format!("at most {} bytes of code", bounds::CODE_BYTES_MAX),
        );
        let Limits { time_ms, memory_kib, output_kib, source_bytes } = self.limits;
        for (field, value, range, unit) in [
            ("limits.timeMs", time_ms, bounds::TIME_MS, "milliseconds"),
            ("limits.memoryKb", memory_kib, bounds::MEMORY_KIB, "KiB"),
            ("limits.outputKb", output_kib, bounds::OUTPUT_KIB, "KiB"),
            ("limits.sourceBytes", source_bytes, bounds::SOURCE_BYTES, "bytes"),
        ] {
            require(range.contains(&value), field, &|| {
                format!("{} to {} {unit}, not {value}", range.start(), range.end())
            });
        }
        flaws
    }

    fn flaws_of_judging(&self, flaws: &mut Vec<Flaw>) {
        let mut require = |met: bool, field: &'static str, message: String| {
            if !met {
                flaws.push(Flaw { field, message });
            }
        };
        let at_most = |max: usize, what: &str| format!("at most {max} {what}");
        let groups = self.grading.groups.len();
        require(
            groups <= bounds::GROUPS_MAX,
            "grading",
            at_most(bounds::GROUPS_MAX, "test groups"),
        );
        for message in self.grading.flaws(&self.slots()) {
            require(false, "grading", message);
        }
        let attachments = self.attachments.len();
        let message = at_most(bounds::ATTACHMENTS_MAX, "attachments");
        require(attachments <= bounds::ATTACHMENTS_MAX, "attachments", message);
        let translations = self.translations.len();
        let message = at_most(bounds::TRANSLATIONS_MAX, "translations");
        require(translations <= bounds::TRANSLATIONS_MAX, "translations", message);
        let args_fit = |test: &Test| {
            let args = test.args.iter().chain(&test.validator_args);
            args.map(|arg| arg.chars().count()).sum::<usize>() <= bounds::ARGS_CHARS_MAX
        };
        let message = at_most(bounds::ARGS_CHARS_MAX, "characters of arguments for a test");
        require(self.tests.iter().all(args_fit), "tests", message);
        let programs = self.programs().map(|program| &program.files);
        let includes = self.include.iter().map(|include| &include.files);
        let beside = self.tests.iter().map(|test| &test.files);
        let fits = |files: &Vec<ProgramFile>| files.len() <= bounds::PROGRAM_FILES_MAX;
        let message = at_most(bounds::PROGRAM_FILES_MAX, "files beside or in a program");
        require(programs.chain(includes).chain(beside).all(fits), "tests", message);
        if let Checker::Programs(validation) = &self.checker {
            let count = validation.programs.len();
            let message = format!("1 to {} validators", bounds::VALIDATORS_MAX);
            require((1..=bounds::VALIDATORS_MAX).contains(&count), "checker", message);
            let message = format!("{:?} passes", bounds::PASSES);
            require(bounds::PASSES.contains(&validation.passes), "checker", message);
            let message = format!("{:?} ms for a validator", bounds::VALIDATION_TIME_MS);
            let time_ms = validation.limits.time_ms;
            require(bounds::VALIDATION_TIME_MS.contains(&time_ms), "checker", message);
            let message = format!("{:?} KiB for a validator", bounds::MEMORY_KIB);
            let memory_kib = validation.limits.memory_kib;
            require(bounds::MEMORY_KIB.contains(&memory_kib), "checker", message);
        }
    }

    /// All programs that come with the problem.
    pub fn programs(&self) -> impl Iterator<Item = &PackagedProgram> {
        let validators = match &self.checker {
            Checker::Programs(validation) => validation.programs.as_slice(),
            Checker::Tokens(_) | Checker::Lines(_) => &[],
        };
        validators.iter().chain(&self.grader).chain(&self.static_validator)
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

/// A problem has a new revision; the first makes the problem.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProblemRevised {
    /// Counts from 1.
    pub revision: u32,
    /// Of `content`.
    pub digest: Digest,
    /// The revision.
    pub content: RevisionContent,
}

/// Make a new revision.
#[derive(Debug, Clone, PartialEq)]
pub struct ReviseProblem {
    /// The revision its writer had read; `None` writes over whatever is there.
    pub expected: Option<u32>,
    /// The new revision.
    pub content: RevisionContent,
}

/// Why a problem refused a command.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum ProblemRejection {
    /// Somebody else revised it meanwhile.
    #[error("the problem is at revision {actual}, not {expected}")]
    RevisionMismatch {
        /// What the writer had read.
        expected: u32,
        /// What there is.
        actual: u32,
    },
    /// The content is out of bounds.
    #[error("the revision is not valid")]
    Flawed(Vec<Flaw>),
}

/// A problem's state: its newest revision.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Problem {
    /// `None` before the first.
    pub current: Option<ProblemRevised>,
}

impl Aggregate for Problem {
    type Command = ReviseProblem;
    type Rejection = ProblemRejection;

    fn decide(&self, command: ReviseProblem) -> Result<Vec<Event>, ProblemRejection> {
        let actual = self.current.as_ref().map_or(0, |current| current.revision);
        if let Some(expected) = command.expected
            && expected != actual
        {
            return Err(ProblemRejection::RevisionMismatch { expected, actual });
        }
        let flaws = command.content.flaws();
        if !flaws.is_empty() {
            return Err(ProblemRejection::Flawed(flaws));
        }
        let digest = command.content.digest();
        if self.current.as_ref().is_some_and(|current| current.digest == digest) {
            return Ok(vec![]);
        }
        let revised = ProblemRevised { revision: actual + 1, digest, content: command.content };
        Ok(vec![revised.into()])
    }

    fn evolve(&mut self, event: &Event) {
        if let Event::ProblemRevised(revised) = event {
            self.current = Some(revised.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(title: &str) -> RevisionContent {
        let blob = BlobRef { digest: Digest::of(b""), bytes: 0 };
        RevisionContent {
            title: title.to_owned(),
            statement: "Add.".to_owned(),
            tests: vec![Test::new("secret/1", blob, blob)],
            ..RevisionContent::default()
        }
    }

    fn revise(problem: &mut Problem, title: &str) -> usize {
        let command = ReviseProblem { expected: None, content: content(title) };
        let events = problem.decide(command).unwrap();
        events.iter().for_each(|event| problem.evolve(event));
        events.len()
    }

    #[test]
    fn the_same_content_again_is_no_revision() {
        let mut problem = Problem::default();
        assert_eq!(revise(&mut problem, "A"), 1);
        assert_eq!(revise(&mut problem, "A"), 0);
        assert_eq!(revise(&mut problem, "B"), 1);
        assert_eq!(problem.current.unwrap().revision, 2);
    }

    #[test]
    fn a_stale_writer_is_told_what_there_is() {
        let mut problem = Problem::default();
        revise(&mut problem, "A");
        let stale = ReviseProblem { expected: Some(0), content: content("B") };
        let rejection = ProblemRejection::RevisionMismatch { expected: 0, actual: 1 };
        assert_eq!(problem.decide(stale), Err(rejection));
    }

    #[test]
    fn every_flaw_is_named_at_once() {
        let mut flawed = content("");
        flawed.tests.clear();
        flawed.limits.time_ms = 0;
        let fields: Vec<_> = flawed.flaws().into_iter().map(|flaw| flaw.field).collect();
        assert_eq!(fields, ["title", "tests", "limits.timeMs"]);
    }

    #[test]
    fn snippets_stand_on_lines_of_their_own() {
        let offer = |start: &str, end: &str| ProblemLanguage {
            language: "cpp".parse().unwrap(),
            starter_code: String::new(),
            start_snippet: start.to_owned(),
            end_snippet: end.to_owned(),
        };
        assert_eq!(offer("a\n", "c").join("b"), "a\nb\nc\n");
        assert_eq!(offer("", "").join("b\n"), "b\n");
        assert_eq!(offer("", "c\n").join("b"), "b\nc\n");
    }
}
