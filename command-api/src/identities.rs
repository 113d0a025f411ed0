//! Signing in with an identity provider, and linking its accounts to ours.

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use domain::account::AccountRejection;
use domain::{Actor, Login};
use event_store::{Credentials, Identity, Profile};
use graphql::nodes::{LinkedIdentity, User};
use graphql::{ApiError, ConsistencyToken, Viewer, account_in_log};
use jiff::Timestamp;
use read_model::views::AccountView;
use uuid::Uuid;

use crate::accounts::{self, AccountError, Registering};
use crate::commands::Commands;
use crate::oidc::ExternalAccount;
use crate::payload::{Failure, Payload, UserError, UserErrorCode, answer, token};
use crate::profile::{check_password, profile_of};
use crate::sessions::{SessionPayload, UNNAMED, begin_session};
use crate::sign_in_code::SignInCode;
use crate::{account_input, login_choice, permission};

/// Maximum number of linked identities per account.
const IDENTITIES_MAX: usize = 10;

/// Mutations of identities.
#[derive(Debug, Default)]
pub struct IdentityMutation;

/// A linked identity, or why it was refused.
#[derive(SimpleObject, Default)]
pub struct IdentityPayload {
    /// The identity; null if nothing was linked.
    identity: Option<LinkedIdentity>,
    /// Why the request was refused; empty on success.
    pub(crate) user_errors: Vec<UserError>,
    /// Always null: identities are not in the log.
    pub(crate) token: Option<ConsistencyToken>,
}

impl Payload for IdentityPayload {
    fn refused(user_errors: Vec<UserError>) -> Self {
        Self { user_errors, ..Self::default() }
    }
}

#[Object]
impl IdentityMutation {
    /// Signs in with the code of an identity provider. If nobody signed in with this identity
    /// before, this registers an account, if the provider's settings allow it.
    async fn sign_in_with_code(
        &self,
        ctx: &Context<'_>,
        #[graphql(secret, desc = "The code in the address that the provider led back to.")]
        code: String,
        #[graphql(
            secret,
            desc = "The secret whose SHA-256 the app sent as `challenge` when the sign-in began."
        )]
        verifier: String,
        client: Option<String>,
    ) -> Result<SessionPayload> {
        let commands = Commands::of(ctx);
        commands.admit_network(ctx)?;
        answer(sign_in(commands, code, verifier, client.as_deref().unwrap_or(UNNAMED)).await)
    }

    /// Links an identity to the viewer's account, so that it can sign in with it. Needs a session
    /// or a token with scope `full`, and the password if the account has one: a stolen token
    /// must not gain a way to sign in.
    async fn link_identity(
        &self,
        ctx: &Context<'_>,
        #[graphql(secret, desc = "As for `signInWithCode`.")] code: String,
        #[graphql(secret, desc = "As for `signInWithCode`.")] verifier: String,
        #[graphql(secret, desc = "The account's password; null if it has none.")] password: Option<
            String,
        >,
    ) -> Result<IdentityPayload> {
        let (commands, viewer) = (Commands::of(ctx), Viewer::required(ctx)?);
        commands.admit_network(ctx)?;
        let linked = link(commands, viewer, password, code, verifier).await;
        answer(linked.map(|identity| IdentityPayload {
            identity: Some(identity.into()),
            ..IdentityPayload::default()
        }))
    }

    /// Unlinks an identity from the viewer's account. The last way to sign in cannot be unlinked.
    /// Needs a session or a token with scope `full`.
    async fn unlink_identity(&self, ctx: &Context<'_>, id: ID) -> Result<IdentityPayload> {
        let (commands, viewer) = (Commands::of(ctx), Viewer::required(ctx)?);
        answer(unlink(commands, viewer, &id).await.map(|()| IdentityPayload::default()))
    }
}

/// The account that a code stands for.
async fn external(
    credentials: &dyn Credentials,
    code: String,
    verifier: String,
) -> Result<ExternalAccount, Failure> {
    let found = SignInCode::take(credentials, code, verifier).await?;
    let message = "the code is invalid, expired, already used, or of another app; sign in again";
    Ok(found.ok_or_else(|| UserError::at(UserErrorCode::Expired, "code", message))?)
}

async fn sign_in(
    commands: &Commands,
    code: String,
    verifier: String,
    client: &str,
) -> Result<SessionPayload, Failure> {
    let credentials = commands.credentials.as_ref();
    let external = external(credentials, code, verifier).await?;
    let (issuer, external_id) = (&external.issuer, &external.external_id);
    let known = match credentials.identity(issuer, external_id).await? {
        Some(identity) => account_of(commands, &identity).await?.map(|account| (account, None)),
        None => None,
    };
    let (account, written) = match known {
        Some(known) => known,
        None => register(commands, &external).await?,
    };
    let (login, subject, family) = (&account.login, account.subject, Uuid::now_v7());
    let mut payload = begin_session(commands, login, subject, client, family).await?;
    // Unlinking an identity ends no session, but prevents those that begin at the same time.
    let linked = credentials.identity(issuer, external_id).await?;
    if linked.is_none_or(|identity| identity.subject != subject) {
        credentials.revoke_family(subject, family).await?;
        return Err(conflict().into());
    }
    payload.user = Some(User::from(account));
    payload.token = written;
    Ok(payload)
}

fn conflict() -> UserError {
    let message = "the account was changed at the same time; sign in again";
    UserError::new(UserErrorCode::Conflict, message)
}

/// The account of an identity. An identity without one is left of a registration that did not end,
/// and is removed.
async fn account_of(
    commands: &Commands,
    identity: &Identity,
) -> Result<Option<AccountView>, Failure> {
    let account = account_in_log(commands.log.as_ref(), &identity.login).await?;
    let account = account.filter(|account| account.subject == identity.subject);
    if account.is_none() {
        commands.credentials.release_identity(identity.subject, identity.id).await?;
    }
    Ok(account.filter(|account| !account.is_erased))
}

/// Registers an account for an identity, with a login like the one at the provider.
async fn register(
    commands: &Commands,
    external: &ExternalAccount,
) -> Result<(AccountView, Option<ConsistencyToken>), Failure> {
    let providers = commands.accounts.providers.as_deref();
    let provider = providers.and_then(|providers| providers.named(&external.provider));
    if !provider.is_some_and(|provider| provider.settings.register) {
        let message = "no account is linked to this identity; sign in another way, and link it";
        return Err(UserError::new(UserErrorCode::NotFound, message).into());
    }
    let email = external.email.as_ref().and_then(|it| account_input::email(it, "email").ok());
    let name = external.name.clone().filter(|name| account_input::name(name, "name").is_ok());
    let profile = Profile { email, name, password_hash: None };
    let (log, credentials) = (commands.log.as_ref(), commands.credentials.as_ref());
    for login in login_choice::candidates(external.preferred_login.as_deref()) {
        let subject = Uuid::now_v7();
        let identity = identity_of(external, subject, &login);
        let context = event_store::Context::new(Actor::account(&login));
        let registering = Registering { login: &login, subject, identity: Some(&identity) };
        let registered =
            accounts::register_as(log, credentials, &registering, &profile, &context).await;
        match registered {
            Ok(recorded) => {
                let account = account_in_log(log, &login).await?.ok_or_else(conflict)?;
                return Ok((account, token(&recorded)));
            }
            Err(AccountError::Rejected(AccountRejection::Taken)) => {}
            Err(AccountError::IdentityTaken) => return Err(conflict().into()),
            Err(error) => return Err(error.into()),
        }
    }
    Err(conflict().into())
}

fn identity_of(external: &ExternalAccount, subject: Uuid, login: &Login) -> Identity {
    Identity {
        id: Uuid::now_v7(),
        provider: external.provider.clone(),
        issuer: external.issuer.clone(),
        external_id: external.external_id.clone(),
        subject,
        login: login.clone(),
        created_at: Timestamp::now(),
    }
}

async fn link(
    commands: &Commands,
    viewer: &Viewer,
    password: Option<String>,
    code: String,
    verifier: String,
) -> Result<Identity, Failure> {
    permission::full(viewer)?;
    // Before the code, which works only once.
    let profile = profile_of(commands, viewer.subject).await?;
    check_password(commands, viewer, &profile, password, "password").await?;
    let credentials = commands.credentials.as_ref();
    let external = external(credentials, code, verifier).await?;
    let taken = || UserError::new(UserErrorCode::Taken, "another account has this identity");
    if let Some(known) = credentials.identity(&external.issuer, &external.external_id).await? {
        if known.subject == viewer.subject {
            return Ok(known);
        }
        if account_of(commands, &known).await?.is_some() {
            return Err(taken().into());
        }
    }
    if credentials.identities(viewer.subject).await?.len() >= IDENTITIES_MAX {
        let message = format!("an account can have at most {IDENTITIES_MAX} identities");
        return Err(UserError::new(UserErrorCode::TooMany, message).into());
    }
    let identity = identity_of(&external, viewer.subject, &viewer.login);
    if !credentials.claim_identity(&identity).await? {
        return Err(taken().into());
    }
    let account = account_in_log(commands.log.as_ref(), &viewer.login).await?;
    if account.is_none_or(|account| account.is_erased) {
        credentials.erase(viewer.subject).await?;
        return Err(ApiError::from(AccountError::from(AccountRejection::Erased)).into());
    }
    Ok(identity)
}

async fn unlink(commands: &Commands, viewer: &Viewer, id: &ID) -> Result<(), Failure> {
    permission::full(viewer)?;
    let credentials = commands.credentials.as_ref();
    let absent = || UserError::at(UserErrorCode::NotFound, "id", "you have no such identity");
    let held = credentials.identities(viewer.subject).await?;
    let found = held.into_iter().find(|identity| identity.id.to_string() == id.as_str());
    let identity = found.ok_or_else(absent)?;
    if !credentials.release_identity(viewer.subject, identity.id).await? {
        return Err(absent().into());
    }
    // Afterwards, because two identities may be unlinked at the same time.
    let has_password = profile_of(commands, viewer.subject).await?.password_hash.is_some();
    if !has_password && credentials.identities(viewer.subject).await?.is_empty() {
        credentials.claim_identity(&identity).await?;
        let message = "this is the only way to sign in to your account; set a password first";
        return Err(UserError::at(UserErrorCode::Forbidden, "id", message).into());
    }
    Ok(())
}
