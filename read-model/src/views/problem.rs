//! Problems and tags.

use domain::function::Declaration;
use domain::problem::{
    Attachment, Checker, Difficulty, Limits, ProblemAccess, ProblemLanguage, ProblemRevised,
    RevisionContent, Sample, TimeLimitOrigin, Translation, Visibility,
};
use domain::{Digest, Event, Login, Recorded, Slug, StreamId};
use serde::{Deserialize, Serialize};

use super::{DifficultySince, ScoringView, StatisticsSince};
use crate::{Collection, Micros, View, words};

/// A problem at its newest revision, with its acceptance counters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProblemView {
    /// The problem's slug.
    pub slug: Slug,
    /// Number of the problem, from 1, in order of creation.
    pub number: i64,
    /// Number of the newest revision.
    pub revision: u32,
    /// Digest of the newest revision's content.
    pub digest: Digest,
    /// The title, as plain text.
    pub title: String,
    /// Title and slug in lower case, for search and order.
    pub title_key: String,
    /// The difficulty.
    pub difficulty: Difficulty,
    /// The difficulty as a number for sorting; 1 is the easiest.
    pub difficulty_rank: i64,
    /// Tags, in the setter's order.
    pub tags: Vec<Slug>,
    /// The statement, in Markdown.
    pub statement: String,
    /// The editorial, in Markdown.
    pub editorial: Option<String>,
    /// Hints, in Markdown.
    pub hints: Vec<String>,
    /// Shown with the statement.
    pub samples: Vec<Sample>,
    /// The natural language of the texts.
    pub natural_language: String,
    /// The statement in other natural languages.
    pub translations: Vec<Translation>,
    /// Files for contestants.
    pub attachments: Vec<Attachment>,
    /// Resource limits of a run.
    pub limits: Limits,
    /// How the time limit was determined.
    pub time_limit: TimeLimitOrigin,
    /// Scoring; `None` for a pass-fail problem.
    pub scoring: Option<ScoringView>,
    /// Whether an interactor communicates with the submission.
    pub interactive: bool,
    /// The function or class that submissions define, if this is a function problem.
    pub signature: Option<Declaration>,
    /// Allowed languages. Empty means all languages of the installation.
    pub languages: Vec<ProblemLanguage>,
    /// Ids of the allowed languages, for filters, or only [`ProblemView::ANY_LANGUAGE`].
    pub language_ids: Vec<String>,
    /// Number of submissions.
    pub submissions: i64,
    /// Number of accepted submissions.
    pub accepted: i64,
    /// Number of accounts with an accepted submission.
    pub solvers: i64,
    /// `accepted` per million `submissions`.
    pub acceptance_ppm: i64,
    /// Time of the first revision.
    pub created_at: Micros,
    /// Time of the newest revision.
    pub updated_at: Micros,
    /// Who may see and change the problem.
    pub access: ProblemAccess,
    /// Who finds the problem in lists, as a text for conditions: a visibility, or
    /// [`ProblemView::ARCHIVED`].
    pub listing: String,
    /// The owner and the collaborators, for conditions.
    pub people: Vec<Login>,
    /// Since when lists contain the problem; `None` if they do not.
    pub listed_since: Option<Micros>,
    /// The words of title, slug, tags and statement, for search; at most
    /// [`ProblemView::WORDS_MAX`].
    pub words: Vec<String>,
    /// A fixed number that is as good as random, to choose problems by.
    pub shuffle: i64,
}

impl View for ProblemView {
    const COLLECTION: Collection = Collection {
        name: "problems",
        schema: 8,
        indexes: &[
            &["listing", "number"],
            &["listing", "shuffle"],
            &["listing", "difficulty_rank"],
            &["number"],
            &["title_key"],
            &["difficulty_rank"],
            &["acceptance_ppm"],
            &["created_at"],
            &["words"],
            &["tags", "number"],
            &["slug"],
        ],
    };

    fn key(&self) -> String {
        self.slug.to_string()
    }
}

impl ProblemView {
    /// The only entry of `language_ids` if the problem allows all languages of the installation.
    pub const ANY_LANGUAGE: &str = "*";
    /// `listing` of an archived problem.
    pub const ARCHIVED: &str = "ARCHIVED";
    /// Maximum number of words of a problem that searches find.
    pub const WORDS_MAX: usize = 5_000;

    /// `listing` of a problem with this visibility that is not archived.
    pub fn listing_of(visibility: Visibility) -> &'static str {
        match visibility {
            Visibility::Draft => "DRAFT",
            Visibility::Hidden => "HIDDEN",
            Visibility::Public => "PUBLIC",
        }
    }

    /// A problem without submissions.
    pub fn new(slug: Slug, number: i64, revised: &ProblemRevised, recorded: &Recorded) -> Self {
        let at = recorded.recorded_at.into();
        let mut view = Self {
            shuffle: shuffle_of(slug.as_str()),
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
            signature: None,
            languages: vec![],
            language_ids: vec![],
            submissions: 0,
            accepted: 0,
            solvers: 0,
            acceptance_ppm: 0,
            created_at: at,
            updated_at: at,
            access: ProblemAccess::created_by(&recorded.metadata.actor),
            listing: String::new(),
            people: vec![],
            listed_since: None,
            words: vec![],
        };
        view.evolve(recorded);
        view
    }

    /// Folds the events of the problem's stream, from the first, and adds the counters of the same
    /// moment.
    pub fn fold(
        number: i64,
        events: &[Recorded],
        statistics: Option<&StatisticsSince>,
    ) -> Option<Self> {
        let mut problem: Option<Self> = None;
        for recorded in events {
            let StreamId::Problem(slug) = &recorded.stream else { continue };
            match (&mut problem, &recorded.event) {
                (Some(problem), _) => problem.evolve(recorded),
                (None, Event::ProblemRevised(revised)) => {
                    problem = Some(Self::new(slug.clone(), number, revised, recorded));
                }
                (None, _) => {}
            }
        }
        if let (Some(problem), Some(statistics)) = (&mut problem, statistics) {
            problem.count(statistics.submissions, statistics.accepted, statistics.solvers);
        }
        problem
    }

    /// Its statistics from this position of the log on.
    pub fn statistics_since(&self, position: i64, at: Micros) -> StatisticsSince {
        StatisticsSince {
            problem: self.slug.clone(),
            position,
            at,
            submissions: self.submissions,
            accepted: self.accepted,
            solvers: self.solvers,
        }
    }

    /// Its difficulty from this position of the log on.
    pub fn difficulty_since(&self, position: i64) -> DifficultySince {
        DifficultySince { problem: self.slug.clone(), position, difficulty: self.difficulty }
    }

    /// Applies the next event of the problem's stream and keeps the counters.
    pub fn evolve(&mut self, recorded: &Recorded) {
        if let Event::ProblemRevised(revised) = &recorded.event {
            self.revise(revised, recorded);
        }
        self.access.evolve(&recorded.event);
        let access = &self.access;
        self.listing = match access.archived {
            true => Self::ARCHIVED.to_owned(),
            false => Self::listing_of(access.visibility).to_owned(),
        };
        self.people = access.owner.iter().chain(&access.collaborators).cloned().collect();
        self.listed_since = match access.is_listed() {
            true => self.listed_since.or(Some(recorded.recorded_at.into())),
            false => None,
        };
    }

    /// The tags that count: those of a problem in lists.
    pub fn listed_tags(&self) -> &[Slug] {
        if self.access.is_listed() { &self.tags } else { &[] }
    }

    fn revise(&mut self, revised: &ProblemRevised, recorded: &Recorded) {
        let content = revised.content.clone();
        self.words = words_of(&self.slug, &content);
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
        self.signature = content.signature;
        self.language_ids = if content.languages.is_empty() {
            vec![Self::ANY_LANGUAGE.to_owned()]
        } else {
            content.languages.iter().map(|it| it.language.to_string()).collect()
        };
        self.languages = content.languages;
        self.updated_at = recorded.recorded_at.into();
    }

    /// Adds these differences to the counters; they may be negative.
    pub fn count(&mut self, submissions: i64, accepted: i64, solvers: i64) {
        self.submissions += submissions;
        self.accepted += accepted;
        self.solvers += solvers;
        self.acceptance_ppm =
            (self.accepted * 1_000_000).checked_div(self.submissions).unwrap_or(0);
    }
}

/// The words that searches find. Editorials and hints are not searched, because not everyone sees
/// them, and neither are translated statements, which are not in the log.
fn words_of(slug: &Slug, content: &RevisionContent) -> Vec<String> {
    let tags = content.tags.iter().map(Slug::as_str);
    let translated = content.translations.iter().map(|it| it.title.as_str());
    let texts = [content.title.as_str(), slug.as_str()].into_iter().chain(tags).chain(translated);
    let mut all = words(&texts.collect::<Vec<_>>().join(" "));
    let of_statement = words(&content.statement);
    let room = ProblemView::WORDS_MAX.saturating_sub(all.len());
    let more: Vec<String> = of_statement.difference(&all).take(room).cloned().collect();
    all.extend(more);
    all.into_iter().take(ProblemView::WORDS_MAX).collect()
}

/// The place that a text has in the order of [`ProblemView::shuffle`].
pub fn shuffle_of(text: &str) -> i64 {
    let digest = Digest::of(text.as_bytes());
    let first = digest.as_bytes().first_chunk().expect("a digest has 32 bytes");
    // Without the sign, so that 0 is below every place.
    i64::from_be_bytes(*first) & i64::MAX
}

/// A tag and its number of problems in lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagView {
    /// The tag.
    pub slug: Slug,
    /// Number of problems with the tag that lists contain.
    pub problems: i64,
}

impl View for TagView {
    const COLLECTION: Collection = Collection { name: "tags", schema: 8, indexes: &[] };

    fn key(&self) -> String {
        self.slug.to_string()
    }
}

/// A named counter of a projection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counter {
    /// The counter's name.
    pub name: String,
    /// The current count.
    pub value: i64,
}

impl Counter {
    /// Name of the counter of problems.
    pub const PROBLEMS: &str = "problems";
    /// Name of the counter of accounts that ever solved something.
    pub const RANKED: &str = "ranked";
}

impl View for Counter {
    const COLLECTION: Collection = Collection { name: "counters", schema: 8, indexes: &[] };

    fn key(&self) -> String {
        self.name.clone()
    }
}
