//! Running a program on its author's own inputs or on a problem's samples.

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use domain::RunId;
use domain::problem::{Checker, ProblemRevised, RevisionContent};
use domain::run::{CASES_MAX, INPUT_BYTES_MAX, RunCase, RunProblem, RunRequest};
use event_store::{Creation, NewRun, Scope, StoredRun};
use graphql::nodes::Run;
use graphql::{ApiError, Code, ConsistencyToken, GlobalId, Viewer};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::commands::Commands;
use crate::payload::{Failure, Payload, UserError, UserErrorCode, answer};
use crate::submit::{
    check_key, check_source, known_language, problem_for, refuse_what_no_evaluator_can_judge,
    source_bytes_max,
};

/// Mutations of runs.
#[derive(Debug, Default)]
pub struct RunMutation;

/// A program to run.
#[derive(InputObject)]
pub struct RunInput {
    /// The id of the problem whose limits, snippets and samples are used. Without a problem, a run
    /// may use 1 s of CPU time and 256 MiB of memory.
    problem: Option<ID>,
    /// The id of the language the program is written in.
    language: ID,
    /// The source code.
    source: String,
    /// What the program reads from its standard input, once for each: at most 10, each of at most
    /// 64 KiB. For a function problem each is the JSON of the arguments, as in the samples. If it is
    /// empty, the program runs on the first 10 samples of the problem.
    #[graphql(default)]
    inputs: Vec<String>,
    /// Makes retries safe: a request with the same key and input returns the first run until that
    /// has expired. 1 to 200 characters.
    idempotency_key: Option<String>,
}

/// The run, or why it was refused.
#[derive(SimpleObject, Default)]
pub struct RunPayload {
    /// The run.
    run: Option<Run>,
    /// Whether the run existed already, found by its idempotency key.
    replayed: bool,
    /// Why the run was refused; empty on success.
    pub(crate) user_errors: Vec<UserError>,
    /// Always null: runs are not in the log.
    pub(crate) token: Option<ConsistencyToken>,
}

impl Payload for RunPayload {
    fn refused(user_errors: Vec<UserError>) -> Self {
        Self { user_errors, ..Self::default() }
    }
}

#[Object]
impl RunMutation {
    /// Runs a program on inputs of the viewer's own, or on a problem's samples, in the same cells
    /// and with the same limits as a submission. Only the viewer sees the run, which is kept for a
    /// day. It waits while submissions wait.
    async fn run(&self, ctx: &Context<'_>, input: RunInput) -> Result<RunPayload> {
        let run = run(Commands::of(ctx), ctx, input).await;
        answer(run.map(|(stored, replayed)| RunPayload {
            run: Some(Arc::new(stored).into()),
            replayed,
            ..RunPayload::default()
        }))
    }
}

/// The stored run, and whether it existed already.
async fn run(
    commands: &Commands,
    ctx: &Context<'_>,
    input: RunInput,
) -> Result<(StoredRun, bool), Failure> {
    let viewer = Viewer::required(ctx)?;
    if !viewer.allows(Scope::Submit) {
        let message = "this token does not allow running programs";
        return Err(UserError::new(UserErrorCode::Forbidden, message).into());
    }
    let limits = &commands.api.limits;
    if !commands.admits_run(&viewer.login) {
        let most = limits.runs_per_minute;
        let message =
            format!("too many runs: at most {most} a minute are allowed; try again later");
        return Err(UserError::new(UserErrorCode::TooMany, message).into());
    }
    let revised = match &input.problem {
        Some(problem) => Some(problem_of(commands, viewer, problem).await?),
        None => None,
    };
    let content = revised.as_ref().map(|revised| &revised.content);
    let language = known_language(commands, content, &input.language).await?;
    check_source(&input.source, source_bytes_max(commands, content))?;
    check_arguments(content, &input.inputs)?;
    let cases = cases(content, input.inputs)?;
    let id = match &input.idempotency_key {
        Some(key) => {
            check_key(key)?;
            RunId::from_idempotency_key(&viewer.login, key)
        }
        None => Uuid::now_v7().into(),
    };
    let now = Timestamp::now();
    let runs = &commands.api.runs;
    // A client that repeats a request must learn that the run exists.
    if input.idempotency_key.is_none() || runs.read(id, now).await?.is_none() {
        let programs = content.filter(|_| has_samples(&cases));
        refuse_what_no_evaluator_can_judge(commands, &language, programs).await?;
    }
    let request = RunRequest {
        run: id,
        author: viewer.login.clone(),
        problem: revised.as_ref().zip(input.problem.as_ref()).map(problem_in).transpose()?,
        language,
        source: input.source,
        cases,
    };
    let expires_at = now + SignedDuration::from_hours(i64::from(limits.run_keep_hours));
    let new = NewRun { request, requested_at: now, expires_at, open_max: limits.open_runs };
    let created = runs.create(&new).await?;
    if created == Creation::TooManyOpen {
        let most = limits.open_runs;
        let message = format!("too many runs have not ended yet: at most {most} are allowed");
        return Err(UserError::new(UserErrorCode::TooMany, message).into());
    }
    let gone = || ApiError::new(Code::Unavailable, "the run has just expired; try again");
    let stored = runs.read(id, now).await?.ok_or_else(gone)?;
    if !stored.request.is_repeated_by(&new.request) {
        let code = UserErrorCode::IdempotencyKeyReused;
        let message = "the idempotency key was used before with a different input";
        return Err(UserError::at(code, "input.idempotencyKey", message).into());
    }
    Ok((stored, created == Creation::Existed))
}

/// The newest revision of a problem that programs can run on.
async fn problem_of(
    commands: &Commands,
    viewer: &Viewer,
    problem: &ID,
) -> Result<Arc<ProblemRevised>, Failure> {
    let at = |code, message: &str| UserError::at(code, "input.problem", message);
    let slug = GlobalId::problem(problem)?;
    let revised = problem_for(commands, viewer, &slug, true).await?;
    let is_interactive = match &revised.content.checker {
        Checker::Programs(validation) => validation.interactive,
        Checker::Tokens(_) | Checker::Lines(_) => false,
    };
    if is_interactive {
        let message = "this problem is interactive: its program talks to another program, which \
                       a run does not have";
        return Err(at(UserErrorCode::Invalid, message).into());
    }
    Ok(revised)
}

fn problem_in((revised, id): (&Arc<ProblemRevised>, &ID)) -> Result<RunProblem, ApiError> {
    Ok(RunProblem { slug: GlobalId::problem(id)?, revision: revised.revision })
}

/// Fails if the problem is a function problem and an input is not of its types.
fn check_arguments(content: Option<&RevisionContent>, inputs: &[String]) -> Result<(), Failure> {
    let Some(declaration) = content.and_then(|content| content.signature.as_ref()) else {
        return Ok(());
    };
    let signature = declaration
        .read()
        .map_err(|error| ApiError::new(Code::Internal, format!("the signature: {error}")))?;
    for (number, input) in (1..).zip(inputs) {
        let read = serde_json::from_str(input).map_err(|error| error.to_string());
        let read = read.and_then(|json| {
            signature.read_arguments(&json).map_err(|mismatch| mismatch.to_string())
        });
        if let Err(reason) = read {
            let message = format!(
                "input {number} is not the JSON of the arguments of `{signature}`: {reason}"
            );
            return Err(UserError::at(UserErrorCode::Invalid, "input.inputs", message).into());
        }
    }
    Ok(())
}

/// The author's inputs or, if there are none, the samples.
fn cases(
    content: Option<&RevisionContent>,
    inputs: Vec<String>,
) -> Result<Vec<RunCase>, UserError> {
    let at = |code, message: String| Err(UserError::at(code, "input.inputs", message));
    if inputs.len() > CASES_MAX {
        let message = format!("there are {} inputs; at most {CASES_MAX} are allowed", inputs.len());
        return at(UserErrorCode::TooLarge, message);
    }
    if let Some(index) = inputs.iter().position(|input| input.len() > INPUT_BYTES_MAX) {
        let (number, actual) = (index + 1, inputs[index].len());
        let message =
            format!("input {number} has {actual} bytes; at most {INPUT_BYTES_MAX} are allowed");
        return at(UserErrorCode::TooLarge, message);
    }
    if !inputs.is_empty() {
        return Ok(inputs.into_iter().map(|input| RunCase::Own { input }).collect());
    }
    let Some(content) = content else {
        let message = "give at least one input, or a problem whose samples are used";
        return at(UserErrorCode::Invalid, message.to_owned());
    };
    let samples = (1..).zip(&content.tests).filter(|(_, test)| test.sample && !test.is_static);
    let samples = samples.map(|(test, sample)| {
        let (input, answer) = (sample.input.digest, sample.answer.digest);
        RunCase::Sample { test, input, answer }
    });
    let samples: Vec<RunCase> = samples.take(CASES_MAX).collect();
    if samples.is_empty() {
        let message = "the problem has no samples; give at least one input";
        return at(UserErrorCode::Invalid, message.to_owned());
    }
    Ok(samples)
}

fn has_samples(cases: &[RunCase]) -> bool {
    cases.iter().any(|case| matches!(case, RunCase::Sample { .. }))
}

#[cfg(test)]
mod tests {
    use domain::Digest;
    use domain::problem::{BlobRef, Test};

    use super::*;

    #[test]
    fn inputs_are_bounded_and_without_any_the_samples_are_used() {
        let code = |content: Option<&RevisionContent>, inputs: Vec<String>| {
            cases(content, inputs).unwrap_err().code
        };
        assert_eq!(code(None, vec![]), UserErrorCode::Invalid);
        assert_eq!(code(None, vec![String::new(); CASES_MAX + 1]), UserErrorCode::TooLarge);
        assert_eq!(code(None, vec!["x".repeat(INPUT_BYTES_MAX + 1)]), UserErrorCode::TooLarge);
        let most = vec!["x".repeat(INPUT_BYTES_MAX); CASES_MAX];
        assert_eq!(cases(None, most).unwrap().len(), CASES_MAX);

        let blob = BlobRef { digest: Digest::of(b""), bytes: 0 };
        let test = |sample: bool| Test { sample, ..Test::new("1", blob, blob) };
        let mut content = RevisionContent { tests: vec![test(false)], ..Default::default() };
        assert_eq!(code(Some(&content), vec![]), UserErrorCode::Invalid);
        content.tests.extend(vec![test(true); CASES_MAX + 1]);
        let samples = cases(Some(&content), vec![]).unwrap();
        assert_eq!(samples.len(), CASES_MAX);
        assert!(matches!(samples[0], RunCase::Sample { test: 2, .. }));
        let own = cases(Some(&content), vec!["1".to_owned()]).unwrap();
        assert_eq!(own, [RunCase::Own { input: "1".to_owned() }]);
    }
}
