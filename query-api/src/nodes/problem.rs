//! Problems.

use async_graphql::{Context, Enum, ID, InputObject, Object, Result, SimpleObject};
use domain::{LanguageId, Slug};
use read_model::views::{ProblemView, SolvedStatus, SolvedView, SubmissionView, TagView};
use read_model::{Condition, Order, PageRequest, Scalar, ViewReaderExt, WHOLE_PAGE};

use super::submission::{JudgeError, NEWEST_FIRST, Submission, SubmissionFilter, stored};
use super::{
    Attachment, Difficulty, LanguageNode, Limits, OrderDirection, Scoring, Statement, int,
    statement,
};
use crate::connection::{Page, Paging, cost, page};
use crate::loaders::Key;
use crate::scalars::{DateTime, Markdown};
use crate::{Api, ApiError, GlobalId, Viewer, access};

/// A problem at its newest revision.
#[derive(Debug, Clone)]
pub struct Problem(pub ProblemView);

impl From<ProblemView> for Problem {
    fn from(view: ProblemView) -> Self {
        Self(view)
    }
}

/// An example shown with the statement.
#[derive(Debug, Clone, SimpleObject)]
pub struct Sample {
    /// `1`, `2`, …
    name: String,
    /// What the program reads.
    input: String,
    /// What it should print.
    output: String,
    /// Why.
    explanation: Option<Markdown>,
}

impl Sample {
    /// All of a problem's.
    pub(super) fn all(problem: &ProblemView) -> Vec<Self> {
        let samples = problem.samples.iter().cloned();
        let samples = samples.map(|sample| Self {
            name: sample.name,
            input: sample.input,
            output: sample.output,
            explanation: sample.explanation.map(Markdown),
        });
        samples.collect()
    }
}

/// What a problem offers in one language.
#[derive(SimpleObject)]
pub struct ProblemLanguage {
    /// The language.
    language: LanguageNode,
    /// What a run in it may use.
    limits: Limits,
    /// To begin with.
    starter_code: String,
}

/// How a problem is doing.
#[derive(Debug, Clone, SimpleObject)]
pub struct ProblemStats {
    /// Submissions received.
    submissions: i32,
    /// Submissions accepted.
    accepted: i32,
    /// Accounts with an accepted submission.
    solvers: i32,
    /// Accepted over received; 0 where none was.
    acceptance: f64,
}

impl ProblemStats {
    /// Those of a problem.
    pub(super) fn of(problem: &ProblemView) -> Self {
        Self {
            submissions: int(problem.submissions),
            accepted: int(problem.accepted),
            solvers: int(problem.solvers),
            acceptance: problem.acceptance_ppm as f64 / 1e6,
        }
    }
}

/// How far the viewer has come with a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(name = "SolvedStatus")]
pub enum SolvedStatusEnum {
    /// Not submitted to.
    Todo,
    /// Submitted to.
    Attempted,
    /// Accepted.
    Solved,
}

impl From<SolvedStatus> for SolvedStatusEnum {
    fn from(status: SolvedStatus) -> Self {
        match status {
            SolvedStatus::Attempted => Self::Attempted,
            SolvedStatus::Solved => Self::Solved,
        }
    }
}

/// A tag.
#[derive(Debug, Clone)]
pub struct Tag(pub Slug);

#[Object]
impl Tag {
    /// Its identity.
    async fn slug(&self) -> &str {
        self.0.as_str()
    }

    /// For people.
    async fn name(&self) -> String {
        self.0.as_str().replace('-', " ")
    }

    /// How many problems bear it.
    async fn problem_count(&self, ctx: &Context<'_>) -> Result<i32> {
        let tag = Api::loader(ctx).load_one(Key::<TagView>::new(&self.0)).await?;
        Ok(int(tag.map_or(0, |tag| tag.problems)))
    }
}

#[Object]
impl Problem {
    /// Opaque and global.
    pub async fn id(&self) -> ID {
        GlobalId::Problem(self.0.slug.clone()).into()
    }

    /// Counts from 1.
    async fn number(&self) -> i32 {
        int(self.0.number)
    }

    /// Its place in addresses.
    async fn slug(&self) -> &str {
        self.0.slug.as_str()
    }

    /// Plain text, in the natural language nearest to the one asked for.
    async fn title(&self, language: Option<String>) -> &str {
        let translation = statement::translation(&self.0, language.as_deref());
        translation.map_or(&self.0.title, |translation| &translation.title)
    }

    /// The natural languages of its title and statement, the first first: `en`, `pt-BR`, …
    async fn natural_languages(&self) -> Vec<&str> {
        let translations = self.0.translations.iter().map(|it| it.language.as_str());
        std::iter::once(self.0.natural_language.as_str()).chain(translations).collect()
    }

    /// How hard it is meant to be.
    async fn difficulty(&self) -> Difficulty {
        self.0.difficulty.into()
    }

    /// What it is about.
    async fn tags(&self) -> Vec<Tag> {
        self.0.tags.iter().cloned().map(Tag).collect()
    }

    /// What is asked, in the natural language nearest to the one asked for; where none is near, or
    /// none is asked for, in the problem's first.
    async fn statement(&self, ctx: &Context<'_>, language: Option<String>) -> Result<Statement> {
        Statement::of(ctx, &self.0, language.as_deref()).await
    }

    /// Files for whoever solves it.
    async fn attachments(&self) -> Vec<Attachment> {
        Attachment::all(&self.0)
    }

    /// How it can be solved.
    async fn editorial(&self) -> Option<Statement> {
        self.0.editorial.as_ref().map(|text| Statement::own(&self.0, text))
    }

    /// Examples.
    async fn samples(&self) -> Vec<Sample> {
        Sample::all(&self.0)
    }

    /// What a run may use.
    async fn limits(&self) -> Limits {
        Limits::of(&self.0)
    }

    /// How it is scored; null where it is only passed or failed.
    async fn scoring(&self) -> Option<Scoring> {
        self.0.scoring.clone().map(Into::into)
    }

    /// Whether a program of the problem's talks with the submission while it runs.
    async fn interactive(&self) -> bool {
        self.0.interactive
    }

    /// Languages it takes.
    async fn languages(&self, ctx: &Context<'_>) -> Vec<ProblemLanguage> {
        let api = Api::of(ctx);
        let offer = |language: &LanguageId, starter_code: &str| ProblemLanguage {
            language: LanguageNode::of(api, language),
            limits: Limits::of(&self.0),
            starter_code: starter_code.to_owned(),
        };
        if self.0.languages.is_empty() {
            return api.catalogue.all().map(|language| offer(&language.id, "")).collect();
        }
        let offers = self.0.languages.iter();
        offers.map(|it| offer(&it.language, &it.starter_code)).collect()
    }

    /// From a nudge to nearly the solution.
    async fn hints(&self) -> Vec<Markdown> {
        self.0.hints.iter().cloned().map(Markdown).collect()
    }

    /// How it is doing.
    async fn stats(&self) -> ProblemStats {
        ProblemStats::of(&self.0)
    }

    /// Null when not signed in.
    async fn viewer_status(&self, ctx: &Context<'_>) -> Result<Option<SolvedStatusEnum>> {
        let Some(viewer) = Viewer::of(ctx) else { return Ok(None) };
        let key = SolvedView::key_of(&viewer.login, &self.0.slug);
        let solved = Api::loader(ctx).load_one(Key::<SolvedView>::new(key)).await?;
        Ok(Some(solved.map_or(SolvedStatusEnum::Todo, |solved| solved.status.into())))
    }

    /// The revision's number: what `expectedVersion` takes.
    async fn version(&self) -> i32 {
        int(self.0.revision)
    }

    /// Of the newest revision.
    async fn updated_at(&self) -> DateTime {
        self.0.updated_at.into()
    }

    /// The viewer's own, newest first.
    #[graphql(complexity = "cost(first, None, child_complexity)")]
    async fn submissions(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        filter: Option<SubmissionFilter>,
    ) -> Result<Page<Submission>> {
        let viewer = Viewer::required(ctx)?;
        let mut conditions = filter.unwrap_or_default().conditions(ctx)?;
        conditions.push(Condition::Equals("author", text(viewer.login.as_str())));
        conditions.push(Condition::Equals("problem", text(self.0.slug.as_str())));
        let paging = Paging { first, after, ..Paging::default() };
        Ok(page::<SubmissionView, _>(ctx, paging, conditions, NEWEST_FIRST).await?)
    }

    /// Submissions that could not be judged, newest first, with the reasons. For those who judge and set problems; null
    /// for anybody else.
    #[graphql(complexity = "cost(first, None, child_complexity)")]
    async fn judge_errors(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
    ) -> Result<Option<Page<JudgeError>>> {
        if !access::may_see_judging(Viewer::of(ctx)) {
            return Ok(None);
        }
        let conditions = vec![
            Condition::Equals("problem", text(self.0.slug.as_str())),
            Condition::Equals("verdict", stored(domain::Verdict::JudgeError)),
        ];
        let paging = Paging { first, after, ..Paging::default() };
        Ok(Some(page::<SubmissionView, _>(ctx, paging, conditions, NEWEST_FIRST).await?))
    }
}

/// What a problem must be to be listed.
#[derive(Debug, Clone, Default, InputObject)]
pub struct ProblemFilter {
    /// Part of the title or slug, in any case.
    search: Option<String>,
    /// One of these.
    difficulty: Option<Vec<Difficulty>>,
    /// Every tag must match.
    tags: Option<Vec<String>>,
    /// How far the viewer has come; one of these.
    status: Option<Vec<SolvedStatusEnum>>,
    /// It takes this language.
    language: Option<ID>,
}

/// What problems are ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum ProblemOrderField {
    /// The order of their making.
    Number,
    /// By letter.
    Title,
    /// Easy to hard.
    Difficulty,
    /// Accepted over received.
    Acceptance,
    /// Of the first revision.
    CreatedAt,
}

/// How problems are ordered.
#[derive(Debug, Clone, InputObject)]
pub struct ProblemOrder {
    /// By what.
    field: ProblemOrderField,
    /// Up or down.
    #[graphql(default_with = "OrderDirection::Asc")]
    direction: OrderDirection,
}

impl Default for ProblemOrder {
    fn default() -> Self {
        Self { field: ProblemOrderField::Number, direction: OrderDirection::Asc }
    }
}

impl From<ProblemOrder> for Order {
    fn from(order: ProblemOrder) -> Self {
        let field = match order.field {
            ProblemOrderField::Number => "number",
            ProblemOrderField::Title => "title_key",
            ProblemOrderField::Difficulty => "difficulty_rank",
            ProblemOrderField::Acceptance => "acceptance_ppm",
            ProblemOrderField::CreatedAt => "created_at",
        };
        Self { field: Some(field), direction: order.direction.into() }
    }
}

impl ProblemFilter {
    pub(crate) async fn conditions(self, ctx: &Context<'_>) -> Result<Vec<Condition>, ApiError> {
        let mut conditions = Vec::new();
        if let Some(search) = self.search.filter(|search| !search.trim().is_empty()) {
            conditions.push(Condition::Contains("title_key", search.trim().to_lowercase()));
        }
        if let Some(difficulties) = self.difficulty {
            let ranks = difficulties.into_iter().map(|it| Scalar::Integer(it as i64 + 1));
            conditions.push(Condition::AnyOf("difficulty_rank", ranks.collect()));
        }
        for tag in self.tags.unwrap_or_default() {
            conditions.push(Condition::HasAny("tags", vec![Scalar::Text(tag)]));
        }
        if let Some(language) = self.language {
            let any = Scalar::Text(ProblemView::ANY_LANGUAGE.to_owned());
            conditions.push(Condition::HasAny("language_ids", vec![Scalar::Text(language.0), any]));
        }
        if let Some(status) = self.status {
            conditions.push(status_condition(ctx, &status).await?);
        }
        Ok(conditions)
    }
}

/// Problems that the viewer has come this far with, as a condition on their slugs.
async fn status_condition(
    ctx: &Context<'_>,
    status: &[SolvedStatusEnum],
) -> Result<Condition, ApiError> {
    let viewer = Viewer::required(ctx)?;
    let mine = vec![Condition::Equals("login", text(viewer.login.as_str()))];
    let mut request = PageRequest { conditions: mine, ..PageRequest::all(WHOLE_PAGE) };
    let (mut named, mut others) = (Vec::new(), Vec::new());
    loop {
        let found = Api::of(ctx).reader.views::<SolvedView>(&request).await?;
        for (place, solved) in found.items {
            let status_of = SolvedStatusEnum::from(solved.status);
            let slug = text(solved.problem.as_str());
            if status.contains(&status_of) {
                named.push(slug);
            } else {
                others.push(slug);
            }
            request.after = Some(place);
        }
        if !found.has_more {
            break;
        }
    }
    // Problems never submitted to have no standing: they are all but the ones that do.
    Ok(if status.contains(&SolvedStatusEnum::Todo) {
        Condition::NoneOf("slug", others)
    } else {
        Condition::AnyOf("slug", named)
    })
}

fn text(text: &str) -> Scalar {
    Scalar::Text(text.to_owned())
}
