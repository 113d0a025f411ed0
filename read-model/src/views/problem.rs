//! Problems, their revisions and tags.

use domain::problem::{BlobRef, Difficulty, Limits, ProblemLanguage, ProblemRevised, Sample};
use domain::{Digest, Recorded, Slug};
use serde::{Deserialize, Serialize};

use crate::{Collection, Micros, View};

/// A problem at its newest revision, with its acceptance counters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProblemView {
    /// Its identity.
    pub slug: Slug,
    /// Counts from 1 in the order of their making.
    pub number: i64,
    /// The newest revision.
    pub revision: u32,
    /// Of the newest revision's content.
    pub digest: Digest,
    /// Plain text.
    pub title: String,
    /// Title and slug in lower case, for search and order.
    pub title_key: String,
    /// How hard.
    pub difficulty: Difficulty,
    /// 1 is easiest.
    pub difficulty_rank: i64,
    /// In the setter's order.
    pub tags: Vec<Slug>,
    /// Markdown.
    pub statement: String,
    /// Markdown.
    pub editorial: Option<String>,
    /// Markdown.
    pub hints: Vec<String>,
    /// Shown with the statement.
    pub samples: Vec<Sample>,
    /// What a run may use.
    pub limits: Limits,
    /// Empty: every language of the installation.
    pub languages: Vec<ProblemLanguage>,
    /// Their ids, to filter by, or [`ProblemView::ANY_LANGUAGE`] alone.
    pub language_ids: Vec<String>,
    /// How many submissions were received.
    pub submissions: i64,
    /// How many submissions are accepted.
    pub accepted: i64,
    /// How many accounts have an accepted submission.
    pub solvers: i64,
    /// `accepted` in a million of `submissions`.
    pub acceptance_ppm: i64,
    /// Of the first revision.
    pub created_at: Micros,
    /// Of the newest revision.
    pub updated_at: Micros,
}

impl View for ProblemView {
    const COLLECTION: Collection = Collection {
        name: "problems",
        schema: 1,
        indexes: &[
            &["number"],
            &["title_key"],
            &["difficulty_rank"],
            &["acceptance_ppm"],
            &["created_at"],
        ],
    };

    fn key(&self) -> String {
        self.slug.to_string()
    }
}

impl ProblemView {
    /// Stands in `language_ids` of a problem that takes every language of the installation.
    pub const ANY_LANGUAGE: &str = "*";

    /// A problem nobody submitted to yet.
    pub fn new(slug: Slug, number: i64, revised: &ProblemRevised, recorded: &Recorded) -> Self {
        let at = recorded.recorded_at.into();
        let mut view = Self {
            slug,
            number,
            revision: 0,
            digest: revised.digest,
            title: String::new(),
            title_key: String::new(),
            difficulty: revised.content.difficulty,
            difficulty_rank: 0,
            tags: vec![],
            statement: String::new(),
            editorial: None,
            hints: vec![],
            samples: vec![],
            limits: revised.content.limits,
            languages: vec![],
            language_ids: vec![],
            submissions: 0,
            accepted: 0,
            solvers: 0,
            acceptance_ppm: 0,
            created_at: at,
            updated_at: at,
        };
        view.revise(revised, recorded);
        view
    }

    /// Takes on a newer revision; the counters stay.
    pub fn revise(&mut self, revised: &ProblemRevised, recorded: &Recorded) {
        let content = revised.content.clone();
        self.revision = revised.revision;
        self.digest = revised.digest;
        self.title_key = format!("{} {}", content.title.to_lowercase(), self.slug);
        self.title = content.title;
        self.difficulty = content.difficulty;
        self.difficulty_rank = match content.difficulty {
            Difficulty::Easy => 1,
            Difficulty::Medium => 2,
            Difficulty::Hard => 3,
        };
        self.tags = content.tags;
        self.statement = content.statement;
        self.editorial = content.editorial;
        self.hints = content.hints;
        self.samples = content.samples;
        self.limits = content.limits;
        self.language_ids = if content.languages.is_empty() {
            vec![Self::ANY_LANGUAGE.to_owned()]
        } else {
            content.languages.iter().map(|it| it.language.to_string()).collect()
        };
        self.languages = content.languages;
        self.updated_at = recorded.recorded_at.into();
    }

    /// Counts submissions, accepted ones and solvers up or down.
    pub fn count(&mut self, submissions: i64, accepted: i64, solvers: i64) {
        self.submissions += submissions;
        self.accepted += accepted;
        self.solvers += solvers;
        self.acceptance_ppm =
            (self.accepted * 1_000_000).checked_div(self.submissions).unwrap_or(0);
    }
}

/// A sample test's data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampleTest {
    /// Its number in judging order.
    pub number: u32,
    /// What the program reads.
    pub input: BlobRef,
    /// What is expected.
    pub answer: BlobRef,
}

/// What the results of a submission need of the revision it was judged against.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevisionView {
    /// Whose.
    pub slug: Slug,
    /// Which.
    pub revision: u32,
    /// Tests that may be shown. Hidden tests are not in the read model at all.
    pub sample_tests: Vec<SampleTest>,
    /// Names of the test groups, by test number from 1.
    pub groups: Vec<Option<String>>,
}

impl RevisionView {
    /// The key of a problem's revision.
    pub fn key_of(slug: &Slug, revision: u32) -> String {
        format!("{slug}@{revision}")
    }

    /// The revision that the event tells of.
    pub fn new(slug: Slug, revised: &ProblemRevised) -> Self {
        let tests = &revised.content.tests;
        let numbered = (1..).zip(tests);
        Self {
            slug,
            revision: revised.revision,
            sample_tests: numbered
                .filter(|(_, test)| test.sample)
                .map(|(number, test)| SampleTest { number, input: test.input, answer: test.answer })
                .collect(),
            groups: tests.iter().map(|test| test.group.clone()).collect(),
        }
    }
}

impl View for RevisionView {
    const COLLECTION: Collection = Collection { name: "revisions", schema: 1, indexes: &[] };

    fn key(&self) -> String {
        Self::key_of(&self.slug, self.revision)
    }
}

/// A tag, and how many problems bear it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagView {
    /// The tag.
    pub slug: Slug,
    /// How many problems bear it.
    pub problems: i64,
}

impl View for TagView {
    const COLLECTION: Collection = Collection { name: "tags", schema: 1, indexes: &[] };

    fn key(&self) -> String {
        self.slug.to_string()
    }
}

/// A number that a projection counts with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counter {
    /// What it counts.
    pub name: String,
    /// How far it has come.
    pub value: i64,
}

impl View for Counter {
    const COLLECTION: Collection = Collection { name: "counters", schema: 1, indexes: &[] };

    fn key(&self) -> String {
        self.name.clone()
    }
}
