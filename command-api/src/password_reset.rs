//! New passwords for people who forgot theirs, by mail.

use async_graphql::{Context, Object, Result, SimpleObject};
use event_store::{Profile, TicketKind};
use graphql::{ConsistencyToken, Secret};
use jiff::Timestamp;

use crate::account_input;
use crate::commands::Commands;
use crate::payload::{Failure, Payload, UserError, UserErrorCode, answer};
use crate::profile::{change_profile, end_sign_ins, profile_of};

/// Maximum size of what a request names, in bytes: an email address is the longest.
const ACCOUNT_BYTES_MAX: usize = 254;

/// Mutations for people who forgot their password.
#[derive(Debug, Default)]
pub struct PasswordResetMutation;

/// The result of a request for a new password, or of setting it.
#[derive(SimpleObject, Default)]
pub struct PasswordResetPayload {
    /// Why the request was refused; empty on success.
    pub(crate) user_errors: Vec<UserError>,
    /// Always null: passwords are not in the log.
    pub(crate) token: Option<ConsistencyToken>,
}

impl Payload for PasswordResetPayload {
    fn refused(user_errors: Vec<UserError>) -> Self {
        Self { user_errors, ..Self::default() }
    }
}

#[Object]
impl PasswordResetMutation {
    /// Sends a mail with a token for `resetPassword` to the address of an account. The answer does
    /// not show whether there is such an account.
    async fn request_password_reset(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The account's login or its exact email address.")] account: String,
    ) -> Result<PasswordResetPayload> {
        answer(request(Commands::of(ctx), ctx, &account).map(|()| PasswordResetPayload::default()))
    }

    /// Sets a new password with the token of a mail, and ends all sessions of the account. Each
    /// token works once, within an hour.
    async fn reset_password(
        &self,
        ctx: &Context<'_>,
        #[graphql(secret)] token: String,
        #[graphql(secret, desc = "The new password: 8 to 256 characters.")] password: String,
        #[graphql(default = false, desc = "Whether all access tokens are revoked too.")]
        revoke_access_tokens: bool,
    ) -> Result<PasswordResetPayload> {
        let commands = Commands::of(ctx);
        commands.admit_network(ctx)?;
        let reset = reset(commands, Secret(token), password, revoke_access_tokens).await;
        answer(reset.map(|()| PasswordResetPayload::default()))
    }
}

fn request(commands: &Commands, ctx: &Context<'_>, account: &str) -> Result<(), Failure> {
    commands.admit_network(ctx)?;
    let Some(resets) = &commands.accounts.resets else {
        let message = "this server sends no mail; ask an administrator";
        return Err(UserError::new(UserErrorCode::Forbidden, message).into());
    };
    let account = account.trim();
    if account.is_empty() || account.len() > ACCOUNT_BYTES_MAX {
        let message = "give a login or an email address";
        return Err(UserError::at(UserErrorCode::Invalid, "account", message).into());
    }
    Ok(resets.ask(account)?)
}

async fn reset(
    commands: &Commands,
    token: Secret,
    password: String,
    revoke_access_tokens: bool,
) -> Result<(), Failure> {
    account_input::new_password(&password, "password")?;
    let message = "the token is invalid, expired or already used; request a new one";
    let expired = || -> Failure { UserError::at(UserErrorCode::Expired, "token", message).into() };
    let (kind, hash, now) = (TicketKind::PasswordReset, token.hash(), Timestamp::now());
    let credentials = commands.credentials.as_ref();
    // Guesses cost no hash.
    credentials.ticket(kind, &hash, now).await?.ok_or_else(expired)?;
    let password_hash = commands.hashing.hash(password).await?;
    let ticket = credentials.take_ticket(kind, &hash, now).await?.ok_or_else(expired)?;
    let subject = ticket.subject.ok_or_else(expired)?;
    // The mail may have been written while the account's address changed.
    let is_current = |profile: &Profile| profile.email.as_ref() == Some(&ticket.data);
    if !is_current(&profile_of(commands, subject).await?) {
        return Err(expired());
    }
    let new = |profile: Profile| {
        let password_hash = Some(password_hash.clone());
        is_current(&profile).then_some(Profile { password_hash, ..profile })
    };
    if let Err(failure) = change_profile(commands, subject, new).await {
        credentials.put_ticket(&ticket).await?;
        return Err(failure);
    }
    end_sign_ins(commands, subject, None, revoke_access_tokens).await
}
