//! The root of queries.

use async_graphql::{Context, ID, Object, Result};
use read_model::views::{
    AccountView, ProblemView, RejudgeView, SubmissionView, TagView, WebhookView,
};
use read_model::{
    Condition, Direction, Order, PageRequest, Scalar, View, ViewReaderExt, WHOLE_PAGE,
};

use graphql::connection::{Page, Paging, cost, page};
use graphql::loaders::Key;
use graphql::nodes::{
    AccessToken, Audit, AuditExport, Event, Judge, Judgement, LanguageNode, Node, Problem,
    ProblemFilter, ProblemOrder, RateLimit, Rejudge, RejudgePreview, RejudgeSelection, Run,
    Session, Submission, SubmissionFilter, SubmissionOrder, System, Tag, User, UserFilter,
    UserStanding, Webhook, audit_exports, daily_problem, random_problem, standings, visible,
};
use graphql::{Api, ApiError, Date, GlobalId, Viewer, access, account_in_log, prices, selection};

/// Maximum number of ids that `nodes` accepts.
const NODES_MAX: usize = 100;
/// Maximum number of ids of runs among them. A run is read whole, and can have several MiB.
const RUNS_MAX: usize = 4;
/// What each of many nodes counts for, besides its fields.
const NODE_OF_MANY: usize = 1;

/// Queries answered from the read model.
#[derive(Debug, Default)]
pub struct Reads;

#[Object]
impl Reads {
    /// The object with this id; null if it does not exist or the viewer may not see it.
    #[graphql(complexity = "prices::RUN + child_complexity")]
    async fn node(&self, ctx: &Context<'_>, id: ID) -> Result<Option<Node>> {
        node(ctx, &id).await
    }

    /// The objects with these ids, in the same order; at most 100.
    #[graphql(complexity = "ids.len().max(1).saturating_mul(NODE_OF_MANY + child_complexity)")]
    async fn nodes(&self, ctx: &Context<'_>, ids: Vec<ID>) -> Result<Vec<Option<Node>>> {
        if ids.len() > NODES_MAX {
            return Err(ApiError::bad_input(format!("at most {NODES_MAX} ids")).into());
        }
        let runs = ids.iter().filter(|id| GlobalId::run(id).is_ok()).count();
        if runs > RUNS_MAX {
            return Err(ApiError::bad_input(format!("at most {RUNS_MAX} ids of runs")).into());
        }
        let nodes = ids.iter().map(|id| node(ctx, id));
        futures::future::try_join_all(nodes).await
    }

    /// The event log, for auditors; null for others.
    async fn audit(&self, ctx: &Context<'_>) -> Option<Audit> {
        access::may_see_log(Viewer::of(ctx)).then_some(Audit)
    }

    /// The exports of the log that were asked for and have not expired, newest first; empty unless
    /// the viewer is an auditor.
    #[graphql(complexity = "cost(first, None, child_complexity)")]
    async fn audit_exports(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
    ) -> Result<Page<AuditExport>> {
        audit_exports(ctx, &Paging { first, after, ..Paging::default() }).await
    }

    /// What the client may spend on requests, and what this one has cost.
    async fn rate_limit(&self, ctx: &Context<'_>) -> Result<RateLimit> {
        Ok(RateLimit::of(ctx)?)
    }

    /// The account that is signed in; null if none is.
    async fn viewer(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        let Some(viewer) = Viewer::of(ctx) else { return Ok(None) };
        if let Some(account) = load(ctx, Key::<AccountView>::new(&viewer.login)).await? {
            return Ok(Some(account.into()));
        }
        // The views may not yet have an account that has just been registered.
        let account = account_in_log(Api::of(ctx).log.as_ref(), &viewer.login).await;
        Ok(account.map_err(ApiError::from)?.map(User::from))
    }

    /// The account with this login; null if there is none.
    async fn user(&self, ctx: &Context<'_>, login: String) -> Result<Option<User>> {
        Ok(load(ctx, Key::<AccountView>::new(login)).await?.map(User::from))
    }

    /// Accounts, ordered by login; empty unless the viewer is an administrator.
    #[graphql(complexity = "cost(first, last, child_complexity)")]
    async fn users(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        filter: Option<UserFilter>,
    ) -> Result<Page<User>> {
        let mut conditions = filter.unwrap_or_default().conditions();
        if !access::may_list_accounts(Some(Viewer::required(ctx)?)) {
            conditions.push(Condition::AnyOf("login", vec![]));
        }
        let paging = Paging { first, after, last, before };
        Ok(page::<AccountView, User>(ctx, paging, conditions, Order::KEY).await?)
    }

    /// The problem with this slug or number; null if there is none, or the viewer may not see it.
    /// Give exactly one of the two. A hidden problem is found by its slug only.
    async fn problem(
        &self,
        ctx: &Context<'_>,
        slug: Option<String>,
        number: Option<i32>,
    ) -> Result<Option<Problem>> {
        match (slug, number) {
            (Some(slug), None) => {
                let found = load(ctx, Key::<ProblemView>::new(slug)).await?;
                Ok(visible(ctx, found).map(Problem::from))
            }
            (None, Some(number)) => {
                let found = numbered::<ProblemView>(ctx, number).await?;
                let may_find =
                    |it: &ProblemView| access::may_find_problem(Viewer::of(ctx), &it.access);
                Ok(found.filter(may_find).map(Problem::from))
            }
            _ => Err(ApiError::bad_input("give slug or number").into()),
        }
    }

    /// Problems, by default the public ones, ordered by number.
    #[graphql(complexity = "cost(first, last, child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "these are the arguments of the field")]
    async fn problems(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        filter: Option<ProblemFilter>,
        #[graphql(default_with = "Some(ProblemOrder::default())")] order_by: Option<ProblemOrder>,
    ) -> Result<Page<Problem>> {
        let conditions = filter.unwrap_or_default().conditions(ctx).await?;
        let paging = Paging { first, after, last, before };
        Ok(page::<ProblemView, Problem>(
            ctx,
            paging,
            conditions,
            order_by.unwrap_or_default().into(),
        )
        .await?)
    }

    /// A problem that the filter selects, chosen at random; null if it selects none.
    #[graphql(complexity = "prices::CHOICE + child_complexity")]
    async fn random_problem(
        &self,
        ctx: &Context<'_>,
        filter: Option<ProblemFilter>,
    ) -> Result<Option<Problem>> {
        let found = random_problem(ctx, filter.unwrap_or_default()).await?;
        Ok(found.map(Problem::from))
    }

    /// The problem of a day, the same for everyone; by default of today, by UTC. It is chosen by
    /// the date from the problems that were listed before the day began, so it changes only if it
    /// is no longer listed. Null if no problem was listed before.
    #[graphql(complexity = "prices::CHOICE + child_complexity")]
    async fn daily_problem(
        &self,
        ctx: &Context<'_>,
        date: Option<Date>,
    ) -> Result<Option<Problem>> {
        let found = daily_problem(ctx, date.map(|date| date.0)).await?;
        Ok(found.map(Problem::from))
    }

    /// Every tag that a listed problem has.
    async fn tags(&self, ctx: &Context<'_>) -> Result<Vec<Tag>> {
        let all = PageRequest::all(WHOLE_PAGE);
        let found = Api::of(ctx).reader.views::<TagView>(&all).await.map_err(ApiError::from)?;
        Ok(found.items.into_iter().map(|(_, tag)| Tag(tag.slug)).collect())
    }

    /// Every installed language, ordered by id.
    async fn languages(&self, ctx: &Context<'_>) -> Vec<LanguageNode> {
        Api::of(ctx).catalogue.all().cloned().map(LanguageNode).collect()
    }

    /// The submission with this id or number; null if it does not exist or the viewer may not see
    /// it. Give exactly one of the two.
    async fn submission(
        &self,
        ctx: &Context<'_>,
        id: Option<ID>,
        number: Option<i32>,
    ) -> Result<Option<Submission>> {
        let found = match (id, number) {
            (Some(id), None) => {
                load(ctx, Key::<SubmissionView>::new(GlobalId::submission(&id)?)).await?
            }
            (None, Some(number)) => numbered::<SubmissionView>(ctx, number).await?,
            _ => return Err(ApiError::bad_input("give id or number").into()),
        };
        Ok(found.filter(|it| may_see(ctx, it)).map(Submission::from))
    }

    /// The run with this id; null if it does not exist, has expired, or is another account's.
    #[graphql(complexity = "prices::RUN + child_complexity")]
    async fn run(&self, ctx: &Context<'_>, id: ID) -> Result<Option<Run>> {
        Ok(Run::load(ctx, GlobalId::run(&id)?).await?)
    }

    /// The submissions that the viewer may see, newest first.
    #[graphql(complexity = "cost(first, last, child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "these are the arguments of the field")]
    async fn submissions(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        filter: Option<SubmissionFilter>,
        #[graphql(default_with = "Some(SubmissionOrder::default())")] order_by: Option<
            SubmissionOrder,
        >,
    ) -> Result<Page<Submission>> {
        let viewer = Viewer::required(ctx)?;
        let mut conditions = filter.unwrap_or_default().conditions(ctx).await?;
        if !access::may_see_all_submissions(Some(viewer)) {
            let own = Scalar::Text(viewer.login.to_string());
            conditions.push(Condition::Equals("author", own));
        }
        let order = order_by.unwrap_or_default().order(&mut conditions)?;
        let paging = Paging { first, after, last, before };
        Ok(page::<SubmissionView, Submission>(ctx, paging, conditions, order).await?)
    }

    /// The ranking of the accounts that have solved a problem, best first. `audit { asOf }` has those
    /// of the past.
    #[graphql(complexity = "2 * prices::COUNT + cost(first, None, child_complexity)")]
    async fn standings(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
    ) -> Result<Page<UserStanding>> {
        let paging = Paging { first, after, ..Paging::default() };
        standings(ctx, paging).await
    }

    /// The rejudge with this id; null if it does not exist or the viewer is not a judge.
    async fn rejudge(&self, ctx: &Context<'_>, id: ID) -> Result<Option<Rejudge>> {
        let id = GlobalId::rejudge(&id)?;
        if !access::may_rejudge(Viewer::of(ctx)) {
            return Ok(None);
        }
        Ok(load(ctx, Key::<RejudgeView>::new(id)).await?.map(Rejudge::from))
    }

    /// Rejudges, newest first; empty unless the viewer is a judge.
    #[graphql(complexity = "cost(first, last, child_complexity)")]
    async fn rejudges(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Page<Rejudge>> {
        let mut conditions = vec![];
        if !access::may_rejudge(Viewer::of(ctx)) {
            conditions.push(Condition::AnyOf("number", vec![]));
        }
        let order = Order { field: Some("number"), direction: Direction::Descending };
        let paging = Paging { first, after, last, before };
        Ok(page::<RejudgeView, Rejudge>(ctx, paging, conditions, order).await?)
    }

    /// Shows what a rejudge would affect, and changes nothing. For judges.
    #[graphql(complexity = "prices::SELECTION + child_complexity")]
    async fn rejudge_preview(
        &self,
        ctx: &Context<'_>,
        selection: RejudgeSelection,
    ) -> Result<RejudgePreview> {
        Ok(selection::preview(ctx, selection).await?)
    }

    /// Webhooks in the order of creation; empty unless the viewer is an administrator.
    async fn webhooks(&self, ctx: &Context<'_>) -> Result<Vec<Webhook>> {
        if !access::may_manage_webhooks(Viewer::of(ctx)) {
            return Ok(vec![]);
        }
        let order = Order { field: Some("number"), direction: Direction::Ascending };
        let request = PageRequest { order, ..PageRequest::all(WHOLE_PAGE) };
        let found = Api::of(ctx).reader.views::<WebhookView>(&request).await;
        let found = found.map_err(ApiError::from)?;
        Ok(found.items.into_iter().map(|(_, webhook)| webhook.into()).collect())
    }

    /// The current state of the service.
    async fn system(&self) -> System {
        System
    }
}

async fn node(ctx: &Context<'_>, id: &ID) -> Result<Option<Node>> {
    Ok(match id.parse()? {
        GlobalId::Problem(slug) => {
            let found = visible(ctx, load(ctx, Key::<ProblemView>::new(slug)).await?);
            found.map(|problem| Node::Problem(Box::new(problem.into())))
        }
        GlobalId::Submission(id) => {
            let found = load(ctx, Key::<SubmissionView>::new(id)).await?;
            let found = found.filter(|submission| may_see(ctx, submission));
            found.map(|submission| Node::Submission(Box::new(submission.into())))
        }
        GlobalId::User(login) => load(ctx, Key::<AccountView>::new(login))
            .await?
            .map(|account| Node::User(account.into())),
        GlobalId::Run(id) => Run::load(ctx, id).await?.map(Node::Run),
        GlobalId::Rejudge(_) if !access::may_rejudge(Viewer::of(ctx)) => None,
        GlobalId::Rejudge(id) => load(ctx, Key::<RejudgeView>::new(id))
            .await?
            .map(|rejudge| Node::Rejudge(rejudge.into())),
        GlobalId::Webhook(_) if !access::may_manage_webhooks(Viewer::of(ctx)) => None,
        GlobalId::Webhook(id) => load(ctx, Key::<WebhookView>::new(id))
            .await?
            .map(|webhook| Node::Webhook(webhook.into())),
        GlobalId::Judge(_) if !access::may_see_operations(Viewer::of(ctx)) => None,
        GlobalId::Judge(id) => {
            Judge::find(Api::of(ctx), &id).await?.map(|judge| Node::Judge(Box::new(judge)))
        }
        GlobalId::Judgement(id) => {
            let found = load(ctx, Key::<SubmissionView>::new(id.submission)).await?;
            match found.filter(|submission| may_see(ctx, submission)) {
                Some(submission) => Judgement::with_id(ctx, &submission, id).await?,
                None => None,
            }
            .map(|judgement| Node::Judgement(Box::new(judgement)))
        }
        GlobalId::Event(position) => {
            Event::visible(ctx, position).await?.map(|event| Node::Event(Box::new(event)))
        }
        GlobalId::Session(id) => Session::own(ctx, id).await?.map(Node::Session),
        GlobalId::AccessToken(id) => AccessToken::own(ctx, id).await?.map(Node::AccessToken),
        GlobalId::AuditExport(id) => {
            AuditExport::load(ctx, id).await?.map(|it| Node::AuditExport(Box::new(it)))
        }
        GlobalId::Language(id) => {
            let found = Api::of(ctx).catalogue.get(&id).cloned();
            found.map(|language| Node::Language(LanguageNode(language)))
        }
    })
}

fn may_see(ctx: &Context<'_>, submission: &SubmissionView) -> bool {
    access::may_see_submissions_of(Viewer::of(ctx), &submission.author)
}

async fn load<V: View>(ctx: &Context<'_>, key: Key<V>) -> Result<Option<V>> {
    Ok(Api::loader(ctx).load_one(key).await?)
}

/// Finds a view by its number, for views whose objects have one.
async fn numbered<V: View>(ctx: &Context<'_>, number: i32) -> Result<Option<V>, ApiError> {
    let conditions = vec![Condition::Equals("number", Scalar::Integer(number.into()))];
    let request = PageRequest { conditions, ..PageRequest::all(1) };
    let found = Api::of(ctx).reader.views::<V>(&request).await?;
    Ok(found.items.into_iter().next().map(|(_, view)| view))
}

#[cfg(test)]
mod tests {
    use async_graphql::{EmptyMutation, EmptySubscription, Schema};
    use graphql::ServiceLimits;

    use super::*;

    /// Whether a server with the default limits executes the query. Nothing of it is executed here.
    async fn is_cheap(field: &str) -> bool {
        let schema = Schema::build(Reads, EmptyMutation, EmptySubscription)
            .limit_complexity(ServiceLimits::default().cost)
            .finish();
        let (name, rest) = field.split_at(field.find(" {").expect("it has fields"));
        let answer = schema.execute(format!("{{ {name} @skip(if: true){rest} }}")).await;
        match &answer.errors[..] {
            [] => true,
            [error] if error.message == "Query is too complex." => false,
            errors => panic!("{field}: {errors:?}"),
        }
    }

    #[tokio::test]
    async fn costly_fields_count_for_several() {
        let ids = vec!["\"sub_x\""; NODES_MAX].join(", ");
        let nodes = |fields: &str| format!("nodes(ids: [{ids}]) {{ ... on {fields} }}");
        let aliases = |count: usize, field: &str| -> String {
            (0..count).map(|number| format!("a{number}: {field} ")).collect()
        };
        for costly in [
            nodes("Submission { source }"),
            nodes("Problem { statement { markdown html } editorial { html } }"),
            nodes(&format!("User {{ {} }}", aliases(3, "submissions(first: 1) { totalCount }"))),
            format!("system {{ {} }}", aliases(100, "projections { name }")),
            format!("audit {{ {} }}", aliases(10, "verify { ok }")),
            "submissions(first: 100) { nodes { judgement { tests { detail { input } } } } }".into(),
            format!("viewer {{ {} }}", aliases(250, "submissions(first: 1) { totalCount }")),
        ] {
            assert!(!is_cheap(&costly).await, "{costly}");
        }
        for usual in [
            "submission(number: 1) { source judgements { tests { number detail { input } } } }",
            "submissions { totalCount nodes { id number source verdict } }",
            "problems(first: 100) { totalCount nodes { slug title difficulty tags { slug }
                version stats { submissions acceptance } viewerStatus } }",
            "problem(slug: \"sum\") { statement { html } editorial { html } hints samples { input }
                languages { language { id } limits { timeMs } starterCode } }",
            "audit { events(first: 100) { nodes { position at type actor payload leafHash } } }",
            "audit { asOf(position: \"1\") { standings(first: 100) { totalCount nodes { login } } } }",
            "system { version health components { name health detail } projections { name lagMs }
                queues { name waiting } limits { cost } }",
        ] {
            assert!(is_cheap(usual).await, "{usual}");
        }
    }
}
