//! Schema 1 of `ProblemRevised`: one flat list of tests, without scores.

use serde::Deserialize;

use super::content::{ProblemLanguage, RevisionContent, Sample};
use super::events::ProblemRevised;
use super::judging::Checker;
use super::limits::Limits;
use super::test::{BlobRef, Test};
use crate::grading::{Grading, OnFailure, Rule, TestGroup};
use crate::{Difficulty, Digest, Slug};

#[derive(Deserialize)]
pub(crate) struct Revised {
    revision: u32,
    digest: Digest,
    content: Content,
}

#[derive(Deserialize)]
struct Content {
    title: String,
    difficulty: Difficulty,
    tags: Vec<Slug>,
    statement: String,
    editorial: Option<String>,
    hints: Vec<String>,
    samples: Vec<Sample>,
    limits: Limits,
    tests: Vec<FlatTest>,
    checker: Checker,
    on_failure: OnFailure,
    languages: Vec<ProblemLanguage>,
}

#[derive(Deserialize)]
struct FlatTest {
    name: String,
    group: Option<String>,
    sample: bool,
    input: BlobRef,
    answer: BlobRef,
}

impl From<Revised> for ProblemRevised {
    fn from(Revised { revision, digest, content }: Revised) -> Self {
        let on_reject = content.on_failure;
        let mut grading = Grading::pass_fail(on_reject);
        let mut tests = Vec::with_capacity(content.tests.len());
        for test in content.tests {
            let group = test.group.map_or(0, |name| place(&mut grading, &name, on_reject));
            let sample = test.sample;
            tests.push(Test { group, sample, ..Test::new(&test.name, test.input, test.answer) });
        }
        Self {
            revision,
            digest,
            visibility: None,
            content: RevisionContent {
                title: content.title,
                difficulty: content.difficulty,
                tags: content.tags,
                statement: content.statement,
                editorial: content.editorial,
                hints: content.hints,
                samples: content.samples,
                limits: content.limits,
                tests,
                checker: content.checker,
                grading,
                languages: content.languages,
                ..RevisionContent::default()
            },
        }
    }
}

/// The index of the group with this name, added if it is new. In schema 1 a group was only a label.
fn place(grading: &mut Grading, name: &str, on_reject: OnFailure) -> u32 {
    let place = grading.groups.iter().position(|group| group.name == name);
    let place = place.unwrap_or_else(|| {
        grading.groups.push(TestGroup {
            name: name.to_owned(),
            parent: Some(0),
            on_reject,
            require_pass: vec![],
            rule: Rule::first_error(),
        });
        grading.groups.len() - 1
    });
    u32::try_from(place).unwrap_or(u32::MAX)
}
