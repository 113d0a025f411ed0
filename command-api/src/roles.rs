//! Granting and revoking roles.

use async_graphql::{Context, Object, Result};
use domain::Login;
use domain::account::AccountRejection;
use graphql::Viewer;
use graphql::nodes::Role;

use crate::accounts::{self, AccountError};
use crate::commands::{self, Commands};
use crate::payload::{Failure, UserError, UserErrorCode, answer};
use crate::permission;
use crate::profile::{AccountPayload, payload};

/// Mutations of accounts' roles.
#[derive(Debug, Default)]
pub struct RoleMutation;

#[Object]
impl RoleMutation {
    /// Grants a role to an account. Changes nothing if the account has the role. For
    /// administrators.
    async fn grant_role(
        &self,
        ctx: &Context<'_>,
        login: String,
        role: Role,
    ) -> Result<AccountPayload> {
        answer(change(ctx, &login, role.into(), true).await)
    }

    /// Revokes a role of an account. Changes nothing if the account does not have the role. For
    /// administrators, who cannot revoke their own role `ADMIN`.
    async fn revoke_role(
        &self,
        ctx: &Context<'_>,
        login: String,
        role: Role,
    ) -> Result<AccountPayload> {
        answer(change(ctx, &login, role.into(), false).await)
    }
}

async fn change(
    ctx: &Context<'_>,
    login: &str,
    role: domain::Role,
    grant: bool,
) -> Result<AccountPayload, Failure> {
    let viewer = Viewer::required(ctx)?;
    permission::administrator(viewer)?;
    let absent = || UserError::at(UserErrorCode::NotFound, "login", "there is no such account");
    let login: Login = login.parse().map_err(|_| absent())?;
    if !grant && role == domain::Role::Admin && login == viewer.login {
        let message = "you cannot revoke your own role ADMIN; another administrator can";
        return Err(UserError::at(UserErrorCode::Forbidden, "role", message).into());
    }
    let commands = Commands::of(ctx);
    let (log, context) = (commands.log.as_ref(), commands::context(ctx, viewer));
    let changed = match grant {
        true => accounts::grant(log, &login, role, &context).await,
        false => accounts::revoke(log, &login, role, &context).await,
    };
    let recorded = changed.map_err(|error| -> Failure {
        let refused = |code, path, rejection: AccountRejection| {
            UserError::at(code, path, rejection.to_string()).into()
        };
        match error {
            AccountError::Rejected(AccountRejection::NotFound) => absent().into(),
            AccountError::Rejected(rejection @ AccountRejection::Erased) => {
                refused(UserErrorCode::AlreadyFinal, "login", rejection)
            }
            AccountError::Rejected(rejection) => refused(UserErrorCode::Invalid, "role", rejection),
            error => error.into(),
        }
    })?;
    payload(commands, &login, Ok(recorded)).await
}
