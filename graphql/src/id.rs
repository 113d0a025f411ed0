//! Global ids: opaque to clients, with a readable prefix.

use std::fmt;
use std::str::FromStr;

use async_graphql::ID;
use domain::{Login, RejudgeId, Slug, SubmissionId, WebhookId};

use crate::ApiError;

/// The object that a global id names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GlobalId {
    /// A problem, `prb_…`.
    Problem(Slug),
    /// A submission, `sub_…`.
    Submission(SubmissionId),
    /// A user, `usr_…`.
    User(Login),
    /// A rejudge, `rej_…`.
    Rejudge(RejudgeId),
    /// A webhook, `whk_…`.
    Webhook(WebhookId),
}

impl fmt::Display for GlobalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Problem(slug) => write!(f, "prb_{slug}"),
            Self::Submission(id) => write!(f, "sub_{}", id.uuid().simple()),
            Self::User(login) => write!(f, "usr_{login}"),
            Self::Rejudge(id) => write!(f, "rej_{}", id.uuid().simple()),
            Self::Webhook(id) => write!(f, "whk_{}", id.uuid().simple()),
        }
    }
}

impl FromStr for GlobalId {
    type Err = ApiError;

    fn from_str(text: &str) -> Result<Self, ApiError> {
        let parsed = match text.split_once('_') {
            Some(("prb", slug)) => slug.parse().ok().map(Self::Problem),
            Some(("sub", id)) => id.parse().ok().map(Self::Submission),
            Some(("usr", login)) => login.parse().ok().map(Self::User),
            Some(("rej", id)) => id.parse().ok().map(Self::Rejudge),
            Some(("whk", id)) => id.parse().ok().map(Self::Webhook),
            _ => None,
        };
        parsed.ok_or_else(|| ApiError::bad_input(format!("{text:?} is not an id")))
    }
}

impl GlobalId {
    /// The submission that the id names.
    ///
    /// # Errors
    /// If the id does not name a submission.
    pub fn submission(id: &ID) -> Result<SubmissionId, ApiError> {
        match id.parse()? {
            Self::Submission(id) => Ok(id),
            _ => Err(ApiError::bad_input(format!("{:?} is not a submission's id", id.0))),
        }
    }

    /// The rejudge that the id names.
    ///
    /// # Errors
    /// If the id does not name a rejudge.
    pub fn rejudge(id: &ID) -> Result<RejudgeId, ApiError> {
        match id.parse()? {
            Self::Rejudge(id) => Ok(id),
            _ => Err(ApiError::bad_input(format!("{:?} is not a rejudge's id", id.0))),
        }
    }

    /// The webhook that the id names.
    ///
    /// # Errors
    /// If the id does not name a webhook.
    pub fn webhook(id: &ID) -> Result<WebhookId, ApiError> {
        match id.parse()? {
            Self::Webhook(id) => Ok(id),
            _ => Err(ApiError::bad_input(format!("{:?} is not a webhook's id", id.0))),
        }
    }

    /// The problem that the id names.
    ///
    /// # Errors
    /// If the id does not name a problem.
    pub fn problem(id: &ID) -> Result<Slug, ApiError> {
        match id.parse()? {
            Self::Problem(slug) => Ok(slug),
            _ => Err(ApiError::bad_input(format!("{:?} is not a problem's id", id.0))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_read_back_and_nothing_else_does() {
        let uuid = "018f3c5e7b1a7c3d9a540242ac120002";
        let with_uuid = ["sub", "rej", "whk"].map(|prefix| format!("{prefix}_{uuid}"));
        let [submission, rejudge, webhook] = &with_uuid;
        for text in ["prb_two-sum", "usr_ada", submission, rejudge, webhook] {
            assert_eq!(text.parse::<GlobalId>().unwrap().to_string(), text);
        }
        for text in ["", "prb_", "prb_../x", "sub_1", "two-sum", "xxx_ada"] {
            assert!(text.parse::<GlobalId>().is_err(), "{text}");
        }
    }
}
