//! Making and revising problems.

use std::sync::Arc;

use async_graphql::{Context, InputObject, Object, Result, SimpleObject};
use domain::problem::{
    BlobRef, Limits, Problem as Aggregate, ProblemLanguage, ProblemRejection, ProblemRevised,
    ReviseProblem, RevisionContent, Sample, Test,
};
use domain::{Aggregate as _, Recorded, Role, Slug, StreamId, Version};
use event_store::{AppendError, EVENT_BYTES_MAX, EventLog, ExecuteError, ReadError, Scope, Stream};
use moka::future::Cache;
use query_api::nodes::{Difficulty, Problem};
use query_api::{Api, ConsistencyToken, Markdown, Sha256, Viewer};
use read_model::ViewReaderExt;
use read_model::views::ProblemView;

use crate::commands::{self, Commands};
use crate::payload::{Failure, UserError, UserErrorCode, not_appended, token};
use crate::uploaded;

/// Problems whose newest revision is remembered.
const PROBLEMS_MAX: u64 = 1_000;
/// How often a revision that expects no version is decided again after somebody was faster.
const TRIES_MAX: u32 = 5;
/// Revisions read at once.
const REVISIONS_PAGE: u32 = 64;
/// Bytes of an event that are about it and not its data: its ids, who caused it, and a trace.
const EVENT_ROOM_BYTES: usize = 4 << 10;

/// The newest revision of each problem: as the log has it, read from where it was read last.
#[derive(Debug)]
pub(crate) struct ProblemCache {
    log: Arc<dyn EventLog>,
    streams: Cache<Slug, Arc<Stream<Aggregate>>>,
}

impl ProblemCache {
    pub(crate) fn new(log: Arc<dyn EventLog>) -> Self {
        Self { log, streams: Cache::new(PROBLEMS_MAX) }
    }

    /// The newest revision; `None` when there is no such problem (INV-2: the log decides).
    pub(crate) async fn current(&self, slug: &Slug) -> Result<Option<ProblemRevised>, ReadError> {
        Ok(self.stream(slug).await?.state.current.clone())
    }

    async fn stream(&self, slug: &Slug) -> Result<Arc<Stream<Aggregate>>, ReadError> {
        let id = StreamId::Problem(slug.clone());
        let known = self.streams.get(slug).await;
        let mut stream = known.unwrap_or_else(|| Arc::new(Stream::new(id.clone())));
        loop {
            let from = Version(stream.version.0 + 1);
            let newer = self.log.read_stream(&id, from, REVISIONS_PAGE).await?;
            if newer.is_empty() {
                return Ok(stream);
            }
            Arc::make_mut(&mut stream).advance(&newer);
            self.streams.insert(slug.clone(), Arc::clone(&stream)).await;
        }
    }
}

/// Mutations of problems.
#[derive(Debug, Default)]
pub struct ProblemMutation;

/// What a run may use.
#[derive(InputObject)]
pub struct LimitsInput {
    /// Cpu time of one test, in milliseconds.
    time_ms: i32,
    /// Memory of one test, in KiB.
    memory_kb: i32,
    /// Standard output of one test, in KiB.
    output_kb: Option<i32>,
    /// Size of the submitted source, in bytes.
    source_bytes: Option<i32>,
}

/// An example, which is a test too.
#[derive(InputObject)]
pub struct SampleInput {
    /// `1`, `2`, … where none is given.
    name: Option<String>,
    /// What the program reads.
    input: String,
    /// What it should print.
    output: String,
    /// Why.
    explanation: Option<Markdown>,
}

/// What a problem offers in one language.
#[derive(InputObject)]
pub struct ProblemLanguageInput {
    /// The language's id.
    language: String,
    /// To begin with.
    #[graphql(default)]
    starter_code: String,
    /// Joined before the submitted code.
    #[graphql(default)]
    start_snippet: String,
    /// Joined after the submitted code.
    #[graphql(default)]
    end_snippet: String,
}

/// A whole revision. Its tests are its samples, and those of a package where one is given.
#[derive(InputObject)]
pub struct ProblemInput {
    /// The problem's identity.
    slug: String,
    /// The version that was read; 0 for a problem that must not exist; null writes over.
    expected_version: Option<i32>,
    /// Plain text.
    title: String,
    /// How hard.
    difficulty: Difficulty,
    /// Slugs.
    tags: Vec<String>,
    /// What is asked.
    statement: Markdown,
    /// How it can be solved.
    editorial: Option<Markdown>,
    /// Shown with the statement.
    samples: Vec<SampleInput>,
    /// What a run may use.
    limits: LimitsInput,
    /// From a nudge to nearly the solution.
    hints: Option<Vec<Markdown>>,
    /// Null: every language, with no code to begin with.
    languages: Option<Vec<ProblemLanguageInput>>,
    /// Digest of a package uploaded to `/packages`, for its tests and checker.
    package: Option<Sha256>,
}

/// The problems, or why none is revised.
#[derive(SimpleObject, Default)]
pub struct ProblemPayload {
    /// The first of them.
    problem: Option<Problem>,
    /// At their newest revisions. Some are missing while the read model is behind; read them later,
    /// with `token`.
    problems: Vec<Problem>,
    /// Whether there is a new revision; there is none when nothing would change.
    revised: bool,
    /// What in the package is odd or was left aside.
    warnings: Vec<String>,
    /// Why none is revised.
    user_errors: Vec<UserError>,
    /// Null when nothing was written.
    token: Option<ConsistencyToken>,
}

#[Object]
impl ProblemMutation {
    /// Makes a problem, or a revision of one. For setters.
    async fn upsert_problem(
        &self,
        ctx: &Context<'_>,
        input: ProblemInput,
    ) -> Result<ProblemPayload> {
        let commands = Commands::of(ctx);
        let revisions = async {
            check_setter(ctx)?;
            let slug = parse_slug(&input.slug)?;
            let expected = parse_version(input.expected_version)?;
            let (content, warnings) = content_of_input(commands, input).await?;
            let recorded = revise(commands, ctx, &slug, expected, content).await?;
            Ok(Revisions { slugs: vec![slug], recorded, warnings })
        };
        answer(ctx, revisions.await).await
    }
}

/// What became of problems.
pub(crate) struct Revisions {
    /// Which.
    pub(crate) slugs: Vec<Slug>,
    /// Their new revisions.
    pub(crate) recorded: Vec<Recorded>,
    /// What is told besides.
    pub(crate) warnings: Vec<String>,
}

pub(crate) async fn answer(
    ctx: &Context<'_>,
    revisions: Result<Revisions, Failure>,
) -> Result<ProblemPayload> {
    match revisions {
        Ok(Revisions { slugs, recorded, warnings }) => {
            let problems = read_back(Api::of(ctx), &slugs, &recorded).await;
            Ok(ProblemPayload {
                problem: problems.first().cloned(),
                problems,
                revised: !recorded.is_empty(),
                warnings,
                user_errors: vec![],
                token: token(&recorded),
            })
        }
        Err(Failure::User(user_errors)) => {
            Ok(ProblemPayload { user_errors, ..ProblemPayload::default() })
        }
        Err(Failure::Api(error)) => Err(error.into()),
    }
}

/// The problems once the read model has them. What was written is written, whether it has or not.
async fn read_back(api: &Api, slugs: &[Slug], recorded: &[Recorded]) -> Vec<Problem> {
    if let Some(last) = recorded.last()
        && api.freshness.wait_for(last.position).await.is_err()
    {
        return vec![];
    }
    let keys: Vec<String> = slugs.iter().map(Slug::to_string).collect();
    let found = api.reader.many::<ProblemView>(&keys).await.unwrap_or_default();
    found.into_iter().flatten().map(Problem::from).collect()
}

/// Refuses whoever may not revise problems.
pub(crate) fn check_setter(ctx: &Context<'_>) -> Result<(), Failure> {
    let viewer = Viewer::required(ctx)?;
    if viewer.has(Role::Setter) && viewer.allows(Scope::Full) {
        return Ok(());
    }
    Err(UserError::new(UserErrorCode::Forbidden, "only setters revise problems").into())
}

pub(crate) fn parse_slug(text: &str) -> Result<Slug, UserError> {
    text.parse().map_err(|error: domain::InvalidIdentity| {
        UserError::at(UserErrorCode::Invalid, "input.slug", error.to_string())
    })
}

pub(crate) fn parse_version(version: Option<i32>) -> Result<Option<u32>, UserError> {
    let version = version.map(u32::try_from).transpose();
    version.map_err(|_| mismatch("a version is not negative".to_owned()))
}

fn mismatch(message: String) -> UserError {
    UserError::at(UserErrorCode::VersionMismatch, "input.expectedVersion", message)
}

/// Everything that keeps a problem from being revised so, as far as that is known beforehand.
pub(crate) async fn objections(
    commands: &Commands,
    slug: &Slug,
    expected: Option<u32>,
    content: &RevisionContent,
) -> Result<Vec<UserError>, ReadError> {
    let stream = commands.problems.stream(slug).await?;
    let command = ReviseProblem { expected, content: content.clone() };
    Ok(match stream.state.decide(command) {
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
    let message = format!("{what} is {actual}, the most is {max}");
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
    }
}

/// The events of the problem's new revision; none when nothing would change.
pub(crate) async fn revise(
    commands: &Commands,
    ctx: &Context<'_>,
    slug: &Slug,
    expected: Option<u32>,
    content: RevisionContent,
) -> Result<Vec<Recorded>, Failure> {
    let context = commands::context(ctx, Viewer::required(ctx)?);
    for _ in 0..TRIES_MAX {
        let mut stream = (*commands.problems.stream(slug).await?).clone();
        let command = ReviseProblem { expected, content: content.clone() };
        let log = commands.log.as_ref();
        match stream.execute(log, vec![command], &context, None, None).await {
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
    let message = "others revise the problem all the time; try again";
    Err(UserError::new(UserErrorCode::Conflict, message).into())
}

/// The revision, and what is odd in the package that it takes its tests from.
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
    let languages = languages.collect();
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
    let defaults = Limits::default();
    // A negative number is far out of bounds, and told to be so with all other flaws.
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
        ..judging
    };
    Ok((content, warnings))
}

/// How a package's one problem is judged, and nothing else of it.
async fn judging_of_package(
    commands: &Commands,
    digest: &Sha256,
    slug: Slug,
) -> Result<(RevisionContent, Vec<String>), Failure> {
    let mut packages = uploaded::read(commands, digest, Some(slug)).await?;
    let (Some(package), true) = (packages.pop(), packages.is_empty()) else {
        let message = "the package has several problems";
        return Err(UserError::at(UserErrorCode::Invalid, "input.package", message).into());
    };
    uploaded::keep_blobs(commands, &package).await?;
    let warnings = package.warnings.iter().map(ToString::to_string).collect();
    let RevisionContent { tests, checker, grading, grader, static_validator, include, .. } =
        package.content;
    let judging = RevisionContent {
        tests,
        checker,
        grading,
        grader,
        static_validator,
        include,
        ..RevisionContent::default()
    };
    Ok((judging, warnings))
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
