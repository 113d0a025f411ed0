//! Mails with which people who forgot their password set a new one.
//!
//! A request is only put into a queue, so its answer and the time that takes do not show whether
//! the account exists. A background task finds the account and sends the mail.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::Login;
use event_store::{Credentials, EventLog, Stores, Ticket, TicketKind};
use graphql::{ApiError, Secret, account_in_log};
use jiff::{SignedDuration, Timestamp};
use read_model::views::AccountView;
use read_model::{Condition, PageRequest, Scalar, ViewReader, ViewReaderExt};
use supervision::{Fault, Reporter, Task};
use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::mail::{MailSettingError, Mailer};
use crate::rates::Rate;
use crate::tokens::generate;

/// How long the token of a mail works.
const RESET_LIFETIME: SignedDuration = SignedDuration::from_hours(1);
/// Maximum number of requests that wait until their mail is sent.
const REQUESTS_WAITING_MAX: usize = 200;
/// Maximum number of accounts with one email address that get a mail.
const ACCOUNTS_PER_ADDRESS_MAX: u32 = 5;
/// Mails per account and minute.
const MAILS_PER_MINUTE: u32 = 2;
/// Where the token is put into the address of the page for a new password.
const PLACEHOLDER: &str = "{token}";
/// When a client whose request found the queue full should try again.
const RETRY_AFTER: Duration = Duration::from_secs(60);

/// How mail is sent.
#[derive(Clone)]
pub struct MailSettings {
    /// The SMTP server's URL.
    pub smtp: String,
    /// The sender.
    pub from: String,
    /// The page on which people enter a new password, with `{token}` in it.
    pub reset_url: String,
}

/// Requests for new passwords, and the background task that answers them by mail.
#[derive(Debug)]
pub struct ResetMails {
    log: Arc<dyn EventLog>,
    credentials: Arc<dyn Credentials>,
    reader: Arc<dyn ViewReader>,
    mailer: Mailer,
    reset_url: String,
    mails: Rate<Uuid>,
    requests: mpsc::Sender<String>,
    waiting: Mutex<mpsc::Receiver<String>>,
}

impl ResetMails {
    /// Resets with these settings.
    ///
    /// # Errors
    /// If a setting is invalid.
    pub fn new(
        settings: &MailSettings,
        stores: &Stores,
        reader: Arc<dyn ViewReader>,
    ) -> Result<Arc<Self>, MailSettingError> {
        let mailer = Mailer::new(&settings.smtp, &settings.from)?;
        if !settings.reset_url.contains(PLACEHOLDER) {
            return Err(MailSettingError::ResetUrl);
        }
        let (requests, waiting) = mpsc::channel(REQUESTS_WAITING_MAX);
        Ok(Arc::new(Self {
            log: Arc::clone(&stores.log),
            credentials: Arc::clone(&stores.credentials),
            reader,
            mailer,
            reset_url: settings.reset_url.clone(),
            mails: Rate::per_minute(MAILS_PER_MINUTE),
            requests,
            waiting: Mutex::new(waiting),
        }))
    }

    /// Puts a request into the queue. `account` is a login or an email address.
    pub(crate) fn ask(&self, account: &str) -> Result<(), ApiError> {
        let busy = |_| {
            let message = "the server is busy with other requests for passwords";
            ApiError::too_many(message, RETRY_AFTER)
        };
        self.requests.try_send(account.to_owned()).map_err(busy)
    }

    /// Sends a mail for each account that the request names.
    async fn answer(&self, account: &str) -> Result<(), ApiError> {
        let mut found = Vec::new();
        if let Ok(login) = account.parse::<Login>() {
            found.extend(account_in_log(self.log.as_ref(), &login).await?);
        } else {
            let subjects = self.credentials.subjects_with_email(account, ACCOUNTS_PER_ADDRESS_MAX);
            for subject in subjects.await? {
                // Only for the text of the mail; the log has no index by subject.
                let subject = Scalar::Text(subject.to_string());
                let conditions = vec![Condition::Equals("subject", subject)];
                let request = PageRequest { conditions, ..PageRequest::all(1) };
                let page = self.reader.views::<AccountView>(&request).await?;
                found.extend(page.items.into_iter().map(|(_, account)| account));
            }
        }
        for account in found {
            self.send(&account).await?;
        }
        Ok(())
    }

    async fn send(&self, account: &AccountView) -> Result<(), ApiError> {
        let profile = self.credentials.profiles(&[account.subject]).await?.pop().flatten();
        let Some(email) = profile.and_then(|profile| profile.email) else { return Ok(()) };
        if self.mails.admit(&account.subject).is_err() {
            return Ok(());
        }
        let (secret, created_at) = (generate(), Timestamp::now());
        self.credentials
            .put_ticket(&Ticket {
                hash: secret.hash(),
                id: Uuid::now_v7(),
                kind: TicketKind::PasswordReset,
                subject: Some(account.subject),
                data: email.clone(),
                created_at,
                expires_at: created_at + RESET_LIFETIME,
            })
            .await?;
        let text = text_of(&account.login, &self.reset_url, &secret);
        self.mailer.send(&email, "Set a new password", text).await;
        Ok(())
    }
}

#[async_trait]
impl Task for ResetMails {
    fn name(&self) -> &'static str {
        "mail"
    }

    async fn run(&self, reporter: &Reporter, cancelled: CancellationToken) -> Result<(), Fault> {
        let mut waiting = self.waiting.lock().await;
        reporter.running();
        while let Some(Some(account)) = cancelled.run_until_cancelled(waiting.recv()).await {
            let answered = cancelled.run_until_cancelled(self.answer(&account)).await;
            if let Some(Err(error)) = answered {
                let error = &error as &dyn Error;
                tracing::warn!(error, "a request for a new password was not answered");
            }
        }
        Ok(())
    }
}

fn text_of(login: &Login, reset_url: &str, secret: &Secret) -> String {
    let address = reset_url.replace(PLACEHOLDER, &secret.0);
    format!(
        "Somebody asked for a new password for the account {login}.\n\n\
         If it was you, open this address within an hour, and enter one:\n\n{address}\n\n\
         If it was not you, ignore this mail: the password stays as it is.\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mail_names_the_account_and_has_the_token_in_the_address() {
        let login = "ada".parse().unwrap();
        let secret = Secret("assay_x-y".to_owned());
        let text = text_of(&login, "https://judge.example/#/reset/{token}", &secret);
        assert!(text.contains("the account ada."), "{text}");
        assert!(text.contains("\nhttps://judge.example/#/reset/assay_x-y\n"), "{text}");
    }
}
