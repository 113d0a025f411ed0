//! Changing who may see and revise a problem.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use domain::account::Account;
use domain::problem::{ProblemAccess, ProblemCommand};
use domain::{Login, Recorded, Role, Slug, StreamId};
use event_store::{AppendError, ExecuteError, Stream};
use graphql::nodes::{Problem, ProblemVisibility, TextRuleEnum};
use graphql::{Api, ConsistencyToken, GlobalId, Viewer, access};
use read_model::views::ProblemView;

use crate::commands::{self, Commands};
use crate::payload::{self, Failure, Payload, UserError, UserErrorCode, not_appended, token};

/// How many times a change is decided before a conflict with another writer is an error.
const TRIES_MAX: u32 = 5;

/// Mutations of who may see and revise problems.
#[derive(Debug, Default)]
pub struct ProblemAccessMutation;

/// When the texts that reveal a problem's solution are shown.
#[derive(InputObject)]
pub struct ProblemTextRulesInput {
    /// The problem's id.
    problem: ID,
    /// When the editorial is shown; null to leave the rule as it is.
    editorial: Option<TextRuleEnum>,
    /// When the hints are shown; null to leave the rule as it is.
    hints: Option<TextRuleEnum>,
}

/// The changed problem, or why it was not changed.
#[derive(SimpleObject, Default)]
pub struct ProblemAccessPayload {
    /// The problem after the change. Null on failure, and while the read model is behind; then read
    /// it later, with `token`.
    problem: Option<Problem>,
    /// Why the problem was not changed; empty on success.
    pub(crate) user_errors: Vec<UserError>,
    /// The consistency token of the write; null if nothing was written.
    pub(crate) token: Option<ConsistencyToken>,
}

impl Payload for ProblemAccessPayload {
    fn refused(user_errors: Vec<UserError>) -> Self {
        Self { user_errors, ..Self::default() }
    }
}

#[Object]
impl ProblemAccessMutation {
    /// Changes who may see a problem. For those who work on it, and judges.
    async fn set_problem_visibility(
        &self,
        ctx: &Context<'_>,
        problem: ID,
        visibility: ProblemVisibility,
    ) -> Result<ProblemAccessPayload> {
        let command = ProblemCommand::SetVisibility(visibility.into());
        answer(ctx, &problem, command, access::may_revise_problem).await
    }

    /// Changes when the editorial and the hints of a problem are shown. For those who work on it,
    /// and judges.
    async fn set_problem_text_rules(
        &self,
        ctx: &Context<'_>,
        input: ProblemTextRulesInput,
    ) -> Result<ProblemAccessPayload> {
        let (editorial, hints) = (input.editorial.map(Into::into), input.hints.map(Into::into));
        let command = ProblemCommand::SetTextRules { editorial, hints };
        answer(ctx, &input.problem, command, access::may_revise_problem).await
    }

    /// Archives a problem: no list contains it, and only those who work on it may still submit.
    /// Submissions and their verdicts stay. For its owner, and judges.
    async fn archive_problem(
        &self,
        ctx: &Context<'_>,
        problem: ID,
    ) -> Result<ProblemAccessPayload> {
        answer(ctx, &problem, ProblemCommand::Archive, access::may_manage_problem).await
    }

    /// Undoes `archiveProblem`. For the problem's owner, and judges.
    async fn restore_problem(
        &self,
        ctx: &Context<'_>,
        problem: ID,
    ) -> Result<ProblemAccessPayload> {
        answer(ctx, &problem, ProblemCommand::Restore, access::may_manage_problem).await
    }

    /// Lets another account work on a problem: it sees everything of the problem, and may revise it
    /// if it is a setter. For the problem's owner, and judges.
    async fn add_collaborator(
        &self,
        ctx: &Context<'_>,
        problem: ID,
        login: String,
    ) -> Result<ProblemAccessPayload> {
        to_account(ctx, &problem, &login, |_| true, ProblemCommand::AddCollaborator).await
    }

    /// Ends an account's work on a problem. For the problem's owner, judges, and the account
    /// itself.
    async fn remove_collaborator(
        &self,
        ctx: &Context<'_>,
        problem: ID,
        login: String,
    ) -> Result<ProblemAccessPayload> {
        let Ok(login) = login.parse::<Login>() else { return payload::answer(Err(no_account())) };
        let may = |viewer: &Viewer, it: &ProblemAccess| {
            access::may_remove_collaborator(viewer, it, &login)
        };
        answer(ctx, &problem, ProblemCommand::RemoveCollaborator(login.clone()), may).await
    }

    /// Gives a problem to another account, which must be a setter or a judge. The previous owner no
    /// longer works on it, unless the new one adds it as a collaborator. For the problem's owner, and
    /// judges.
    async fn transfer_problem(
        &self,
        ctx: &Context<'_>,
        problem: ID,
        login: String,
    ) -> Result<ProblemAccessPayload> {
        let may_own = |account: &Account| {
            let roles = [Role::Setter, Role::Judge, Role::Admin];
            roles.iter().any(|role| account.roles.contains(role))
        };
        to_account(ctx, &problem, &login, may_own, ProblemCommand::Transfer).await
    }
}

/// Executes a command that gives the problem, or a part in it, to an account.
async fn to_account(
    ctx: &Context<'_>,
    problem: &ID,
    login: &str,
    may_have_it: impl FnOnce(&Account) -> bool,
    command: impl FnOnce(Login) -> ProblemCommand,
) -> Result<ProblemAccessPayload> {
    let changed = async {
        // The viewer's rights come first, so that nobody else learns which accounts exist.
        let slug = GlobalId::problem(problem)?;
        check(ctx, &slug, access::may_manage_problem).await?;
        let login: Login = login.parse().map_err(|_| no_account())?;
        let stream = StreamId::Account(login.clone());
        let account = Stream::<Account>::load(Commands::of(ctx).log.as_ref(), stream).await?.state;
        if account.subject.is_none() || account.is_erased {
            return Err(no_account());
        }
        if !may_have_it(&account) {
            let message = "the account is neither a setter nor a judge";
            return Err(UserError::at(UserErrorCode::Invalid, "login", message).into());
        }
        change(ctx, &slug, command(login), access::may_manage_problem).await
    };
    payload(ctx, problem, changed.await).await
}

fn no_account() -> Failure {
    UserError::at(UserErrorCode::NotFound, "login", "there is no such account").into()
}

async fn answer(
    ctx: &Context<'_>,
    problem: &ID,
    command: ProblemCommand,
    may: impl Fn(&Viewer, &ProblemAccess) -> bool,
) -> Result<ProblemAccessPayload> {
    let changed = async { change(ctx, &GlobalId::problem(problem)?, command, may).await };
    payload(ctx, problem, changed.await).await
}

async fn payload(
    ctx: &Context<'_>,
    problem: &ID,
    changed: Result<Vec<Recorded>, Failure>,
) -> Result<ProblemAccessPayload> {
    let answered = async {
        let recorded = changed?;
        let keys = [GlobalId::problem(problem)?.as_str().to_owned()];
        let api = Api::of(ctx);
        let mut found = payload::read_back::<ProblemView, Problem>(api, &keys, &recorded).await;
        // A viewer who has just given up the problem may no longer see it.
        found.retain(|it| access::may_see_problem(Viewer::of(ctx), &it.0.access));
        Ok(ProblemAccessPayload {
            problem: found.pop(),
            user_errors: vec![],
            token: token(&recorded),
        })
    };
    payload::answer(answered.await)
}

/// Fails unless the viewer may do this with the problem. Returns its stream.
async fn check(
    ctx: &Context<'_>,
    slug: &Slug,
    may: impl Fn(&Viewer, &ProblemAccess) -> bool,
) -> Result<Stream<domain::problem::Problem>, Failure> {
    let viewer = Viewer::required(ctx)?;
    let stream = Commands::of(ctx).problems.stream(slug).await?;
    let access = &stream.state.access;
    if stream.state.current.is_none() || !access::may_see_problem(Some(viewer), access) {
        let message = "there is no such problem";
        return Err(UserError::at(UserErrorCode::NotFound, "problem", message).into());
    }
    if !may(viewer, access) {
        let message = "you may not do this with the problem of another setter";
        return Err(UserError::new(UserErrorCode::Forbidden, message).into());
    }
    Ok(stream)
}

/// Executes the command. Returns its events; none if nothing would change.
async fn change(
    ctx: &Context<'_>,
    slug: &Slug,
    command: ProblemCommand,
    may: impl Fn(&Viewer, &ProblemAccess) -> bool,
) -> Result<Vec<Recorded>, Failure> {
    let context = commands::context(ctx, Viewer::required(ctx)?);
    let log = Commands::of(ctx).log.as_ref();
    for _ in 0..TRIES_MAX {
        let mut stream = check(ctx, slug, &may).await?;
        match stream.execute(log, vec![command.clone()], &context, None, None).await {
            Ok(recorded) => return Ok(recorded),
            Err(ExecuteError::Append(AppendError::Conflict { .. })) => {}
            Err(ExecuteError::Append(error)) => return Err(Failure::Api(not_appended(&error))),
            Err(ExecuteError::Rejected(rejection)) => {
                let code = UserErrorCode::TooMany;
                return Err(UserError::new(code, rejection.to_string()).into());
            }
        }
    }
    let message = "other requests keep changing the problem; try again";
    Err(UserError::new(UserErrorCode::Conflict, message).into())
}
