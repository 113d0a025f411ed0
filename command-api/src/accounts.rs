//! Registering accounts and granting roles, for mutations and the command line.

use domain::account::{Account, AccountCommand, AccountRejection};
use domain::{Actor, Event, Login, Recorded, Role, StreamId};
use event_store::{
    AppendError, ChangeError, Context, Credentials, CredentialsError, EventLog, ExecuteError,
    Identity, Profile, ReadError, Scope, Stores, Stream, TokenKind, TokenRecord,
};
use graphql::{ApiError, Code, Secret};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::payload::not_appended;
use crate::tokens::Issue;

/// The login of the first account.
const ADMINISTRATOR: &str = "admin";
/// The name of its first token.
const FIRST_TOKEN: &str = "first start";

/// Creating or changing an account failed.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The account's rules refuse the command.
    #[error(transparent)]
    Rejected(#[from] AccountRejection),
    /// The log could not be read.
    #[error("reading the account failed")]
    Read(#[from] ReadError),
    /// The event could not be appended to the log.
    #[error("recording failed")]
    Append(#[source] AppendError),
    /// The identity signs in to another account.
    #[error("another account has this identity")]
    IdentityTaken,
    /// The credentials could not be stored.
    #[error("keeping the credentials failed")]
    Credentials(#[from] CredentialsError),
}

impl From<ExecuteError<AccountRejection>> for AccountError {
    fn from(error: ExecuteError<AccountRejection>) -> Self {
        match error {
            ExecuteError::Rejected(rejection) => Self::Rejected(rejection),
            ExecuteError::Append(error) => Self::Append(error),
        }
    }
}

impl From<AccountError> for ApiError {
    fn from(error: AccountError) -> Self {
        match error {
            // The caller is signed in to this account, so it was erased while the request ran.
            AccountError::Rejected(rejection) => {
                Self::new(Code::Unauthenticated, rejection.to_string())
            }
            AccountError::IdentityTaken => Self::new(Code::Unauthenticated, error.to_string()),
            AccountError::Read(error) => error.into(),
            AccountError::Append(error) => not_appended(&error),
            AccountError::Credentials(error) => error.into(),
        }
    }
}

/// Claims the login and stores the profile under a new subject.
///
/// The profile is stored first, so that every account has one. If the login turns out to be taken,
/// the profile is removed again.
///
/// # Errors
/// When the login is taken, or a store does not answer.
pub async fn register(
    log: &dyn EventLog,
    credentials: &dyn Credentials,
    login: &Login,
    profile: &Profile,
    context: &Context,
) -> Result<(Uuid, Vec<Recorded>), AccountError> {
    // It has a time: a profile that stays without an account is removed after a while.
    let subject = Uuid::now_v7();
    let registering = Registering { login, subject, identity: None };
    let recorded = register_as(log, credentials, &registering, profile, context).await?;
    Ok((subject, recorded))
}

/// An account to register.
#[derive(Debug)]
pub(crate) struct Registering<'a> {
    pub(crate) login: &'a Login,
    /// A new subject, with the time in it.
    pub(crate) subject: Uuid,
    /// The identity that signs in to it.
    pub(crate) identity: Option<&'a Identity>,
}

/// As [`register`], with a known subject, and an identity that is claimed before the login.
pub(crate) async fn register_as(
    log: &dyn EventLog,
    credentials: &dyn Credentials,
    registering: &Registering<'_>,
    profile: &Profile,
    context: &Context,
) -> Result<Vec<Recorded>, AccountError> {
    let Registering { login, subject, identity } = *registering;
    let mut stream = Stream::<Account>::load(log, StreamId::Account(login.clone())).await?;
    if stream.state.subject.is_some() {
        return Err(AccountRejection::Taken.into());
    }
    credentials.put_profile(subject, profile).await?;
    if let Some(identity) = identity
        && !credentials.claim_identity(identity).await?
    {
        credentials.erase(subject).await?;
        return Err(AccountError::IdentityTaken);
    }
    let register = AccountCommand::Register { login: login.clone(), subject };
    match stream.execute(log, vec![register], context, None, None).await {
        Ok(recorded) => Ok(recorded),
        Err(error) => {
            // If the outcome is unknown, the append may have succeeded, and the account needs its
            // profile.
            if !matches!(error, ExecuteError::Append(AppendError::Unknown(_))) {
                credentials.erase(subject).await?;
            }
            Err(match error {
                // Another request registered the login first.
                ExecuteError::Append(AppendError::Conflict { .. }) => {
                    AccountRejection::Taken.into()
                }
                error => error.into(),
            })
        }
    }
}

/// Grants a role to the account.
///
/// # Errors
/// When there is no such account, or a store does not answer.
pub async fn grant(
    log: &dyn EventLog,
    login: &Login,
    role: Role,
    context: &Context,
) -> Result<Vec<Recorded>, AccountError> {
    Ok(change(log, login, &AccountCommand::Grant(role), context).await?.1)
}

/// Revokes a role of the account.
///
/// # Errors
/// When there is no such account, the role cannot be revoked, or a store does not answer.
pub async fn revoke(
    log: &dyn EventLog,
    login: &Login,
    role: Role,
    context: &Context,
) -> Result<Vec<Recorded>, AccountError> {
    Ok(change(log, login, &AccountCommand::Revoke(role), context).await?.1)
}

/// Erases the account's personal data, secrets and tokens. The log keeps the login and the
/// submissions, and still verifies. Erasing again completes an interrupted erasure.
///
/// # Errors
/// When there is no such account, or a store does not answer.
pub async fn erase(
    log: &dyn EventLog,
    credentials: &dyn Credentials,
    login: &Login,
    context: &Context,
) -> Result<Vec<Recorded>, AccountError> {
    // Record the event first: from then on no sign-in succeeds, even if the rest fails.
    let (account, recorded) = change(log, login, &AccountCommand::Erase, context).await?;
    credentials.erase(account.subject.ok_or(AccountRejection::NotFound)?).await?;
    Ok(recorded)
}

/// Decides and records a command: returns the account's new state and the recorded events.
async fn change(
    log: &dyn EventLog,
    login: &Login,
    command: &AccountCommand,
    context: &Context,
) -> Result<(Account, Vec<Recorded>), AccountError> {
    let stream = StreamId::Account(login.clone());
    match Stream::<Account>::change(log, stream, context, || command.clone()).await {
        Ok((stream, recorded)) => Ok((stream.state, recorded)),
        Err(ChangeError::Read(error)) => Err(error.into()),
        Err(ChangeError::Execute(error)) => Err(error.into()),
    }
}

/// Stores new tokens of one account, unless it was erased.
///
/// The account is checked after the tokens are stored. An erasure records its event and then
/// removes tokens: either it removes these tokens, or this function sees its event.
///
/// # Errors
/// When the account was erased, or a store does not answer.
pub(crate) async fn keep_tokens(
    log: &dyn EventLog,
    credentials: &dyn Credentials,
    tokens: &[TokenRecord],
) -> Result<(), AccountError> {
    for token in tokens {
        credentials.put_token(token).await?;
    }
    let Some(TokenRecord { login, subject, .. }) = tokens.first() else { return Ok(()) };
    let account = Stream::<Account>::load(log, StreamId::Account(login.clone())).await?.state;
    if account.is_erased {
        credentials.erase(*subject).await?;
        return Err(AccountRejection::Erased.into());
    }
    Ok(())
}

/// Issues an access token for the account. The secret is returned and not stored.
///
/// # Errors
/// When there is no such account, or a store does not answer.
pub async fn issue_token(
    stores: &Stores,
    login: &Login,
    name: &str,
    scopes: Vec<Scope>,
    lifetime: Option<SignedDuration>,
) -> Result<Secret, AccountError> {
    let stream = StreamId::Account(login.clone());
    let account = Stream::<Account>::load(stores.log.as_ref(), stream).await?.state;
    let subject = account.subject.ok_or(AccountRejection::NotFound)?;
    let (id, kind) = (Uuid::now_v7(), TokenKind::Access);
    let family = None;
    let (secret, record) =
        Issue { id, subject, login, kind, name, scopes, lifetime, family }.issue();
    keep_tokens(stores.log.as_ref(), stores.credentials.as_ref(), &[record]).await?;
    Ok(secret)
}

/// Creates the first administrator account, unless it exists. The secret is returned only this
/// once. A start that was interrupted between the account and its role or token is completed.
///
/// # Errors
/// When a store does not answer.
pub async fn bootstrap_administrator(
    stores: &Stores,
) -> Result<Option<(Login, Secret)>, AccountError> {
    let login: Login = ADMINISTRATOR.parse().expect("the name of the administrator is a login");
    let context = Context::new(Actor::system());
    let profile = Profile { email: None, name: None, password_hash: None };
    let log = stores.log.as_ref();
    match register(log, stores.credentials.as_ref(), &login, &profile, &context).await {
        Ok(_) => {}
        Err(AccountError::Rejected(AccountRejection::Taken))
            if is_unfinished_first_start(stores, &login).await? => {}
        Err(AccountError::Rejected(AccountRejection::Taken)) => return Ok(None),
        Err(error) => return Err(error),
    }
    // The role comes last: an account that has it was made whole.
    let secret = issue_token(stores, &login, FIRST_TOKEN, vec![Scope::Full], None).await?;
    grant(log, &login, Role::Admin, &context).await?;
    Ok(Some((login, secret)))
}

/// Whether the account was registered by a first start that did not come to its role: nothing else
/// happened to it, and nobody can sign in to it, except with the token of such a start.
async fn is_unfinished_first_start(stores: &Stores, login: &Login) -> Result<bool, AccountError> {
    let stream = StreamId::Account(login.clone());
    let events = event_store::read_stream_whole(stores.log.as_ref(), &stream).await?;
    let [Recorded { event: Event::AccountRegistered(registered), metadata, .. }] = &events[..]
    else {
        return Ok(false);
    };
    let (credentials, subject) = (stores.credentials.as_ref(), registered.subject);
    let profile = credentials.profiles(&[subject]).await?.pop().flatten();
    let has_no_password = profile.is_some_and(|profile| profile.password_hash.is_none());
    let tokens = credentials.tokens(subject, Timestamp::now()).await?;
    let is_first = |token: &TokenRecord| token.name == FIRST_TOKEN;
    Ok(metadata.actor == Actor::system() && has_no_password && tokens.iter().all(is_first))
}

#[cfg(test)]
mod tests {
    use super::*;

    use event_store::StoreUrls;
    use futures::future::join_all;
    use tempfile::TempDir;

    const ROLES: [Role; 4] = [Role::Setter, Role::Judge, Role::Auditor, Role::Admin];
    const ROUNDS: usize = 10;

    async fn stores(directory: &TempDir) -> Stores {
        event_store::open(&StoreUrls::embedded(directory.path())).await.unwrap()
    }

    fn context() -> Context {
        Context::new(Actor::system())
    }

    async fn registered(stores: &Stores, login: &Login) -> Result<Uuid, AccountError> {
        let profile = Profile { email: None, name: None, password_hash: None };
        let (log, credentials) = (stores.log.as_ref(), stores.credentials.as_ref());
        let registered = register(log, credentials, login, &profile, &context()).await;
        registered.map(|(subject, _)| subject)
    }

    fn token(login: &Login, subject: Uuid) -> (Secret, TokenRecord) {
        let (id, kind, scopes) = (Uuid::now_v7(), TokenKind::Session, vec![Scope::Full]);
        let name = "a test";
        Issue { id, subject, login, kind, name, scopes, lifetime: None, family: None }.issue()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_first_start_that_was_interrupted_is_completed() {
        for has_token in [false, true] {
            let directory = TempDir::new().unwrap();
            let stores = stores(&directory).await;
            let admin: Login = ADMINISTRATOR.parse().unwrap();
            let subject = registered(&stores, &admin).await.unwrap();
            if has_token {
                let full = vec![Scope::Full];
                issue_token(&stores, &admin, FIRST_TOKEN, full, None).await.unwrap();
            }
            let (login, _) = bootstrap_administrator(&stores).await.unwrap().unwrap();
            let stream = StreamId::Account(login);
            let account = Stream::<Account>::load(stores.log.as_ref(), stream).await.unwrap();
            assert!(account.state.roles.contains(&Role::Admin));
            assert!(bootstrap_administrator(&stores).await.unwrap().is_none());
            // One whose token was revoked, or whose role was taken away, stays as it is.
            for token in stores.credentials.tokens(subject, Timestamp::now()).await.unwrap() {
                stores.credentials.revoke_token(subject, token.id).await.unwrap();
            }
            assert!(bootstrap_administrator(&stores).await.unwrap().is_none());
            let revoke = AccountCommand::Revoke(Role::Admin);
            change(stores.log.as_ref(), &admin, &revoke, &context()).await.unwrap();
            assert!(bootstrap_administrator(&stores).await.unwrap().is_none());
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn roles_granted_concurrently_are_all_kept() {
        let directory = TempDir::new().unwrap();
        let stores = stores(&directory).await;
        let log = stores.log.as_ref();
        for round in 0..ROUNDS {
            let login: Login = format!("ada{round}").parse().unwrap();
            registered(&stores, &login).await.unwrap();
            let context = context();
            let granted = join_all(ROLES.map(|role| grant(log, &login, role, &context))).await;
            for outcome in granted {
                assert_eq!(outcome.unwrap().len(), 1);
            }
            let account = Stream::<Account>::load(log, StreamId::Account(login)).await.unwrap();
            assert!(ROLES.iter().all(|role| account.state.roles.contains(role)));
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn one_of_several_concurrent_registrations_succeeds() {
        let directory = TempDir::new().unwrap();
        let stores = stores(&directory).await;
        for round in 0..ROUNDS {
            let login: Login = format!("ada{round}").parse().unwrap();
            let outcomes = join_all([(); 4].map(|()| registered(&stores, &login))).await;
            let taken = outcomes.iter().filter(|outcome| {
                matches!(outcome, Err(AccountError::Rejected(AccountRejection::Taken)))
            });
            assert_eq!(taken.count(), 3, "{outcomes:?}");
            let of_one = outcomes.iter().filter(|outcome| outcome.is_ok());
            assert_eq!(of_one.count(), 1);
        }
    }

    /// For example, when somebody signs in while the account is being erased.
    #[tokio::test]
    async fn no_token_of_an_erased_account_is_kept() {
        let directory = TempDir::new().unwrap();
        let stores = stores(&directory).await;
        let (log, credentials) = (stores.log.as_ref(), stores.credentials.as_ref());
        let login: Login = "ada".parse().unwrap();
        let subject = registered(&stores, &login).await.unwrap();
        let held = async || credentials.tokens(subject, Timestamp::now()).await.unwrap().len();
        keep_tokens(log, credentials, &[token(&login, subject).1]).await.unwrap();
        assert_eq!(held().await, 1);
        // Only the event, without removing the tokens.
        change(log, &login, &AccountCommand::Erase, &context()).await.unwrap();
        let late = [token(&login, subject).1, token(&login, subject).1];
        let refused = keep_tokens(log, credentials, &late).await;
        assert!(matches!(refused, Err(AccountError::Rejected(AccountRejection::Erased))));
        assert_eq!(held().await, 0);
        let issued = issue_token(&stores, &login, "late", vec![Scope::Full], None).await;
        assert!(matches!(issued, Err(AccountError::Rejected(AccountRejection::Erased))));
    }
}
