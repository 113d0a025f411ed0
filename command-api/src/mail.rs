//! Sends mail through an SMTP server.

use std::fmt;
use std::time::Duration;

use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use supervision::Backoff;

/// How many times a mail is tried.
const SEND_TRIES_MAX: u32 = 4;
/// The first and the longest delay between two tries.
const RETRY_DELAY: Duration = Duration::from_millis(500);
const RETRY_DELAY_MAX: Duration = Duration::from_secs(10);
/// Maximum time for each answer of the SMTP server.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(15);

/// A setting for mail is invalid.
#[derive(Debug, thiserror::Error)]
pub enum MailSettingError {
    /// The server's address is not an SMTP URL. The cause may contain its password.
    #[error("mail.smtp: expected smtps://USER:PASSWORD@HOST or smtp://HOST:PORT?tls=required")]
    Server,
    /// The sender is not an email address.
    #[error("mail.from: expected an address such as Assay <assay@example.org>")]
    Sender,
    /// The page for a new password does not say where the token belongs.
    #[error("mail.reset_url: expected an address with {{token}} in it")]
    ResetUrl,
}

/// An SMTP server, and whom mails are from.
pub(crate) struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl fmt::Debug for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The transport has the server's password.
        f.debug_struct("Mailer").field("from", &self.from).finish_non_exhaustive()
    }
}

impl Mailer {
    pub(crate) fn new(smtp: &str, from: &str) -> Result<Self, MailSettingError> {
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(smtp);
        let transport = transport.map_err(|_| MailSettingError::Server)?;
        let transport = transport.timeout(Some(ANSWER_TIME_MAX)).build();
        let from = from.parse().map_err(|_| MailSettingError::Sender)?;
        Ok(Self { transport, from })
    }

    /// Sends a text; returns whether the server took it. Tries a few times if the server does not
    /// answer or asks to try later. Failures are logged without the recipient.
    pub(crate) async fn send(&self, to: &str, subject: &str, text: String) -> bool {
        let Ok(to) = to.parse().map(|address| Mailbox::new(None, address)) else {
            tracing::info!("a mail was not sent, because its address is none that mail can go to");
            return false;
        };
        let message = Message::builder().from(self.from.clone()).to(to).subject(subject);
        let message = message.header(ContentType::TEXT_PLAIN).body(text);
        let message = match message {
            Ok(message) => message,
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "writing a mail failed");
                return false;
            }
        };
        let mut backoff = Backoff::new(RETRY_DELAY, RETRY_DELAY_MAX);
        for tries in 1..=SEND_TRIES_MAX {
            let error = match self.transport.send(message.clone()).await {
                Ok(_) => return true,
                Err(error) => error,
            };
            // The server's own text may name the recipient.
            let reason = match error.status() {
                Some(code) => format!("the server answered {code}"),
                None if error.is_timeout() => "the server did not answer in time".to_owned(),
                None => "the server cannot be reached".to_owned(),
            };
            let is_final = error.is_permanent() || tries == SEND_TRIES_MAX;
            tracing::warn!(
                alert = is_final.then_some(true),
                reason,
                tries,
                "sending a mail failed"
            );
            if is_final {
                break;
            }
            backoff.wait().await;
        }
        false
    }
}
