//! The content of `problem.yaml`.

use std::collections::BTreeMap;

use domain::grading::{Objective, OnFailure};
use domain::problem::{Limits, ValidationLimits};
use domain::{Difficulty, LanguageId, Slug};

use crate::diagnostic::Position;
use crate::fields::Field;
use crate::kattis::constants::Constants;
use crate::kattis::version::Version;
use crate::kattis::words::Words;
use crate::package::About;
use crate::timing::Timing;

pub(in crate::kattis) const FILE: &str = "problem.yaml";

/// The default memory limit in KiB, the typical default of the format.
const MEMORY_KIB: u64 = 2048 * 1024;

/// `problem.yaml`, with defaults for what it leaves out.
#[derive(Debug)]
pub(in crate::kattis) struct Manifest {
    pub(in crate::kattis) version: Version,
    /// The name by natural language. The key is empty if the package gives only one name.
    pub(in crate::kattis) names: BTreeMap<String, String>,
    pub(in crate::kattis) kind: Kind,
    /// `None` if the key is missing.
    pub(in crate::kattis) validation: Option<Validation>,
    pub(in crate::kattis) grading: OlderGrading,
    pub(in crate::kattis) difficulty: Option<Difficulty>,
    pub(in crate::kattis) tags: Vec<Slug>,
    pub(in crate::kattis) hints: Vec<String>,
    /// The standard of C++ in the package.
    pub(in crate::kattis) cpp: LanguageId,
    /// Where the package sets the standard; `None` if it does not.
    pub(in crate::kattis) cpp_place: Option<Position>,
    pub(in crate::kattis) limits: Limits,
    pub(in crate::kattis) validation_limits: ValidationLimits,
    /// The maximum number of runs of a submission on a test, if given.
    pub(in crate::kattis) passes: Option<u32>,
    pub(in crate::kattis) timing: Timing,
    pub(in crate::kattis) flags: Option<Words>,
    /// The allowed languages; `None`: all.
    pub(in crate::kattis) languages: Option<Vec<LanguageId>>,
    pub(in crate::kattis) constants: Constants,
    pub(in crate::kattis) about: About,
    /// Places of the revision's fields in the package, by the domain's field names.
    pub(in crate::kattis) places: BTreeMap<&'static str, (&'static str, Option<Position>)>,
}

impl Manifest {
    /// The language of a program, with C++ in the package's standard.
    pub(in crate::kattis) fn standard(&self, language: LanguageId) -> LanguageId {
        if language.as_str() == "cpp" { self.cpp.clone() } else { language }
    }

    pub(super) fn new(version: Version, cpp: LanguageId) -> Self {
        let timing = match version.is_newer() {
            true => Timing { multiplier: 2.0, margin: 1.5, ..Timing::default() },
            false => Timing::default(),
        };
        Self {
            version,
            names: BTreeMap::new(),
            kind: Kind::default(),
            validation: None,
            grading: OlderGrading::default(),
            difficulty: None,
            tags: vec![],
            hints: vec![],
            cpp,
            cpp_place: None,
            limits: Limits { memory_kib: MEMORY_KIB, ..Limits::default() },
            validation_limits: ValidationLimits::default(),
            passes: None,
            timing,
            flags: None,
            languages: None,
            constants: Constants::default(),
            about: About::default(),
            places: BTreeMap::new(),
        }
    }

    pub(super) fn place(&mut self, name: &'static str, field: Field<'_>) {
        self.places.insert(name, (FILE, Some(field.position())));
    }
}

/// The kind of the problem.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::kattis) struct Kind {
    /// Accepted submissions have a score.
    pub(in crate::kattis) is_scoring: bool,
    /// The validator interacts with the submission.
    pub(in crate::kattis) is_interactive: bool,
    /// The submission is run several times on one test.
    pub(in crate::kattis) is_multi_pass: bool,
}

/// The first word of `validation`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::kattis) enum Validation {
    Default,
    Custom,
}

/// `grading`, including keys from before the oldest version. They apply to every group.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(in crate::kattis) struct OlderGrading {
    pub(in crate::kattis) objective: Option<Objective>,
    pub(in crate::kattis) on_reject: Option<OnFailure>,
    pub(in crate::kattis) accept_score: Option<f64>,
    pub(in crate::kattis) reject_score: Option<f64>,
    pub(in crate::kattis) range: Option<(Option<f64>, Option<f64>)>,
}
