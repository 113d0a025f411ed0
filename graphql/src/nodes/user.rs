//! Accounts.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use domain::Login;
use event_store::{Identity, Scope, TokenKind, TokenRecord};
use jiff::Timestamp;
use read_model::views::{AccountView, ProblemView, SolvedView, SubmissionView};
use read_model::{Condition, PageRequest, Scalar, ViewReaderExt, WHOLE_PAGE};
use uuid::Uuid;

use super::activity::{self, ActivityDay, LanguageUse, SolvedProblem};
use super::problem_search::listed;
use super::submission::{Submission, SubmissionFilter};
use super::submission_order::SubmissionOrder;
use super::{Difficulty, Role, int};
use crate::connection::{Page, Paging, cost, page};
use crate::loaders::{Count, Key, Subject};
use crate::scalars::DateTime;
use crate::{Api, ApiError, GlobalId, Viewer, access, prices};

/// An account.
#[derive(Debug, Clone)]
pub struct User(pub AccountView);

impl From<AccountView> for User {
    fn from(view: AccountView) -> Self {
        Self(view)
    }
}

#[Object]
impl User {
    /// The global id; opaque.
    pub async fn id(&self) -> ID {
        GlobalId::User(self.0.login.clone()).into()
    }

    /// The login, as used in URLs.
    async fn login(&self) -> &str {
        self.0.login.as_str()
    }

    /// The name that the account holder entered; null if there is none.
    async fn name(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        let profile = Api::loader(ctx).load_one(Subject(self.0.subject)).await?;
        Ok(profile.and_then(|profile| profile.name))
    }

    /// The email address. Visible to the account holder and administrators; null for others.
    async fn email(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        if !access::may_see_personal_data(Viewer::of(ctx), &self.0.login) {
            return Ok(None);
        }
        let profile = Api::loader(ctx).load_one(Subject(self.0.subject)).await?;
        Ok(profile.and_then(|profile| profile.email))
    }

    /// The account's roles.
    async fn roles(&self) -> Vec<Role> {
        self.0.roles.iter().copied().map(Into::into).collect()
    }

    /// Whether the account was erased: its personal data is gone, and nobody can sign in to it.
    async fn erased(&self) -> bool {
        self.0.is_erased
    }

    /// The number of listed problems solved, by difficulty.
    #[graphql(complexity = "3 * prices::COUNT + child_complexity")]
    async fn solved(&self, ctx: &Context<'_>) -> Result<Vec<SolvedCount>> {
        let solved = solved_problems(ctx, &self.0).await?;
        let mut counts = Vec::new();
        for difficulty in [Difficulty::Easy, Difficulty::Medium, Difficulty::Hard] {
            let domain = domain::Difficulty::from(difficulty);
            let rank = Scalar::Integer(difficulty as i64 + 1);
            let of_this = vec![listed(), Condition::Equals("difficulty_rank", rank)];
            let total = Api::count(ctx, Count::of::<ProblemView>(of_this)).await?;
            counts.push(SolvedCount {
                difficulty,
                solved: int(solved.iter().filter(|it| it.difficulty == domain).count()),
                total: int(total),
            });
        }
        Ok(counts)
    }

    /// The problems that the account has solved, the last one first.
    #[graphql(complexity = "cost(first, None, child_complexity)")]
    async fn solved_problems(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
    ) -> Result<Page<SolvedProblem>> {
        let paging = Paging { first, after, ..Paging::default() };
        Ok(activity::solved_problems(ctx, &self.0.login, paging).await?)
    }

    /// The days of a year, UTC, on which the account has submitted, in order. Cancelled submissions
    /// do not count.
    #[graphql(complexity = "prices::CALENDAR + child_complexity")]
    async fn calendar(&self, ctx: &Context<'_>, year: i32) -> Result<Vec<ActivityDay>> {
        Ok(activity::calendar(ctx, &self.0.login, year).await?)
    }

    /// The languages in which the account has submitted, the most used first. Cancelled submissions
    /// do not count.
    #[graphql(complexity = "prices::CALENDAR + child_complexity")]
    async fn languages(&self, ctx: &Context<'_>) -> Result<Vec<LanguageUse>> {
        Ok(activity::languages(ctx, &self.0.login).await?)
    }

    /// When the account was registered.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// The account's submissions, by default newest first. Empty if the viewer may not see them.
    #[graphql(complexity = "cost(first, None, child_complexity)")]
    async fn submissions(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        filter: Option<SubmissionFilter>,
        #[graphql(default_with = "Some(SubmissionOrder::default())")] order_by: Option<
            SubmissionOrder,
        >,
    ) -> Result<Page<Submission>> {
        let mut conditions = filter.unwrap_or_default().conditions(ctx).await?;
        let author = Scalar::Text(self.0.login.to_string());
        conditions.push(Condition::Equals("author", author));
        if !access::may_see_submissions_of(Viewer::of(ctx), &self.0.login) {
            conditions.push(Condition::AnyOf("author", vec![]));
        }
        let order = order_by.unwrap_or_default().order(&mut conditions)?;
        let paging = Paging { first, after, ..Paging::default() };
        Ok(page::<SubmissionView, _>(ctx, paging, conditions, order).await?)
    }

    /// The account's sessions. Empty unless the viewer is the account holder.
    async fn sessions(&self, ctx: &Context<'_>) -> Result<Vec<Session>> {
        let tokens = tokens(ctx, &self.0.login, self.0.subject, TokenKind::Session).await?;
        Ok(tokens.into_iter().map(|token| Session::of(ctx, token)).collect())
    }

    /// The identities at identity providers that sign in to the account. Empty unless the viewer is
    /// the account holder.
    async fn identities(&self, ctx: &Context<'_>) -> Result<Vec<LinkedIdentity>> {
        if !access::may_see_tokens(Viewer::of(ctx), &self.0.login) {
            return Ok(vec![]);
        }
        let identities = Api::of(ctx).credentials.identities(self.0.subject).await;
        let identities = identities.map_err(ApiError::from)?.into_iter();
        Ok(identities.map(LinkedIdentity::from).collect())
    }

    /// The account's access tokens. Empty unless the viewer is the account holder.
    async fn access_tokens(&self, ctx: &Context<'_>) -> Result<Vec<AccessToken>> {
        let tokens = tokens(ctx, &self.0.login, self.0.subject, TokenKind::Access).await?;
        Ok(tokens.into_iter().map(AccessToken::from).collect())
    }
}

async fn tokens(
    ctx: &Context<'_>,
    login: &Login,
    subject: Uuid,
    kind: TokenKind,
) -> Result<Vec<TokenRecord>> {
    if !access::may_see_tokens(Viewer::of(ctx), login) {
        return Ok(vec![]);
    }
    let credentials = &Api::of(ctx).credentials;
    let tokens = credentials.tokens(subject, Timestamp::now()).await;
    let tokens = tokens.map_err(ApiError::from)?.into_iter();
    Ok(tokens.filter(|token| token.kind == kind).collect())
}

/// The viewer's own token with this id; `None` if there is none.
async fn own_token(ctx: &Context<'_>, id: Uuid, kind: TokenKind) -> Result<Option<TokenRecord>> {
    let Some(viewer) = Viewer::of(ctx) else { return Ok(None) };
    let tokens = tokens(ctx, &viewer.login, viewer.subject, kind).await?;
    Ok(tokens.into_iter().find(|token| token.id == id))
}

async fn solved_problems(ctx: &Context<'_>, account: &AccountView) -> Result<Vec<ProblemView>> {
    let conditions = vec![
        Condition::Equals("login", Scalar::Text(account.login.to_string())),
        Condition::Equals("status", Scalar::Text("SOLVED".to_owned())),
    ];
    let mut request = PageRequest { conditions, ..PageRequest::all(WHOLE_PAGE) };
    let mut problems = Vec::new();
    loop {
        let found = Api::of(ctx).reader.views::<SolvedView>(&request).await;
        let found = found.map_err(ApiError::from)?;
        request.after = found.items.last().map(|(place, _)| place.clone());
        let keys = found.items.iter().map(|(_, solved)| Key::<ProblemView>::new(&solved.problem));
        let loaded = Api::loader(ctx).load_many(keys).await?.into_values();
        problems.extend(loaded.filter(|problem| problem.access.is_listed()));
        if !found.has_more {
            return Ok(problems);
        }
    }
}

/// Conditions on accounts.
#[derive(Debug, Clone, Default, InputObject)]
pub struct UserFilter {
    /// A part of the login.
    search: Option<String>,
    /// A role that the account has.
    role: Option<Role>,
}

impl UserFilter {
    /// The conditions on the views.
    pub fn conditions(self) -> Vec<Condition> {
        let search = self.search.filter(|search| !search.is_empty());
        let search = search.map(|search| Condition::Contains("login", search.to_lowercase()));
        let role = self.role.map(|role| {
            let name = serde_json::to_value(domain::Role::from(role)).ok();
            let name = name.and_then(|name| name.as_str().map(str::to_owned));
            Condition::HasAny("roles", name.map(Scalar::Text).into_iter().collect())
        });
        search.into_iter().chain(role).collect()
    }
}

/// The number of problems solved at one difficulty.
#[derive(Debug, Clone, SimpleObject)]
pub struct SolvedCount {
    /// The difficulty.
    pub(super) difficulty: Difficulty,
    /// The number of problems solved.
    pub(super) solved: i32,
    /// The number of problems there are.
    pub(super) total: i32,
}

/// A session, created by signing in.
#[derive(Debug, Clone, SimpleObject)]
pub struct Session {
    /// The session's global id, which `logout` takes.
    #[graphql(owned)]
    pub(super) id: ID,
    /// The client's name for itself.
    client: String,
    /// When the session began.
    created_at: DateTime,
    /// When the session was last used, to within about a minute.
    last_seen_at: DateTime,
    /// Whether this request uses the session.
    current: bool,
}

impl Session {
    fn of(ctx: &Context<'_>, token: TokenRecord) -> Self {
        let current = Viewer::of(ctx).map(|viewer| viewer.token);
        Self {
            id: GlobalId::Session(token.id).into(),
            current: current == Some(token.id),
            last_seen_at: DateTime(token.last_used_at.unwrap_or(token.created_at)),
            created_at: DateTime(token.created_at),
            client: token.name,
        }
    }

    /// The viewer's own session with this id; `None` if there is none.
    ///
    /// # Errors
    /// If the store does not respond.
    pub async fn own(ctx: &Context<'_>, id: Uuid) -> Result<Option<Self>> {
        let token = own_token(ctx, id, TokenKind::Session).await?;
        Ok(token.map(|token| Self::of(ctx, token)))
    }
}

/// An account at an identity provider that signs in to an account of this server.
#[derive(Debug, Clone, SimpleObject)]
pub struct LinkedIdentity {
    /// The identity's id, which `unlinkIdentity` takes.
    id: ID,
    /// The provider's name in this server's configuration.
    provider: String,
    /// When the identity was linked.
    created_at: DateTime,
}

impl From<Identity> for LinkedIdentity {
    fn from(identity: Identity) -> Self {
        Self {
            id: identity.id.to_string().into(),
            provider: identity.provider,
            created_at: DateTime(identity.created_at),
        }
    }
}

/// An access token, without its secret.
#[derive(Debug, Clone, SimpleObject)]
pub struct AccessToken {
    /// The token's global id, which `revokeAccessToken` takes.
    #[graphql(owned)]
    pub(super) id: ID,
    /// The name its creator gave it.
    name: String,
    /// The permissions that the token grants: `read`, `submit`, `full`.
    scopes: Vec<String>,
    /// When the token was last used, to within about a minute; null if never.
    last_used_at: Option<DateTime>,
    /// When the token expires; null if it does not.
    expires_at: Option<DateTime>,
}

impl AccessToken {
    /// The viewer's own access token with this id; `None` if there is none.
    ///
    /// # Errors
    /// If the store does not respond.
    pub async fn own(ctx: &Context<'_>, id: Uuid) -> Result<Option<Self>> {
        Ok(own_token(ctx, id, TokenKind::Access).await?.map(Self::from))
    }
}

impl From<TokenRecord> for AccessToken {
    fn from(token: TokenRecord) -> Self {
        let scopes = token.scopes.iter().map(|scope| match scope {
            Scope::Read => "read".to_owned(),
            Scope::Submit => "submit".to_owned(),
            Scope::Full => "full".to_owned(),
        });
        Self {
            id: GlobalId::AccessToken(token.id).into(),
            scopes: scopes.collect(),
            last_used_at: token.last_used_at.map(DateTime),
            expires_at: token.expires_at.map(DateTime),
            name: token.name,
        }
    }
}
