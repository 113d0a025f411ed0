//! The content of a revision: everything that a problem was imported or created with.

use serde::{Deserialize, Serialize};

use super::judging::{Checker, Include, PackagedProgram};
use super::limits::{Limits, TimeLimitOrigin};
use super::test::{BlobRef, ProgramFile, Test};
use crate::checker::TokenOptions;
use crate::function::Declaration;
use crate::grading::{Grading, OnFailure, Rubric, Slot};
use crate::{Digest, LanguageId, Slug};

/// The intended difficulty of a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Difficulty {
    /// For beginners.
    Easy,
    /// For users with some practice.
    Medium,
    /// For the last problems of a contest.
    Hard,
}

/// An example shown with the statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// The sample's name: `1`, `2`, …
    pub name: String,
    /// The program's input.
    pub input: String,
    /// The expected output.
    pub output: String,
    /// An explanation, in Markdown.
    pub explanation: Option<String>,
}

/// The statement in another natural language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Translation {
    /// The natural language: `sv`, `pt-BR`, …
    pub language: String,
    /// The title, in plain text.
    pub title: String,
    /// The statement, in Markdown.
    pub statement: BlobRef,
}

/// A file offered to users who solve the problem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// Relative path, with `/` as the separator.
    pub path: String,
    /// The file's content.
    pub content: BlobRef,
}

/// An accepted solution of the problem's authors. Its outputs are the answers to inputs that users
/// choose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReferenceSolution {
    /// The programming language.
    pub language: LanguageId,
    /// The source as a user would submit it, without snippets.
    pub source: BlobRef,
}

/// What a problem provides for one programming language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProblemLanguage {
    /// The programming language.
    pub language: LanguageId,
    /// Code that the author may start from; empty if there is none.
    pub starter_code: String,
    /// Code placed before the submitted code, on separate lines.
    pub start_snippet: String,
    /// Code placed after the submitted code, on separate lines.
    pub end_snippet: String,
}

impl ProblemLanguage {
    /// A language without starter code or snippets.
    pub fn without_code(language: LanguageId) -> Self {
        Self {
            language,
            starter_code: String::new(),
            start_snippet: String::new(),
            end_snippet: String::new(),
        }
    }

    /// Whether there is code before or after the submitted code.
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

/// The content of a revision: everything readers see and submissions are judged with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RevisionContent {
    /// The title, in plain text.
    pub title: String,
    /// The intended difficulty.
    pub difficulty: Difficulty,
    /// Tags: lower-case words joined by hyphens.
    pub tags: Vec<Slug>,
    /// The statement, in Markdown.
    pub statement: String,
    /// The editorial, in Markdown.
    pub editorial: Option<String>,
    /// Hints in Markdown, each closer to the solution than the one before.
    pub hints: Vec<String>,
    /// Examples shown with the statement.
    pub samples: Vec<Sample>,
    /// The natural language of the texts above.
    pub natural_language: String,
    /// The statement in other natural languages.
    pub translations: Vec<Translation>,
    /// Files offered to users who solve the problem.
    pub attachments: Vec<Attachment>,
    /// Resource limits of a run, and the size limit of a source.
    pub limits: Limits,
    /// Where the time limit comes from.
    pub time_limit: TimeLimitOrigin,
    /// The tests, in judging order.
    pub tests: Vec<Test>,
    /// How outputs are judged.
    pub checker: Checker,
    /// How test results become a verdict and a score.
    pub grading: Grading,
    /// The program that grades the groups with a custom rule.
    pub grader: Option<PackagedProgram>,
    /// The program that checks the files of submissions, for static tests.
    pub static_validator: Option<PackagedProgram>,
    /// Files placed beside every submission.
    pub include: Vec<Include>,
    /// The accepted languages. If empty, every language of the installation, without starter code.
    pub languages: Vec<ProblemLanguage>,
    /// The solution that answers inputs of users' own; `None` if they get no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<ReferenceSolution>,
    /// The function or class that submissions define, if this is a function problem. The tests are
    /// then cases in JSON, and `checker` is not used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<Declaration>,
}

impl Default for RevisionContent {
    /// No tests, no texts, and defaults for the rest. A title and a test must be added.
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
            reference: None,
            signature: None,
        }
    }
}

impl RevisionContent {
    /// The content's digest.
    pub fn digest(&self) -> Digest {
        let json = serde_json::to_vec(self).expect("a revision is maps, strings and numbers");
        Digest::of(&json)
    }

    /// What the problem provides for a language; `None` when it does not accept the language.
    pub fn language(&self, language: &LanguageId) -> Option<ProblemLanguage> {
        if self.languages.is_empty() {
            return Some(ProblemLanguage::without_code(language.clone()));
        }
        self.languages.iter().find(|offer| offer.language == *language).cloned()
    }

    /// The rubric for grading its tests.
    ///
    /// # Panics
    /// When the content has [`flaws`](Self::flaws).
    pub fn rubric(&self) -> Rubric {
        Rubric::new(self.grading.clone(), self.slots())
    }

    pub(super) fn slots(&self) -> Vec<Slot> {
        self.tests.iter().map(|test| Slot { group: test.group, points: test.points }).collect()
    }

    /// The files placed beside a submission in a language. A file for this language replaces the
    /// file for all languages with the same path.
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

    /// The name of the group that a test is in.
    ///
    /// # Panics
    /// When the content has [`flaws`](Self::flaws).
    pub fn group_of(&self, test: &Test) -> &str {
        &self.grading.groups[test.group as usize].name
    }

    /// The problem's own programs: validators, grader and static validator.
    pub fn programs(&self) -> impl Iterator<Item = &PackagedProgram> {
        let validators = match &self.checker {
            Checker::Programs(validation) => validation.programs.as_slice(),
            Checker::Tokens(_) | Checker::Lines(_) => &[],
        };
        validators.iter().chain(&self.grader).chain(&self.static_validator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snippets_are_on_separate_lines() {
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
