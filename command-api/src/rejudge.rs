//! Rejudges: creating, applying, cancelling and reverting them.

use std::collections::BTreeMap;

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use domain::rejudge::{
    Against, Member, Rejudge as Aggregate, RejudgeCommand, RejudgeCreated, RejudgePhase,
    RejudgeRejection, TrialEnd,
};
use domain::submission::{Phase, Submission};
use domain::{Digest, Login, Recorded, RejudgeId, Slug, StreamId, SubmissionId, TrialId, Verdict};
use event_store::{
    AppendError, BlobError, ChangeError, EventLog, ExecuteError, Lane, ReadError, Scope, Stream,
    WorkItem,
};
use futures::{StreamExt, TryStreamExt, stream};
use graphql::nodes::Rejudge;
use graphql::{Api, ConsistencyToken, GlobalId, PinnedSelection, Viewer, access};
use read_model::views::RejudgeView;
use uuid::Uuid;

use crate::commands::{self, Commands};
use crate::payload::{self, Failure, Payload, UserError, UserErrorCode, not_appended, token};
use crate::submit::check_key;

/// Streams that are read concurrently.
const READS_AT_ONCE: usize = 32;

/// Mutations of rejudges.
#[derive(Debug, Default)]
pub struct RejudgeMutation;

/// The properties of a new rejudge.
#[derive(InputObject)]
pub struct CreateRejudgeInput {
    /// The token from `rejudgePreview`.
    selection_token: String,
    /// Why the submissions are judged again, for the record.
    reason: String,
    /// Makes retries safe: a request with the same key and input returns the first result. 1 to 200
    /// characters.
    idempotency_key: Option<String>,
}

/// The rejudge, or why nothing was done.
#[derive(SimpleObject, Default)]
pub struct RejudgePayload {
    /// The rejudge's new state; null while the read model is behind. Then read it later, with
    /// `token`.
    rejudge: Option<Rejudge>,
    /// The rejudge's id; set on success even if `rejudge` is null.
    id: Option<ID>,
    /// Why nothing was done; empty on success.
    pub(crate) user_errors: Vec<UserError>,
    /// The consistency token of the write; null if nothing was written.
    pub(crate) token: Option<ConsistencyToken>,
}

impl Payload for RejudgePayload {
    fn refused(user_errors: Vec<UserError>) -> Self {
        Self { user_errors, ..Self::default() }
    }
}

#[Object]
impl RejudgeMutation {
    /// Judges a previewed set of submissions again. Only judges can see the results until the
    /// rejudge is applied. For judges.
    async fn create_rejudge(
        &self,
        ctx: &Context<'_>,
        input: CreateRejudgeInput,
    ) -> Result<RejudgePayload> {
        answer(ctx, create(Commands::of(ctx), ctx, input).await).await
    }

    /// Makes all verdicts of the rejudge count, atomically. For judges.
    async fn apply_rejudge(
        &self,
        ctx: &Context<'_>,
        id: ID,
        expected_version: i32,
        reason: Option<String>,
    ) -> Result<RejudgePayload> {
        answer(ctx, apply(Commands::of(ctx), ctx, &id, expected_version, reason).await).await
    }

    /// Cancels a rejudge that was not applied. For judges.
    async fn cancel_rejudge(
        &self,
        ctx: &Context<'_>,
        id: ID,
        reason: Option<String>,
    ) -> Result<RejudgePayload> {
        let cancel = |by| RejudgeCommand::Cancel { by, reason: reason.clone() };
        answer(ctx, end(Commands::of(ctx), ctx, &id, cancel).await).await
    }

    /// Undoes an applied rejudge, even if others were applied after it. For judges.
    async fn revert_rejudge(
        &self,
        ctx: &Context<'_>,
        id: ID,
        reason: Option<String>,
    ) -> Result<RejudgePayload> {
        let revert = |by| RejudgeCommand::Revert { by, reason: reason.clone() };
        answer(ctx, end(Commands::of(ctx), ctx, &id, revert).await).await
    }
}

/// The rejudge's id and the recorded events.
type Outcome = Result<(RejudgeId, Vec<Recorded>), Failure>;

async fn answer(ctx: &Context<'_>, outcome: Outcome) -> Result<RejudgePayload> {
    payload::answer(match outcome {
        Ok((id, recorded)) => Ok(RejudgePayload::of(ctx, id, &recorded).await),
        Err(failure) => Err(failure),
    })
}

impl RejudgePayload {
    async fn of(ctx: &Context<'_>, id: RejudgeId, recorded: &[Recorded]) -> Self {
        let keys = [id.to_string()];
        let found = payload::read_back::<RejudgeView, Rejudge>(Api::of(ctx), &keys, recorded).await;
        Self {
            rejudge: found.into_iter().next(),
            id: Some(GlobalId::Rejudge(id).into()),
            user_errors: vec![],
            token: token(recorded),
        }
    }
}

/// Fails unless the viewer may rejudge.
fn check_judge<'a>(ctx: &Context<'a>) -> Result<&'a Viewer, Failure> {
    let viewer = Viewer::required(ctx)?;
    if access::may_rejudge(Some(viewer)) && viewer.allows(Scope::Full) {
        return Ok(viewer);
    }
    Err(UserError::new(UserErrorCode::Forbidden, "only judges can rejudge").into())
}

async fn create(commands: &Commands, ctx: &Context<'_>, input: CreateRejudgeInput) -> Outcome {
    let viewer = check_judge(ctx)?;
    let id = match &input.idempotency_key {
        Some(key) => {
            check_key(key)?;
            RejudgeId::from_idempotency_key(&viewer.login, key)
        }
        None => Uuid::now_v7().into(),
    };
    let pinned = pinned(commands, &input.selection_token).await?;
    let created = RejudgeCreated {
        rejudge: id,
        by: viewer.login.clone(),
        reason: input.reason.trim().to_owned(),
        members: members(commands, &pinned).await?,
        selection: pinned.selection,
    };
    let stream_id = StreamId::Rejudge(id);
    let work = WorkItem { lane: Lane::Rejudge, stream: stream_id.clone(), account: None };
    let create = vec![RejudgeCommand::Create(Box::new(created.clone()))];
    let context = commands::context(ctx, viewer);
    let log = commands.log.as_ref();
    let mut stream = Stream::<Aggregate>::new(stream_id.clone());
    match stream.execute(log, create, &context, Some(work), None).await {
        Ok(recorded) => Ok((id, recorded)),
        Err(ExecuteError::Append(AppendError::Conflict { .. })) => {
            let first = Stream::<Aggregate>::load(log, stream_id).await?.state.created;
            if first.is_some_and(|first| same_input(&first, &created)) {
                return Ok((id, vec![]));
            }
            let message = "the idempotency key was used before with a different input";
            let code = UserErrorCode::IdempotencyKeyReused;
            Err(UserError::at(code, "input.idempotencyKey", message).into())
        }
        Err(error) => Err(refused(error)),
    }
}

/// Ignores the revisions: the problem may have been revised between two tries, which the client
/// cannot know.
fn same_input(first: &RejudgeCreated, again: &RejudgeCreated) -> bool {
    let submissions =
        |it: &RejudgeCreated| it.members.iter().map(|it| it.submission).collect::<Vec<_>>();
    first.reason == again.reason
        && first.selection == again.selection
        && submissions(first) == submissions(again)
}

async fn pinned(commands: &Commands, token: &str) -> Result<PinnedSelection, Failure> {
    let unknown = || {
        let message = "there is no such selection; run rejudgePreview again";
        UserError::at(UserErrorCode::NotFound, "input.selectionToken", message)
    };
    let digest: Digest = token.parse().map_err(|_| unknown())?;
    let bytes = match commands.blobs.get(&digest).await {
        Ok(bytes) => bytes,
        Err(BlobError::NotFound(_)) => return Err(unknown().into()),
        Err(error) => return Err(Failure::Api(error.into())),
    };
    Ok(PinnedSelection::decode(&bytes).ok_or_else(unknown)?)
}

/// The submissions and the revisions to judge them against, from the log (INV-2).
async fn members(commands: &Commands, pinned: &PinnedSelection) -> Result<Vec<Member>, Failure> {
    let log = commands.log.as_ref();
    let read = stream::iter(pinned.submissions.clone()).map(|id| judged(log, id));
    let found: Vec<Option<(Slug, u32)>> = read.buffered(READS_AT_ONCE).try_collect().await?;
    let mut newest: BTreeMap<Slug, u32> = BTreeMap::new();
    let mut members = Vec::new();
    for (submission, found) in pinned.submissions.iter().copied().zip(found) {
        let Some((problem, own)) = found else {
            let id = GlobalId::Submission(submission);
            let message =
                format!("{id} is not a submission with a verdict; run rejudgePreview again");
            return Err(
                UserError::at(UserErrorCode::NotFound, "input.selectionToken", message).into()
            );
        };
        let revision = match (pinned.selection.against, newest.get(&problem)) {
            (Against::Own, _) => own,
            (Against::Newest, Some(revision)) => *revision,
            (Against::Newest, None) => {
                let current = commands.problems.current(&problem).await?;
                let revision = current.map_or(own, |revised| revised.revision);
                newest.insert(problem, revision);
                revision
            }
        };
        members.push(Member { submission, revision });
    }
    Ok(members)
}

/// The problem and revision of a submission; `None` if it has no verdict.
async fn judged(log: &dyn EventLog, id: SubmissionId) -> Result<Option<(Slug, u32)>, ReadError> {
    let submission = Stream::<Submission>::load(log, StreamId::Submission(id)).await?.state;
    let judged = matches!(submission.phase, Phase::Judged(_));
    Ok(submission.received.filter(|_| judged).map(|it| (it.problem, it.revision)))
}

async fn apply(
    commands: &Commands,
    ctx: &Context<'_>,
    id: &ID,
    expected: i32,
    reason: Option<String>,
) -> Outcome {
    let viewer = check_judge(ctx)?;
    let (id, mut stream) = load(commands, id).await?;
    let mut trials = BTreeMap::new();
    // Applying an applied rejudge again changes nothing, so the version need not match.
    if stream.state.phase == RejudgePhase::Judging {
        if u64::try_from(expected).ok() != Some(stream.version.0) {
            let message = format!("the rejudge is at version {}, not {expected}", stream.version);
            let code = UserErrorCode::VersionMismatch;
            return Err(UserError::at(code, "expectedVersion", message).into());
        }
        if stream.state.queued {
            trials = trial_ends(commands.log.as_ref(), id, &stream.state).await?;
        }
    }
    let apply = RejudgeCommand::Apply { by: viewer.login.clone(), reason, trials };
    let recorded = execute(commands, ctx, viewer, &mut stream, apply).await.map_err(refused)?;
    Ok((id, recorded))
}

/// The outcomes of the trials that have ended, from the log (INV-2).
async fn trial_ends(
    log: &dyn EventLog,
    rejudge: RejudgeId,
    state: &Aggregate,
) -> Result<BTreeMap<SubmissionId, TrialEnd>, ReadError> {
    let members = state.members().to_vec();
    let ids = members.into_iter().map(|it| TrialId { rejudge, submission: it.submission });
    let ends = stream::iter(ids).map(|id| trial_end(log, id)).buffer_unordered(READS_AT_ONCE);
    let ends: Vec<_> = ends.try_collect().await?;
    Ok(ends.into_iter().flatten().collect())
}

async fn trial_end(
    log: &dyn EventLog,
    id: TrialId,
) -> Result<Option<(SubmissionId, TrialEnd)>, ReadError> {
    let trial = Stream::<Submission>::load(log, StreamId::Trial(id)).await?.state;
    let end = match trial.phase {
        Phase::Judged(Verdict::JudgeError) => Some(TrialEnd::Failed),
        Phase::Judged(verdict) => Some(TrialEnd::Judged(verdict)),
        Phase::Absent | Phase::Queued | Phase::Judging(_) | Phase::Cancelled => None,
    };
    Ok(end.map(|end| (id.submission, end)))
}

async fn end(
    commands: &Commands,
    ctx: &Context<'_>,
    id: &ID,
    command: impl Fn(Login) -> RejudgeCommand,
) -> Outcome {
    let viewer = check_judge(ctx)?;
    let (id, context) = (GlobalId::rejudge(id)?, commands::context(ctx, viewer));
    let stream = StreamId::Rejudge(id);
    // An evaluator may queue the last trial at the same time.
    let command = || command(viewer.login.clone());
    let changed = Stream::<Aggregate>::change(commands.log.as_ref(), stream, &context, command);
    match changed.await {
        Ok((_, recorded)) => Ok((id, recorded)),
        Err(ChangeError::Read(error)) => Err(error.into()),
        Err(ChangeError::Execute(error)) => Err(refused(error)),
    }
}

async fn load(commands: &Commands, id: &ID) -> Result<(RejudgeId, Stream<Aggregate>), Failure> {
    let id = GlobalId::rejudge(id)?;
    Ok((id, Stream::load(commands.log.as_ref(), StreamId::Rejudge(id)).await?))
}

async fn execute(
    commands: &Commands,
    ctx: &Context<'_>,
    viewer: &Viewer,
    stream: &mut Stream<Aggregate>,
    command: RejudgeCommand,
) -> Result<Vec<Recorded>, ExecuteError<RejudgeRejection>> {
    let (log, context) = (commands.log.as_ref(), commands::context(ctx, viewer));
    stream.execute(log, vec![command], &context, None, None).await
}

fn too_slow() -> UserError {
    UserError::new(
        UserErrorCode::Conflict,
        "the rejudge was changed by another request; read it again and retry",
    )
}

fn refused(error: ExecuteError<RejudgeRejection>) -> Failure {
    use {RejudgeRejection as No, UserErrorCode as Code};
    match error {
        ExecuteError::Append(AppendError::Conflict { .. }) => too_slow().into(),
        ExecuteError::Append(error) => Failure::Api(not_appended(&error)),
        ExecuteError::Rejected(rejection) => {
            let code = match &rejection {
                No::NotFound => Code::NotFound,
                No::NotReady { .. } => Code::NotReady,
                No::Applied | No::Cancelled | No::Reverted => Code::AlreadyFinal,
                No::AlreadyCreated => Code::Conflict,
                No::BadMembers | No::BadReason | No::NotApplied => Code::Invalid,
            };
            UserError::new(code, rejection.to_string()).into()
        }
    }
}
