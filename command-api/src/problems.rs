//! Making and revising problems.

use std::sync::Arc;

use async_graphql::{Context, InputObject, Object, Result, SimpleObject};
use domain::checker::TokenOptions;
use domain::problem::{
    BlobRef, Checker, Limits, OnFailure, Problem as Aggregate, ProblemLanguage, ProblemRejection,
    ProblemRevised, ReviseProblem, RevisionContent, Sample, Test,
};
use domain::{Recorded, Role, Slug, StreamId, Version};
use event_store::{AppendError, EventLog, ExecuteError, ReadError, Scope, Stream};
use moka::future::Cache;
use problem_package::{FileTree, Options, Package, TreeLimits};
use query_api::nodes::{Difficulty, Problem};
use query_api::{Api, ConsistencyToken, Markdown, Sha256, Viewer};
use read_model::ViewReaderExt;
use read_model::views::ProblemView;

use crate::commands::{self, Commands};
use crate::payload::{Failure, UserError, UserErrorCode, not_appended, token};

/// Problems whose newest revision is remembered.
const PROBLEMS_MAX: u64 = 1_000;
/// How often a revision that expects no version is decided again after somebody was faster.
const TRIES_MAX: u32 = 5;
/// Revisions read at once.
const REVISIONS_PAGE: u32 = 64;

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

/// A revision as a package has it.
#[derive(InputObject)]
pub struct ImportProblemInput {
    /// Digest of a package uploaded to `/packages`.
    package: Sha256,
    /// Null: the package's own name.
    slug: Option<String>,
    /// The version that was read; 0 for a problem that must not exist; null writes over.
    expected_version: Option<i32>,
}

/// The problem, or why it is not revised.
#[derive(SimpleObject, Default)]
pub struct ProblemPayload {
    /// At its newest revision. Null too while the read model is behind; read it later, with `token`.
    problem: Option<Problem>,
    /// Whether there is a new revision; there is none when nothing would change.
    revised: bool,
    /// Why it is not revised.
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
        let revision = async {
            setter(ctx)?;
            let slug = parse_slug(&input.slug)?;
            let expected = input.expected_version;
            let content = content_of_input(commands, input).await?;
            revise(commands, ctx, slug, expected, content).await
        };
        answer(ctx, revision.await).await
    }

    /// Makes a problem, or a revision of one, from an uploaded package. For setters.
    async fn import_problem(
        &self,
        ctx: &Context<'_>,
        input: ImportProblemInput,
    ) -> Result<ProblemPayload> {
        let commands = Commands::of(ctx);
        let revision = async {
            setter(ctx)?;
            let slug = input.slug.as_deref().map(parse_slug).transpose()?;
            let package = package(commands, &input.package, slug).await?;
            keep_blobs(commands, &package).await?;
            revise(commands, ctx, package.slug, input.expected_version, package.content).await
        };
        answer(ctx, revision.await).await
    }
}

type Revision = Result<(Slug, Vec<Recorded>), Failure>;

async fn answer(ctx: &Context<'_>, revision: Revision) -> Result<ProblemPayload> {
    match revision {
        Ok((slug, recorded)) => Ok(ProblemPayload {
            problem: read_back(Api::of(ctx), &slug, &recorded).await.map(Problem::from),
            revised: !recorded.is_empty(),
            user_errors: vec![],
            token: token(&recorded),
        }),
        Err(Failure::User(user_errors)) => {
            Ok(ProblemPayload { user_errors, ..ProblemPayload::default() })
        }
        Err(Failure::Api(error)) => Err(error.into()),
    }
}

/// The problem once the read model has it. What was written is written, whether it has or not.
async fn read_back(api: &Api, slug: &Slug, recorded: &[Recorded]) -> Option<ProblemView> {
    if let Some(last) = recorded.last() {
        api.freshness.wait_for(last.position).await.ok()?;
    }
    api.reader.one::<ProblemView>(slug.as_str()).await.ok()?
}

fn setter(ctx: &Context<'_>) -> Result<(), Failure> {
    let viewer = Viewer::required(ctx)?;
    if viewer.has(Role::Setter) && viewer.allows(Scope::Full) {
        return Ok(());
    }
    Err(UserError::new(UserErrorCode::Forbidden, "only setters revise problems").into())
}

fn parse_slug(text: &str) -> Result<Slug, UserError> {
    text.parse().map_err(|error: domain::InvalidIdentity| {
        UserError::at(UserErrorCode::Invalid, "input.slug", error.to_string())
    })
}

async fn revise(
    commands: &Commands,
    ctx: &Context<'_>,
    slug: Slug,
    expected: Option<i32>,
    content: RevisionContent,
) -> Revision {
    let context = commands::context(ctx, Viewer::required(ctx)?);
    let mismatch = |message: String| {
        UserError::at(UserErrorCode::VersionMismatch, "input.expectedVersion", message)
    };
    let expected = match expected.map(u32::try_from) {
        Some(Err(_)) => return Err(mismatch("a version is not negative".to_owned()).into()),
        Some(Ok(expected)) => Some(expected),
        None => None,
    };
    for _ in 0..TRIES_MAX {
        let mut stream = (*commands.problems.stream(&slug).await?).clone();
        let command = ReviseProblem { expected, content: content.clone() };
        let log = commands.log.as_ref();
        match stream.execute(log, vec![command], &context, None, None).await {
            Ok(recorded) => return Ok((slug, recorded)),
            Err(ExecuteError::Append(AppendError::Conflict { .. })) => {}
            Err(ExecuteError::Append(AppendError::TooLarge { what, actual, max })) => {
                let message = format!("{what} is {actual}, the most is {max}");
                return Err(UserError::new(UserErrorCode::TooLarge, message).into());
            }
            Err(ExecuteError::Append(error)) => return Err(Failure::Api(not_appended(&error))),
            Err(ExecuteError::Rejected(ProblemRejection::Flawed(flaws))) => {
                let errors = flaws.into_iter().map(|flaw| {
                    let path = format!("input.{}", flaw.field);
                    UserError::at(UserErrorCode::Invalid, &path, flaw.message)
                });
                return Err(Failure::User(errors.collect()));
            }
            Err(ExecuteError::Rejected(rejection)) => {
                return Err(mismatch(rejection.to_string()).into());
            }
        }
    }
    let message = "others revise the problem all the time; try again";
    Err(UserError::new(UserErrorCode::Conflict, message).into())
}

async fn content_of_input(
    commands: &Commands,
    input: ProblemInput,
) -> Result<RevisionContent, Failure> {
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
    let (tests, checker, on_failure) = match &input.package {
        Some(digest) => {
            let package = package(commands, digest, Some(parse_slug(&input.slug)?)).await?;
            keep_blobs(commands, &package).await?;
            let RevisionContent { tests, checker, on_failure, .. } = package.content;
            (tests, checker, on_failure)
        }
        None => {
            let tests = tests_of_samples(commands, &samples).await?;
            (tests, Checker::Tokens(TokenOptions::default()), OnFailure::default())
        }
    };
    let defaults = Limits::default();
    // A negative number is far out of bounds, and told to be so with all other flaws.
    let bounded = |number: i32| u64::try_from(number).unwrap_or(0);
    Ok(RevisionContent {
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
        tests,
        checker,
        on_failure,
        languages,
    })
}

async fn tests_of_samples(commands: &Commands, samples: &[Sample]) -> Result<Vec<Test>, Failure> {
    let mut tests = Vec::new();
    for sample in samples {
        let keep = async |text: &str| -> Result<BlobRef, Failure> {
            let digest = commands.blobs.put(text.as_bytes().to_vec().into()).await?;
            Ok(BlobRef { digest, bytes: text.len() as u64 })
        };
        tests.push(Test {
            name: format!("sample/{}", sample.name),
            group: None,
            sample: true,
            input: keep(&sample.input).await?,
            answer: keep(&sample.output).await?,
        });
    }
    Ok(tests)
}

/// Reads an uploaded package; everything wrong with it becomes an error of its own.
async fn package(
    commands: &Commands,
    digest: &Sha256,
    slug: Option<Slug>,
) -> Result<Package, Failure> {
    let archive = commands.blobs.get(&digest.0).await.map_err(|error| match error {
        event_store::BlobError::NotFound(_) => {
            let message = "no such package was uploaded";
            UserError::at(UserErrorCode::NotFound, "input.package", message).into()
        }
        error => Failure::from(error),
    })?;
    let languages = commands.api.catalogue.all().map(|language| language.id.clone()).collect();
    let options = Options { slug, languages, ..Options::default() };
    // Inflating and parsing is work; the runtime's threads have others to serve.
    let read = tokio::task::spawn_blocking(move || {
        let tree = FileTree::from_zip(&archive, &TreeLimits::default())?;
        problem_package::read(&tree, &options)
    });
    let read = read.await.map_err(|_| {
        query_api::ApiError::new(query_api::Code::Internal, "reading the package failed")
    })?;
    read.map_err(|diagnostics| {
        let errors = diagnostics.iter().map(|diagnostic| {
            UserError::at(UserErrorCode::Invalid, "input.package", diagnostic.to_string())
        });
        Failure::User(errors.collect())
    })
}

/// The blobs are there before the event that names them.
async fn keep_blobs(commands: &Commands, package: &Package) -> Result<(), Failure> {
    for bytes in package.blobs.values() {
        commands.blobs.put(bytes.clone()).await?;
    }
    Ok(())
}
