//! Faults that interrupt deliveries.

use domain::webhook::WebhookRejection;
use event_store::{AppendError, CredentialsError, ReadError};
use read_model::CommitError;

use crate::secret::InvalidSecret;

/// Why deliveries were interrupted. All of these are retried.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("the log could not be read")]
    Read(#[from] ReadError),
    #[error("nothing could be recorded")]
    Append(#[source] AppendError),
    #[error("the progress could not be recorded")]
    Progress(#[from] CommitError),
    #[error("the webhook's own state refuses what was done")]
    Rejected(#[source] WebhookRejection),
    #[error("the secret could not be read")]
    Credentials(#[from] CredentialsError),
    #[error("there is no secret to sign with; remove the webhook and create it again")]
    NoSecret,
    #[error("the secret is damaged; remove the webhook and create it again")]
    InvalidSecret(#[from] InvalidSecret),
    #[error("a stored event cannot be sent")]
    Unsendable(#[from] serde_json::Error),
}
