//! How accounts are made and signed in to, from the configuration.

use std::sync::Arc;

use command_api::{AccountSettings, MailSettings, ResetMails};
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
    let resets = resets(config, stores, views)?;
    Ok(AccountSettings { registration, resets })
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
