//! How accounts are made and signed in to, from the configuration.

use std::sync::Arc;

use command_api::{AccountSettings, MailSettings, ProviderSettings, Providers, ResetMails};
use event_store::Stores;
use read_model::Views;

use crate::config::Config;
use crate::{Exit, Failure};

/// The settings for mutations of accounts.
pub(crate) fn account_settings(
    config: &Config,
    stores: &Stores,
    views: &Views,
) -> Result<AccountSettings, Failure> {
    let registration = config.accounts.registration;
    let (resets, providers) = (resets(config, stores, views)?, providers(config)?);
    Ok(AccountSettings { registration, resets, providers })
}

fn resets(
    config: &Config,
    stores: &Stores,
    views: &Views,
) -> Result<Option<Arc<ResetMails>>, Failure> {
    let mail = &config.mail;
    let Some(smtp) = mail.smtp.clone().filter(|smtp| !smtp.is_empty()) else { return Ok(None) };
    let (Some(from), Some(reset_url)) = (mail.from.clone(), mail.reset_url.clone()) else {
        let message = "mail.smtp also needs mail.from and mail.reset_url";
        return Err(Failure::new(Exit::Usage, message));
    };
    let settings = MailSettings { smtp, from, reset_url };
    let resets = ResetMails::new(&settings, stores, Arc::clone(&views.reader));
    Ok(Some(resets.map_err(|error| Failure::new(Exit::Usage, error.to_string()))?))
}

fn providers(config: &Config) -> Result<Option<Arc<Providers>>, Failure> {
    if config.oidc.is_empty() {
        return Ok(None);
    }
    let accounts = &config.accounts;
    let (Some(public_url), Some(return_to)) = (&accounts.public_url, &accounts.return_to) else {
        let message = "oidc also needs accounts.public_url and accounts.return_to";
        return Err(Failure::new(Exit::Usage, message));
    };
    let providers = config.oidc.iter().map(|(name, provider)| ProviderSettings {
        name: name.clone(),
        issuer: provider.issuer.clone(),
        client_id: provider.client_id.clone(),
        client_secret: provider.client_secret.clone(),
        scopes: provider.scopes.clone(),
        register: provider.register,
    });
    let providers = Providers::new(providers.collect(), public_url, return_to);
    let invalid =
        |error: command_api::ProviderSettingError| Failure::new(Exit::Usage, error.to_string());
    Ok(Some(Arc::new(providers.map_err(invalid)?)))
}
