//! Profiles, tokens, identities and secrets, one per line.

use domain::{Digest, Event, Recorded, StreamId};
use event_store::{Credentials, CredentialsError, Identity, Profile, TokenRecord};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Backup, FilePart};
use crate::{Exit, Failure};

const NAME: &str = "credentials.jsonl";

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
enum Line {
    Profile { subject: Uuid, profile: Profile },
    Token { token: TokenRecord },
    Identity { identity: Identity },
    Secret { name: String, secret: String },
}

/// The owners of credentials in a log.
#[derive(Debug, Default)]
pub(crate) struct Owners {
    /// Subjects of accounts.
    subjects: Vec<Uuid>,
    /// Names of webhooks' secrets.
    secrets: Vec<String>,
}

impl Owners {
    /// Records the account or webhook that an event creates.
    pub(crate) fn note(&mut self, recorded: &Recorded) {
        match &recorded.event {
            Event::AccountRegistered(registered) => self.subjects.push(registered.subject),
            Event::WebhookCreated(created) => {
                self.secrets.push(StreamId::Webhook(created.webhook).to_string());
            }
            _ => {}
        }
    }
}

/// The credentials of a log's accounts and webhooks.
#[derive(Debug, Default)]
pub(crate) struct CredentialsPart {
    lines: Vec<Line>,
}

impl CredentialsPart {
    /// Collects the owners' credentials, without tokens that have ended.
    pub(crate) async fn collect(
        credentials: &dyn Credentials,
        owners: &Owners,
    ) -> Result<Self, CredentialsError> {
        let (mut lines, now) = (Vec::new(), Timestamp::now());
        for &subject in &owners.subjects {
            // Erased profiles stay erased.
            let profile = credentials.profiles(&[subject]).await?.pop().flatten();
            lines.extend(profile.map(|profile| Line::Profile { subject, profile }));
            let tokens = credentials.tokens(subject, now).await?;
            lines.extend(tokens.into_iter().map(|token| Line::Token { token }));
            let identities = credentials.identities(subject).await?;
            lines.extend(identities.into_iter().map(|identity| Line::Identity { identity }));
        }
        for name in &owners.secrets {
            let secret = credentials.secret(name).await?;
            lines.extend(secret.map(|secret| Line::Secret { name: name.clone(), secret }));
        }
        Ok(Self { lines })
    }

    /// Writes the credentials into a backup.
    pub(crate) fn write(&self, backup: &Backup) -> Result<FilePart, Failure> {
        let mut text = String::new();
        for line in &self.lines {
            text.push_str(&serde_json::to_string(line).expect("a line is text and numbers"));
            text.push('\n');
        }
        backup.write(NAME, text.as_bytes())?;
        let digest = Digest::of(text.as_bytes());
        Ok(FilePart { name: NAME.to_owned(), digest, lines: self.lines.len() as u64 })
    }

    /// Reads the credentials of a backup.
    pub(crate) fn read(backup: &Backup, part: &FilePart) -> Result<Self, Failure> {
        let text = backup.read(part)?;
        let lines = text.lines().map(serde_json::from_str).collect::<Result<Vec<_>, _>>();
        let lines =
            lines.map_err(|error| Failure::of(Exit::Usage, "reading credentials", &error))?;
        Ok(Self { lines })
    }

    /// Stores the credentials.
    pub(crate) async fn restore(
        self,
        credentials: &dyn Credentials,
    ) -> Result<(), CredentialsError> {
        for line in self.lines {
            match line {
                Line::Profile { subject, profile } => {
                    credentials.put_profile(subject, &profile).await?;
                }
                Line::Token { token } => credentials.put_token(&token).await?,
                Line::Identity { identity } => {
                    credentials.claim_identity(&identity).await?;
                }
                Line::Secret { name, secret } => credentials.put_secret(&name, &secret).await?,
            }
        }
        Ok(())
    }
}
