//! A problem and its immutable revisions.

use serde::{Deserialize, Serialize};

use crate::aggregate::Aggregate;
use crate::checker::TokenOptions;
use crate::{Digest, Event, LanguageId, Slug};

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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Test {
    /// As the package names it: `secret/03-large`.
    pub name: String,
    /// Its test group.
    pub group: Option<String>,
    /// A sample is shown to everyone; every other test is hidden.
    pub sample: bool,
    /// What the program reads.
    pub input: BlobRef,
    /// What the checker compares with. Never enters the submission's cell (INV-12).
    pub answer: BlobRef,
}

/// How an output is compared with the answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "options", rename_all = "snake_case")]
pub enum Checker {
    /// Token by token.
    Tokens(TokenOptions),
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
    /// What a run may use.
    pub limits: Limits,
    /// In judging order.
    pub tests: Vec<Test>,
    /// How outputs are compared.
    pub checker: Checker,
    /// Whether later tests run after one has failed.
    pub on_failure: OnFailure,
    /// Empty: every language of the installation, with no starter code.
    pub languages: Vec<ProblemLanguage>,
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
            difficulty: Difficulty::Easy,
            tags: vec![],
            statement: "Add.".to_owned(),
            editorial: None,
            hints: vec![],
            samples: vec![],
            limits: Limits::default(),
            tests: vec![Test {
                name: "secret/1".to_owned(),
                group: None,
                sample: false,
                input: blob,
                answer: blob,
            }],
            checker: Checker::Tokens(TokenOptions::default()),
            on_failure: OnFailure::default(),
            languages: vec![],
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
