//! Cancelling a submission.

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use domain::submission::{Submission as Aggregate, SubmissionCommand, SubmissionRejection};
use domain::{Login, Recorded, Role, StreamId, SubmissionId};
use event_store::{AppendError, ChangeError, ExecuteError, Lane, Scope, Stream, WorkItem};
use graphql::nodes::Submission;
use graphql::{ConsistencyToken, GlobalId, Viewer, access};

use crate::commands::{self, Commands};
use crate::payload::{Failure, Payload, UserError, UserErrorCode, answer, not_appended, token};

/// Mutations that cancel submissions.
#[derive(Debug, Default)]
pub struct CancelMutation;

/// The cancelled submission, or why it was not cancelled.
#[derive(SimpleObject, Default)]
pub struct CancelSubmissionPayload {
    /// The submission.
    submission: Option<Submission>,
    /// Why it was not cancelled; empty on success.
    pub(crate) user_errors: Vec<UserError>,
    /// The consistency token of the write; null if nothing was written.
    pub(crate) token: Option<ConsistencyToken>,
}

impl Payload for CancelSubmissionPayload {
    fn refused(user_errors: Vec<UserError>) -> Self {
        Self { user_errors, ..Self::default() }
    }
}

#[Object]
impl CancelMutation {
    /// Cancels a submission that has no verdict. It will never have one, and it does not count in
    /// any statistics. Authors can cancel their own submissions while they wait; judges can cancel
    /// any, also while it is being judged. Cancelling it again changes nothing. The reason is for
    /// the record, where it stays: it must not contain personal data. It has 1 to 1,000 characters.
    async fn cancel_submission(
        &self,
        ctx: &Context<'_>,
        id: ID,
        reason: Option<String>,
    ) -> Result<CancelSubmissionPayload> {
        answer(cancel(Commands::of(ctx), ctx, &id, reason).await)
    }
}

async fn cancel(
    commands: &Commands,
    ctx: &Context<'_>,
    id: &ID,
    reason: Option<String>,
) -> Result<CancelSubmissionPayload, Failure> {
    let viewer = Viewer::required(ctx)?;
    let id = GlobalId::submission(id)?;
    let by_judge = check_permission(commands, viewer, id).await?;
    let context = commands::context(ctx, viewer);
    let command = || SubmissionCommand::Cancel { by_judge, reason: reason.clone() };
    let (log, stream) = (commands.log.as_ref(), StreamId::Submission(id));
    let recorded: Vec<Recorded> =
        match Stream::<Aggregate>::change(log, stream, &context, command).await {
            Ok((_, recorded)) => recorded,
            Err(ChangeError::Read(error)) => return Err(error.into()),
            Err(ChangeError::Execute(error)) => return Err(refused(error)),
        };
    let submission = commands.api.hub.folds.newest(id).await?;
    if let Some(fold) = &submission {
        withdraw(commands, id, &fold.summary.author).await;
    }
    Ok(CancelSubmissionPayload {
        submission: submission.map(Submission::from),
        user_errors: vec![],
        token: token(&recorded),
    })
}

/// Removes the submission's work from the queue, so that it uses neither its author's turns nor the
/// limit on open submissions. An evaluator drops work that stays, so a failure is no error.
async fn withdraw(commands: &Commands, id: SubmissionId, author: &Login) {
    let stream = StreamId::Submission(id);
    let item = WorkItem { lane: Lane::Submit, stream, account: Some(author.clone()) };
    if let Err(error) = commands.api.queue.withdraw(&item).await {
        let error: &dyn std::error::Error = &error;
        tracing::warn!(submission = %id, error, "the work of a cancelled submission stays");
    }
}

/// Whether the viewer cancels the submission as a judge. Fails if the viewer may not cancel it.
async fn check_permission(
    commands: &Commands,
    viewer: &Viewer,
    id: SubmissionId,
) -> Result<bool, Failure> {
    let forbidden = || {
        let message = "this token does not allow cancelling the submission";
        UserError::new(UserErrorCode::Forbidden, message)
    };
    if !viewer.allows(Scope::Submit) {
        return Err(forbidden().into());
    }
    let stream = StreamId::Submission(id);
    let submission = Stream::<Aggregate>::load(commands.log.as_ref(), stream).await?.state;
    let author = submission.received.map(|received| received.author);
    let Some(author) = author.filter(|author| access::may_see_submissions_of(Some(viewer), author))
    else {
        return Err(not_found().into());
    };
    let by_judge = viewer.has(Role::Judge) && viewer.allows(Scope::Full);
    if by_judge || author == viewer.login { Ok(by_judge) } else { Err(forbidden().into()) }
}

fn not_found() -> UserError {
    UserError::at(UserErrorCode::NotFound, "id", SubmissionRejection::NotFound.to_string())
}

fn refused(error: ExecuteError<SubmissionRejection>) -> Failure {
    use {SubmissionRejection as No, UserErrorCode as Code};
    let rejection = match error {
        ExecuteError::Append(AppendError::Conflict { .. }) => {
            let message = "the submission changes too fast; try again";
            return UserError::new(Code::Conflict, message).into();
        }
        ExecuteError::Append(error) => return Failure::Api(not_appended(&error)),
        ExecuteError::Rejected(rejection) => rejection,
    };
    let message = rejection.to_string();
    match rejection {
        No::NotFound => not_found().into(),
        No::BadReason => UserError::at(Code::Invalid, "reason", message).into(),
        No::AlreadyFinal => UserError::at(Code::AlreadyFinal, "id", message).into(),
        No::UnderWay => UserError::at(Code::Forbidden, "id", message).into(),
        No::AlreadyReceived | No::Cancelled | No::NotUnderWay(_) | No::OutOfOrder(_) => {
            UserError::new(Code::Invalid, message).into()
        }
    }
}
