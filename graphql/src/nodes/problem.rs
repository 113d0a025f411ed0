//! Problems.

use async_graphql::{Context, Enum, ID, InputObject, Object, Result, SimpleObject};
use domain::{LanguageId, Slug};
use read_model::views::{
    AccountView, ProblemView, SolvedStatus, SolvedView, SubmissionView, TagView,
};
use read_model::{Condition, Order, PageRequest, Scalar, ViewReaderExt, WHOLE_PAGE};

use super::problem_access::{has_solved, may_see_text, sees_whole};
use super::problem_search::{Shown, text_conditions};
use super::signature::{Argument, Signature, arguments};
use super::submission::{JudgeError, NEWEST_FIRST, Submission, SubmissionFilter, stored};
use super::{
    Attachment, Difficulty, LanguageNode, Limits, OrderDirection, ProblemVisibility, Scoring,
    Solution, Statement, TextRuleEnum, User, int, statement,
};
use crate::connection::{Page, Paging, cost, page};
use crate::loaders::Key;
use crate::scalars::{DateTime, Markdown};
use crate::{Api, ApiError, GlobalId, Viewer, access, prices};

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
    /// The sample's name: `1`, `2`, …
    name: String,
    /// The program's input.
    input: String,
    /// The expected output.
    output: String,
    /// The input's arguments, if this is a function problem.
    arguments: Vec<Argument>,
    /// Why this output is right, as the setter explains it.
    explanation: Option<Markdown>,
}

impl Sample {
    /// All samples of a problem.
    pub(super) fn all(problem: &ProblemView) -> Vec<Self> {
        let samples = problem.samples.iter().cloned();
        let arguments_of = |input: &str| match &problem.signature {
            Some(declaration) => arguments(declaration, input),
            None => vec![],
        };
        let samples = samples.map(|sample| Self {
            arguments: arguments_of(&sample.input),
            name: sample.name,
            input: sample.input,
            output: sample.output,
            explanation: sample.explanation.map(Markdown),
        });
        samples.collect()
    }
}

/// A language that a problem accepts.
#[derive(SimpleObject)]
pub struct ProblemLanguage {
    /// The language.
    language: LanguageNode,
    /// The limits on a run in this language.
    limits: Limits,
    /// Source text to start from; may be empty.
    #[graphql(complexity = "prices::TEXT")]
    starter_code: String,
}

/// A problem's statistics.
#[derive(Debug, Clone, SimpleObject)]
pub struct ProblemStats {
    /// The number of submissions received.
    submissions: i32,
    /// The number of submissions accepted.
    accepted: i32,
    /// The number of accounts with an accepted submission.
    solvers: i32,
    /// Accepted over received submissions, from 0 to 1; 0 if there are none.
    acceptance: f64,
}

impl ProblemStats {
    /// The statistics of a problem.
    pub(super) fn of(problem: &ProblemView) -> Self {
        Self {
            submissions: int(problem.submissions),
            accepted: int(problem.accepted),
            solvers: int(problem.solvers),
            acceptance: problem.acceptance_ppm as f64 / 1e6,
        }
    }
}

/// The viewer's progress on a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(name = "SolvedStatus")]
pub enum SolvedStatusEnum {
    /// No submission yet.
    Todo,
    /// Submitted, not accepted.
    Attempted,
    /// A submission was accepted.
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

/// A topic that problems are filed under.
#[derive(Debug, Clone)]
pub struct Tag(pub Slug);

#[Object]
impl Tag {
    /// The tag's slug, which identifies it.
    async fn slug(&self) -> &str {
        self.0.as_str()
    }

    /// The display name.
    async fn name(&self) -> String {
        self.0.as_str().replace('-', " ")
    }

    /// The number of problems with this tag that lists contain.
    async fn problem_count(&self, ctx: &Context<'_>) -> Result<i32> {
        let tag = Api::loader(ctx).load_one(Key::<TagView>::new(&self.0)).await?;
        Ok(int(tag.map_or(0, |tag| tag.problems)))
    }
}

#[Object]
impl Problem {
    /// The global id; opaque.
    pub async fn id(&self) -> ID {
        GlobalId::Problem(self.0.slug.clone()).into()
    }

    /// The problem's number, from 1.
    async fn number(&self) -> i32 {
        int(self.0.number)
    }

    /// The problem's slug, as used in URLs.
    async fn slug(&self) -> &str {
        self.0.slug.as_str()
    }

    /// The title as plain text, in the available natural language closest to `language`.
    async fn title(&self, language: Option<String>) -> &str {
        let translation = statement::translation(&self.0, language.as_deref());
        translation.map_or(&self.0.title, |translation| &translation.title)
    }

    /// The natural languages of the title and statement (`en`, `pt-BR`, …), the original first.
    async fn natural_languages(&self) -> Vec<&str> {
        let translations = self.0.translations.iter().map(|it| it.language.as_str());
        std::iter::once(self.0.natural_language.as_str()).chain(translations).collect()
    }

    /// How hard the problem is, by its setter's estimate.
    async fn difficulty(&self) -> Difficulty {
        self.0.difficulty.into()
    }

    /// The problem's tags.
    async fn tags(&self) -> Vec<Tag> {
        self.0.tags.iter().cloned().map(Tag).collect()
    }

    /// The statement in the available natural language closest to `language`. Without `language`,
    /// or if none is close, it is in the problem's original language.
    async fn statement(&self, ctx: &Context<'_>, language: Option<String>) -> Result<Statement> {
        Statement::of(ctx, &self.0, language.as_deref()).await
    }

    /// Files for solvers.
    async fn attachments(&self) -> Vec<Attachment> {
        Attachment::all(&self.0)
    }

    /// How to solve the problem; null if there is no editorial, or the viewer may not see it.
    async fn editorial(&self, ctx: &Context<'_>) -> Result<Option<Statement>> {
        let Some(text) = &self.0.editorial else { return Ok(None) };
        let is_shown = may_see_text(ctx, &self.0, self.0.access.editorial).await?;
        Ok(is_shown.then(|| Statement::own(&self.0, text)))
    }

    /// When the editorial is shown.
    async fn editorial_rule(&self) -> TextRuleEnum {
        self.0.access.editorial.into()
    }

    /// The sample tests shown with the statement.
    #[graphql(complexity = "prices::TEXT + child_complexity")]
    async fn samples(&self) -> Vec<Sample> {
        Sample::all(&self.0)
    }

    /// The limits on a run.
    async fn limits(&self) -> Limits {
        Limits::of(&self.0)
    }

    /// How submissions are scored; null for a pass-fail problem.
    async fn scoring(&self) -> Option<Scoring> {
        self.0.scoring.clone().map(Into::into)
    }

    /// Whether an interactor talks to the submission while it runs.
    async fn interactive(&self) -> bool {
        self.0.interactive
    }

    /// The function or class that submissions define; null if they are whole programs.
    async fn signature(&self) -> Option<Signature> {
        Signature::of(self.0.signature.as_ref()?)
    }

    /// The languages that submissions may be written in.
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
        // A package may name languages that this installation does not have.
        let offers = self.0.languages.iter();
        let offers = offers.filter(|it| api.catalogue.get(&it.language).is_some());
        offers.map(|it| offer(&it.language, &it.starter_code)).collect()
    }

    /// Hints, from the vaguest to the most revealing; empty if the viewer may not see them.
    #[graphql(complexity = "prices::TEXT")]
    async fn hints(&self, ctx: &Context<'_>) -> Result<Vec<Markdown>> {
        if self.0.hints.is_empty() || !may_see_text(ctx, &self.0, self.0.access.hints).await? {
            return Ok(vec![]);
        }
        Ok(self.0.hints.iter().cloned().map(Markdown).collect())
    }

    /// When the hints are shown.
    async fn hints_rule(&self) -> TextRuleEnum {
        self.0.access.hints.into()
    }

    /// Who may see the problem.
    async fn visibility(&self) -> ProblemVisibility {
        self.0.access.visibility.into()
    }

    /// Whether the problem is archived: not listed, and closed to new submissions.
    async fn archived(&self) -> bool {
        self.0.access.archived
    }

    /// The account that owns the problem; null if there is none.
    async fn owner(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        let Some(owner) = &self.0.access.owner else { return Ok(None) };
        let account = Api::loader(ctx).load_one(Key::<AccountView>::new(owner)).await?;
        Ok(account.map(User::from))
    }

    /// The logins of the other accounts that work on the problem; null unless the viewer works on
    /// it or is a judge.
    async fn collaborators(&self, ctx: &Context<'_>) -> Option<Vec<&str>> {
        let logins = self.0.access.collaborators.iter().map(|login| login.as_str());
        sees_whole(ctx, &self.0).then(|| logins.collect())
    }

    /// Whether the viewer may revise the problem.
    async fn viewer_can_revise(&self, ctx: &Context<'_>) -> bool {
        let viewer = Viewer::of(ctx);
        viewer.is_some_and(|viewer| access::may_revise_problem(viewer, &self.0.access))
    }

    /// The problem's statistics.
    async fn stats(&self) -> ProblemStats {
        ProblemStats::of(&self.0)
    }

    /// The viewer's progress on the problem; null when not signed in.
    async fn viewer_status(&self, ctx: &Context<'_>) -> Result<Option<SolvedStatusEnum>> {
        let Some(viewer) = Viewer::of(ctx) else { return Ok(None) };
        let key = SolvedView::key_of(&viewer.login, &self.0.slug);
        let solved = Api::loader(ctx).load_one(Key::<SolvedView>::new(key)).await?;
        Ok(Some(solved.map_or(SolvedStatusEnum::Todo, |solved| solved.status.into())))
    }

    /// The revision's number, which `expectedVersion` takes.
    async fn version(&self) -> i32 {
        int(self.0.revision)
    }

    /// When the newest revision was made.
    async fn updated_at(&self) -> DateTime {
        self.0.updated_at.into()
    }

    /// The viewer's own submissions, newest first.
    #[graphql(complexity = "cost(first, None, child_complexity)")]
    async fn submissions(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        filter: Option<SubmissionFilter>,
    ) -> Result<Page<Submission>> {
        let viewer = Viewer::required(ctx)?;
        let mut conditions = filter.unwrap_or_default().conditions(ctx).await?;
        conditions.push(Condition::Equals("author", text(viewer.login.as_str())));
        conditions.push(Condition::Equals("problem", text(self.0.slug.as_str())));
        let paging = Paging { first, after, ..Paging::default() };
        Ok(page::<SubmissionView, _>(ctx, paging, conditions, NEWEST_FIRST).await?)
    }

    /// Accepted submissions of all accounts with their sources, newest first; null unless the
    /// viewer may see them: judges, and if the installation allows it, accounts that have solved
    /// the problem.
    #[graphql(complexity = "cost(first, None, child_complexity)")]
    async fn solutions(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
    ) -> Result<Option<Page<Solution>>> {
        let (policy, solved) = (Api::of(ctx).sources, has_solved(ctx, &self.0).await?);
        if !access::may_see_solutions(policy, Viewer::of(ctx), solved) {
            return Ok(None);
        }
        let conditions = vec![
            Condition::Equals("problem", text(self.0.slug.as_str())),
            Condition::Equals("verdict", stored(domain::Verdict::Accepted)),
        ];
        let paging = Paging { first, after, ..Paging::default() };
        Ok(Some(page::<SubmissionView, _>(ctx, paging, conditions, NEWEST_FIRST).await?))
    }

    /// Submissions that could not be judged, newest first, with the reasons. Only judges and those
    /// who work on the problem see them; null for others.
    #[graphql(complexity = "cost(first, None, child_complexity)")]
    async fn judge_errors(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
    ) -> Result<Option<Page<JudgeError>>> {
        if !sees_whole(ctx, &self.0) {
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

/// Selects problems. A problem must match every given field.
#[derive(Debug, Clone, Default, InputObject)]
pub struct ProblemFilter {
    /// Part of the title or slug, ignoring case.
    search: Option<String>,
    /// Words of the title, slug, tags or statement, in any order. All must occur, as whole words;
    /// case and accents are ignored. At most 20 different words.
    text: Option<String>,
    /// The visibility is one of these; by default `PUBLIC`. Problems of another visibility are
    /// found only by those who work on them and by judges.
    visibility: Option<Vec<ProblemVisibility>>,
    /// Whether the problem is archived, by default false. Archived problems, of any visibility, are
    /// found only by those who work on them and by judges.
    #[graphql(default)]
    archived: bool,
    /// Whether the viewer must work on the problem, as its owner or a collaborator. The default of
    /// `visibility` is then every visibility.
    #[graphql(default)]
    mine: bool,
    /// The difficulty is one of these.
    difficulty: Option<Vec<Difficulty>>,
    /// The problem has all of these tags.
    tags: Option<Vec<String>>,
    /// The viewer's progress is one of these.
    status: Option<Vec<SolvedStatusEnum>>,
    /// The problem accepts this language.
    language: Option<ID>,
}

/// What to order problems by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum ProblemOrderField {
    /// The problem's number, which follows the order of creation.
    Number,
    /// Alphabetically by title.
    Title,
    /// Easy to hard.
    Difficulty,
    /// Accepted over received submissions.
    Acceptance,
    /// When the first revision was made.
    CreatedAt,
}

/// An ordering of problems.
#[derive(Debug, Clone, InputObject)]
pub struct ProblemOrder {
    /// What to order by.
    field: ProblemOrderField,
    /// Ascending or descending.
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
    /// The conditions that views must meet.
    pub async fn conditions(self, ctx: &Context<'_>) -> Result<Vec<Condition>, ApiError> {
        let mut conditions = Vec::new();
        if let Some(search) = self.search.filter(|search| !search.trim().is_empty()) {
            conditions.push(Condition::Contains("title_key", search.trim().to_lowercase()));
        }
        if let Some(text) = self.text.filter(|text| !text.trim().is_empty()) {
            conditions.extend(text_conditions(&text)?);
        }
        let shown = Shown { visibility: self.visibility, archived: self.archived, mine: self.mine };
        conditions.extend(shown.conditions(ctx)?);
        if let Some(difficulties) = self.difficulty {
            let ranks = difficulties.into_iter().map(|it| Scalar::Integer(it as i64 + 1));
            conditions.push(Condition::AnyOf("difficulty_rank", ranks.collect()));
        }
        for tag in self.tags.unwrap_or_default() {
            conditions.push(Condition::HasAny("tags", vec![Scalar::Text(tag)]));
        }
        if let Some(language) = self.language {
            let language = text(GlobalId::language(&language)?.as_str());
            let any = text(ProblemView::ANY_LANGUAGE);
            conditions.push(Condition::HasAny("language_ids", vec![language, any]));
        }
        if let Some(status) = self.status {
            conditions.push(status_condition(ctx, &status).await?);
        }
        Ok(conditions)
    }
}

/// The viewer's progress is one of these, as a condition on slugs.
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
    // A problem without submissions has no `SolvedView`, so `TODO` means "every problem but these".
    Ok(if status.contains(&SolvedStatusEnum::Todo) {
        Condition::NoneOf("slug", others)
    } else {
        Condition::AnyOf("slug", named)
    })
}

fn text(text: &str) -> Scalar {
    Scalar::Text(text.to_owned())
}
