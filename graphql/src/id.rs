//! Global ids: opaque to clients, with a readable prefix.

use std::fmt;
use std::str::FromStr;

use async_graphql::ID;
use domain::{LanguageId, Login, Position, RejudgeId, RunId, Slug, SubmissionId, WebhookId};
use event_store::WorkerId;
use uuid::Uuid;

use crate::ApiError;

/// Maximum length of the part of a wrong id that an error repeats, in characters.
const REPEATED_CHARS_MAX: usize = 100;

/// The object that a global id names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GlobalId {
    /// A problem, `prb_…`.
    Problem(Slug),
    /// A submission, `sub_…`.
    Submission(SubmissionId),
    /// A judgement, `jdg_…`.
    Judgement(JudgementId),
    /// A user, `usr_…`.
    User(Login),
    /// A rejudge, `rej_…`.
    Rejudge(RejudgeId),
    /// A webhook, `whk_…`.
    Webhook(WebhookId),
    /// An evaluator, `evl_…`.
    Judge(WorkerId),
    /// A run on own inputs, `run_…`.
    Run(RunId),
    /// A session, `ses_…`.
    Session(Uuid),
    /// An access token, `tok_…`.
    AccessToken(Uuid),
    /// An export of the log, `exp_…`.
    AuditExport(Uuid),
    /// An event of the log, `evt_…`.
    Event(Position),
    /// A language. People type these ids, so they have no prefix: `cpp`.
    Language(LanguageId),
}

/// One attempt at judging a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JudgementId {
    /// The submission that was judged.
    pub submission: SubmissionId,
    /// The rejudge that the attempt was made for; `None` for the submission's own judging.
    pub rejudge: Option<RejudgeId>,
    /// The attempt's number, from 1.
    pub attempt: u32,
}

/// What an id can name, for error messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Problem,
    Submission,
    Judgement,
    User,
    Rejudge,
    Webhook,
    Run,
    Judge,
    Session,
    AccessToken,
    AuditExport,
    Event,
    Language,
}

impl Kind {
    /// All kinds whose ids have a prefix.
    const PREFIXED: [Self; 12] = [
        Self::Problem,
        Self::Submission,
        Self::Judgement,
        Self::User,
        Self::Rejudge,
        Self::Webhook,
        Self::Run,
        Self::Judge,
        Self::Session,
        Self::AccessToken,
        Self::AuditExport,
        Self::Event,
    ];

    /// The kind with its article, and its prefix.
    fn described(self) -> (&'static str, &'static str) {
        match self {
            Self::Problem => ("a problem", "prb"),
            Self::Submission => ("a submission", "sub"),
            Self::Judgement => ("a judgement", "jdg"),
            Self::User => ("a user", "usr"),
            Self::Rejudge => ("a rejudge", "rej"),
            Self::Webhook => ("a webhook", "whk"),
            Self::Run => ("a run", "run"),
            Self::Judge => ("an evaluator", "evl"),
            Self::Session => ("a session", "ses"),
            Self::AccessToken => ("an access token", "tok"),
            Self::AuditExport => ("an export", "exp"),
            Self::Event => ("an event", "evt"),
            Self::Language => ("a language", ""),
        }
    }

    fn of_prefix(prefix: &str) -> Option<Self> {
        Self::PREFIXED.into_iter().find(|kind| kind.described().1 == prefix)
    }

    /// The object of this kind whose id has this text after the prefix.
    fn parse(self, name: &str) -> Option<GlobalId> {
        match self {
            Self::Problem => name.parse().ok().map(GlobalId::Problem),
            Self::Submission => name.parse().ok().map(GlobalId::Submission),
            Self::Judgement => name.parse().ok().map(GlobalId::Judgement),
            Self::User => name.parse().ok().map(GlobalId::User),
            Self::Rejudge => name.parse().ok().map(GlobalId::Rejudge),
            Self::Webhook => name.parse().ok().map(GlobalId::Webhook),
            Self::Run => name.parse().ok().map(GlobalId::Run),
            Self::Judge if name.is_empty() => None,
            Self::Judge => Some(GlobalId::Judge(WorkerId(name.to_owned()))),
            Self::Session => Uuid::try_parse(name).ok().map(GlobalId::Session),
            Self::AccessToken => Uuid::try_parse(name).ok().map(GlobalId::AccessToken),
            Self::AuditExport => Uuid::try_parse(name).ok().map(GlobalId::AuditExport),
            Self::Event => number(name).map(|position| GlobalId::Event(Position(position))),
            Self::Language => name.parse().ok().map(GlobalId::Language),
        }
    }
}

/// A whole number from 1, without a sign or leading zeros.
fn number<N: FromStr>(text: &str) -> Option<N> {
    let is_plain = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|_| is_plain)
}

impl fmt::Display for JudgementId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.", self.submission.uuid().simple())?;
        if let Some(rejudge) = self.rejudge {
            write!(f, "{}.", rejudge.uuid().simple())?;
        }
        write!(f, "{}", self.attempt)
    }
}

impl FromStr for JudgementId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let parts: Vec<&str> = text.split('.').collect();
        let (submission, rejudge, attempt) = match parts[..] {
            [submission, attempt] => (submission, None, attempt),
            [submission, rejudge, attempt] => (submission, Some(rejudge), attempt),
            _ => return Err(()),
        };
        Ok(Self {
            submission: submission.parse().map_err(drop)?,
            rejudge: rejudge.map(str::parse).transpose().map_err(drop)?,
            attempt: number(attempt).ok_or(())?,
        })
    }
}

impl fmt::Display for GlobalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (_, prefix) = self.kind().described();
        match self {
            Self::Problem(slug) => write!(f, "{prefix}_{slug}"),
            Self::Submission(id) => write!(f, "{prefix}_{}", id.uuid().simple()),
            Self::Judgement(id) => write!(f, "{prefix}_{id}"),
            Self::User(login) => write!(f, "{prefix}_{login}"),
            Self::Rejudge(id) => write!(f, "{prefix}_{}", id.uuid().simple()),
            Self::Webhook(id) => write!(f, "{prefix}_{}", id.uuid().simple()),
            Self::Run(id) => write!(f, "{prefix}_{}", id.uuid().simple()),
            Self::Judge(WorkerId(name)) => write!(f, "{prefix}_{name}"),
            Self::Session(id) | Self::AccessToken(id) | Self::AuditExport(id) => {
                write!(f, "{prefix}_{}", id.simple())
            }
            Self::Event(position) => write!(f, "{prefix}_{}", position.0),
            Self::Language(id) => write!(f, "{id}"),
        }
    }
}

impl FromStr for GlobalId {
    type Err = ApiError;

    fn from_str(text: &str) -> Result<Self, ApiError> {
        parse(text).ok_or_else(|| ApiError::bad_input(format!("{} is not an id", quoted(text))))
    }
}

fn parse(text: &str) -> Option<GlobalId> {
    match text.split_once('_') {
        Some((prefix, name)) => Kind::of_prefix(prefix)?.parse(name),
        None => Kind::Language.parse(text),
    }
}

/// A client's text in quotes, shortened.
fn quoted(text: &str) -> String {
    match text.char_indices().nth(REPEATED_CHARS_MAX) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

impl GlobalId {
    fn kind(&self) -> Kind {
        match self {
            Self::Problem(_) => Kind::Problem,
            Self::Submission(_) => Kind::Submission,
            Self::Judgement(_) => Kind::Judgement,
            Self::User(_) => Kind::User,
            Self::Rejudge(_) => Kind::Rejudge,
            Self::Webhook(_) => Kind::Webhook,
            Self::Run(_) => Kind::Run,
            Self::Judge(_) => Kind::Judge,
            Self::Session(_) => Kind::Session,
            Self::AccessToken(_) => Kind::AccessToken,
            Self::AuditExport(_) => Kind::AuditExport,
            Self::Event(_) => Kind::Event,
            Self::Language(_) => Kind::Language,
        }
    }

    /// The submission that the id names.
    ///
    /// # Errors
    /// If the id does not name a submission.
    pub fn submission(id: &ID) -> Result<SubmissionId, ApiError> {
        match parse(id) {
            Some(Self::Submission(id)) => Ok(id),
            other => Err(not(id, other, Kind::Submission)),
        }
    }

    /// The rejudge that the id names.
    ///
    /// # Errors
    /// If the id does not name a rejudge.
    pub fn rejudge(id: &ID) -> Result<RejudgeId, ApiError> {
        match parse(id) {
            Some(Self::Rejudge(id)) => Ok(id),
            other => Err(not(id, other, Kind::Rejudge)),
        }
    }

    /// The webhook that the id names.
    ///
    /// # Errors
    /// If the id does not name a webhook.
    pub fn webhook(id: &ID) -> Result<WebhookId, ApiError> {
        match parse(id) {
            Some(Self::Webhook(id)) => Ok(id),
            other => Err(not(id, other, Kind::Webhook)),
        }
    }

    /// The run that the id names.
    ///
    /// # Errors
    /// If the id does not name a run.
    pub fn run(id: &ID) -> Result<RunId, ApiError> {
        match parse(id) {
            Some(Self::Run(id)) => Ok(id),
            other => Err(not(id, other, Kind::Run)),
        }
    }

    /// The evaluator that the id names.
    ///
    /// # Errors
    /// If the id does not name an evaluator.
    pub fn judge(id: &ID) -> Result<WorkerId, ApiError> {
        match parse(id) {
            Some(Self::Judge(id)) => Ok(id),
            other => Err(not(id, other, Kind::Judge)),
        }
    }

    /// The problem that the id names.
    ///
    /// # Errors
    /// If the id does not name a problem.
    pub fn problem(id: &ID) -> Result<Slug, ApiError> {
        match parse(id) {
            Some(Self::Problem(slug)) => Ok(slug),
            other => Err(not(id, other, Kind::Problem)),
        }
    }

    /// The session that the id names.
    ///
    /// # Errors
    /// If the id does not name a session.
    pub fn session(id: &ID) -> Result<Uuid, ApiError> {
        match parse(id) {
            Some(Self::Session(id)) => Ok(id),
            other => Err(not(id, other, Kind::Session)),
        }
    }

    /// The access token that the id names.
    ///
    /// # Errors
    /// If the id does not name an access token.
    pub fn access_token(id: &ID) -> Result<Uuid, ApiError> {
        match parse(id) {
            Some(Self::AccessToken(id)) => Ok(id),
            other => Err(not(id, other, Kind::AccessToken)),
        }
    }

    /// The language that the id names.
    ///
    /// # Errors
    /// If the id does not name a language.
    pub fn language(id: &ID) -> Result<LanguageId, ApiError> {
        match parse(id) {
            Some(Self::Language(id)) => Ok(id),
            other => Err(not(id, other, Kind::Language)),
        }
    }
}

/// The error for an id that names something else, or nothing.
fn not(id: &str, named: Option<GlobalId>, expected: Kind) -> ApiError {
    let (what, prefix) = expected.described();
    let form = if prefix.is_empty() { "such as cpp".to_owned() } else { format!("{prefix}_…") };
    let found = match named {
        Some(named) if named.kind() != Kind::Language => {
            format!("is the id of {}", named.kind().described().0)
        }
        // Almost any word could be a language's.
        _ => "is not an id".to_owned(),
    };
    ApiError::bad_input(format!("expected the id of {what}, {form}; {} {found}", quoted(id)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_read_back_and_nothing_else_does() {
        let uuid = "018f3c5e7b1a7c3d9a540242ac120002";
        let with_uuid = ["sub", "rej", "whk", "run", "ses", "tok", "exp"]
            .map(|prefix| format!("{prefix}_{uuid}"));
        let judgements = [format!("jdg_{uuid}.1"), format!("jdg_{uuid}.{uuid}.12")];
        let plain = ["prb_two-sum", "usr_ada", "evt_17", "evl_a_b-7-c0ffee", "cpp", "python3"]
            .map(str::to_owned);
        for text in with_uuid.iter().chain(&judgements).chain(&plain) {
            assert_eq!(text.parse::<GlobalId>().unwrap().to_string(), *text);
        }
        let damaged = [
            "",
            "prb_",
            "prb_../x",
            "sub_1",
            "xxx_ada",
            "evt_0",
            "evt_+1",
            "evt_x",
            "C++",
            "_cpp",
            &format!("jdg_{uuid}"),
            &format!("jdg_{uuid}.0"),
            &format!("jdg_{uuid}.x.1"),
            &format!("sub_{uuid}.1"),
        ];
        for text in damaged {
            assert!(text.parse::<GlobalId>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_error_names_the_expected_type() {
        for (id, message) in [
            ("usr_ada", r#"expected the id of a submission, sub_…; "usr_ada" is the id of a user"#),
            ("sub_1", r#"expected the id of a submission, sub_…; "sub_1" is not an id"#),
        ] {
            assert_eq!(GlobalId::submission(&id.into()).unwrap_err().message, message);
        }
        let error = GlobalId::language(&"prb_sum".into()).unwrap_err();
        let message =
            r#"expected the id of a language, such as cpp; "prb_sum" is the id of a problem"#;
        assert_eq!(error.message, message);
        let long = GlobalId::problem(&"é".repeat(100_000).into()).unwrap_err();
        assert!(long.message.len() < 400, "{}", long.message.len());
    }
}
