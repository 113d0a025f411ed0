//! Registering, signing in and out, and tokens.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use domain::account::AccountRejection;
use domain::text::is_shown;
use domain::{Actor, Login};
use event_store::{Profile, Scope, TokenKind, TokenRecord};
use jiff::{SignedDuration, Timestamp};
use query_api::nodes::{AccessToken, User};
use query_api::{ApiError, ConsistencyToken, DateTime, Secret, Viewer, account_in_log};
use uuid::Uuid;

use crate::accounts::{self, AccountError};
use crate::commands::Commands;
use crate::passwords;
use crate::payload::{Failure, UserError, UserErrorCode, token};
use crate::tokens::Issue;

/// How long a session lasts, and how long it can be refreshed.
const SESSION_LIFETIME: SignedDuration = SignedDuration::from_hours(12);
const REFRESH_LIFETIME: SignedDuration = SignedDuration::from_hours(24 * 30);
/// Characters of a password. More than the most would cost more to hash than a sign-in is worth.
const PASSWORD_CHARS: std::ops::RangeInclusive<usize> = 8..=256;
/// Bytes of an e-mail address.
const EMAIL_BYTES_MAX: usize = 254;
/// Characters of a person's, a client's or a token's name.
const NAME_CHARS_MAX: usize = 100;
/// Days that an access token may last.
const TOKEN_DAYS: std::ops::RangeInclusive<i32> = 1..=3_650;
/// Access tokens of one account.
const TOKENS_MAX: usize = 50;

/// Mutations of accounts, sessions and tokens.
#[derive(Debug, Default)]
pub struct SessionMutation;

/// A new account.
#[derive(InputObject)]
pub struct RegisterInput {
    /// Its identity: 2 to 32 of a-z, 0-9 and single hyphens inside, beginning with a letter.
    login: String,
    /// Visible to self and admins.
    email: String,
    /// 8 to 256 characters.
    #[graphql(secret)]
    password: String,
    /// Shown to others.
    name: Option<String>,
    /// What the session is called.
    client: Option<String>,
}

/// A session, or why there is none.
#[derive(SimpleObject, Default)]
pub struct SessionPayload {
    /// For the `Authorization` header; shown once.
    access_token: Option<String>,
    /// For `refreshSession`; shown once.
    refresh_token: Option<String>,
    /// When the access token ends.
    expires_at: Option<DateTime>,
    /// Whose it is.
    user: Option<User>,
    /// Why there is none.
    user_errors: Vec<UserError>,
    /// Null when nothing was written.
    token: Option<ConsistencyToken>,
}

/// Whether it is gone, or why not.
#[derive(SimpleObject, Default)]
pub struct LogoutPayload {
    /// Why not.
    user_errors: Vec<UserError>,
    /// Null: tokens are not in the log.
    token: Option<ConsistencyToken>,
}

/// A new access token.
#[derive(InputObject)]
pub struct AccessTokenInput {
    /// What to call it.
    name: String,
    /// `read`, `submit` or `full`.
    scopes: Vec<String>,
    /// 1 to 3650; null is never.
    expires_in_days: Option<i32>,
}

/// A token, or why there is none.
#[derive(SimpleObject, Default)]
pub struct AccessTokenPayload {
    /// Shown once.
    secret: Option<String>,
    /// Without its secret.
    access_token: Option<AccessToken>,
    /// Why there is none.
    user_errors: Vec<UserError>,
    /// Null: tokens are not in the log.
    token: Option<ConsistencyToken>,
}

#[Object]
impl SessionMutation {
    /// Makes an account and a first session.
    async fn register(&self, ctx: &Context<'_>, input: RegisterInput) -> Result<SessionPayload> {
        match register(Commands::of(ctx), ctx, input).await {
            Ok(payload) => Ok(payload),
            Err(Failure::User(user_errors)) => {
                Ok(SessionPayload { user_errors, ..SessionPayload::default() })
            }
            Err(Failure::Api(error)) => Err(error.into()),
        }
    }

    /// Makes a session.
    async fn login(
        &self,
        ctx: &Context<'_>,
        login: String,
        #[graphql(secret)] password: String,
        client: Option<String>,
    ) -> Result<SessionPayload> {
        let commands = Commands::of(ctx);
        commands.admit_sign_in(ctx)?;
        let account = match login.parse::<Login>() {
            Ok(login) => {
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
        let right = passwords::verify(&commands.hashing, password, hash).await?;
        let wrong = || {
            let message = "login or password is wrong";
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

    /// Makes a session from a refresh token, which is used up.
    async fn refresh_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(secret)] refresh_token: String,
    ) -> Result<SessionPayload> {
        let commands = Commands::of(ctx);
        commands.admit_sign_in(ctx)?;
        let hash = Secret(refresh_token).hash();
        let found = commands.credentials.use_token(&hash, Timestamp::now()).await;
        let found = found.map_err(ApiError::from)?;
        let expired = || {
            let message = "the refresh token is not valid, or not any more";
            let error = UserError::at(UserErrorCode::Expired, "refreshToken", message);
            SessionPayload { user_errors: vec![error], ..SessionPayload::default() }
        };
        let Some(refresh) = found.filter(|token| token.kind == TokenKind::Refresh) else {
            return Ok(expired());
        };
        // Of two that bring the same token, the one that removes it gets the session.
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

    /// Ends this session, or another of the viewer's, which only a session or a token of full scope can.
    async fn logout(&self, ctx: &Context<'_>, session: Option<ID>) -> Result<LogoutPayload> {
        let viewer = Viewer::required(ctx)?;
        let id = match session {
            Some(session) => session.parse().ok(),
            None => Some(viewer.token),
        };
        revoke(ctx, viewer, id, "session").await
    }

    /// Makes an access token for a script. Only a session or a token of full scope can.
    async fn create_access_token(
        &self,
        ctx: &Context<'_>,
        input: AccessTokenInput,
    ) -> Result<AccessTokenPayload> {
        match create_access_token(Commands::of(ctx), Viewer::required(ctx)?, input).await {
            Ok((secret, record)) => Ok(AccessTokenPayload {
                secret: Some(secret.0),
                access_token: Some(record.into()),
                ..AccessTokenPayload::default()
            }),
            Err(Failure::User(user_errors)) => {
                Ok(AccessTokenPayload { user_errors, ..AccessTokenPayload::default() })
            }
            Err(Failure::Api(error)) => Err(error.into()),
        }
    }

    /// Ends an access token of the viewer's. Only a session or a token of full scope can, or the token itself.
    async fn revoke_access_token(&self, ctx: &Context<'_>, id: ID) -> Result<LogoutPayload> {
        revoke(ctx, Viewer::required(ctx)?, id.parse().ok(), "id").await
    }
}

async fn register(
    commands: &Commands,
    ctx: &Context<'_>,
    input: RegisterInput,
) -> Result<SessionPayload, Failure> {
    commands.admit_sign_in(ctx)?;
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
        invalid("input.email", "an e-mail address has the form user@host".to_owned());
    }
    if !PASSWORD_CHARS.contains(&input.password.chars().count()) {
        let (least, most) = (PASSWORD_CHARS.start(), PASSWORD_CHARS.end());
        invalid("input.password", format!("a password has {least} to {most} characters"));
    }
    for (path, name) in [("input.name", &input.name), ("input.client", &input.client)] {
        if name.as_ref().is_some_and(|name| !is_name(name)) {
            invalid(path, format!("a name has 1 to {NAME_CHARS_MAX} printable characters"));
        }
    }
    let (true, Ok(login)) = (errors.is_empty(), login) else { return Err(Failure::User(errors)) };

    let password_hash = Some(passwords::hash(&commands.hashing, input.password).await?);
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
        Issue { id, subject, login, kind, name: &client, scopes, lifetime: Some(lifetime) }.issue()
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
        let message = "this token does not allow making tokens";
        return Err(UserError::new(UserErrorCode::Forbidden, message).into());
    }
    if !is_name(&input.name) {
        let message = format!("a name has 1 to {NAME_CHARS_MAX} printable characters");
        return Err(invalid("input.name", message).into());
    }
    let scopes: Option<Vec<Scope>> = input.scopes.iter().map(|scope| scope_named(scope)).collect();
    let Some(scopes) = scopes.filter(|scopes| !scopes.is_empty()) else {
        return Err(invalid("input.scopes", "name read, submit or full".to_owned()).into());
    };
    if input.expires_in_days.is_some_and(|days| !TOKEN_DAYS.contains(&days)) {
        let (least, most) = (TOKEN_DAYS.start(), TOKEN_DAYS.end());
        return Err(invalid("input.expiresInDays", format!("{least} to {most} days")).into());
    }
    let held = commands.credentials.tokens(viewer.subject, Timestamp::now()).await?;
    if held.iter().filter(|token| token.kind == TokenKind::Access).count() >= TOKENS_MAX {
        let message = format!("an account has at most {TOKENS_MAX} access tokens");
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
    // Whoever finds a lesser token can end that, and lock nobody out.
    if id != Some(viewer.token) && !viewer.allows(Scope::Full) {
        let message = "this token does not allow ending others";
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
        vec![UserError::at(UserErrorCode::NotFound, path, "there is no such token of yours")]
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
