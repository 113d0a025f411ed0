//! A problem and its immutable revisions.

pub mod bounds;
pub mod diff;
pub(crate) mod first_schema;
mod flaws;
mod judging;
mod limits;
mod test;

use serde::{Deserialize, Serialize};

use crate::aggregate::Aggregate;
use crate::checker::TokenOptions;
use crate::grading::{Grading, Rubric, Slot};
use crate::{Digest, Event, LanguageId, Slug};

pub use flaws::Flaw;
pub use judging::{
    Checker, Include, OnFailure, PackagedProgram, Protocol, Validation, ValidationLimits,
};
pub use limits::{Derivation, Limits, TimeLimitOrigin};
pub use test::{BlobRef, ProgramFile, Test};

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
