//! How people can sign in and register, for sign-in pages.

use async_graphql::{Context, Object, SimpleObject};

use crate::commands::Commands;
use crate::settings::Registration;

/// The query about ways to sign in.
#[derive(Debug, Default)]
pub struct SignInQuery;

/// How people can sign in and register.
#[derive(Debug, Clone, SimpleObject)]
pub struct SignInOptions {
    /// Who may register an account with `register`.
    registration: Registration,
    /// Whether `requestPasswordReset` sends mails.
    password_reset: bool,
}

#[Object]
impl SignInQuery {
    /// How people can sign in and register on this server.
    async fn sign_in_options(&self, ctx: &Context<'_>) -> SignInOptions {
        let accounts = &Commands::of(ctx).accounts;
        SignInOptions {
            registration: accounts.registration,
            password_reset: accounts.resets.is_some(),
        }
    }
}
