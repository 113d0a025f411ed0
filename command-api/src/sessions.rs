//! Registration, sign-in, sign-out and tokens.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use domain::account::AccountRejection;
use domain::text::is_shown;
use domain::{Actor, Login};
use event_store::{Profile, Scope, TokenKind, TokenRecord};
use graphql::nodes::{AccessToken, User};
use graphql::{ApiError, ConsistencyToken, DateTime, Secret, Viewer, account_in_log};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::accounts::{self, AccountError};
use crate::commands::Commands;
use crate::payload::{Failure, Payload, UserError, UserErrorCode, answer, token};
use crate::tokens::Issue;

/// How long a session lasts, and how long it can be refreshed.
const SESSION_LIFETIME: SignedDuration = SignedDuration::from_hours(12);
const REFRESH_LIFETIME: SignedDuration = SignedDuration::from_hours(24 * 30);
/// Length of a password, in characters. The maximum bounds the cost of hashing.
const PASSWORD_CHARS: std::ops::RangeInclusive<usize> = 8..=256;
/// Maximum size of an email address, in bytes.
const EMAIL_BYTES_MAX: usize = 254;
/// Maximum length of the name of a person, client or token, in characters.
const NAME_CHARS_MAX: usize = 100;
/// Lifetime of an access token, in days.
const TOKEN_DAYS: std::ops::RangeInclusive<i32> = 1..=3_650;
/// Maximum number of access tokens per account.
const TOKENS_MAX: usize = 50;

/// Mutations of accounts, sessions and tokens.
#[derive(Debug, Default)]
pub struct SessionMutation;

/// A new account.
#[derive(InputObject)]
pub struct RegisterInput {
    /// 2 to 32 characters: a-z, 0-9 and single hyphens inside, starting with a letter. It
    /// identifies the account.
    login: String,
    /// The email address. Visible to the account holder and administrators only.
    email: String,
    /// The password: 8 to 256 characters.
    #[graphql(secret)]
    password: String,
    /// The display name, visible to others.
    name: Option<String>,
    /// A name for the session, to recognise it later.
    client: Option<String>,
}

/// A session, or why it was refused.
#[derive(SimpleObject, Default)]
pub struct SessionPayload {
    /// The secret for the `Authorization` header; shown only once.
    access_token: Option<String>,
    /// The secret for `refreshSession`; shown only once.
    refresh_token: Option<String>,
    /// When the access token expires.
    expires_at: Option<DateTime>,
    /// The account that is signed in.
    user: Option<User>,
    /// Why the request was refused; empty on success.
    user_errors: Vec<UserError>,
    /// The consistency token of the write; null if nothing was written to the log.
    token: Option<ConsistencyToken>,
}

impl Payload for SessionPayload {
    fn refused(user_errors: Vec<UserError>) -> Self {
        Self { user_errors, ..Self::default() }
    }
}

/// The result of revoking a session or token.
#[derive(SimpleObject, Default)]
pub struct LogoutPayload {
    /// Why nothing was revoked; empty on success.
    user_errors: Vec<UserError>,
    /// Always null: tokens are not in the log.
    token: Option<ConsistencyToken>,
}

/// The properties of a new access token.
#[derive(InputObject)]
pub struct AccessTokenInput {
    /// The token's name, to recognise it later.
    name: String,
    /// The permissions to grant: `read`, `submit`, `full`.
    scopes: Vec<String>,
    /// The lifetime, from 1 to 3650 days; null if the token must not expire.
    expires_in_days: Option<i32>,
}

/// An access token, or why it was refused.
#[derive(SimpleObject, Default)]
pub struct AccessTokenPayload {
    /// The token's secret; shown only once.
    secret: Option<String>,
    /// The token, without its secret.
    access_token: Option<AccessToken>,
    /// Why the token was refused; empty on success.
    user_errors: Vec<UserError>,
    /// Always null: tokens are not in the log.
    token: Option<ConsistencyToken>,
}

impl Payload for AccessTokenPayload {
    fn refused(user_errors: Vec<UserError>) -> Self {
        Self { user_errors, ..Self::default() }
    }
}

#[Object]
impl SessionMutation {
    /// Creates an account and signs it in.
    async fn register(&self, ctx: &Context<'_>, input: RegisterInput) -> Result<SessionPayload> {
        answer(register(Commands::of(ctx), ctx, input).await)
    }

    /// Signs in with a password.
    async fn login(
        &self,
        ctx: &Context<'_>,
        login: String,
        #[graphql(secret)] password: String,
        client: Option<String>,
    ) -> Result<SessionPayload> {
        let commands = Commands::of(ctx);
        commands.admit_network(ctx)?;
        let account = match login.parse::<Login>() {
            Ok(login) => {
                commands.admit_account(&login)?;
                account_in_log(commands.log.as_ref(), &login).await.map_err(ApiError::from)?
            }
            Err(_) => None,
        };
        let profile = match &account {
            Some(account) => {
                let found = commands.credentials.profiles(&[account.subject]).await;
                found.map_err(ApiError::from)?.into_iter().next().flatten()
            }
            None => None,
        };
        let hash = profile.and_then(|profile| profile.password_hash);
        let right = commands.hashing.verify(password, hash).await?;
        let wrong = || {
            let message = "the login or the password is wrong";
            let error = UserError::new(UserErrorCode::BadCredentials, message);
            SessionPayload { user_errors: vec![error], ..SessionPayload::default() }
        };
        let Some(account) = account.filter(|_| right) else { return Ok(wrong()) };
        let client = client.unwrap_or_else(|| "unnamed".to_owned());
        match begin_session(commands, &account.login, account.subject, &client).await {
            Ok(payload) => Ok(SessionPayload { user: Some(account.into()), ..payload }),
            Err(AccountError::Rejected(_)) => Ok(wrong()),
            Err(error) => Err(ApiError::from(error).into()),
        }
    }

    /// Starts a new session from a refresh token. Each refresh token works once.
    async fn refresh_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(secret)] refresh_token: String,
    ) -> Result<SessionPayload> {
        let commands = Commands::of(ctx);
        commands.admit_network(ctx)?;
        let hash = Secret(refresh_token).hash();
        let found = commands.credentials.use_token(&hash, Timestamp::now()).await;
        let found = found.map_err(ApiError::from)?;
        let expired = || {
            let message = "the refresh token is invalid, expired or already used; sign in again";
            let error = UserError::at(UserErrorCode::Expired, "refreshToken", message);
            SessionPayload { user_errors: vec![error], ..SessionPayload::default() }
        };
        let Some(refresh) = found.filter(|token| token.kind == TokenKind::Refresh) else {
            return Ok(expired());
        };
        // If two requests present the same token, only the one that removes it gets a session.
        let revoked = commands.credentials.revoke_token(refresh.subject, refresh.id).await;
        if !revoked.map_err(ApiError::from)? {
            return Ok(expired());
        }
        let TokenRecord { login, subject, name, .. } = refresh;
        let payload = match begin_session(commands, &login, subject, &name).await {
            Ok(payload) => payload,
            Err(AccountError::Rejected(_)) => return Ok(expired()),
            Err(error) => return Err(ApiError::from(error).into()),
        };
        let view = account_in_log(commands.log.as_ref(), &login).await;
        let user = view.map_err(ApiError::from)?.map(User::from);
        Ok(SessionPayload { user, ..payload })
    }

    /// Ends this session or another of the viewer's. Ending another needs a session or a token with
    /// scope `full`.
    async fn logout(&self, ctx: &Context<'_>, session: Option<ID>) -> Result<LogoutPayload> {
        let viewer = Viewer::required(ctx)?;
        let id = match session {
            Some(session) => session.parse().ok(),
            None => Some(viewer.token),
        };
        revoke(ctx, viewer, id, "session").await
    }

    /// Creates an access token, for example for a script. Needs a session or a token with scope
    /// `full`.
    async fn create_access_token(
        &self,
        ctx: &Context<'_>,
        input: AccessTokenInput,
    ) -> Result<AccessTokenPayload> {
        let created = create_access_token(Commands::of(ctx), Viewer::required(ctx)?, input).await;
        answer(created.map(|(secret, record)| AccessTokenPayload {
            secret: Some(secret.0),
            access_token: Some(record.into()),
            ..AccessTokenPayload::default()
        }))
    }

    /// Revokes one of the viewer's access tokens. Needs a session or a token with scope `full`, or
    /// the token itself.
    async fn revoke_access_token(&self, ctx: &Context<'_>, id: ID) -> Result<LogoutPayload> {
        revoke(ctx, Viewer::required(ctx)?, id.parse().ok(), "id").await
    }
}

async fn register(
    commands: &Commands,
    ctx: &Context<'_>,
    input: RegisterInput,
) -> Result<SessionPayload, Failure> {
    commands.admit_network(ctx)?;
    let mut errors = Vec::new();
    let mut invalid = |path: &str, message: String| {
        errors.push(UserError::at(UserErrorCode::Invalid, path, message));
    };
    let login = input.login.parse::<Login>();
    if let Err(error) = &login {
        invalid("input.login", error.to_string());
    }
    let email = input.email.trim();
    let has_form = email
        .split_once('@')
        .is_some_and(|(user, host)| !user.is_empty() && !host.is_empty() && !host.contains('@'));
    if !has_form || email.len() > EMAIL_BYTES_MAX || email.contains(char::is_whitespace) {
        invalid("input.email", "an email address must have the form user@host".to_owned());
    }
    if !PASSWORD_CHARS.contains(&input.password.chars().count()) {
        let (least, most) = (PASSWORD_CHARS.start(), PASSWORD_CHARS.end());
        invalid("input.password", format!("a password must have {least} to {most} characters"));
    }
    for (path, name) in [("input.name", &input.name), ("input.client", &input.client)] {
        if name.as_ref().is_some_and(|name| !is_name(name)) {
            invalid(path, format!("a name must have 1 to {NAME_CHARS_MAX} printable characters"));
        }
    }
    let (true, Ok(login)) = (errors.is_empty(), login) else { return Err(Failure::User(errors)) };

    let password_hash = Some(commands.hashing.hash(input.password).await?);
    let profile = Profile { email: Some(email.to_owned()), name: input.name, password_hash };
    let context = event_store::Context::new(Actor::account(&login));
    let (log, credentials) = (commands.log.as_ref(), commands.credentials.as_ref());
    let registered = accounts::register(log, credentials, &login, &profile, &context).await;
    let (subject, recorded) = registered.map_err(|error| -> Failure {
        match error {
            AccountError::Rejected(AccountRejection::Taken) => {
                UserError::at(UserErrorCode::Taken, "input.login", "the login is taken").into()
            }
            AccountError::Rejected(rejection) => {
                UserError::new(UserErrorCode::Invalid, rejection.to_string()).into()
            }
            error => error.into(),
        }
    })?;
    let client = input.client.unwrap_or_else(|| "unnamed".to_owned());
    let mut payload = begin_session(commands, &login, subject, &client).await?;
    payload.token = token(&recorded);
    payload.user = account_in_log(log, &login).await?.map(User::from);
    Ok(payload)
}

async fn begin_session(
    commands: &Commands,
    login: &Login,
    subject: Uuid,
    client: &str,
) -> Result<SessionPayload, AccountError> {
    let id = Uuid::now_v7();
    let client: String = client.chars().filter(|c| is_shown(*c)).take(NAME_CHARS_MAX).collect();
    let issue = |kind, lifetime| {
        let scopes = vec![Scope::Full];
        let (lifetime, family) = (Some(lifetime), None);
        Issue { id, subject, login, kind, name: &client, scopes, lifetime, family }.issue()
    };
    let (access, session) = issue(TokenKind::Session, SESSION_LIFETIME);
    let (refresh, refreshing) = issue(TokenKind::Refresh, REFRESH_LIFETIME);
    let expires_at = session.expires_at;
    let (log, credentials) = (commands.log.as_ref(), commands.credentials.as_ref());
    accounts::keep_tokens(log, credentials, &[session, refreshing]).await?;
    Ok(SessionPayload {
        access_token: Some(access.0),
        refresh_token: Some(refresh.0),
        expires_at: expires_at.map(DateTime),
        ..SessionPayload::default()
    })
}

async fn create_access_token(
    commands: &Commands,
    viewer: &Viewer,
    input: AccessTokenInput,
) -> Result<(Secret, TokenRecord), Failure> {
    let invalid = |path, message: String| UserError::at(UserErrorCode::Invalid, path, message);
    if !viewer.allows(Scope::Full) {
        let message =
            "this token does not allow creating tokens; use a session or a token of scope full";
        return Err(UserError::new(UserErrorCode::Forbidden, message).into());
    }
    if !is_name(&input.name) {
        let message = format!("a name must have 1 to {NAME_CHARS_MAX} printable characters");
        return Err(invalid("input.name", message).into());
    }
    let scopes: Option<Vec<Scope>> = input.scopes.iter().map(|scope| scope_named(scope)).collect();
    let Some(scopes) = scopes.filter(|scopes| !scopes.is_empty()) else {
        return Err(invalid(
            "input.scopes",
            "choose at least one scope of read, submit and full".to_owned(),
        )
        .into());
    };
    if input.expires_in_days.is_some_and(|days| !TOKEN_DAYS.contains(&days)) {
        let (least, most) = (TOKEN_DAYS.start(), TOKEN_DAYS.end());
        return Err(invalid(
            "input.expiresInDays",
            format!("a token's lifetime must be {least} to {most} days"),
        )
        .into());
    }
    let held = commands.credentials.tokens(viewer.subject, Timestamp::now()).await?;
    if held.iter().filter(|token| token.kind == TokenKind::Access).count() >= TOKENS_MAX {
        let message =
            format!("an account can have at most {TOKENS_MAX} access tokens; revoke one first");
        return Err(UserError::new(UserErrorCode::TooMany, message).into());
    }
    let (secret, record) = Issue {
        id: Uuid::now_v7(),
        subject: viewer.subject,
        login: &viewer.login,
        kind: TokenKind::Access,
        name: &input.name,
        scopes,
        lifetime: input
            .expires_in_days
            .map(|days| SignedDuration::from_hours(24 * i64::from(days))),
        family: None,
    }
    .issue();
    let (log, credentials) = (commands.log.as_ref(), commands.credentials.as_ref());
    accounts::keep_tokens(log, credentials, std::slice::from_ref(&record)).await?;
    Ok((secret, record))
}

async fn revoke(
    ctx: &Context<'_>,
    viewer: &Viewer,
    id: Option<Uuid>,
    path: &str,
) -> Result<LogoutPayload> {
    // A stolen token of a lesser scope can only revoke itself, so it cannot lock the owner out.
    if id != Some(viewer.token) && !viewer.allows(Scope::Full) {
        let message = "this token can revoke only itself; use a session or a token of scope full";
        let error = UserError::new(UserErrorCode::Forbidden, message);
        return Ok(LogoutPayload { user_errors: vec![error], token: None });
    }
    let revoked = match id {
        Some(id) => {
            let credentials = &Commands::of(ctx).credentials;
            credentials.revoke_token(viewer.subject, id).await.map_err(ApiError::from)?
        }
        None => false,
    };
    let user_errors = if revoked {
        vec![]
    } else {
        vec![UserError::at(UserErrorCode::NotFound, path, "you have no such token")]
    };
    Ok(LogoutPayload { user_errors, token: None })
}

fn scope_named(name: &str) -> Option<Scope> {
    match name {
        "read" => Some(Scope::Read),
        "submit" => Some(Scope::Submit),
        "full" => Some(Scope::Full),
        _ => None,
    }
}

fn is_name(name: &str) -> bool {
    let chars = name.chars().count();
    (1..=NAME_CHARS_MAX).contains(&chars) && name.chars().all(is_shown)
}
