//! Authentication: from a bearer token to a viewer.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::Context;
use domain::account::Account;
use domain::{Login, Role, StreamId};
use event_store::{
    Credentials, EventLog, ReadError, Scope, Stream, TokenHash, TokenKind, TokenRecord,
};
use jiff::Timestamp;
use moka::future::Cache;
use read_model::views::AccountView;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{ApiError, Code};

/// How long an account's roles and erasure status are cached.
const ROLES_REMEMBERED: Duration = Duration::from_secs(2);
/// Maximum number of accounts in the cache.
const ROLES_MAX: u64 = 10_000;

/// The authenticated client of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Viewer {
    /// The viewer's account.
    pub login: Login,
    /// The key of the viewer's personal data.
    pub subject: Uuid,
    /// The account's roles.
    pub roles: BTreeSet<Role>,
    /// The permissions that the token grants.
    pub scopes: Vec<Scope>,
    /// The token's id.
    pub token: Uuid,
}

impl Viewer {
    /// Whether the account has the role or is an administrator.
    pub fn has(&self, role: Role) -> bool {
        self.roles.contains(&role) || self.roles.contains(&Role::Admin)
    }

    /// Whether the token has this scope.
    pub fn allows(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope) || self.scopes.contains(&Scope::Full)
    }

    /// The request's viewer; `None` if the client is not signed in.
    pub fn of<'a>(ctx: &Context<'a>) -> Option<&'a Self> {
        ctx.data_opt::<Option<Self>>().and_then(Option::as_ref)
    }

    /// The request's viewer, who must be signed in.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` if the client is not signed in.
    pub fn required<'a>(ctx: &Context<'a>) -> Result<&'a Self, ApiError> {
        Self::of(ctx).ok_or_else(|| {
            ApiError::new(Code::Unauthenticated, "sign in first: send an Authorization header")
        })
    }
}

/// A token's secret, as the client sends it. It is never stored; only its hash is.
#[derive(Clone)]
pub struct Secret(pub String);

impl Secret {
    /// The hash, which is stored.
    pub fn hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(self.0.as_bytes()).into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A token was refused.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// It is unknown, expired or revoked; which of these is not disclosed.
    #[error("the token is invalid, expired or revoked")]
    Invalid,
    /// A store does not respond.
    #[error(transparent)]
    Store(#[from] ApiError),
}

impl From<AuthError> for ApiError {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::Invalid => Self::new(Code::Unauthenticated, error.to_string()),
            AuthError::Store(error) => error,
        }
    }
}

/// Authenticates tokens. Roles come from the log and not from a view, because access depends on
/// them (INV-2).
#[derive(Debug, Clone)]
pub struct Authenticator {
    log: Arc<dyn EventLog>,
    credentials: Arc<dyn Credentials>,
    accounts: Cache<Login, Account>,
}

impl Authenticator {
    /// An authenticator on these stores.
    pub fn new(log: Arc<dyn EventLog>, credentials: Arc<dyn Credentials>) -> Self {
        let accounts =
            Cache::builder().max_capacity(ROLES_MAX).time_to_live(ROLES_REMEMBERED).build();
        Self { log, credentials, accounts }
    }

    /// The viewer who holds this secret. The use of the token is recorded.
    ///
    /// # Errors
    /// If the token is invalid, or a store does not respond.
    pub async fn authenticate(&self, secret: &Secret) -> Result<Viewer, AuthError> {
        let used = self.credentials.use_token(&secret.hash(), Timestamp::now()).await;
        self.viewer(used.map_err(ApiError::from)?).await
    }

    /// The viewer who still holds this token. This does not count as a use, so nothing is written.
    ///
    /// # Errors
    /// As [`Authenticator::authenticate`].
    pub async fn recheck(&self, token: &TokenHash) -> Result<Viewer, AuthError> {
        let found = self.credentials.token(token, Timestamp::now()).await;
        self.viewer(found.map_err(ApiError::from)?).await
    }

    async fn viewer(&self, token: Option<TokenRecord>) -> Result<Viewer, AuthError> {
        let token = token.filter(|token| token.kind != TokenKind::Refresh);
        let token = token.ok_or(AuthError::Invalid)?;
        let account = self.account(&token.login).await?;
        // The login may belong to a different subject than the token's, and an interrupted erasure
        // leaves tokens behind.
        if account.subject != Some(token.subject) || account.is_erased {
            return Err(AuthError::Invalid);
        }
        Ok(Viewer {
            login: token.login,
            subject: token.subject,
            roles: account.roles,
            scopes: token.scopes,
            token: token.id,
        })
    }

    async fn account(&self, login: &Login) -> Result<Account, ApiError> {
        if let Some(account) = self.accounts.get(login).await {
            return Ok(account);
        }
        let stream = StreamId::Account(login.clone());
        let account = Stream::<Account>::load(self.log.as_ref(), stream).await?.state;
        self.accounts.insert(login.clone(), account.clone()).await;
        Ok(account)
    }
}

/// The account as its stream has it, even if the views lag behind.
///
/// # Errors
/// If the log cannot be read.
pub async fn account_in_log(
    log: &dyn EventLog,
    login: &Login,
) -> Result<Option<AccountView>, ReadError> {
    let stream = StreamId::Account(login.clone());
    Ok(AccountView::fold(&event_store::read_stream_whole(log, &stream).await?))
}
