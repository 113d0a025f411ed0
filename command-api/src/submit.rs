//! Submitting a program.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use bytes::Bytes;
use domain::problem::{ProblemRevised, RevisionContent};
use domain::submission::SubmissionReceived;
use domain::{Event, LanguageId, Login, Recorded, Slug, StreamId, SubmissionId, Version};
use event_store::{Ability, Lane, QueueError, ReadError, Scope};
use graphql::nodes::{Receipt, Submission};
use graphql::{ConsistencyToken, GlobalId, Viewer, access};
use read_model::views::SubmissionFold;
use uuid::Uuid;

use crate::commands::{self, Commands};
use crate::payload::{Failure, Payload, UserError, UserErrorCode, answer, not_appended, token};
use crate::receive::{ReceiveError, receive};

/// Length of an idempotency key, in characters.
const KEY_CHARS: std::ops::RangeInclusive<usize> = 1..=200;

/// Mutations of submissions.
#[derive(Debug, Default)]
pub struct SubmitMutation;

/// A program to judge.
#[derive(InputObject)]
pub struct SubmitInput {
    /// The id of the problem to solve.
    problem: ID,
    /// The id of the language the program is written in.
    language: ID,
    /// The source code.
    source: String,
    /// Makes retries safe: a request with the same key and input returns the first result. 1 to 200
    /// characters.
    idempotency_key: Option<String>,
}

/// The submission, or why it was refused.
#[derive(SimpleObject, Default)]
pub struct SubmitPayload {
    /// The submission.
    submission: Option<Submission>,
    /// Whether the submission existed already, found by its idempotency key.
    replayed: bool,
    /// The author's receipt. It can prove later that the submission was received.
    receipt: Option<Receipt>,
    /// Why the submission was refused; empty on success.
    pub(crate) user_errors: Vec<UserError>,
    /// The consistency token of the write; null if nothing was written.
    pub(crate) token: Option<ConsistencyToken>,
}

impl Payload for SubmitPayload {
    fn refused(user_errors: Vec<UserError>) -> Self {
        Self { user_errors, ..Self::default() }
    }
}

#[Object]
impl SubmitMutation {
    /// Submits a program. When this returns, the submission is stored durably; it is judged as soon
    /// as an evaluator is free.
    async fn submit(&self, ctx: &Context<'_>, input: SubmitInput) -> Result<SubmitPayload> {
        let submitted = submit(Commands::of(ctx), ctx, input).await;
        answer(submitted.map(|(recorded, replayed)| SubmitPayload {
            submission: SubmissionFold::of(&recorded).map(Arc::new).map(Submission::from),
            replayed,
            receipt: recorded.first().cloned().map(Receipt),
            user_errors: vec![],
            token: token(&recorded),
        }))
    }
}

/// The submission's events, and whether they existed already.
async fn submit(
    commands: &Commands,
    ctx: &Context<'_>,
    input: SubmitInput,
) -> Result<(Vec<Recorded>, bool), Failure> {
    let viewer = Viewer::required(ctx)?;
    if !viewer.allows(Scope::Submit) {
        let message = "this token does not allow submitting";
        return Err(UserError::new(UserErrorCode::Forbidden, message).into());
    }
    if !commands.admits_submission(&viewer.login) {
        let most = commands.api.limits.submissions_per_minute;
        let message =
            format!("too many submissions: at most {most} a minute are allowed; try again later");
        return Err(UserError::new(UserErrorCode::TooMany, message).into());
    }
    let slug = GlobalId::problem(&input.problem)?;
    let id = match &input.idempotency_key {
        Some(key) => {
            check_key(key)?;
            SubmissionId::from_idempotency_key(&viewer.login, key)
        }
        None => Uuid::now_v7().into(),
    };
    // A client that repeats a request must learn that the submission exists.
    let known = match input.idempotency_key {
        Some(_) => problem_of(commands, id).await?,
        None => None,
    };
    if known.as_ref().is_some_and(|known| *known != slug) {
        // Without a look at the problem, which the viewer may not be allowed to see.
        return Err(not_received(ReceiveError::KeyReused));
    }
    let is_new = known.is_none();
    let revised = problem_for(commands, viewer, &slug, is_new).await?;
    let content = Some(&revised.content);
    let language = known_language(commands, content, &input.language).await?;
    check_source(&input.source, source_bytes_max(commands, content))?;
    if is_new {
        refuse_what_no_evaluator_can_judge(commands, &language, content).await?;
        refuse_too_many_open(commands, &viewer.login).await?;
    }
    let source_bytes = input.source.len() as u64;
    // Store the blob before the event that refers to it.
    let source = commands.blobs.put(Bytes::from(input.source)).await?;
    let received = SubmissionReceived {
        submission: id,
        author: viewer.login.clone(),
        problem: slug,
        revision: revised.revision,
        language,
        source,
        source_bytes,
    };
    let context = commands::context(ctx, viewer);
    let received = receive(commands.log.as_ref(), &context, received).await;
    received.map(|it| (it.events, it.replayed)).map_err(not_received)
}

/// The problem's newest revision. A problem that the viewer may not submit to is missing, and an
/// archived one refuses new submissions.
pub(crate) async fn problem_for(
    commands: &Commands,
    viewer: &Viewer,
    slug: &Slug,
    is_new: bool,
) -> Result<Arc<ProblemRevised>, Failure> {
    let problem = commands.problems.stream(slug).await?.state;
    let at = |code, message: &str| UserError::at(code, "input.problem", message);
    let is_missing = is_new && !access::may_submit_to(viewer, &problem.access);
    let revised = problem
        .current
        .filter(|_| !is_missing)
        .ok_or_else(|| at(UserErrorCode::NotFound, "there is no such problem"))?;
    if is_new && !access::is_open_to(viewer, &problem.access) {
        let message = "the problem is archived; it takes no submissions";
        return Err(at(UserErrorCode::Forbidden, message).into());
    }
    Ok(revised)
}

/// Fails if the idempotency key is too short or too long.
pub(crate) fn check_key(key: &str) -> Result<(), UserError> {
    if KEY_CHARS.contains(&key.chars().count()) {
        return Ok(());
    }
    let (least, most) = (KEY_CHARS.start(), KEY_CHARS.end());
    let message = format!("an idempotency key must have {least} to {most} characters");
    Err(UserError::at(UserErrorCode::Invalid, "input.idempotencyKey", message))
}

/// Maps a failed reception to the error shown to the client.
fn not_received(error: ReceiveError) -> Failure {
    match error {
        ReceiveError::KeyReused => {
            let code = UserErrorCode::IdempotencyKeyReused;
            UserError::at(code, "input.idempotencyKey", error.to_string()).into()
        }
        ReceiveError::Rejected(rejection) => {
            UserError::new(UserErrorCode::Invalid, rejection.to_string()).into()
        }
        ReceiveError::Append(error) => Failure::Api(not_appended(&error)),
        ReceiveError::Read(error) => error.into(),
    }
}

/// The language with this id, if the problem accepts it. Without a problem, every language is
/// accepted.
pub(crate) async fn known_language(
    commands: &Commands,
    content: Option<&RevisionContent>,
    id: &ID,
) -> Result<LanguageId, Failure> {
    let unavailable = |message: String| {
        UserError::at(UserErrorCode::LanguageUnavailable, "input.language", message)
    };
    let known = id.parse::<LanguageId>().ok();
    let known = known.filter(|language| commands.api.catalogue.get(language).is_some());
    let Some(language) = known else {
        let judged = judged_languages(commands).await?.join(", ");
        let message = format!("there is no such language; choose one of {judged}");
        return Err(unavailable(message).into());
    };
    if content.is_some_and(|content| content.language(&language).is_none()) {
        return Err(unavailable("the problem does not accept this language".to_owned()).into());
    }
    Ok(language)
}

/// The languages that an evaluator judges; all languages of the configuration if no evaluator runs.
async fn judged_languages(commands: &Commands) -> Result<Vec<&str>, QueueError> {
    let announced = commands.api.queue.announced().await?;
    let is_judged = |language: &LanguageId| {
        let ability = Ability::Judge(language.clone());
        announced.as_ref().is_none_or(|announced| announced.contains(&ability))
    };
    let languages = commands.api.catalogue.all().map(|language| &language.id);
    Ok(languages.filter(|language| is_judged(language)).map(|language| language.as_str()).collect())
}

/// The problem of a submission; `None` if the submission does not exist.
async fn problem_of(commands: &Commands, id: SubmissionId) -> Result<Option<Slug>, ReadError> {
    let first = commands.log.read_stream(&StreamId::Submission(id), Version(1), 1).await?;
    Ok(first.into_iter().find_map(|recorded| match recorded.event {
        Event::SubmissionReceived(received) => Some(received.problem),
        _ => None,
    }))
}

/// Fails if evaluators run, but none of them has the language or those of the problem's programs.
/// Without any evaluator, the submission waits.
pub(crate) async fn refuse_what_no_evaluator_can_judge(
    commands: &Commands,
    language: &LanguageId,
    content: Option<&RevisionContent>,
) -> Result<(), Failure> {
    let Some(announced) = commands.api.queue.announced().await? else { return Ok(()) };
    let needed = match content {
        Some(content) => Ability::needed(language, content),
        None => [Ability::Judge(language.clone())].into(),
    };
    no_evaluator_can(&needed, &announced).map_or(Ok(()), |error| Err(error.into()))
}

/// Only the language of the submission is an error in the input, so only then a field is named.
fn no_evaluator_can(
    needed: &BTreeSet<Ability>,
    announced: &BTreeSet<Ability>,
) -> Option<UserError> {
    let code = UserErrorCode::LanguageUnavailable;
    // The ability to judge comes before those to run programs.
    Some(match needed.difference(announced).next()? {
        Ability::Judge(language) => {
            UserError::at(code, "input.language", format!("no evaluator judges {language}"))
        }
        Ability::Run(language) => {
            let message = format!(
                "this problem cannot be judged now, in any language: its own programs need \
                 {language}, which no evaluator has"
            );
            UserError::new(code, message)
        }
    })
}

/// Fails if the account has as many submissions that are not judged yet as it may have. The queue
/// counts them (INV-2).
async fn refuse_too_many_open(commands: &Commands, login: &Login) -> Result<(), Failure> {
    let open = commands.api.queue.unfinished(Lane::Submit, login).await?;
    too_many_open(open, commands.api.limits.open_submissions.max(1))
        .map_or(Ok(()), |error| Err(error.into()))
}

fn too_many_open(open: u64, most: u64) -> Option<UserError> {
    let message = format!(
        "{open} of your submissions are not judged yet, and at most {most} are allowed; wait for a \
         verdict, then submit again"
    );
    (open >= most).then(|| UserError::new(UserErrorCode::TooMany, message))
}

/// Maximum size of a source, in bytes: the problem's own limit, if it is lower than the server's.
pub(crate) fn source_bytes_max(commands: &Commands, content: Option<&RevisionContent>) -> usize {
    let of_problem = content.and_then(|content| content.limits.source_bytes.try_into().ok());
    of_problem.unwrap_or(usize::MAX).min(commands.api.limits.source_bytes)
}

/// Fails if the source is empty, too large or not text.
pub(crate) fn check_source(source: &str, bytes_max: usize) -> Result<(), UserError> {
    let at = |code, message: String| Err(UserError::at(code, "input.source", message));
    if source.trim().is_empty() {
        return at(UserErrorCode::Invalid, "the source is empty".to_owned());
    }
    if source.len() > bytes_max {
        let actual = source.len();
        return at(
            UserErrorCode::TooLarge,
            format!("the source has {actual} bytes; at most {bytes_max} are allowed"),
        );
    }
    // Text has no control characters except for layout; any other means a binary file.
    let is_binary = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\x0c');
    if let Some(index) = source.find(is_binary) {
        return at(
            UserErrorCode::Invalid,
            format!("the source is not text: byte {index} is a control character"),
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_submissions_language_is_an_error_in_the_input() {
        let judge = |id: &str| Ability::Judge(id.parse().unwrap());
        let run = |id: &str| Ability::Run(id.parse().unwrap());
        let needed = BTreeSet::from([judge("python3"), run("cpp")]);
        let error =
            |announced: &[Ability]| no_evaluator_can(&needed, &announced.iter().cloned().collect());
        assert_eq!(error(&[judge("python3"), run("cpp"), judge("cpp")]), None);
        for announced in [&[run("cpp"), judge("cpp")][..], &[judge("cpp")]] {
            let error = error(announced).unwrap();
            assert_eq!(error.message, "no evaluator judges python3");
            assert_eq!(error.field, Some(vec!["input".to_owned(), "language".to_owned()]));
        }
        let error = error(&[judge("python3"), judge("cpp"), run("python3")]).unwrap();
        assert_eq!((error.code, error.field), (UserErrorCode::LanguageUnavailable, None));
        assert!(error.message.contains("its own programs need cpp"), "{}", error.message);
    }

    #[test]
    fn open_submissions_are_limited() {
        assert_eq!(too_many_open(4, 5), None);
        for open in [5, 6] {
            let error = too_many_open(open, 5).unwrap();
            assert_eq!((error.code, error.field), (UserErrorCode::TooMany, None));
            let expected = format!("{open} of your submissions are not judged yet");
            assert!(error.message.starts_with(&expected), "{}", error.message);
        }
    }

    #[test]
    fn a_source_is_text_of_bounded_size() {
        assert!(check_source("int main() {}\r\n\tλ\x0c", 100).is_ok());
        let code = |source: &str| check_source(source, 10).unwrap_err().code;
        assert_eq!(code(" \n"), UserErrorCode::Invalid);
        assert_eq!(code("\0ELF"), UserErrorCode::Invalid);
        assert_eq!(code("a\u{1b}[31m"), UserErrorCode::Invalid);
        assert_eq!(code("12345678901"), UserErrorCode::TooLarge);
    }
}
