//! A complete embedded judge in a temporary folder: real stores and a real evaluator, without HTTP.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use domain::problem::{Problem, ProblemCommand, ProblemRevised, RevisionContent};
use domain::submission::{Submission, SubmissionCommand, SubmissionReceived};
use domain::{
    Actor, Digest, Event, LanguageId, Login, Position, Slug, StreamId, SubmissionId, Verdict,
};
use evaluator::{Evaluator, Figures};
use event_store::{Context, Lane, Stores, Stream, WorkItem};
use jiff::Timestamp;
use problem_package::Package;
use sandbox::{Languages, Sandbox, SandboxError};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Mode, failed};
use assay::config::Config;
use assay::samples::{self, SAMPLES};
use assay::server::evaluator_config;
use assay::stores::open_stores;
use assay::{Exit, Failure};

/// Events read at once.
const PAGE: u32 = 512;
/// How long judging may make no progress before it counts as stuck.
const SILENCE_MAX: Duration = Duration::from_secs(120);
/// The poll interval if nothing wakes the wait.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// A sample submission of a package.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    pub(super) problem: Slug,
    pub(super) language: LanguageId,
    pub(super) source: String,
    pub(super) expected: Vec<Verdict>,
}

/// When a submission was received, begun and judged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub(super) received: Timestamp,
    pub(super) begun: Option<Timestamp>,
    pub(super) judged: Option<Timestamp>,
}

impl Times {
    /// Whether it was received and not begun at this time.
    pub(super) fn is_waiting_at(&self, at: Timestamp) -> bool {
        self.received <= at && self.begun.is_none_or(|begun| at < begun)
    }

    /// From submission until judging began.
    pub(super) fn waiting(&self) -> Option<Duration> {
        between(self.received, self.begun?)
    }

    /// From the beginning of judging to the verdict.
    pub(super) fn judging(&self) -> Option<Duration> {
        between(self.begun?, self.judged?)
    }

    /// From submission to the verdict.
    pub(super) fn whole(&self) -> Option<Duration> {
        between(self.received, self.judged?)
    }
}

fn between(from: Timestamp, to: Timestamp) -> Option<Duration> {
    to.duration_since(from).try_into().ok()
}

/// Stores, with an evaluator that uses them.
pub(super) struct Installation {
    stores: Stores,
    problems: HashMap<Slug, ProblemRevised>,
    author: Login,
    sandbox: Arc<dyn Sandbox>,
    figures: Arc<Figures>,
    cancelled: CancellationToken,
    running: JoinHandle<()>,
    /// The verdicts so far.
    verdicts: BTreeMap<SubmissionId, Verdict>,
    read_to: Position,
    _folder: TempDir,
}

impl Installation {
    /// Starts on the sandbox of a mode. Languages that the sandbox lacks are not judged.
    pub(super) async fn start(base: &Config, mode: Mode) -> Result<Self, Failure> {
        let folder = tempfile::tempdir().map_err(failed)?;
        let mut config = Config::embedded(folder.path());
        config.evaluator = base.evaluator.clone();
        config.evaluator.warm_up = false;
        config.sandbox = mode.config(&base.sandbox);
        let stores = open_stores(&config).await?;
        let sandbox = sandbox::resolve(&config.sandbox).map_err(failed)?;
        let languages = Arc::new(Languages::builtin());
        let config = evaluator_config(&config, languages.all(), languages.all());
        let evaluator = Evaluator::new(config, &stores, Arc::clone(&sandbox), languages, None);
        let (figures, cancelled) = (evaluator.figures(), CancellationToken::new());
        let running = tokio::spawn(evaluator.run(cancelled.clone()));
        Ok(Self {
            stores,
            problems: HashMap::new(),
            author: "bench".parse().map_err(failed)?,
            sandbox,
            figures,
            cancelled,
            running,
            verdicts: BTreeMap::new(),
            read_to: Position(0),
            _folder: folder,
        })
    }

    pub(super) fn stores(&self) -> &Stores {
        &self.stores
    }

    pub(super) fn figures(&self) -> &Figures {
        &self.figures
    }

    /// Imports the sample problems. Returns their submissions that are wanted and in a language
    /// that the sandbox has; there is at least one.
    pub(super) async fn import_samples(
        &mut self,
        wanted: impl Fn(&Sample) -> bool,
    ) -> Result<Vec<Sample>, Failure> {
        let mut samples = Vec::new();
        for (slug, archive) in SAMPLES {
            let Package { slug, content, blobs, submissions, .. } = samples::read(slug, archive)?;
            self.import(slug.clone(), content, blobs).await?;
            samples.extend(submissions.into_iter().filter_map(|submission| {
                Some(Sample {
                    problem: slug.clone(),
                    source: submission.source()?.to_owned(),
                    language: submission.language,
                    expected: submission.expected.into_iter().collect(),
                })
            }));
        }
        samples.retain(wanted);
        let (languages, mut installed) = (Languages::builtin(), Vec::new());
        for sample in samples {
            let Some(language) = languages.get(sample.language.as_str()) else { continue };
            match self.sandbox.toolchain(language).await {
                Ok(_) => installed.push(sample),
                Err(SandboxError::LanguageUnavailable { .. }) => {}
                Err(error) => return Err(failed(error)),
            }
        }
        let none = "no sample uses a language that this machine has";
        match installed.is_empty() {
            true => Err(Failure::new(Exit::Usage, none)),
            false => Ok(installed),
        }
    }

    /// Creates a problem.
    pub(super) async fn import(
        &mut self,
        slug: Slug,
        content: RevisionContent,
        blobs: BTreeMap<Digest, Bytes>,
    ) -> Result<(), Failure> {
        for bytes in blobs.into_values() {
            self.stores.blobs.put(bytes).await.map_err(failed)?;
        }
        let mut stream = Stream::<Problem>::new(StreamId::Problem(slug.clone()));
        let revise = vec![ProblemCommand::revise(content)];
        let context = Context::new(Actor::system());
        let log = self.stores.log.as_ref();
        stream.execute(log, revise, &context, None, None).await.map_err(failed)?;
        let revised = stream.state.current.expect("a problem that was revised has a revision");
        self.problems.insert(slug, Arc::unwrap_or_clone(revised));
        Ok(())
    }

    /// Submits a program.
    pub(super) async fn submit(
        &self,
        problem: &Slug,
        language: &LanguageId,
        source: &str,
    ) -> Result<SubmissionId, Failure> {
        self.submit_as(&self.author, problem, language, source).await
    }

    /// Submits a program of this account.
    pub(super) async fn submit_as(
        &self,
        author: &Login,
        problem: &Slug,
        language: &LanguageId,
        source: &str,
    ) -> Result<SubmissionId, Failure> {
        let submission = SubmissionId::from(Uuid::now_v7());
        let bytes = Bytes::copy_from_slice(source.as_bytes());
        let received = SubmissionReceived {
            submission,
            author: author.clone(),
            problem: problem.clone(),
            revision: self.problems[problem].revision,
            language: language.clone(),
            source: self.stores.blobs.put(bytes).await.map_err(failed)?,
            source_bytes: source.len() as u64,
        };
        let id = StreamId::Submission(submission);
        let account = Some(author.clone());
        let work = WorkItem { lane: Lane::Submit, stream: id.clone(), account };
        let mut stream = Stream::<Submission>::new(id);
        let receive = vec![SubmissionCommand::Receive(received)];
        let (log, context) = (self.stores.log.as_ref(), Context::new(Actor::account(author)));
        stream.execute(log, receive, &context, Some(work), None).await.map_err(failed)?;
        Ok(submission)
    }

    /// Waits until the total number of verdicts reaches `count`.
    pub(super) async fn judged(&mut self, count: usize) -> Result<(), Failure> {
        let mut head = self.stores.log.head();
        let mut heard = tokio::time::Instant::now();
        while self.verdicts.len() < count {
            head.mark_unchanged();
            let page = self.stores.log.read_all(self.read_to, PAGE).await.map_err(failed)?;
            for recorded in &page {
                self.read_to = recorded.position;
                let StreamId::Submission(id) = &recorded.stream else { continue };
                match &recorded.event {
                    Event::JudgingFinished(it) => self.verdicts.insert(*id, it.verdict),
                    Event::SubmissionAbandoned(_) => self.verdicts.insert(*id, Verdict::JudgeError),
                    _ => None,
                };
            }
            if !page.is_empty() {
                heard = tokio::time::Instant::now();
                continue;
            }
            if heard.elapsed() > SILENCE_MAX {
                let message =
                    format!("judging stopped after {} of {count} submissions", self.verdicts.len());
                return Err(Failure::new(Exit::JudgeError, message));
            }
            // Check again after a timeout, and also when the channel is closed.
            let _ = tokio::time::timeout(POLL_INTERVAL, head.changed()).await;
        }
        Ok(())
    }

    /// Waits until this submission has its verdict.
    pub(super) async fn judged_this(&mut self, submission: &SubmissionId) -> Result<(), Failure> {
        while self.verdict(submission).is_none() {
            self.judged(self.verdicts.len() + 1).await?;
        }
        Ok(())
    }

    /// When each submission was received, begun and judged, as recorded in the log.
    pub(super) async fn times(&self) -> Result<BTreeMap<SubmissionId, Times>, Failure> {
        let (mut times, mut after) = (BTreeMap::new(), Position(0));
        loop {
            let page = self.stores.log.read_all(after, PAGE).await.map_err(failed)?;
            let Some(last) = page.last() else { return Ok(times) };
            after = last.position;
            for recorded in page {
                let StreamId::Submission(id) = recorded.stream else { continue };
                let at = recorded.recorded_at;
                let of =
                    times.entry(id).or_insert(Times { received: at, begun: None, judged: None });
                match recorded.event {
                    Event::JudgingStarted(_) => of.begun = of.begun.or(Some(at)),
                    Event::JudgingFinished(_) => of.judged = Some(at),
                    _ => {}
                }
            }
        }
    }

    /// A submission's verdict.
    pub(super) fn verdict(&self, submission: &SubmissionId) -> Option<Verdict> {
        self.verdicts.get(submission).copied()
    }

    /// Drains the evaluator and removes all data.
    pub(super) async fn stop(self) -> Result<(), Failure> {
        self.cancelled.cancel();
        self.running.await.map_err(failed)
    }
}
