//! What a package says, in the domain's words.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use domain::problem::{
    BlobRef, PackagedProgram, ProgramFile, RevisionContent, Test, ValidationLimits,
};
use domain::{Digest, LanguageId, Slug, Verdict};

use crate::budget::Budget;
use crate::diagnostic::Diagnostic;
use crate::timing::Timing;

/// What the reader has to know besides the files.
#[derive(Clone)]
pub struct Options {
    /// The problem's slug. `None`: it is made of the name of the folder that the package was packed in, of Polygon's
    /// `short-name`, or of the titles of a Free Problem Set.
    pub slug: Option<Slug>,
    /// The natural language to take as the first where there are several, as in `problem.en.md`.
    pub natural_language: String,
    /// The languages that a problem takes when it is open to all and has starter code for some.
    pub languages: Vec<LanguageId>,
    /// What C++ in Kattis packages is taken for, where they do not say: `cpp`, `cpp20` or `cpp23`.
    pub cpp: LanguageId,
    /// Makes Markdown of LaTeX, or says why it cannot. `None`: LaTeX is kept as it is.
    pub latex: Option<Arc<Converter>>,
}

/// Makes Markdown of a text in another language within what is left of a budget, or says why it cannot.
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
            // As problemtools and BAPCtools compile it.
            cpp: "cpp23".parse().expect("this is a language id"),
            latex: None,
        }
    }
}

/// The formats that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Kattis, as it was before it had versions.
    Legacy,
    /// The subset of it that ICPC contests use.
    LegacyIcpc,
    /// Kattis of 2025-09, and the draft before it.
    Kattis2025,
    /// A full package of Polygon's.
    Polygon,
    /// DMOJ's `init.yml`.
    Dmoj,
    /// Free Problem Set: one XML file with any number of problems.
    Fps,
}

impl Format {
    /// As people call it.
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

/// A problem as a package has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Package {
    /// The format it was written in.
    pub format: Format,
    /// The problem's identity.
    pub slug: Slug,
    /// The slug was made of a name of which something is lost in it, or of a title: another name or title may lead to
    /// the same slug.
    pub is_slug_derived: bool,
    /// A revision of it, within the domain's bounds.
    pub content: RevisionContent,
    /// The bytes that the revision names by digest. They are to be stored before the revision is.
    pub blobs: BTreeMap<Digest, Bytes>,
    /// Programs whose verdict is known.
    pub submissions: Vec<SampleSubmission>,
    /// What says whether inputs are what the statement promises.
    pub input_validation: InputValidation,
    /// Outputs that the checker is known to accept or reject.
    pub output_cases: Vec<OutputCase>,
    /// What the time limit is, or how it is derived.
    pub timing: Timing,
    /// Who made the problem, and who may use it.
    pub about: About,
    /// What in the package is odd or was ignored.
    pub warnings: Vec<Diagnostic>,
}

/// A file of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Relative to the program, with `/` between names.
    pub path: String,
    /// What is in it.
    pub bytes: Bytes,
}

/// A program of the package that is there to be judged.
#[derive(Debug, Clone, PartialEq)]
pub struct SampleSubmission {
    /// As the package names it: `accepted/sum.cpp`.
    pub path: String,
    /// As the package says, or by its extension.
    pub language: LanguageId,
    /// What is submitted; the problem's snippets and included files are not in it.
    pub files: Vec<SourceFile>,
    /// Where it begins, where the package says so: the name of a file or a class.
    pub entry_point: Option<String>,
    /// Any of these verdicts is right for the submission as a whole; empty where only the rules count.
    pub expected: BTreeSet<Verdict>,
    /// These are right too, with a warning: an accepted program with a part of the score, and the reverse.
    pub tolerated: BTreeSet<Verdict>,
    /// What must hold besides. In the older formats they are another way to be right.
    pub rules: Vec<Rule>,
    /// The score as a whole lies between these.
    pub score: Option<(f64, f64)>,
}

impl SampleSubmission {
    /// The source of a program of one file.
    pub fn source(&self) -> Option<&str> {
        match self.files.as_slice() {
            [file] => std::str::from_utf8(&file.bytes).ok(),
            _ => None,
        }
    }
}

/// What the verdicts of a submission's tests must be.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// The tests it is about: a pattern for names of tests and groups, as `secret/*-easy`, where `*` stands for any
    /// characters but `/`, and `{a,b}` for either. Empty: all.
    pub scope: String,
    /// Every test in scope has one of these.
    pub permitted: BTreeSet<Verdict>,
    /// At least one test in scope has one of these.
    pub required: BTreeSet<Verdict>,
    /// The score of the group that is the scope lies between these.
    pub score: Option<(f64, f64)>,
    /// At least one test's message for judges has this in it.
    pub message: Option<String>,
    /// What it says about the time limit.
    pub time_limit: TimeLimitUse,
}

/// What a submission's times say about the time limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TimeLimitUse {
    /// Nothing.
    #[default]
    None,
    /// It has to be within it, with a factor to spare.
    Lower,
    /// It has to be beyond it, with a factor to spare.
    Upper,
}

/// What says whether inputs are what the statement promises.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct InputValidation {
    /// All of them must accept an input.
    pub programs: Vec<PackagedProgram>,
    /// The exit code by which they accept.
    pub accepts_with: i32,
    /// What one run of one of them may use.
    pub limits: ValidationLimits,
    /// What they are run on.
    pub cases: Vec<InputCase>,
}

/// An input to validate.
#[derive(Debug, Clone, PartialEq)]
pub struct InputCase {
    /// The path of its file.
    pub path: String,
    /// On standard input.
    pub input: BlobRef,
    /// In the working directory.
    pub files: Vec<ProgramFile>,
    /// The arguments of each program.
    pub args: Vec<Vec<String>>,
    /// Whether it is to be accepted; if not, one of the programs must reject it.
    pub valid: bool,
}

/// An output whose verdict is known.
#[derive(Debug, Clone, PartialEq)]
pub struct OutputCase {
    /// The path of its file.
    pub path: String,
    /// What it is an output of. It is not among the revision's tests.
    pub test: Test,
    /// The output.
    pub output: BlobRef,
    /// Whether it is to be accepted.
    pub accepted: bool,
}

/// Who made the problem, and who may use it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// People, as the package writes them.
    pub authors: Vec<String>,
    /// Where the problem comes from.
    pub sources: Vec<String>,
    /// `cc by-sa`, …
    pub license: Option<String>,
    /// Who holds the rights, where that is not the authors.
    pub rights_owner: Option<String>,
    /// The problem's identity across renames.
    pub uuid: Option<String>,
    /// When it may be made public, as the package writes it.
    pub embargo_until: Option<String>,
}
