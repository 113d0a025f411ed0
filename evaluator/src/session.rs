//! Judges one submission in one evaluator.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use domain::grading::{CustomGrades, GraderCall, GroupGrade, Rubric};
use domain::problem::{ProblemRevised, RevisionContent};
use domain::submission::{
    AbandonReason, AttemptAbandoned, Compiled, Phase, ProblemProgramProvenance, Provenance,
    Submission, SubmissionAbandoned, SubmissionCommand, SubmissionReceived, TestOutcome,
    TestsJudged,
};
use domain::{Actor, Digest, Event, Recorded};
use event_store::{Ability, Context, Stream, Work, WorkReceipt};
use sandbox::Toolchain;
use tokio::time::Instant;

use crate::interruption::Interruption;
use crate::judge::{
    Compilation, Executable, Fault, ProblemPrograms, Program, Source, Start, fetch_files, grade,
    language_of,
};
use crate::others::Opened;
use crate::plan::Plan;
use crate::slots::Slot;
use crate::tests_run::TestsRun;
use crate::tools::Tools;

/// The shortest interval between progress reports.
pub(crate) const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);
/// The most characters of a fault's text in an event. Enough for a validator's standard error and
/// its messages.
const DETAIL_CHARS_MAX: usize = 2_500;

/// Deliveries of one submission that may end without a result. Evaluators that are killed or lose
/// their stores say nothing about the submission, but nothing is delivered forever.
pub(crate) const LOST_DELIVERIES_MAX: u32 = 100;

/// Judges a submission until its verdict, or gives it up if judging it failed too often. The slot
/// is freed as soon as nothing is left to run, because recording the verdict needs none.
pub(crate) async fn judge(
    tools: &Tools,
    work: &Work,
    slot: Slot,
    opened: &Opened,
) -> Result<(), Interruption> {
    let mut session = match Session::open(tools, work).await? {
        Some(session) => session,
        None => return Ok(tools.queue.discard(&work.receipt).await?),
    };
    opened.at(session.stream.version);
    let (deliveries, failures) = (work.deliveries - 1, session.stream.state.failures);
    let detail = if failures >= tools.deliveries_max {
        // The failures that were recorded after a crash.
        session.failure.take().unwrap_or_default()
    } else if deliveries.saturating_sub(failures) >= LOST_DELIVERIES_MAX {
        "every evaluator that took it was lost".to_owned()
    } else {
        return session.judge(slot).await;
    };
    let abandoned = SubmissionAbandoned { deliveries, detail };
    session.finish(vec![SubmissionCommand::Abandon(abandoned)]).await
}

/// Ends this evaluator's current attempt, if there is one, and returns the work to the queue. Gives
/// the submission up instead if too many attempts have failed.
pub(crate) async fn give_back(
    tools: &Tools,
    work: &Work,
    reason: AbandonReason,
) -> Result<(), Interruption> {
    let Some(mut session) = Session::open(tools, work).await? else {
        return Ok(tools.queue.discard(&work.receipt).await?);
    };
    let mut commands = Vec::new();
    let mut failures = session.stream.state.failures;
    if let Phase::Judging(attempt) = &session.stream.state.phase {
        if session.holder.as_deref() != Some(tools.name.as_str()) {
            return Err(Interruption::Fenced);
        }
        let attempt = attempt.number;
        let abandoned = AttemptAbandoned { attempt, reason: reason.clone() };
        commands.push(SubmissionCommand::AbandonAttempt(abandoned));
        failures += 1;
    }
    if let AbandonReason::Failed { detail } = &reason
        && failures >= tools.deliveries_max
    {
        let detail = detail.clone();
        let abandoned = SubmissionAbandoned { deliveries: work.deliveries, detail };
        commands.push(SubmissionCommand::Abandon(abandoned));
        return session.finish(commands).await;
    }
    session.record(commands).await?;
    let returned = match reason {
        AbandonReason::Failed { .. } => tools.queue.release(&work.receipt).await,
        // Other reasons are no evidence against the submission, so this delivery does not count.
        AbandonReason::ShutDown | AbandonReason::Superseded => {
            tools.queue.decline(&work.receipt, &BTreeSet::new()).await
        }
    };
    Ok(returned?)
}

/// Finishes the work of a submission that was cancelled. Returns false if it was not.
pub(crate) async fn finish_cancelled(tools: &Tools, work: &Work) -> Result<bool, Interruption> {
    let stream = work.item.stream.clone();
    let submission = Stream::<Submission>::load(tools.log.as_ref(), stream).await?;
    if submission.state.phase != Phase::Cancelled {
        return Ok(false);
    }
    tools.queue.discard(&work.receipt).await?;
    Ok(true)
}

/// A fault as text for an event: the error and its causes, shortened.
pub(crate) fn detail(error: &Interruption) -> String {
    supervision::error_chain(error).chars().take(DETAIL_CHARS_MAX).collect()
}

/// The evaluator that began the latest attempt.
pub(crate) fn holder(events: &[Recorded]) -> Option<&str> {
    events.iter().rev().find_map(|recorded| match &recorded.event {
        Event::JudgingStarted(started) => Some(started.evaluator.as_str()),
        _ => None,
    })
}

/// Why the latest failed attempt failed.
fn failure(events: &[Recorded]) -> Option<&str> {
    events.iter().rev().find_map(|recorded| match &recorded.event {
        Event::AttemptAbandoned(AttemptAbandoned {
            reason: AbandonReason::Failed { detail },
            ..
        }) => Some(detail.as_str()),
        _ => None,
    })
}

struct Session<'a> {
    tools: &'a Tools,
    receipt: WorkReceipt,
    stream: Stream<Submission>,
    received: SubmissionReceived,
    /// The evaluator that began the latest attempt.
    holder: Option<String>,
    /// Why the latest failed attempt failed.
    failure: Option<String>,
    context: Context,
}

impl<'a> Session<'a> {
    /// Loads the submission; `None` if there is nothing left to judge.
    async fn open(tools: &'a Tools, work: &Work) -> Result<Option<Self>, Interruption> {
        let id = work.item.stream.clone();
        let events = event_store::read_stream_whole(tools.log.as_ref(), &id).await?;
        let stream = Stream::<Submission>::fold(id, &events);
        if matches!(stream.state.phase, Phase::Absent | Phase::Judged(_) | Phase::Cancelled) {
            return Ok(None);
        }
        let (Some(received), Some(first)) = (stream.state.received.clone(), events.first()) else {
            return Ok(None);
        };
        let holder = holder(&events).map(str::to_owned);
        let failure = failure(&events).map(str::to_owned);
        let context = Context::caused_by(Actor::evaluator(&tools.name), first);
        let receipt = work.receipt.clone();
        Ok(Some(Self { tools, receipt, stream, received, holder, failure, context }))
    }

    async fn judge(mut self, slot: Slot) -> Result<(), Interruption> {
        let tools = self.tools;
        let received = self.received.clone();
        let revision = tools.library.revision(&received.problem, received.revision).await?;
        let revised = &revision.revised;
        let content = &revised.content;
        let needs = Ability::needed(&received.language, content);
        if !needs.is_subset(&tools.abilities) {
            let submission = &self.stream.id;
            let wanted: Vec<_> = needs.iter().map(Ability::to_string).collect();
            let needs_text = wanted.join(", ");
            tracing::warn!(%submission, needs = needs_text, "left to an evaluator that can do this");
            return Ok(tools.queue.decline(&self.receipt, &needs).await?);
        }
        let rubric = content.rubric();
        let evaluator = tools.name.clone();
        self.record(vec![SubmissionCommand::StartJudging { evaluator, tests: rubric.tests() }])
            .await?;

        let source = self.source(revised).await?;
        let compilation = tools.compiler.compile(&source, slot.core()).await?;
        tools.figures.compiled(&compilation);
        let compiled = SubmissionCommand::RecordCompile(self.compiled(&compilation));
        let toolchain =
            tools.cells.sandbox().toolchain(&source.language).await.map_err(Fault::from)?;
        let mut provenance = provenance(tools, &toolchain, &source, revised);
        let Some(artifact) = compilation.artifact else {
            drop(slot);
            let finish = self.finish_command(rubric, CustomGrades::new(), provenance);
            return self.finish(vec![compiled, finish]).await;
        };
        let start = Start::Language(source.layout.clone());
        let executable = Executable { language: Arc::clone(&source.language), start, artifact };
        let limits = content.limits;
        let program = Program { source: Arc::new(source), executable, limits, watched_ms: None };
        self.record(vec![compiled]).await?;
        let (compiler, languages) = (&tools.compiler, &tools.languages);
        let problem_programs =
            ProblemPrograms::prepare(content, &tools.library, compiler, languages, slot.core())
                .await?;
        provenance.problem_programs = provenance_of_programs(tools, content).await?;
        let problem_programs = Arc::new(problem_programs);
        let tests = &content.tests;
        let mut run =
            TestsRun::set_up(tools, program, Arc::clone(&problem_programs), tests, slot).await?;
        let mut plan = Plan::new(rubric);
        loop {
            self.run_tests(&mut run, &mut plan).await?;
            // A grader's result can decide whether other tests are needed.
            let Some(call) = plan.grader().cloned() else { break };
            let grade = run_grader(tools, &problem_programs, &call, run.core()).await?;
            plan.graded(call.group, grade);
        }
        let (memory_source, reruns) = run.tear_down().await;
        if reruns > 0 {
            let submission = &self.stream.id;
            tracing::info!(%submission, reruns, "tests near the time limit were run again");
        }
        provenance.memory_source = memory_source.map(|source| match source {
            sandbox::MemorySource::Cgroup => "cgroup".to_owned(),
            sandbox::MemorySource::PeakRss => "peak_rss".to_owned(),
        });
        if let Some(impossible) = plan.grade().and_then(|grade| grade.impossible_score()) {
            return Err(fault_of_grading(impossible).into());
        }
        let mut outcomes = plan.report();
        while plan.has_more_to_report() {
            let progress = self.judged(outcomes);
            self.record(vec![progress]).await?;
            outcomes = plan.report();
        }
        let rest = (!outcomes.is_empty()).then(|| self.judged(outcomes));
        let (rubric, graded) = plan.into_parts();
        let finish = self.finish_command(rubric, graded, provenance);
        self.finish(rest.into_iter().chain([finish]).collect()).await
    }

    /// The source to compile: the submitted code between the problem's snippets, together with the
    /// problem's files.
    async fn source(&self, revised: &ProblemRevised) -> Result<Source, Interruption> {
        let (tools, received) = (self.tools, &self.received);
        let no_language = || Interruption::NoLanguage(received.language.clone());
        let language = tools.languages.get(received.language.as_str()).ok_or_else(no_language)?;
        let offer = revised.content.language(&received.language).ok_or_else(no_language)?;
        let text = tools.library.source(&received.source).await.map_err(Arc::new)?;
        let text = std::str::from_utf8(&text).map_err(|_| Interruption::NotText)?;
        let included = revised.content.included(&received.language);
        let included = fetch_files(&tools.library, &included).await.map_err(Fault::from)?;
        let source = Source::submitted(language, &revised.content, &offer, text, &included);
        Ok(source.map_err(|error| Fault::Program {
            program: "the included code".to_owned(),
            detail: error.to_string(),
        })?)
    }

    /// Runs the tests, and reports progress from time to time.
    async fn run_tests(
        &mut self,
        run: &mut TestsRun<'_>,
        plan: &mut Plan,
    ) -> Result<(), Interruption> {
        let mut reported_at = Instant::now();
        loop {
            run.begin(plan).await?;
            // Programs continue to run during this.
            if reported_at.elapsed() >= PROGRESS_INTERVAL && plan.left() > 0 {
                let outcomes = plan.report();
                if !outcomes.is_empty() {
                    let progress = self.judged(outcomes);
                    self.record(vec![progress]).await?;
                    reported_at = Instant::now();
                }
            }
            if run.end(plan).await?.is_none() {
                return Ok(());
            }
        }
    }

    fn attempt(&self) -> u32 {
        self.stream.state.attempts
    }

    fn compiled(&self, compilation: &Compilation) -> Compiled {
        Compiled {
            attempt: self.attempt(),
            ok: compilation.artifact.is_some(),
            log: compilation.log.clone(),
            truncated: compilation.truncated,
            time_ms: u64::try_from(compilation.cpu.as_millis()).unwrap_or(u64::MAX),
        }
    }

    fn judged(&self, outcomes: Vec<TestOutcome>) -> SubmissionCommand {
        SubmissionCommand::RecordTests(TestsJudged { attempt: self.attempt(), outcomes })
    }

    fn finish_command(
        &self,
        rubric: Rubric,
        graded: CustomGrades,
        provenance: Provenance,
    ) -> SubmissionCommand {
        let (rubric, provenance) = (Box::new(rubric), Box::new(provenance));
        SubmissionCommand::Finish { attempt: self.attempt(), rubric, graded, provenance }
    }

    async fn record(&mut self, commands: Vec<SubmissionCommand>) -> Result<(), Interruption> {
        let log = self.tools.log.as_ref();
        self.stream.execute(log, commands, &self.context, None, None).await?;
        Ok(())
    }

    /// Records the events, and finishes the work in the same step (INV-6).
    async fn finish(&mut self, commands: Vec<SubmissionCommand>) -> Result<(), Interruption> {
        let (log, receipt) = (self.tools.log.as_ref(), self.receipt.clone());
        self.stream.execute(log, commands, &self.context, None, Some(receipt)).await?;
        Ok(())
    }
}

/// Runs the problem's grader for a group.
async fn run_grader(
    tools: &Tools,
    problem_programs: &ProblemPrograms,
    call: &GraderCall,
    core: Option<u32>,
) -> Result<GroupGrade, Fault> {
    let grader =
        problem_programs.grader.as_ref().ok_or_else(|| fault_of_grading("the problem has none"))?;
    grade(&tools.cells, grader, call, core).await
}

fn fault_of_grading(detail: &str) -> Fault {
    Fault::Program { program: "the grader".to_owned(), detail: detail.to_owned() }
}

/// The toolchains of the problem's own programs.
async fn provenance_of_programs(
    tools: &Tools,
    content: &RevisionContent,
) -> Result<Vec<ProblemProgramProvenance>, Fault> {
    let mut programs = Vec::new();
    for program in content.programs() {
        let language = language_of(program, &tools.languages)?;
        let toolchain = tools.cells.sandbox().toolchain(language).await?;
        let language = digest_of(&toolchain);
        let name = program.name.clone();
        programs.push(ProblemProgramProvenance { name, toolchain: toolchain.version, language });
    }
    Ok(programs)
}

fn digest_of(toolchain: &Toolchain) -> Digest {
    toolchain.digest.parse().unwrap_or_else(|_| Digest::of(toolchain.digest.as_bytes()))
}

fn provenance(
    tools: &Tools,
    toolchain: &Toolchain,
    source: &Source,
    revised: &ProblemRevised,
) -> Provenance {
    Provenance {
        assay: env!("CARGO_PKG_VERSION").to_owned(),
        sandbox: tools.cells.sandbox().name().to_owned(),
        toolchain: toolchain.version.clone(),
        language: digest_of(toolchain),
        program: source.digest(),
        revision: revised.digest,
        limits: revised.content.limits,
        checker: revised.content.checker.clone(),
        problem_programs: vec![],
        memory_source: None,
    }
}
