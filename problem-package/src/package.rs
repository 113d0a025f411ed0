//! What a package says, in the domain's words.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use domain::problem::RevisionContent;
use domain::{Digest, LanguageId, Slug, Verdict};

use crate::diagnostic::Diagnostic;

/// What the reader has to know besides the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The problem's slug. `None`: the name of the folder that the package was packed in.
    pub slug: Option<Slug>,
    /// The natural language to take where there are several, as in `problem.en.md`.
    pub natural_language: String,
    /// The languages that a problem takes when it is open to all and has starter code for some.
    pub languages: Vec<LanguageId>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            slug: None,
            natural_language: "en".to_owned(),
            languages: ["c", "cpp", "java", "javascript", "python3"]
                .map(|id| id.parse().expect("these are language ids"))
                .to_vec(),
        }
    }
}

/// A problem as a package has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Package {
    /// The problem's identity.
    pub slug: Slug,
    /// A revision of it, within the domain's bounds.
    pub content: RevisionContent,
    /// The bytes that the revision names by digest. They are to be stored before the revision is.
    pub blobs: BTreeMap<Digest, Bytes>,
    /// Programs whose verdict is known.
    pub submissions: Vec<SampleSubmission>,
    /// Who made the problem, and who may use it.
    pub about: About,
    /// What in the package is odd or was left aside.
    pub warnings: Vec<Diagnostic>,
}

/// A program of the package that is there to be judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleSubmission {
    /// As the package names it: `accepted/sum.cpp`.
    pub path: String,
    /// By its extension.
    pub language: LanguageId,
    /// What is submitted; the problem's snippets are not in it.
    pub source: String,
    /// Any of these verdicts is right.
    pub expected: BTreeSet<Verdict>,
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
}
