//! Accounts: registering them and granting roles, for mutations and for the command line.

use domain::account::{Account, AccountCommand, AccountRejection};
use domain::{Actor, Login, Recorded, Role, StreamId};
use event_store::{
    AppendError, Context, Credentials, CredentialsError, EventLog, ExecuteError, Profile,
    ReadError, Scope, Stores, Stream, TokenKind,
};
use jiff::SignedDuration;
use query_api::Secret;
use uuid::Uuid;

use crate::tokens::Issue;

/// The first account's login.
const ADMINISTRATOR: &str = "admin";

/// An account was not made or changed.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The account refused.
    #[error(transparent)]
    Rejected(#[from] AccountRejection),
    /// The log could not be read.
    #[error("reading the account failed")]
    Read(#[from] ReadError),
    /// The log took nothing.
    #[error("recording failed")]
    Append(#[source] AppendError),
    /// The credentials could not be kept.
    #[error("keeping the credentials failed")]
    Credentials(#[from] CredentialsError),
}

impl From<ExecuteError<AccountRejection>> for AccountError {
    fn from(error: ExecuteError<AccountRejection>) -> Self {
        match error {
            ExecuteError::Rejected(rejection) => Self::Rejected(rejection),
            // Only a registration expects a version, and that nobody has the login.
            ExecuteError::Append(AppendError::Conflict { .. }) => {
                Self::Rejected(AccountRejection::Taken)
            }
            ExecuteError::Append(error) => Self::Append(error),
        }
    }
}

/// Claims the login and keeps the profile under a fresh subject.
///
/// The profile is kept first, so that an account never is without one; whoever does not get the
/// login has the profile removed again.
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
    let mut stream = Stream::<Account>::load(log, StreamId::Account(login.clone())).await?;
    if stream.state.subject.is_some() {
        return Err(AccountRejection::Taken.into());
    }
    let subject = Uuid::new_v4();
    credentials.put_profile(subject, profile).await?;
    let register = AccountCommand::Register { login: login.clone(), subject };
    match stream.execute(log, vec![register], context, None, None).await {
        Ok(recorded) => Ok((subject, recorded)),
        Err(error) => {
            // An unknown outcome may have been a success, which needs its profile.
            if !matches!(error, ExecuteError::Append(AppendError::Unknown(_))) {
                credentials.erase(subject).await?;
            }
            Err(error.into())
        }
    }
}

/// Lets the account do more.
///
/// # Errors
/// When there is no such account, or a store does not answer.
pub async fn grant(
    log: &dyn EventLog,
    login: &Login,
    role: Role,
    context: &Context,
) -> Result<Vec<Recorded>, AccountError> {
    let mut stream = Stream::<Account>::load(log, StreamId::Account(login.clone())).await?;
    Ok(stream.execute(log, vec![AccountCommand::Grant(role)], context, None, None).await?)
}

/// Erases the account's personal data, secrets and tokens. The log keeps its login and what it handed in, and still
/// verifies. Erasing again finishes what was cut off.
///
/// # Errors
/// When there is no such account, or a store does not answer.
pub async fn erase(
    log: &dyn EventLog,
    credentials: &dyn Credentials,
    login: &Login,
    context: &Context,
) -> Result<Vec<Recorded>, AccountError> {
    let mut stream = Stream::<Account>::load(log, StreamId::Account(login.clone())).await?;
    let subject = stream.state.subject.ok_or(AccountRejection::NotFound)?;
    // The event first: from then on nobody is let in, whatever becomes of the rest.
    let recorded = stream.execute(log, vec![AccountCommand::Erase], context, None, None).await?;
    credentials.erase(subject).await?;
    Ok(recorded)
}

/// Makes a token for the account; the secret is nowhere else.
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
    if account.is_erased {
        return Err(AccountRejection::Erased.into());
    }
    let (id, kind) = (Uuid::now_v7(), TokenKind::Access);
    let (secret, record) = Issue { id, subject, login, kind, name, scopes, lifetime }.issue();
    stores.credentials.put_token(&record).await?;
    Ok(secret)
}

/// Makes the first administrator, unless there is one; the secret is shown once.
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
        Err(AccountError::Rejected(AccountRejection::Taken)) => return Ok(None),
        Err(error) => return Err(error),
    }
    grant(log, &login, Role::Admin, &context).await?;
    let secret = issue_token(stores, &login, "first start", vec![Scope::Full], None).await?;
    Ok(Some((login, secret)))
}
