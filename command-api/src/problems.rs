//! Creating and revising problems.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use domain::problem::{
    BlobRef, Limits, Problem as ProblemState, ProblemLanguage, ProblemRejection, ReferenceSolution,
    ReviseProblem, RevisionContent, Sample, Test, Visibility,
};
use domain::{Aggregate as _, Event, LanguageId, Recorded, Slug};
use event_store::{AppendError, EVENT_BYTES_MAX, ExecuteError, ReadError};
use graphql::nodes::{Difficulty, Problem, ProblemVisibility};
use graphql::{Api, ConsistencyToken, Markdown, Sha256, Viewer, access};
use read_model::views::ProblemView;

use crate::commands::{self, Commands};
use crate::payload::{self, Failure, Payload, UserError, UserErrorCode, not_appended, token};
use crate::uploaded;

/// How many times a revision without an expected version is decided before a conflict with another
/// writer is an error.
const TRIES_MAX: u32 = 5;
/// Bytes of an event beside its data: ids, actor and trace context.
const EVENT_ROOM_BYTES: usize = 4 << 10;

/// Mutations of problems.
#[derive(Debug, Default)]
pub struct ProblemMutation;

/// Limits on a program's run.
#[derive(InputObject)]
pub struct LimitsInput {
    /// CPU time per test, in milliseconds.
    time_ms: i32,
    /// Memory per test, in KiB.
    memory_kb: i32,
    /// Standard output per test, in KiB; null for the default.
    output_kb: Option<i32>,
    /// Size of the submitted source, in bytes; null for the default.
    source_bytes: Option<i32>,
}

/// A sample, which is also a test.
#[derive(InputObject)]
pub struct SampleInput {
    /// The sample's name; null for its number, from 1.
    name: Option<String>,
    /// The program's input.
    input: String,
    /// The expected output.
    output: String,
    /// Why this output is right.
    explanation: Option<Markdown>,
}

/// A language that the problem accepts.
#[derive(InputObject)]
pub struct ProblemLanguageInput {
    /// The language's id.
    language: ID,
    /// Source text to start from.
    #[graphql(default)]
    starter_code: String,
    /// Code added before the submitted code.
    #[graphql(default)]
    start_snippet: String,
    /// Code added after the submitted code.
    #[graphql(default)]
    end_snippet: String,
}

/// A solution of the problem that is known to be right.
#[derive(InputObject)]
pub struct ReferenceSolutionInput {
    /// The id of the language.
    language: String,
    /// The source code, as a user would submit it.
    source: String,
}

/// A complete revision. Its tests are the package's, or without a package its samples.
#[derive(InputObject)]
pub struct ProblemInput {
    /// The problem's slug, which identifies it.
    slug: String,
    /// The version that the client has read; 0 for a problem that must not exist; null to overwrite
    /// any version.
    expected_version: Option<i32>,
    /// The title, as plain text.
    title: String,
    /// How hard the problem is.
    difficulty: Difficulty,
    /// The slugs of the problem's tags.
    tags: Vec<String>,
    /// The statement.
    statement: Markdown,
    /// How to solve the problem.
    editorial: Option<Markdown>,
    /// The sample tests shown with the statement.
    samples: Vec<SampleInput>,
    /// The limits on a run.
    limits: LimitsInput,
    /// Hints, from the vaguest to the most revealing.
    hints: Option<Vec<Markdown>>,
    /// The accepted languages; null to accept every language, without starter code.
    languages: Option<Vec<ProblemLanguageInput>>,
    /// The SHA-256 of a package uploaded to `/packages`, which supplies the tests and the checker.
    package: Option<Sha256>,
    /// The solution whose outputs are the answers to users' own inputs (`run`); null for that of the
    /// package, if there is one. It stays secret.
    reference_solution: Option<ReferenceSolutionInput>,
    /// Who may see the problem; null for no change. A new problem is public by default.
    visibility: Option<ProblemVisibility>,
}

/// The revised problems, or why none was revised.
#[derive(SimpleObject, Default)]
pub struct ProblemPayload {
    /// The first of the problems.
    problem: Option<Problem>,
    /// The problems at their newest revisions. Incomplete while the read model is behind; then read
    /// them later, with `token`.
    problems: Vec<Problem>,
    /// Whether a revision was written; false if nothing would change.
    revised: bool,
    /// Oddities of the package, and parts of it that were ignored.
    warnings: Vec<String>,
    /// Why no problem was revised; empty on success.
    pub(crate) user_errors: Vec<UserError>,
    /// The consistency token of the write; null if nothing was written.
    pub(crate) token: Option<ConsistencyToken>,
}

impl Payload for ProblemPayload {
    fn refused(user_errors: Vec<UserError>) -> Self {
        Self { user_errors, ..Self::default() }
    }
}

#[Object]
impl ProblemMutation {
    /// Creates or revises a problem. For setters, who may revise their own problems and those that
    /// they collaborate on, and for judges. A retry is safe: the same content again changes nothing,
    /// and `revised` is then false.
    async fn upsert_problem(
        &self,
        ctx: &Context<'_>,
        input: ProblemInput,
    ) -> Result<ProblemPayload> {
        let commands = Commands::of(ctx);
        let revisions = async {
            check_setter(ctx)?;
            let slug = parse_slug(&input.slug)?;
            check_may_revise(ctx, &commands.problems.stream(&slug).await?.state)?;
            let expected = parse_version(input.expected_version)?;
            let visibility = input.visibility.map(Visibility::from);
            let (content, warnings) = content_of_input(commands, input).await?;
            let command = ReviseProblem { expected, content, visibility };
            let recorded = revise(commands, ctx, &slug, command).await?;
            Ok(Revisions { slugs: vec![slug], recorded, warnings })
        };
        answer(ctx, revisions.await).await
    }
}

/// The result of creating or revising problems.
pub(crate) struct Revisions {
    /// The slugs of the problems.
    pub(crate) slugs: Vec<Slug>,
    /// Their new revisions.
    pub(crate) recorded: Vec<Recorded>,
    /// Warnings to show to the user.
    pub(crate) warnings: Vec<String>,
}

/// The payload of a mutation that created or revised problems.
pub(crate) async fn answer(
    ctx: &Context<'_>,
    revisions: Result<Revisions, Failure>,
) -> Result<ProblemPayload> {
    payload::answer(match revisions {
        Ok(revisions) => Ok(ProblemPayload::of(ctx, revisions).await),
        Err(failure) => Err(failure),
    })
}

impl ProblemPayload {
    async fn of(ctx: &Context<'_>, revisions: Revisions) -> Self {
        let Revisions { slugs, recorded, warnings } = revisions;
        let keys: Vec<String> = slugs.iter().map(Slug::to_string).collect();
        let problems: Vec<Problem> =
            payload::read_back::<ProblemView, _>(Api::of(ctx), &keys, &recorded).await;
        Self {
            problem: problems.first().cloned(),
            problems,
            revised: recorded.iter().any(|it| matches!(it.event, Event::ProblemRevised(_))),
            warnings,
            user_errors: vec![],
            token: token(&recorded),
        }
    }
}

/// Fails unless the viewer may create problems.
pub(crate) fn check_setter(ctx: &Context<'_>) -> Result<(), Failure> {
    if access::may_create_problems(Viewer::required(ctx)?) {
        return Ok(());
    }
    Err(UserError::new(UserErrorCode::Forbidden, "only setters can revise problems").into())
}

/// Fails unless the viewer may revise this problem, or create it if it does not exist. The error
/// does not say whether the viewer may see the problem.
pub(crate) fn check_may_revise(ctx: &Context<'_>, problem: &ProblemState) -> Result<(), Failure> {
    check_setter(ctx)?;
    let viewer = Viewer::required(ctx)?;
    if problem.current.is_none() || access::may_revise_problem(viewer, &problem.access) {
        return Ok(());
    }
    let message = "the slug belongs to a problem that you may not revise";
    Err(UserError::new(UserErrorCode::Forbidden, message).into())
}

pub(crate) fn parse_slug(text: &str) -> Result<Slug, UserError> {
    text.parse().map_err(|error: domain::InvalidIdentity| {
        UserError::at(UserErrorCode::Invalid, "input.slug", error.to_string())
    })
}

pub(crate) fn parse_version(version: Option<i32>) -> Result<Option<u32>, UserError> {
    let version = version.map(u32::try_from).transpose();
    version.map_err(|_| mismatch("a version cannot be negative".to_owned()))
}

fn mismatch(message: String) -> UserError {
    UserError::at(UserErrorCode::VersionMismatch, "input.expectedVersion", message)
}

/// Every reason to refuse the revision that can be known before writing it.
pub(crate) async fn objections(
    commands: &Commands,
    slug: &Slug,
    command: &ReviseProblem,
) -> Result<Vec<UserError>, ReadError> {
    let stream = commands.problems.stream(slug).await?;
    Ok(match stream.state.decide(command.clone().into()) {
        Ok(events) => {
            let sizes = events.iter().map(|event| event.encode().get().len() + EVENT_ROOM_BYTES);
            let too_large = sizes.filter(|size| *size > EVENT_BYTES_MAX);
            too_large
                .map(|size| too_much("the revision's size in bytes", size, EVENT_BYTES_MAX))
                .collect()
        }
        Err(rejection) => refusals(rejection),
    })
}

fn too_much(what: &str, actual: usize, max: usize) -> UserError {
    let message = format!("{what} is {actual}; the maximum is {max}");
    UserError::new(UserErrorCode::TooLarge, message)
}

fn refusals(rejection: ProblemRejection) -> Vec<UserError> {
    match rejection {
        ProblemRejection::Flawed(flaws) => {
            let errors = flaws.into_iter().map(|flaw| {
                let path = format!("input.{}", flaw.field);
                UserError::at(UserErrorCode::Invalid, &path, flaw.message)
            });
            errors.collect()
        }
        rejection @ ProblemRejection::RevisionMismatch { .. } => {
            vec![mismatch(rejection.to_string())]
        }
        rejection @ (ProblemRejection::Missing | ProblemRejection::TooManyCollaborators) => {
            vec![UserError::new(UserErrorCode::Invalid, rejection.to_string())]
        }
    }
}

/// Writes a revision and returns its events; none if nothing would change.
pub(crate) async fn revise(
    commands: &Commands,
    ctx: &Context<'_>,
    slug: &Slug,
    command: ReviseProblem,
) -> Result<Vec<Recorded>, Failure> {
    let context = commands::context(ctx, Viewer::required(ctx)?);
    for _ in 0..TRIES_MAX {
        let mut stream = commands.problems.stream(slug).await?;
        check_may_revise(ctx, &stream.state)?;
        let log = commands.log.as_ref();
        let revise = vec![command.clone().into()];
        match stream.execute(log, revise, &context, None, None).await {
            Ok(recorded) => return Ok(recorded),
            Err(ExecuteError::Append(AppendError::Conflict { .. })) => {}
            Err(ExecuteError::Append(AppendError::TooLarge { what, actual, max })) => {
                return Err(too_much(what, actual, max).into());
            }
            Err(ExecuteError::Append(error)) => return Err(Failure::Api(not_appended(&error))),
            Err(ExecuteError::Rejected(rejection)) => {
                return Err(Failure::User(refusals(rejection)));
            }
        }
    }
    let message = "other requests keep revising the problem; try again";
    Err(UserError::new(UserErrorCode::Conflict, message).into())
}

/// The revision's content, and warnings about the package that supplies its tests.
async fn content_of_input(
    commands: &Commands,
    input: ProblemInput,
) -> Result<(RevisionContent, Vec<String>), Failure> {
    let mut errors = Vec::new();
    let mut parse_tag = |text: &String| match text.parse::<Slug>() {
        Ok(tag) => Some(tag),
        Err(error) => {
            let message = format!("{text:?}: {error}");
            errors.push(UserError::at(UserErrorCode::Invalid, "input.tags", message));
            None
        }
    };
    let tags = input.tags.iter().filter_map(&mut parse_tag).collect();
    let languages = input.languages.unwrap_or_default().into_iter().filter_map(|offer| match offer
        .language
        .parse()
    {
        Ok(language) => Some(ProblemLanguage {
            language,
            starter_code: offer.starter_code,
            start_snippet: offer.start_snippet,
            end_snippet: offer.end_snippet,
        }),
        Err(error) => {
            let message = format!("{:?}: {error}", offer.language);
            errors.push(UserError::at(UserErrorCode::Invalid, "input.languages", message));
            None
        }
    });
    let languages: Vec<ProblemLanguage> = languages.collect();
    if !errors.is_empty() {
        return Err(Failure::User(errors));
    }
    let samples: Vec<Sample> = (1..)
        .zip(input.samples)
        .map(|(number, sample)| Sample {
            name: sample.name.unwrap_or_else(|| number.to_string()),
            input: sample.input,
            output: sample.output,
            explanation: sample.explanation.map(|markdown| markdown.0),
        })
        .collect();
    let (judging, warnings) = match &input.package {
        Some(digest) => judging_of_package(commands, digest, parse_slug(&input.slug)?).await?,
        None => {
            let tests = tests_of_samples(commands, &samples).await?;
            (RevisionContent { tests, ..RevisionContent::default() }, vec![])
        }
    };
    let reference = match input.reference_solution {
        Some(solution) => Some(keep_reference(commands, &languages, solution).await?),
        None => judging.reference.clone(),
    };
    let defaults = Limits::default();
    // A negative number becomes 0, which is reported as out of bounds with all other flaws.
    let bounded = |number: i32| u64::try_from(number).unwrap_or(0);
    let content = RevisionContent {
        title: input.title,
        difficulty: input.difficulty.into(),
        tags,
        statement: input.statement.0,
        editorial: input.editorial.map(|markdown| markdown.0),
        hints: input.hints.unwrap_or_default().into_iter().map(|hint| hint.0).collect(),
        samples,
        limits: Limits {
            time_ms: bounded(input.limits.time_ms),
            memory_kib: bounded(input.limits.memory_kb),
            output_kib: input.limits.output_kb.map_or(defaults.output_kib, bounded),
            source_bytes: input.limits.source_bytes.map_or(defaults.source_bytes, bounded),
        },
        languages,
        reference,
        ..judging
    };
    Ok((content, warnings))
}

/// The judging part of a package with one problem: tests, checker and grading.
async fn judging_of_package(
    commands: &Commands,
    digest: &Sha256,
    slug: Slug,
) -> Result<(RevisionContent, Vec<String>), Failure> {
    let mut packages = uploaded::read(commands, digest, Some(slug)).await?;
    let (Some(package), true) = (packages.pop(), packages.is_empty()) else {
        let message = "the package has several problems; it must have exactly one";
        return Err(UserError::at(UserErrorCode::Invalid, "input.package", message).into());
    };
    uploaded::keep_blobs(commands, &package).await?;
    let warnings = package.warnings.iter().map(ToString::to_string).collect();
    let content = package.content;
    let judging = RevisionContent {
        tests: content.tests,
        checker: content.checker,
        grading: content.grading,
        grader: content.grader,
        static_validator: content.static_validator,
        include: content.include,
        reference: content.reference,
        ..RevisionContent::default()
    };
    Ok((judging, warnings))
}

async fn keep_reference(
    commands: &Commands,
    accepted: &[ProblemLanguage],
    ReferenceSolutionInput { language, source }: ReferenceSolutionInput,
) -> Result<ReferenceSolution, Failure> {
    let refusal = |field, message: String| UserError::at(UserErrorCode::Invalid, field, message);
    let id = "input.referenceSolution.language";
    let language: LanguageId =
        language.parse().map_err(|error| refusal(id, format!("{language:?}: {error}")))?;
    if !accepted.is_empty() && !accepted.iter().any(|offer| offer.language == language) {
        return Err(refusal(id, format!("the problem does not accept {language}")).into());
    }
    if source.trim().is_empty() {
        let message = "the source is empty".to_owned();
        return Err(refusal("input.referenceSolution.source", message).into());
    }
    let bytes = source.len() as u64;
    let digest = commands.blobs.put(source.into_bytes().into()).await?;
    Ok(ReferenceSolution { language, source: BlobRef { digest, bytes } })
}

async fn tests_of_samples(commands: &Commands, samples: &[Sample]) -> Result<Vec<Test>, Failure> {
    let mut tests = Vec::new();
    for sample in samples {
        let keep = async |text: &str| -> Result<BlobRef, Failure> {
            let digest = commands.blobs.put(text.as_bytes().to_vec().into()).await?;
            Ok(BlobRef { digest, bytes: text.len() as u64 })
        };
        let name = format!("sample/{}", sample.name);
        let (input, answer) = (keep(&sample.input).await?, keep(&sample.output).await?);
        tests.push(Test { sample: true, ..Test::new(&name, input, answer) });
    }
    Ok(tests)
}
