//! What people change about their own accounts: password, name, email address, and that there is an
//! account.

use async_graphql::{Context, InputObject, MaybeUndefined, Object, Result, SimpleObject};
use domain::account::AccountRejection;
use domain::{Login, Recorded, Role};
use event_store::{Profile, TicketKind, TokenKind};
use graphql::nodes::User;
use graphql::{ApiError, Code, ConsistencyToken, Viewer, account_in_log};
use uuid::Uuid;

use crate::accounts::{self, AccountError};
use crate::commands::{self, Commands};
use crate::payload::{Failure, Payload, UserError, UserErrorCode, answer, token};
use crate::{account_input, permission};

/// Changes of one profile at the same time: how many times a change is tried again.
const CHANGE_TRIES_MAX: usize = 3;

/// Mutations of the viewer's own account.
#[derive(Debug, Default)]
pub struct ProfileMutation;

/// The new values of a profile. Values that are left out stay.
#[derive(InputObject)]
pub struct ProfileInput {
    /// The display name, visible to others; null removes it.
    name: MaybeUndefined<String>,
    /// The email address. Needs `password`.
    email: Option<String>,
    /// The account's password. Needed to change the email address, if the account has a password.
    #[graphql(secret)]
    password: Option<String>,
}

/// A changed account, or why it was refused.
#[derive(SimpleObject, Default)]
pub struct AccountPayload {
    /// The account; null if it was not changed.
    pub(crate) user: Option<User>,
    /// Why nothing was changed; empty on success.
    pub(crate) user_errors: Vec<UserError>,
    /// The consistency token of the write; null if nothing was written to the log.
    pub(crate) token: Option<ConsistencyToken>,
}

impl Payload for AccountPayload {
    fn refused(user_errors: Vec<UserError>) -> Self {
        Self { user_errors, ..Self::default() }
    }
}

#[Object]
impl ProfileMutation {
    /// Changes the viewer's password, and ends all other sessions. Needs a session or a token with
    /// scope `full`.
    async fn change_password(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            secret,
            desc = "The password until now; null if the account has none, for example because \
                    it signs in with an identity provider."
        )]
        current: Option<String>,
        #[graphql(secret, desc = "The new password: 8 to 256 characters.")] new: String,
        #[graphql(
            default = false,
            desc = "Whether all access tokens are revoked too, except the one that is used now."
        )]
        revoke_access_tokens: bool,
    ) -> Result<AccountPayload> {
        let viewer = Viewer::required(ctx)?;
        let commands = Commands::of(ctx);
        let changed = change_password(commands, viewer, current, new, revoke_access_tokens).await;
        answer(payload(commands, &viewer.login, changed.map(|()| vec![])).await)
    }

    /// Changes the viewer's name or email address. Needs a session or a token with scope `full`.
    async fn update_profile(
        &self,
        ctx: &Context<'_>,
        input: ProfileInput,
    ) -> Result<AccountPayload> {
        let viewer = Viewer::required(ctx)?;
        let commands = Commands::of(ctx);
        let changed = update_profile(commands, viewer, input).await;
        answer(payload(commands, &viewer.login, changed.map(|()| vec![])).await)
    }

    /// Erases an account's email address, name, password, sessions and tokens. Its login and its
    /// submissions stay, nobody can sign in to it, and its login is never assigned again. This
    /// cannot be undone. Administrators may erase other accounts.
    async fn erase_account(
        &self,
        ctx: &Context<'_>,
        #[graphql(secret, desc = "The viewer's password, to erase the viewer's own account.")]
        password: Option<String>,
        #[graphql(
            desc = "The login of another account, for administrators; or the viewer's own, which \
                    confirms the erasure of an account without a password."
        )]
        login: Option<String>,
    ) -> Result<AccountPayload> {
        let viewer = Viewer::required(ctx)?;
        let commands = Commands::of(ctx);
        let erased = match login {
            Some(login) if login != viewer.login.as_str() => erase_other(ctx, viewer, &login).await,
            own => {
                let erased = erase_own(ctx, viewer, password, own.is_some()).await;
                erased.map(|it| (viewer.login.clone(), it))
            }
        };
        answer(match erased {
            Ok((login, recorded)) => payload(commands, &login, Ok(recorded)).await,
            Err(failure) => Err(failure),
        })
    }
}

/// The payload of a change: the account as the log has it.
pub(crate) async fn payload(
    commands: &Commands,
    login: &Login,
    changed: Result<Vec<Recorded>, Failure>,
) -> Result<AccountPayload, Failure> {
    let recorded = changed?;
    let user = account_in_log(commands.log.as_ref(), login).await?.map(User::from);
    Ok(AccountPayload { user, token: token(&recorded), ..AccountPayload::default() })
}

async fn change_password(
    commands: &Commands,
    viewer: &Viewer,
    current: Option<String>,
    new: String,
    revoke_access_tokens: bool,
) -> Result<(), Failure> {
    permission::full(viewer)?;
    account_input::new_password(&new, "new")?;
    let profile = profile_of(commands, viewer.subject).await?;
    check_password(commands, viewer, &profile, current, "current").await?;
    let hash = commands.hashing.hash(new).await?;
    let checked = profile.password_hash;
    change_profile(commands, viewer.subject, |profile| {
        // Only the password that was checked may be replaced.
        let unchanged = profile.password_hash == checked;
        unchanged.then(|| Profile { password_hash: Some(hash.clone()), ..profile })
    })
    .await?;
    let family = family_of(commands, viewer).await?;
    end_sign_ins(commands, viewer.subject, Some(family), revoke_access_tokens).await
}

async fn update_profile(
    commands: &Commands,
    viewer: &Viewer,
    input: ProfileInput,
) -> Result<(), Failure> {
    permission::full(viewer)?;
    let mut errors = Vec::new();
    if let MaybeUndefined::Value(name) = &input.name {
        errors.extend(account_input::name(name, "input.name").err());
    }
    let email = input.email.map(|email| account_input::email(&email, "input.email")).transpose();
    let email = email.unwrap_or_else(|error| {
        errors.push(error);
        None
    });
    if !errors.is_empty() {
        return Err(Failure::User(errors));
    }
    let profile = profile_of(commands, viewer.subject).await?;
    let changes_email = email.is_some() && email != profile.email;
    if changes_email {
        check_password(commands, viewer, &profile, input.password, "input.password").await?;
    }
    let checked = profile.password_hash;
    change_profile(commands, viewer.subject, |profile| {
        let unchanged = !changes_email || profile.password_hash == checked;
        unchanged.then(|| Profile {
            email: email.clone().or(profile.email),
            name: match &input.name {
                MaybeUndefined::Undefined => profile.name,
                MaybeUndefined::Null => None,
                MaybeUndefined::Value(name) => Some(name.clone()),
            },
            ..profile
        })
    })
    .await?;
    if changes_email {
        // They were sent to the old address.
        let resets = TicketKind::PasswordReset;
        commands.credentials.remove_tickets_of(resets, viewer.subject).await?;
    }
    Ok(())
}

async fn erase_own(
    ctx: &Context<'_>,
    viewer: &Viewer,
    password: Option<String>,
    is_named: bool,
) -> Result<Vec<Recorded>, Failure> {
    permission::full(viewer)?;
    if viewer.roles.contains(&Role::Admin) {
        let message = "an administrator cannot erase itself; let another administrator revoke the \
                       role ADMIN first";
        return Err(UserError::new(UserErrorCode::Forbidden, message).into());
    }
    let commands = Commands::of(ctx);
    let profile = profile_of(commands, viewer.subject).await?;
    if profile.password_hash.is_none() && !is_named {
        let message = "give your login to confirm that your account is erased; it has no password";
        return Err(UserError::at(UserErrorCode::Invalid, "login", message).into());
    }
    check_password(commands, viewer, &profile, password, "password").await?;
    erase(ctx, viewer, &viewer.login).await
}

async fn erase_other(
    ctx: &Context<'_>,
    viewer: &Viewer,
    login: &str,
) -> Result<(Login, Vec<Recorded>), Failure> {
    permission::administrator(viewer)?;
    let absent = || UserError::at(UserErrorCode::NotFound, "login", "there is no such account");
    let login: Login = login.parse().map_err(|_| absent())?;
    let recorded = erase(ctx, viewer, &login).await?;
    Ok((login, recorded))
}

async fn erase(
    ctx: &Context<'_>,
    viewer: &Viewer,
    login: &Login,
) -> Result<Vec<Recorded>, Failure> {
    let commands = Commands::of(ctx);
    let context = commands::context(ctx, viewer);
    let (log, credentials) = (commands.log.as_ref(), commands.credentials.as_ref());
    accounts::erase(log, credentials, login, &context).await.map_err(|error| match error {
        AccountError::Rejected(AccountRejection::NotFound) => {
            UserError::at(UserErrorCode::NotFound, "login", "there is no such account").into()
        }
        error => error.into(),
    })
}

/// The account's profile. Fails if the account was erased while the request ran.
pub(crate) async fn profile_of(commands: &Commands, subject: Uuid) -> Result<Profile, Failure> {
    let found = commands.credentials.profiles(&[subject]).await?.pop().flatten();
    let erased = || ApiError::new(Code::Unauthenticated, AccountRejection::Erased.to_string());
    Ok(found.ok_or_else(erased)?)
}

/// Fails unless this is the account's password, or it has none. Counts as a sign-in to the account.
pub(crate) async fn check_password(
    commands: &Commands,
    viewer: &Viewer,
    profile: &Profile,
    password: Option<String>,
    path: &str,
) -> Result<(), Failure> {
    if profile.password_hash.is_none() {
        return Ok(());
    }
    let wrong = || UserError::at(UserErrorCode::BadCredentials, path, "the password is wrong");
    commands.admit_account(&viewer.login)?;
    let hash = profile.password_hash.clone();
    match commands.hashing.verify(password.unwrap_or_default(), hash).await? {
        true => Ok(()),
        false => Err(wrong().into()),
    }
}

/// Changes a profile, from what it is at that moment. `to` returns `None` to refuse that.
pub(crate) async fn change_profile(
    commands: &Commands,
    subject: Uuid,
    to: impl Fn(Profile) -> Option<Profile>,
) -> Result<(), Failure> {
    for _ in 0..CHANGE_TRIES_MAX {
        let from = profile_of(commands, subject).await?;
        let Some(to) = to(from.clone()) else { break };
        if commands.credentials.change_profile(subject, &from, &to).await? {
            return Ok(());
        }
    }
    let message = "the account was changed at the same time; try again";
    Err(UserError::new(UserErrorCode::Conflict, message).into())
}

/// The sign-in that the viewer's token belongs to.
pub(crate) async fn family_of(commands: &Commands, viewer: &Viewer) -> Result<Uuid, Failure> {
    let now = jiff::Timestamp::now();
    let tokens = commands.credentials.tokens(viewer.subject, now).await?;
    let own = tokens.into_iter().find(|token| token.id == viewer.token);
    Ok(own.map_or(viewer.token, |token| token.family))
}

/// Ends the account's sessions, its password resets, its sign-ins with providers that have not
/// ended and, if asked, its access tokens, except those of one sign-in.
pub(crate) async fn end_sign_ins(
    commands: &Commands,
    subject: Uuid,
    except_family: Option<Uuid>,
    access_tokens: bool,
) -> Result<(), Failure> {
    let mut kinds = vec![TokenKind::Session, TokenKind::Refresh];
    kinds.extend(access_tokens.then_some(TokenKind::Access));
    commands.credentials.revoke_tokens(subject, &kinds, except_family).await?;
    for kind in [TicketKind::PasswordReset, TicketKind::SignInCode] {
        commands.credentials.remove_tickets_of(kind, subject).await?;
    }
    Ok(())
}
