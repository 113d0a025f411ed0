//! A package as the reader returns it, in terms of the domain model.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use domain::problem::{
    BlobRef, PackagedProgram, ProgramFile, ReferenceSolution, RevisionContent, Test,
    ValidationLimits,
};
use domain::{Digest, LanguageId, Slug, Verdict};

use crate::budget::Budget;
use crate::diagnostic::{Diagnostic, Report};
use crate::timing::Timing;
use crate::tree::FileTree;

/// Options of the reader.
#[derive(Clone)]
pub struct Options {
    /// The problem's slug. `None`: it is made from the name of the folder around the package, from
    /// Polygon's `short-name`, or from the titles of a Free Problem Set.
    pub slug: Option<Slug>,
    /// The preferred natural language of the statement, such as `en` in `problem.en.md`.
    pub natural_language: String,
    /// The languages of a problem that allows all languages and has starter code for some of them.
    pub languages: Vec<LanguageId>,
    /// The default standard of C++ in Kattis packages: `cpp`, `cpp20` or `cpp23`.
    pub cpp: LanguageId,
    /// Converts LaTeX to Markdown. `None`: LaTeX is shown as source.
    pub latex: Option<Arc<Converter>>,
}

/// Converts a text to Markdown within the rest of a budget. The error is the reason for the
/// failure.
pub type Converter = dyn Fn(&str, &Budget) -> Result<String, String> + Send + Sync;

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").field("slug", &self.slug).finish_non_exhaustive()
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            slug: None,
            natural_language: "en".to_owned(),
            languages: ["c", "cpp", "java", "javascript", "python3"]
                .map(|id| id.parse().expect("these are language ids"))
                .to_vec(),
            // The default of problemtools and BAPCtools.
            cpp: "cpp23".parse().expect("this is a language id"),
            latex: None,
        }
    }
}

/// The supported formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The Kattis format before it had versions.
    Legacy,
    /// The subset of it that ICPC contests use.
    LegacyIcpc,
    /// The Kattis format 2025-09 and its drafts.
    Kattis2025,
    /// A full Polygon package.
    Polygon,
    /// DMOJ's `init.yml`.
    Dmoj,
    /// Free Problem Set: one XML file with any number of problems.
    Fps,
}

impl Format {
    /// The name of the format.
    pub fn name(self) -> &'static str {
        match self {
            Self::Legacy => "legacy",
            Self::LegacyIcpc => "legacy-icpc",
            Self::Kattis2025 => "2025-09",
            Self::Polygon => "polygon",
            Self::Dmoj => "dmoj",
            Self::Fps => "fps",
        }
    }
}

/// A problem read from a package.
#[derive(Debug, Clone, PartialEq)]
pub struct Package {
    /// The format of the package.
    pub format: Format,
    /// The problem's identity.
    pub slug: Slug,
    /// Whether the slug was derived from a title, or from a name with characters that slugs do not
    /// have. Another name or title may then give the same slug.
    pub is_slug_derived: bool,
    /// The revision's content, within the domain's bounds.
    pub content: RevisionContent,
    /// File contents that the revision refers to by digest. They must be stored before the
    /// revision.
    pub blobs: BTreeMap<Digest, Bytes>,
    /// Submissions with known verdicts.
    pub submissions: Vec<SampleSubmission>,
    /// The input validators and the inputs to run them on.
    pub input_validation: InputValidation,
    /// Outputs that the checker is known to accept or reject.
    pub output_cases: Vec<OutputCase>,
    /// The time limit, or how to derive it.
    pub timing: Timing,
    /// Authors, sources and rights of the problem.
    pub about: About,
    /// Warnings about the package.
    pub warnings: Vec<Diagnostic>,
}

impl Package {
    /// Chooses the reference solution among the accepted submissions of one file: the model
    /// solution if the package names one, or else the first one that the package does not exclude.
    pub(crate) fn choose_reference(&mut self) {
        let single = |it: &&SampleSubmission| {
            it.is_accepted() && it.source().is_some() && it.entry_point.is_none()
        };
        let mut candidates = self.submissions.iter().filter(single);
        let model = candidates.clone().find(|it| it.is_model == Some(true));
        let chosen = model.or_else(|| candidates.find(|it| it.is_model.is_none()));
        self.content.reference = chosen.map(|chosen| {
            let bytes = &chosen.files[0].bytes;
            let digest = Digest::of(bytes);
            self.blobs.insert(digest, bytes.clone());
            let source = BlobRef { digest, bytes: bytes.len() as u64 };
            ReferenceSolution { language: chosen.language.clone(), source }
        });
    }
}

/// A file of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Relative to the program, with `/` between names.
    pub path: String,
    /// The file's contents.
    pub bytes: Bytes,
}

/// An example submission of the package.
#[derive(Debug, Clone, PartialEq)]
pub struct SampleSubmission {
    /// The path in the package, such as `accepted/sum.cpp`.
    pub path: String,
    /// The language, from the package or from the file extension.
    pub language: LanguageId,
    /// The submitted files, without the problem's snippets and included files.
    pub files: Vec<SourceFile>,
    /// The entry point given by the package: the name of a file or class.
    pub entry_point: Option<String>,
    /// The expected verdicts of the whole submission. Any of them is right. Empty if only the rules
    /// count.
    pub expected: BTreeSet<Verdict>,
    /// Verdicts that are accepted with a warning, such as a partial score where a full one is
    /// expected.
    pub tolerated: BTreeSet<Verdict>,
    /// Rules about the tests. They must hold too; in the older formats they are an alternative to
    /// `expected`.
    pub rules: Vec<Rule>,
    /// The expected minimum and maximum score of the whole submission.
    pub score: Option<(f64, f64)>,
    /// Whether the package says that this is the model solution, or that it is not.
    pub is_model: Option<bool>,
}

impl SampleSubmission {
    /// Whether it must be accepted, on every test.
    fn is_accepted(&self) -> bool {
        let accepted = BTreeSet::from([Verdict::Accepted]);
        let accepts_all = |rule: &Rule| rule.scope.is_empty() && rule.permitted == accepted;
        self.expected == accepted || self.rules.iter().any(accepts_all)
    }

    /// The source if the submission is a single UTF-8 file.
    pub fn source(&self) -> Option<&str> {
        match self.files.as_slice() {
            [file] => std::str::from_utf8(&file.bytes).ok(),
            _ => None,
        }
    }
}

/// A rule about the verdicts of a submission's tests.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// The tests that the rule applies to: a pattern for names of tests and groups, such as
    /// `secret/*-easy`. `*` matches any characters except `/`, and `{a,b}` matches either. Empty:
    /// all tests.
    pub scope: String,
    /// Every test in scope has one of these.
    pub permitted: BTreeSet<Verdict>,
    /// At least one test in scope has one of these.
    pub required: BTreeSet<Verdict>,
    /// The expected minimum and maximum score of the group that `scope` names.
    pub score: Option<(f64, f64)>,
    /// A text that the judge message of at least one test must contain.
    pub message: Option<String>,
    /// How the rule uses the time limit.
    pub time_limit: TimeLimitUse,
}

/// How a submission's times bound the time limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TimeLimitUse {
    /// They do not bound it.
    #[default]
    None,
    /// The submission must stay within the limit, with a safety factor.
    Lower,
    /// The submission must exceed the limit, with a safety factor.
    Upper,
}

/// The input validators and the inputs to run them on.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct InputValidation {
    /// The validators. A valid input must be accepted by all of them.
    pub programs: Vec<PackagedProgram>,
    /// The exit code that means acceptance.
    pub accepts_with: i32,
    /// The limits of one validator run.
    pub limits: ValidationLimits,
    /// The inputs to validate.
    pub cases: Vec<InputCase>,
}

/// An input to validate.
#[derive(Debug, Clone, PartialEq)]
pub struct InputCase {
    /// The path of the file.
    pub path: String,
    /// The validator's standard input.
    pub input: BlobRef,
    /// Files in the validator's working directory.
    pub files: Vec<ProgramFile>,
    /// The arguments for each of the programs, in their order.
    pub args: Vec<Vec<String>>,
    /// Whether all programs must accept the input. If not, at least one must reject it.
    pub valid: bool,
}

/// An output that the checker must accept or reject.
#[derive(Debug, Clone, PartialEq)]
pub struct OutputCase {
    /// The path of the file.
    pub path: String,
    /// The test that the output belongs to. It is not one of the revision's tests.
    pub test: Test,
    /// The output.
    pub output: BlobRef,
    /// Whether the checker must accept it.
    pub accepted: bool,
}

/// Authors, sources and rights of the problem.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// The authors, as written in the package.
    pub authors: Vec<String>,
    /// Where the problem comes from.
    pub sources: Vec<String>,
    /// The license, such as `cc by-sa`.
    pub license: Option<String>,
    /// The rights owner, if the package names one.
    pub rights_owner: Option<String>,
    /// The problem's UUID, which stays the same across renames.
    pub uuid: Option<String>,
    /// The date until which the problem is embargoed, as written in the package.
    pub embargo_until: Option<String>,
}

/// Reads the only problem of a package. `read` must report an error if it returns nothing.
///
/// # Errors
/// Returns all errors and warnings of the package.
pub(crate) fn read_one(
    tree: &FileTree,
    read: impl FnOnce(&mut Report) -> Option<Package>,
) -> Result<Package, Vec<Diagnostic>> {
    let mut report = Report::default();
    report.extend(tree.warnings());
    let package = read(&mut report);
    let warnings = report.finish()?;
    let package = package.expect("a package that could not be read has an error");
    Ok(Package { warnings, ..package })
}
