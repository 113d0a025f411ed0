//! Registration, sign-in, sign-out and tokens.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use domain::account::AccountRejection;
use domain::text::is_shown;
use domain::{Actor, Login};
use event_store::{Profile, Rotation, Scope, TokenKind, TokenRecord};
use graphql::nodes::{AccessToken, User};
use graphql::{ApiError, ConsistencyToken, DateTime, GlobalId, Secret, Viewer, account_in_log};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::account_input::{self, NAME_CHARS_MAX};
use crate::accounts::{self, AccountError};
use crate::commands::Commands;
use crate::payload::{Failure, Payload, UserError, UserErrorCode, answer, token};
use crate::submit::check_key;
use crate::tokens::Issue;
use crate::{invitations, permission, profile};

/// How long a session lasts, and how long it can be refreshed.
const SESSION_LIFETIME: SignedDuration = SignedDuration::from_hours(12);
const REFRESH_LIFETIME: SignedDuration = SignedDuration::from_hours(24 * 30);
/// For how long a refresh token may be used again without ending its sign-in: a client may repeat a
/// request whose answer it did not get.
const REUSE_GRACE: SignedDuration = SignedDuration::from_secs(10);
/// The name of a session whose client gave none.
pub(crate) const UNNAMED: &str = "unnamed";
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
    /// The secret of an invitation, if the server needs one to register.
    #[graphql(secret)]
    invitation: Option<String>,
}

/// A session, or why it was refused.
#[derive(SimpleObject, Default)]
pub struct SessionPayload {
    /// The secret for the `Authorization` header; shown only once.
    pub(crate) access_token: Option<String>,
    /// The secret for `refreshSession`; shown only once.
    refresh_token: Option<String>,
    /// When the access token expires.
    expires_at: Option<DateTime>,
    /// The account that is signed in.
    pub(crate) user: Option<User>,
    /// Whether the account existed already; only `register` can find that.
    replayed: bool,
    /// Why the request was refused; empty on success.
    pub(crate) user_errors: Vec<UserError>,
    /// The consistency token of the write; null if nothing was written to the log.
    pub(crate) token: Option<ConsistencyToken>,
}

impl Payload for LogoutPayload {
    fn refused(user_errors: Vec<UserError>) -> Self {
        Self { user_errors, ..Self::default() }
    }
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
    pub(crate) user_errors: Vec<UserError>,
    /// Always null: tokens are not in the log.
    pub(crate) token: Option<ConsistencyToken>,
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
    /// Makes retries safe: while the token exists, a request with the same key and input returns
    /// it, without its secret. 1 to 200 characters.
    idempotency_key: Option<String>,
}

/// An access token, or why it was refused.
#[derive(SimpleObject, Default)]
pub struct AccessTokenPayload {
    /// The token's secret; shown only once, so it is null if `replayed`.
    secret: Option<String>,
    /// Whether the token existed already, found by its idempotency key.
    replayed: bool,
    /// The token, without its secret.
    access_token: Option<AccessToken>,
    /// Why the token was refused; empty on success.
    pub(crate) user_errors: Vec<UserError>,
    /// Always null: tokens are not in the log.
    pub(crate) token: Option<ConsistencyToken>,
}

impl Payload for AccessTokenPayload {
    fn refused(user_errors: Vec<UserError>) -> Self {
        Self { user_errors, ..Self::default() }
    }
}

#[Object]
impl SessionMutation {
    /// Creates an account and signs it in. If the server needs an invitation, it is used up. A retry
    /// is safe without an idempotency key: with the login, email, name and password of an account
    /// that exists, it signs that account in.
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
        let right = commands.hashing.verify(password, hash.clone()).await?;
        let wrong = || {
            let message = "the login or the password is wrong";
            let error = UserError::new(UserErrorCode::BadCredentials, message);
            SessionPayload { user_errors: vec![error], ..SessionPayload::default() }
        };
        let Some(account) = account.filter(|_| right) else { return Ok(wrong()) };
        let client = client.as_deref().unwrap_or(UNNAMED);
        let (subject, family) = (account.subject, Uuid::now_v7());
        let payload = match begin_session(commands, &account.login, subject, client, family).await {
            Ok(payload) => payload,
            Err(AccountError::Rejected(_)) => return Ok(wrong()),
            Err(error) => return Err(ApiError::from(error).into()),
        };
        // A change of the password ends sessions, but not one that begins at the same time.
        let credentials = commands.credentials.as_ref();
        let profile = credentials.profiles(&[subject]).await.map_err(ApiError::from)?.pop();
        if profile.flatten().and_then(|profile| profile.password_hash) != hash {
            credentials.revoke_family(subject, family).await.map_err(ApiError::from)?;
            return Ok(wrong());
        }
        Ok(SessionPayload { user: Some(account.into()), ..payload })
    }

    /// Starts a new session from a refresh token. Each refresh token works once; if one is used
    /// again later, its whole sign-in ends, because somebody may have copied it.
    async fn refresh_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(secret)] refresh_token: String,
    ) -> Result<SessionPayload> {
        let commands = Commands::of(ctx);
        commands.admit_network(ctx)?;
        let refreshed = refresh_session(commands, &Secret(refresh_token)).await?;
        Ok(refreshed.unwrap_or_else(|| {
            let message = "the refresh token is invalid, expired or already used; sign in again";
            let error = UserError::at(UserErrorCode::Expired, "refreshToken", message);
            SessionPayload { user_errors: vec![error], ..SessionPayload::default() }
        }))
    }

    /// Ends all of the viewer's sessions, except the one that is used now. Access tokens stay.
    /// Needs a session or a token with scope `full`.
    async fn end_other_sessions(&self, ctx: &Context<'_>) -> Result<LogoutPayload> {
        let (commands, viewer) = (Commands::of(ctx), Viewer::required(ctx)?);
        answer(end_other_sessions(commands, viewer).await.map(|()| LogoutPayload::default()))
    }

    /// Ends this session or another of the viewer's. Ending another needs a session or a token with
    /// scope `full`.
    async fn logout(&self, ctx: &Context<'_>, session: Option<ID>) -> Result<LogoutPayload> {
        let viewer = Viewer::required(ctx)?;
        let id = match &session {
            Some(session) => GlobalId::session(session)?,
            None => viewer.token,
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
            replayed: secret.is_none(),
            secret: secret.map(|secret| secret.0),
            access_token: Some(record.into()),
            ..AccessTokenPayload::default()
        }))
    }

    /// Revokes one of the viewer's access tokens. Needs a session or a token with scope `full`, or
    /// the token itself.
    async fn revoke_access_token(&self, ctx: &Context<'_>, id: ID) -> Result<LogoutPayload> {
        revoke(ctx, Viewer::required(ctx)?, GlobalId::access_token(&id)?, "id").await
    }
}

async fn register(
    commands: &Commands,
    ctx: &Context<'_>,
    input: RegisterInput,
) -> Result<SessionPayload, Failure> {
    commands.admit_network(ctx)?;
    let mut errors = Vec::new();
    let login = input.login.parse::<Login>();
    if let Err(error) = &login {
        errors.push(UserError::at(UserErrorCode::Invalid, "input.login", error.to_string()));
    }
    let email = account_input::email(&input.email, "input.email");
    errors.extend(email.as_ref().err().cloned());
    errors.extend(account_input::new_password(&input.password, "input.password").err());
    for (path, name) in [("input.name", &input.name), ("input.client", &input.client)] {
        errors.extend(name.as_ref().and_then(|name| account_input::name(name, path).err()));
    }
    let (true, Ok(login), Ok(email)) = (errors.is_empty(), login, email) else {
        return Err(Failure::User(errors));
    };

    let client = input.client.unwrap_or_else(|| UNNAMED.to_owned());
    let mut profile = Profile { email: Some(email), name: input.name, password_hash: None };
    if account_in_log(commands.log.as_ref(), &login).await?.is_some() {
        return registered_before(commands, &login, &profile, input.password, &client).await;
    }
    profile.password_hash = Some(commands.hashing.hash(input.password.clone()).await?);
    let invitation = invitations::admit(commands, input.invitation, "input.invitation").await?;
    let context = event_store::Context::new(Actor::account(&login));
    let (log, credentials) = (commands.log.as_ref(), commands.credentials.as_ref());
    let registered = accounts::register(log, credentials, &login, &profile, &context).await;
    let (subject, recorded) = match registered {
        Ok(registered) => registered,
        Err(AccountError::Rejected(rejection)) => {
            invitations::give_back(commands, invitation).await?;
            return match rejection {
                AccountRejection::Taken => {
                    registered_before(commands, &login, &profile, input.password, &client).await
                }
                _ => Err(UserError::new(UserErrorCode::Invalid, rejection.to_string()).into()),
            };
        }
        Err(error) => return Err(error.into()),
    };
    let mut payload = begin_session(commands, &login, subject, &client, Uuid::now_v7()).await?;
    payload.token = token(&recorded);
    payload.user = account_in_log(log, &login).await?.map(User::from);
    Ok(payload)
}

/// Signs in to an account that exists, if this is the same registration again: a client whose
/// connection broke does not know that the first one succeeded. It counts as a sign-in.
async fn registered_before(
    commands: &Commands,
    login: &Login,
    profile: &Profile,
    password: String,
    client: &str,
) -> Result<SessionPayload, Failure> {
    commands.admit_account(login)?;
    let taken = || UserError::at(UserErrorCode::Taken, "input.login", "the login is taken");
    let account = account_in_log(commands.log.as_ref(), login).await?.ok_or_else(taken)?;
    let known = commands.credentials.profiles(&[account.subject]).await?.into_iter().next();
    let is_same = |known: &Profile| known.email == profile.email && known.name == profile.name;
    let hash = known.flatten().filter(is_same).and_then(|known| known.password_hash);
    if !commands.hashing.verify(password, hash).await? {
        return Err(taken().into());
    }
    match begin_session(commands, login, account.subject, client, Uuid::now_v7()).await {
        Ok(payload) => Ok(SessionPayload { user: Some(account.into()), replayed: true, ..payload }),
        Err(AccountError::Rejected(_)) => Err(taken().into()),
        Err(error) => Err(error.into()),
    }
}

/// Exchanges a refresh token for a new session; `None` if it is not valid. A token that was
/// exchanged some time ago has been copied, so its whole sign-in ends.
async fn refresh_session(
    commands: &Commands,
    secret: &Secret,
) -> Result<Option<SessionPayload>, ApiError> {
    let (hash, now) = (secret.hash(), Timestamp::now());
    let credentials = commands.credentials.as_ref();
    let exchanged = match credentials.rotate_refresh_token(&hash, now).await? {
        Some(Rotation::First(token)) => token,
        Some(Rotation::Again(token)) => {
            if token.rotated_at.is_some_and(|first| is_copied(first, now)) {
                credentials.revoke_family(token.subject, token.family).await?;
                tracing::warn!(login = %token.login, "a refresh token was used twice");
            }
            return Ok(None);
        }
        None => return Ok(None),
    };
    let TokenRecord { login, subject, name, family, .. } = exchanged;
    let payload = match begin_session(commands, &login, subject, &name, family).await {
        Ok(payload) => payload,
        Err(AccountError::Rejected(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    // If the sign-in was ended in the meantime, the new session ends too.
    if credentials.token(&hash, now).await?.is_none() {
        credentials.revoke_family(subject, family).await?;
        return Ok(None);
    }
    let user = account_in_log(commands.log.as_ref(), &login).await?.map(User::from);
    Ok(Some(SessionPayload { user, ..payload }))
}

/// Whether the second use of a refresh token, at `now`, shows that it was copied.
fn is_copied(first_use: Timestamp, now: Timestamp) -> bool {
    now.duration_since(first_use) > REUSE_GRACE
}

async fn end_other_sessions(commands: &Commands, viewer: &Viewer) -> Result<(), Failure> {
    permission::full(viewer)?;
    let family = profile::family_of(commands, viewer).await?;
    profile::end_sign_ins(commands, viewer.subject, Some(family), false).await
}

/// Signs in to an account. All tokens of one sign-in have the same family.
pub(crate) async fn begin_session(
    commands: &Commands,
    login: &Login,
    subject: Uuid,
    client: &str,
    family: Uuid,
) -> Result<SessionPayload, AccountError> {
    let id = Uuid::now_v7();
    let client: String = client.chars().filter(|c| is_shown(*c)).take(NAME_CHARS_MAX).collect();
    let issue = |kind, lifetime| {
        let scopes = vec![Scope::Full];
        let (lifetime, family) = (Some(lifetime), Some(family));
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
) -> Result<(Option<Secret>, TokenRecord), Failure> {
    let invalid = |path, message: String| UserError::at(UserErrorCode::Invalid, path, message);
    permission::full(viewer)?;
    account_input::name(&input.name, "input.name")?;
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
    let lifetime =
        input.expires_in_days.map(|days| SignedDuration::from_hours(24 * i64::from(days)));
    let id = match &input.idempotency_key {
        Some(key) => {
            check_key(key)?;
            // Tokens are not in the log. Two requests at the same time may both create this token;
            // then both secrets work, and revoking the token ends both.
            Uuid::new_v5(&viewer.subject, key.as_bytes())
        }
        None => Uuid::now_v7(),
    };
    let held = commands.credentials.tokens(viewer.subject, Timestamp::now()).await?;
    if let Some(first) = held.iter().find(|token| token.id == id) {
        let held_for = first.expires_at.map(|end| end.duration_since(first.created_at));
        if first.name == input.name && first.scopes == scopes && held_for == lifetime {
            return Ok((None, first.clone()));
        }
        let message = "the idempotency key was used before with a different input";
        let code = UserErrorCode::IdempotencyKeyReused;
        return Err(UserError::at(code, "input.idempotencyKey", message).into());
    }
    if held.iter().filter(|token| token.kind == TokenKind::Access).count() >= TOKENS_MAX {
        let message =
            format!("an account can have at most {TOKENS_MAX} access tokens; revoke one first");
        return Err(UserError::new(UserErrorCode::TooMany, message).into());
    }
    let (secret, record) = Issue {
        id,
        subject: viewer.subject,
        login: &viewer.login,
        kind: TokenKind::Access,
        name: &input.name,
        scopes,
        lifetime,
        family: None,
    }
    .issue();
    let (log, credentials) = (commands.log.as_ref(), commands.credentials.as_ref());
    accounts::keep_tokens(log, credentials, std::slice::from_ref(&record)).await?;
    Ok((Some(secret), record))
}

async fn revoke(ctx: &Context<'_>, viewer: &Viewer, id: Uuid, path: &str) -> Result<LogoutPayload> {
    // A stolen token of a lesser scope can only revoke itself, so it cannot lock the owner out.
    if id != viewer.token && !viewer.allows(Scope::Full) {
        let message = "this token can revoke only itself; use a session or a token of scope full";
        let error = UserError::new(UserErrorCode::Forbidden, message);
        return Ok(LogoutPayload { user_errors: vec![error], token: None });
    }
    let credentials = &Commands::of(ctx).credentials;
    let revoked = credentials.revoke_token(viewer.subject, id).await.map_err(ApiError::from)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_late_second_use_of_a_refresh_token_ends_its_sign_in() {
        let first = Timestamp::UNIX_EPOCH;
        for (after_ms, copied) in [(0, false), (9_999, false), (10_000, false), (10_001, true)] {
            let now = first + SignedDuration::from_millis(after_ms);
            assert_eq!(is_copied(first, now), copied, "{after_ms} ms");
        }
    }
}
