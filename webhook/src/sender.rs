//! One attempt to deliver one event.

use std::sync::Arc;
use std::time::Duration;

use domain::EventId;
use jiff::Timestamp;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};

use crate::backoff::asked_for;
use crate::destination::PublicNames;
use crate::{DestinationPolicy, SigningSecret};

/// Maximum number of bytes read from an answer so that its connection can be reused. They are
/// discarded.
const ANSWER_BYTES_MAX: usize = 16 * 1_024;
/// Maximum length of a reason, in characters.
const REASON_CHARS_MAX: usize = 300;
/// The `User-Agent` header.
const USER_AGENT: &str = concat!("Assay/", env!("CARGO_PKG_VERSION"));

/// The result of an attempt.
#[derive(Debug)]
pub(crate) enum Attempt {
    /// The receiver accepted it.
    Delivered,
    /// The receiver answered 410: it wants no more events, ever.
    Gone,
    /// It must be tried again.
    Failed {
        /// The error.
        reason: String,
        /// The delay that the receiver asked for.
        retry_after: Option<Duration>,
    },
}

/// Sends to allowed destinations and follows no redirects.
#[derive(Debug)]
pub(crate) struct Sender {
    http: Client,
    policy: DestinationPolicy,
    timeout: Duration,
}

impl Sender {
    pub(crate) fn new(policy: DestinationPolicy, timeout: Duration) -> reqwest::Result<Self> {
        let http = Client::builder()
            .dns_resolver(Arc::new(PublicNames(policy)))
            // A proxy would resolve names itself.
            .no_proxy()
            .redirect(Policy::none())
            .https_only(!policy.allow_private)
            .timeout(timeout)
            .user_agent(USER_AGENT)
            .build()?;
        Ok(Self { http, policy, timeout })
    }

    /// Sends a message with the headers of Standard Webhooks.
    pub(crate) async fn send(
        &self,
        url: &str,
        secret: &SigningSecret,
        id: EventId,
        body: Vec<u8>,
    ) -> Attempt {
        let destination = match self.policy.check(url) {
            Ok(destination) => destination,
            Err(error) => return failed(error.to_string()),
        };
        let (id, now) = (id.to_string(), Timestamp::now());
        let request = self
            .http
            .post(destination.url().clone())
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", &id)
            .header("webhook-timestamp", now.as_second())
            .header("webhook-signature", secret.sign(&id, now.as_second(), &body))
            .body(body);
        match request.send().await {
            Ok(response) => {
                let attempt = judge(&response, now);
                read_some(response).await;
                attempt
            }
            Err(error) if error.is_timeout() => {
                failed(format!("it did not answer within {} s", self.timeout.as_secs_f64()))
            }
            Err(error) => failed(supervision::error_chain(&error.without_url())),
        }
    }
}

fn judge(response: &Response, now: Timestamp) -> Attempt {
    let status = response.status();
    if status.is_success() {
        return Attempt::Delivered;
    }
    if status == StatusCode::GONE {
        return Attempt::Gone;
    }
    let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let retry_after = retry_after.and_then(|value| asked_for(value, now));
    Attempt::Failed { reason: format!("it answered {}", status.as_u16()), retry_after }
}

fn failed(reason: String) -> Attempt {
    let reason = reason.chars().take(REASON_CHARS_MAX).collect();
    Attempt::Failed { reason, retry_after: None }
}

/// Reads part of the answer and ignores content and errors, because only the status matters.
async fn read_some(mut response: Response) {
    let mut bytes = 0;
    while bytes < ANSWER_BYTES_MAX
        && let Ok(Some(chunk)) = response.chunk().await
    {
        bytes += chunk.len();
    }
}
