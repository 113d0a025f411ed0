//! `assay problem verify`: checks a package and judges its submissions as the package expects,
//! using only this machine.

mod agreement;
mod decision;
mod loading;
mod messages;
mod progress;
mod report;
mod tested;
mod validating;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use domain::LanguageId;
use domain::problem::{TimeLimitOrigin, bounds};
use problem_package::{Options, Package, SampleSubmission, TimeLimitUse, Timed};
use sandbox::{Languages, Sandbox, SandboxError};
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use crate::local_judge::{Clock, Known, LocalResult, Tools};
use crate::{Exit, Failure};
use decision::{Question, Times};
pub(crate) use loading::{LoadError, load};
use progress::Progress;
pub use report::PackageReport;
pub(crate) use report::{Finding, Report};
use report::{LimitsReport, SubmissionReport};
use supervision::error_chain;
use tested::{Tested, time_use};

/// How long a submission that determines the limit may run, in milliseconds: the highest possible
/// limit.
const UNLIMITED_MS: u64 = *bounds::TIME_MS.end();

/// The tests that a submission is judged on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Those that can still change whether the result agrees with the package.
    Decided,
    /// All tests.
    All,
}

/// Verifies packages in one sandbox, judging several submissions at once.
#[derive(Debug)]
pub struct Verifier {
    tools: Arc<Tools>,
    options: Options,
    jobs: usize,
    extent: Extent,
}

impl Verifier {
    /// A verifier that reads packages with these options and judges `jobs` submissions at once, each on its own core.
    pub fn new(
        sandbox: Arc<dyn Sandbox>,
        languages: Arc<Languages>,
        options: Options,
        jobs: usize,
        extent: Extent,
    ) -> Self {
        let tools = Arc::new(Tools::new(sandbox, languages));
        Self { tools, options, jobs: jobs.max(1), extent }
    }

    /// The sandbox's name: `native` or `docker`.
    pub fn sandbox_name(&self) -> &'static str {
        self.tools.cells.sandbox().name()
    }

    /// Closes the verifier and waits until its resources are released.
    pub async fn close(self) {
        self.tools.close().await;
    }

    /// Verifies the package at a path; returns a report for each of its problems.
    pub async fn verify(&self, path: &Path) -> Result<Vec<PackageReport>, Failure> {
        let given = path.display().to_string();
        let unread = || PackageReport { path: given.clone(), ..PackageReport::default() };
        let packages = match read(path, self.options.clone()).await {
            Ok(packages) => packages,
            Err(LoadError::Unreadable(failure)) => return Err(failure),
            Err(LoadError::Unfit(diagnostics)) => {
                let mut report = unread();
                report.add(&diagnostics);
                return Ok(vec![report]);
            }
        };
        let mut reports = Vec::new();
        for package in packages {
            let mut report = PackageReport {
                format: Some(package.format.name()),
                slug: Some(package.slug.to_string()),
                ..unread()
            };
            report.add(&package.warnings);
            self.verify_package(package, &mut report).await;
            reports.push(report);
        }
        Ok(reports)
    }

    /// Measures the times of a package's own submissions that bound its time limit.
    pub(crate) async fn measure(&self, package: Package) -> Result<Bounds, Failure> {
        let fault = |error| Failure::of(Exit::JudgeError, "measuring", &error);
        let tested = Arc::new(Tested::open(&self.tools, package).await.map_err(fault)?);
        let mut trials = self.judge_within(&tested).await;
        let bounds = Bounds::of(&tested, &trials);
        let sandbox = self.sandbox_name();
        let derived = tested.package.timing.derive(bounds.slowest.clone(), None, sandbox);
        let Some(limit_ms) = derived.ok().map(|(ms, _)| ms).filter(|ms| *ms <= UNLIMITED_MS) else {
            return Ok(bounds);
        };
        let is_upper = |submission: &SampleSubmission| time_use(submission) == TimeLimitUse::Upper;
        let clock = tested.clock(limit_ms);
        trials.extend(self.judge_all(&tested, places(&tested.package, is_upper), clock).await);
        Ok(Bounds::of(&tested, &trials))
    }

    /// Judges the submissions that must stay within the limit, without enforcing one.
    async fn judge_within(&self, tested: &Arc<Tested>) -> Vec<(usize, LocalResult)> {
        let is_lower = |submission: &SampleSubmission| time_use(submission) == TimeLimitUse::Lower;
        let clock = Clock { limit_ms: UNLIMITED_MS, watched_ms: None };
        self.judge_all(tested, places(&tested.package, is_lower), |_| clock).await
    }

    async fn verify_package(&self, mut package: Package, report: &mut PackageReport) {
        if let Err(error) = self.leave_aside_unavailable(&mut package, report).await {
            report.problems.push(Finding::of("submissions", error_chain(&error)));
            return;
        }
        self.validate_inputs(&package, report).await;
        let tested = match Tested::open(&self.tools, package).await {
            Ok(tested) => Arc::new(tested),
            Err(fault) => {
                report.problems.push(Finding::of("", error_chain(&fault)));
                return;
            }
        };
        self.validate_outputs(&tested, report).await;
        self.judge_submissions(&tested, report).await;
    }

    /// Leaves out submissions that this machine cannot compile or run: their results say nothing
    /// about the package.
    async fn leave_aside_unavailable(
        &self,
        package: &mut Package,
        report: &mut PackageReport,
    ) -> Result<(), SandboxError> {
        let ids: BTreeSet<_> = package.submissions.iter().map(|it| it.language.clone()).collect();
        let known = |id: &LanguageId| self.tools.languages.get(id.as_str()).cloned();
        let languages: Vec<_> = ids.iter().filter_map(known).collect();
        let answers = self.tools.cells.sandbox().toolchains(&languages).await?;
        let mut why: BTreeMap<_, _> = ids
            .iter()
            .filter(|id| known(id).is_none())
            .map(|id| (id.to_string(), format!("the language {id} is not known")))
            .collect();
        for (language, answer) in languages.iter().zip(answers) {
            if let Err(error) = answer {
                why.insert(language.id.to_string(), error_chain(&error));
            }
        }
        package.submissions.retain(|submission| {
            let reason = why.get(submission.language.as_str());
            if let Some(reason) = reason {
                let file = format!("submissions/{}", submission.path);
                let message = format!("is left aside: {reason}");
                report.warnings.push(Finding::of(file, message));
            }
            reason.is_none()
        });
        Ok(())
    }

    /// Judges every submission. If the limit is not given, those that determine it come first.
    async fn judge_submissions(&self, tested: &Arc<Tested>, report: &mut PackageReport) {
        let package = &tested.package;
        let timing = &package.timing;
        let mut trials: Vec<Option<LocalResult>> =
            package.submissions.iter().map(|_| None).collect();
        let mut limit_ms = package.content.limits.time_ms;
        let mut origin = package.content.time_limit.clone();
        if needs_measuring(package) {
            let within = self.judge_within(tested).await;
            let slowest = Bounds::of(tested, &within).slowest;
            fill(&mut trials, within);
            match timing.derive(slowest, None, self.sandbox_name()) {
                Ok((derived_ms, _)) if derived_ms > UNLIMITED_MS => {
                    let message = format!("the derived time limit is {derived_ms} ms");
                    let expected = format!("at most {UNLIMITED_MS}");
                    let finding = Finding::of("submissions", message);
                    report.problems.push(Finding { expected, ..finding });
                }
                Ok((derived_ms, derivation)) => {
                    limit_ms = derived_ms;
                    origin = TimeLimitOrigin::Derived(derivation);
                }
                Err(error) => report.problems.push(Finding::of("submissions", error.to_string())),
            }
        }
        let rest = (0..trials.len()).filter(|place| trials[*place].is_none()).collect();
        let judged = self.judge_all(tested, rest, tested.clock(limit_ms)).await;
        fill(&mut trials, judged);
        let trials: Vec<_> = trials.into_iter().flatten().enumerate().collect();
        let Bounds { slowest, fastest_beyond } = Bounds::of(tested, &trials);
        if let TimeLimitOrigin::Derived(derivation) = &mut origin {
            match timing.derive(slowest.clone(), fastest_beyond.clone(), &derivation.sandbox) {
                Ok((_, whole)) => *derivation = whole,
                Err(error) => report.problems.push(Finding::of("submissions", error.to_string())),
            }
        }
        report.limits = Some(LimitsReport {
            time_limit_ms: limit_ms,
            memory_kb: package.content.limits.memory_kib,
            time_limit: origin,
            slowest,
            fastest_beyond,
        });
        warn_of_limits(report, timing.multiplier, timing.margin);
        for (submission, (_, trial)) in package.submissions.iter().zip(trials) {
            let file = format!("submissions/{}", submission.path);
            let remarks = tested.remarks(submission, &trial).into_iter();
            report.warnings.extend(remarks.map(|remark| Finding::of(file.as_str(), remark)));
            report.submissions.push(submission_report(submission, tested, &trial));
        }
    }

    /// Judges the submissions with these indexes, at most `jobs` at once.
    async fn judge_all(
        &self,
        tested: &Arc<Tested>,
        places: Vec<usize>,
        clock: impl Fn(&SampleSubmission) -> Clock,
    ) -> Vec<(usize, LocalResult)> {
        let tests = tested.judge.tests.len();
        let name = tested.package.slug.as_str();
        let progress = Arc::new(Progress::begin(name, places.len() * tests, "tests"));
        let cores: Vec<u32> = (0..u32::try_from(self.jobs).unwrap_or(u32::MAX)).collect();
        let cores = Arc::new(Mutex::new(cores));
        let mut running = JoinSet::new();
        let mut trials = Vec::with_capacity(places.len());
        for place in places {
            if running.len() == self.jobs {
                trials.extend(running.join_next().await.map(trial_of));
            }
            let (tested, cores, progress) =
                (Arc::clone(tested), Arc::clone(&cores), Arc::clone(&progress));
            let clock = clock(&tested.package.submissions[place]);
            let extent = self.extent;
            running.spawn(async move {
                let core = cores.lock().await.pop();
                let submission = &tested.package.submissions[place];
                let question = Question {
                    submission,
                    content: &tested.package.content,
                    rubric: &tested.judge.rubric,
                    times: times(&tested.package, submission, clock),
                };
                let next = |known: Known<'_>| {
                    let next = match extent {
                        Extent::All => known.first_left(),
                        Extent::Decided => question.next(known),
                    };
                    next.inspect(|number| {
                        let test = tested.judge.name(*number);
                        progress.step(format!("{} on {test}", submission.path));
                    })
                };
                let trial = tested.judge.judge(submission, clock, core, next).await;
                progress.skip(tests - trial.outcomes.len());
                cores.lock().await.extend(core);
                (place, trial)
            });
        }
        while let Some(joined) = running.join_next().await {
            trials.push(trial_of(joined));
        }
        trials.sort_by_key(|(place, _)| *place);
        trials
    }
}

/// The times that bound a time limit.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bounds {
    /// The slowest submission that must stay within the limit.
    pub(crate) slowest: Option<Timed>,
    /// The fastest submission that must exceed the limit.
    pub(crate) fastest_beyond: Option<Timed>,
}

impl Bounds {
    /// Only submissions that agree with the package count: one that crashes at once has no
    /// meaningful time.
    fn of(tested: &Tested, trials: &[(usize, LocalResult)]) -> Self {
        let timed = |wanted: TimeLimitUse| {
            trials.iter().filter_map(move |(place, trial)| {
                let submission = &tested.package.submissions[*place];
                let is_wanted = time_use(submission) == wanted && !trial.outcomes.is_empty();
                let agrees = tested.disagreements(submission, trial).is_empty();
                (is_wanted && agrees).then(|| (submission.path.clone(), trial.time_ms()))
            })
        };
        Self {
            slowest: timed(TimeLimitUse::Lower).max_by_key(|(_, ms)| *ms),
            fastest_beyond: timed(TimeLimitUse::Upper).min_by_key(|(_, ms)| *ms),
        }
    }
}

/// Reads the problems of the package at a path.
pub(crate) async fn read(path: &Path, options: Options) -> Result<Vec<Package>, LoadError> {
    let path = path.to_owned();
    // Reading, decompressing and converting block, so they run on their own thread.
    let reading = tokio::task::spawn_blocking(move || read_now(&path, &options));
    reading.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}

fn read_now(path: &Path, options: &Options) -> Result<Vec<Package>, LoadError> {
    let tree = load(path)?;
    problem_package::read(&tree, options).map_err(LoadError::Unfit)
}

/// Whether the package's time limit must be derived from its submissions.
pub(crate) fn needs_measuring(package: &Package) -> bool {
    let bounds_limit = |submission| time_use(submission) == TimeLimitUse::Lower;
    package.timing.given_ms.is_none() && package.submissions.iter().any(bounds_limit)
}

/// The tests of a submission whose times are needed.
fn times(package: &Package, submission: &SampleSubmission, clock: Clock) -> Times {
    match (time_use(submission), clock.watched_ms) {
        // A time limit is derived from every test that a contestant may meet.
        (TimeLimitUse::Lower, _) if needs_measuring(package) => Times::All,
        (TimeLimitUse::Lower, _) => Times::Judged,
        (TimeLimitUse::Upper, Some(watched_ms)) => Times::UpTo(watched_ms),
        (TimeLimitUse::Upper, None) => Times::All,
        (TimeLimitUse::None, _) => Times::None,
    }
}

fn places(package: &Package, wanted: impl Fn(&SampleSubmission) -> bool) -> Vec<usize> {
    let submissions = package.submissions.iter().enumerate();
    submissions.filter(|(_, submission)| wanted(submission)).map(|(place, _)| place).collect()
}

fn fill(trials: &mut [Option<LocalResult>], judged: Vec<(usize, LocalResult)>) {
    for (place, trial) in judged {
        trials[place] = Some(trial);
    }
}

fn trial_of(joined: Result<(usize, LocalResult), tokio::task::JoinError>) -> (usize, LocalResult) {
    joined.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}

/// Warns if there is too little room between the limit and the measured times. This is no error if
/// the package gives the limit, because another machine measures different times.
fn warn_of_limits(report: &mut PackageReport, multiplier: f64, margin: f64) {
    let Some(limits) = &report.limits else { return };
    let limit_ms = limits.time_limit_ms as f64;
    let mut warnings = Vec::new();
    if let Some((path, ms)) = &limits.slowest
        && *ms as f64 * multiplier > limit_ms
    {
        let message = format!("takes {ms} ms, more than the limit of {limit_ms} ms / {multiplier}");
        warnings.push(Finding::of(format!("submissions/{path}"), message));
    }
    if let Some((path, ms)) = &limits.fastest_beyond
        && (*ms as f64) < limit_ms * margin
    {
        let message = format!("takes {ms} ms, less than {margin} times the limit of {limit_ms} ms");
        warnings.push(Finding::of(format!("submissions/{path}"), message));
    }
    // A derived limit has room for the times it was derived from.
    if !matches!(limits.time_limit, TimeLimitOrigin::Derived(_)) {
        report.warnings.extend(warnings);
    }
}

fn submission_report(
    submission: &SampleSubmission,
    tested: &Tested,
    trial: &LocalResult,
) -> SubmissionReport {
    let wrong = tested.disagreements(submission, trial);
    let messages = messages::of(&tested.package.content, trial);
    SubmissionReport {
        path: submission.path.clone(),
        language: submission.language.to_string(),
        expected: submission.expected.iter().copied().collect(),
        verdict: trial.grade.verdict,
        score: trial.grade.score,
        time_ms: trial.time_ms(),
        memory_kb: trial.memory_kib(),
        tests: tested.judge.tests.len(),
        tests_run: trial.outcomes.len(),
        agrees: wrong.is_empty(),
        detail: messages::detail(&tested.package.content, trial, &wrong),
        messages,
    }
}
