//! How people can sign in and register, for sign-in pages.

use async_graphql::{Context, Object, SimpleObject};

use crate::commands::Commands;
use crate::settings::Registration;

/// The query about ways to sign in.
#[derive(Debug, Default)]
pub struct SignInQuery;

/// An identity provider that people can sign in with.
#[derive(Debug, Clone, SimpleObject)]
pub struct SignInProvider {
    /// The provider's name in this server's configuration.
    name: String,
    /// Where a browser begins, with `?challenge=` and the SHA-256 of a secret of the app.
    path: String,
}

/// How people can sign in and register.
#[derive(Debug, Clone, SimpleObject)]
pub struct SignInOptions {
    /// Who may register an account with `register`.
    registration: Registration,
    /// Whether `requestPasswordReset` sends mails.
    password_reset: bool,
    /// The identity providers.
    providers: Vec<SignInProvider>,
}

#[Object]
impl SignInQuery {
    /// How people can sign in and register on this server.
    async fn sign_in_options(&self, ctx: &Context<'_>) -> SignInOptions {
        let accounts = &Commands::of(ctx).accounts;
        let names = accounts.providers.iter().flat_map(|providers| providers.names());
        let providers = names.map(|name| SignInProvider {
            name: name.to_owned(),
            path: format!("/auth/oidc/{name}"),
        });
        SignInOptions {
            registration: accounts.registration,
            password_reset: accounts.resets.is_some(),
            providers: providers.collect(),
        }
    }
}
