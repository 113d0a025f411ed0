//! Problems and tags.

use domain::problem::{
    Attachment, Checker, Difficulty, Limits, ProblemLanguage, ProblemRevised, Sample,
    TimeLimitOrigin, Translation,
};
use domain::{Digest, Event, Recorded, Slug, StreamId};
use serde::{Deserialize, Serialize};

use super::{ScoringView, StatisticsSince};
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
    /// `None` for a problem that is only passed or failed.
    pub scoring: Option<ScoringView>,
    /// A program of the problem's talks with the submission.
    pub interactive: bool,
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
        schema: 6,
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
            natural_language: String::new(),
            translations: vec![],
            attachments: vec![],
            limits: revised.content.limits,
            time_limit: TimeLimitOrigin::default(),
            scoring: None,
            interactive: false,
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

    /// The problem after these events of its stream, from the first, with the counters of the same moment.
    pub fn fold(
        number: i64,
        events: &[Recorded],
        statistics: Option<&StatisticsSince>,
    ) -> Option<Self> {
        let mut problem: Option<Self> = None;
        for recorded in events {
            let (StreamId::Problem(slug), Event::ProblemRevised(revised)) =
                (&recorded.stream, &recorded.event)
            else {
                continue;
            };
            match &mut problem {
                Some(problem) => problem.revise(revised, recorded),
                None => problem = Some(Self::new(slug.clone(), number, revised, recorded)),
            }
        }
        if let (Some(problem), Some(statistics)) = (&mut problem, statistics) {
            problem.count(statistics.submissions, statistics.accepted, statistics.solvers);
        }
        problem
    }

    /// Takes on a newer revision; the counters stay.
    pub fn revise(&mut self, revised: &ProblemRevised, recorded: &Recorded) {
        let content = revised.content.clone();
        self.scoring = ScoringView::of(&content);
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
        self.natural_language = content.natural_language;
        self.translations = content.translations;
        self.attachments = content.attachments;
        self.limits = content.limits;
        self.time_limit = content.time_limit;
        self.interactive = matches!(&content.checker, Checker::Programs(it) if it.interactive);
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

/// A tag, and how many problems bear it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagView {
    /// The tag.
    pub slug: Slug,
    /// How many problems bear it.
    pub problems: i64,
}

impl View for TagView {
    const COLLECTION: Collection = Collection { name: "tags", schema: 6, indexes: &[] };

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

impl Counter {
    /// Counts problems.
    pub const PROBLEMS: &str = "problems";
    /// Counts accounts that ever solved something.
    pub const RANKED: &str = "ranked";
}

impl View for Counter {
    const COLLECTION: Collection = Collection { name: "counters", schema: 6, indexes: &[] };

    fn key(&self) -> String {
        self.name.clone()
    }
}
