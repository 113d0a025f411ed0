//! Runs a program on its author's own inputs or on a problem's samples, and records the results
//! outside the log.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use domain::checker::TokenOptions;
use domain::problem::{Limits, RevisionContent};
use domain::run::{CaseOutcome, RunCase, RunEvent, RunState, SHOWN_BYTES_MAX};
use domain::submission::{AbandonReason, Compiled};
use domain::{RunId, Version};
use event_store::{Ability, RunBatch, Runs, RunsError, StoredRun, Work, WorkReceipt};
use jiff::Timestamp;
use uuid::Uuid;

use crate::interruption::Interruption;
use crate::judge::{
    Checking, Compilation, Executable, Fault, Judged, JudgingCells, ProblemPrograms, Program,
    Start, TestData, fetch_test,
};
use crate::library::Revision;
use crate::reference::{Answer, Reference, source_of};
use crate::session::{LOST_DELIVERIES_MAX, PROGRESS_INTERVAL};
use crate::slots::Slot;
use crate::tools::Tools;

/// Runs the program until its last case has ended, or gives the run up if it failed too often.
pub(crate) async fn run(
    tools: &Tools,
    work: &Work,
    id: RunId,
    slot: Slot,
) -> Result<(), Interruption> {
    let Some(mut session) = Session::open(tools, work, id).await? else {
        return Ok(tools.queue.discard(&work.receipt).await?);
    };
    let (deliveries, failures) = (work.deliveries - 1, session.state.failures);
    let detail = if failures >= tools.deliveries_max {
        session.state.failure.clone().unwrap_or_default()
    } else if deliveries.saturating_sub(failures) >= LOST_DELIVERIES_MAX {
        "every evaluator that took it was lost".to_owned()
    } else {
        return session.run(slot).await;
    };
    session.add(RunEvent::Abandoned { detail });
    session.finish().await
}

/// Ends this evaluator's attempt, if there is one, and returns the work to the queue. Gives the run
/// up instead if too many attempts have failed.
pub(crate) async fn give_back(
    tools: &Tools,
    work: &Work,
    id: RunId,
    reason: AbandonReason,
) -> Result<(), Interruption> {
    let Some(mut session) = Session::open(tools, work, id).await? else {
        return Ok(tools.queue.discard(&work.receipt).await?);
    };
    let failure = match reason {
        AbandonReason::Failed { detail } => Some(detail),
        AbandonReason::ShutDown | AbandonReason::Superseded => None,
    };
    if let Some(holder) = &session.state.holder {
        if *holder != tools.name {
            return Err(Interruption::Fenced);
        }
        session.add(RunEvent::AttemptFailed { detail: failure.clone() });
    }
    match failure {
        Some(detail) if session.failures() >= tools.deliveries_max => {
            session.add(RunEvent::Abandoned { detail });
            return session.finish().await;
        }
        Some(_) => {
            session.record().await?;
            Ok(tools.queue.release(&work.receipt).await?)
        }
        // No evidence against the program, so this delivery does not count.
        None => {
            session.record().await?;
            Ok(tools.queue.decline(&work.receipt, &BTreeSet::new()).await?)
        }
    }
}

/// Ends the attempt as failed if it is still that evaluator's (INV-7).
pub(crate) async fn record_crash(
    tools: &Tools,
    id: RunId,
    evaluator: &str,
    detail: &str,
) -> Result<(), Interruption> {
    let Some(runs) = &tools.runs else { return Ok(()) };
    let Some(stored) = runs.read(id, Timestamp::now()).await? else { return Ok(()) };
    let state = stored.state();
    if state.holder.as_deref() != Some(evaluator) {
        return Ok(());
    }
    let failed = RunEvent::AttemptFailed { detail: Some(detail.to_owned()) };
    let batch = batch(&stored, state.version, vec![failed], None);
    append(runs.as_ref(), &batch).await?;
    tracing::error!(run = %id, evaluator, alert = true, "an evaluator crashed while running");
    Ok(())
}

fn batch(
    stored: &StoredRun,
    expected: Version,
    events: Vec<RunEvent>,
    complete: Option<WorkReceipt>,
) -> RunBatch {
    RunBatch {
        id: Uuid::new_v4(),
        run: stored.request.run,
        author: stored.request.author.clone(),
        expected,
        events,
        complete,
    }
}

/// Appends, and tries once more if the outcome is unknown: a retry finds its own events.
async fn append(runs: &dyn Runs, batch: &RunBatch) -> Result<(), RunsError> {
    match runs.append(batch).await {
        Err(RunsError::Unavailable(_)) => runs.append(batch).await,
        outcome => outcome,
    }
}

struct Session<'a> {
    tools: &'a Tools,
    runs: &'a dyn Runs,
    receipt: WorkReceipt,
    stored: StoredRun,
    /// The state as it is recorded.
    state: RunState,
    /// Events that are not recorded yet.
    unrecorded: Vec<RunEvent>,
    recorded_at: Instant,
}

impl<'a> Session<'a> {
    /// Loads the run; `None` if there is nothing left to run.
    async fn open(tools: &'a Tools, work: &Work, id: RunId) -> Result<Option<Self>, Interruption> {
        let Some(runs) = tools.runs.as_deref() else { return Ok(None) };
        let Some(stored) = runs.read(id, Timestamp::now()).await? else { return Ok(None) };
        let state = stored.state();
        let (receipt, unrecorded, recorded_at) = (work.receipt.clone(), vec![], Instant::now());
        let session = Self { tools, runs, receipt, stored, state, unrecorded, recorded_at };
        Ok((!session.state.is_final()).then_some(session))
    }

    async fn run(mut self, slot: Slot) -> Result<(), Interruption> {
        let tools = self.tools;
        let revision = match &self.stored.request.problem {
            Some(problem) => Some(tools.library.revision(&problem.slug, problem.revision).await?),
            None => None,
        };
        let needs = self.needs(revision.as_deref());
        if !needs.is_subset(&tools.abilities) {
            return Ok(tools.queue.decline(&self.receipt, &needs).await?);
        }
        let attempt = self.state.attempts + 1;
        self.add(RunEvent::Started { attempt, evaluator: tools.name.clone() });
        self.record().await?;

        let request = &self.stored.request;
        let (language, text) = (&request.language, request.source.as_str());
        let source = source_of(tools, revision.as_deref(), language, text).await?;
        let compilation = tools.compiler.compile(&source, slot.core()).await?;
        tools.figures.compiled(&compilation);
        self.add(RunEvent::Compiled(compiled(attempt, &compilation)));
        let Some(artifact) = compilation.artifact else {
            self.add(RunEvent::Finished {});
            return self.finish().await;
        };
        self.record_progress().await?;
        let start = Start::Language(source.layout.clone());
        let executable = Executable { language: Arc::clone(&source.language), start, artifact };
        let limits = revision.as_ref().map_or_else(Limits::default, |it| it.revised.content.limits);
        let program = Program { source: Arc::new(source), executable, limits, watched_ms: None };
        let mut reference = match revision.as_deref().filter(|_| self.has_own_inputs()) {
            Some(revision) => Reference::prepare(tools, revision, slot.core()).await?,
            None => None,
        };
        let content = revision.as_deref().map(|it| &it.revised.content);
        let content = content.filter(|_| self.has_samples() || reference.is_some());
        let problem_programs = match self.problem_programs(content, slot.core()).await {
            // Own inputs can run without a checker, and a broken one is not the author's fault.
            Err(Interruption::Fault(Fault::Program { .. })) if !self.has_samples() => {
                if let Some(reference) = reference.take() {
                    reference.tear_down().await;
                }
                self.problem_programs(None, slot.core()).await?
            }
            prepared => prepared?,
        };
        let judging_cells =
            JudgingCells::set_up(&tools.cells, program, Arc::new(problem_programs)).await?;
        let mut judging_cells = judging_cells.showing(SHOWN_BYTES_MAX);
        for (number, case) in (1..).zip(self.stored.request.cases.clone()) {
            let outcome = match case {
                RunCase::Own { input } => {
                    let test = TestData::new(number, Bytes::from(input), Bytes::new());
                    let test = TestData { sample: true, ..test };
                    let answer = match &mut reference {
                        Some(reference) => Some(reference.answer(&test, slot.core()).await?),
                        None => None,
                    };
                    self.run_own(&mut judging_cells, test, answer, &slot).await?
                }
                RunCase::Sample { test, .. } => {
                    let judged = self
                        .run_sample(&mut judging_cells, number, test, revision.as_deref(), &slot)
                        .await?;
                    tools.figures.ran(&judged);
                    CaseOutcome::new(number, judged.outcome, true)
                }
            };
            self.add(RunEvent::CaseEnded { outcome });
            self.record_progress().await?;
        }
        drop(slot);
        judging_cells.tear_down().await;
        if let Some(reference) = reference {
            reference.tear_down().await;
        }
        self.add(RunEvent::Finished {});
        self.finish().await
    }

    /// What the run needs. The problem's own programs are needed only for its samples.
    fn needs(&self, revision: Option<&Revision>) -> BTreeSet<Ability> {
        let language = &self.stored.request.language;
        match revision.filter(|_| self.has_samples()) {
            Some(revision) => Ability::needed(language, &revision.revised.content),
            None => [Ability::Judge(language.clone())].into(),
        }
    }

    fn has_samples(&self) -> bool {
        let is_sample = |case: &RunCase| matches!(case, RunCase::Sample { .. });
        self.stored.request.cases.iter().any(is_sample)
    }

    fn has_own_inputs(&self) -> bool {
        let is_own = |case: &RunCase| matches!(case, RunCase::Own { .. });
        self.stored.request.cases.iter().any(is_own)
    }

    /// The programs that check outputs; none if no answer is known.
    async fn problem_programs(
        &self,
        content: Option<&RevisionContent>,
        core: Option<u32>,
    ) -> Result<ProblemPrograms, Interruption> {
        let Some(content) = content else {
            return Ok(ProblemPrograms::of(Checking::Tokens(TokenOptions::default())));
        };
        let (compiler, languages) = (&self.tools.compiler, &self.tools.languages);
        Ok(ProblemPrograms::prepare(content, &self.tools.library, compiler, languages, core)
            .await?)
    }

    /// Runs the program on an own input, and checks its output if the answer is known.
    async fn run_own(
        &self,
        judging_cells: &mut JudgingCells,
        test: TestData,
        answer: Option<Answer>,
        slot: &Slot,
    ) -> Result<CaseOutcome, Interruption> {
        let (reference, output) = match answer {
            Some(Answer { reference, output }) => (Some(reference), output),
            None => (None, None),
        };
        let (number, is_checked) = (test.number, output.is_some());
        let judged = match output {
            Some(answer) => {
                let test = TestData { answer, ..test.clone() };
                judging_cells.judge(&test, slot.core()).await
            }
            None => judging_cells.run_unchecked(&test, slot.core()).await,
        };
        let (judged, is_checked) = match judged {
            // Checkers may rely on valid inputs.
            Err(Fault::Program { .. }) if is_checked => {
                (judging_cells.run_unchecked(&test, slot.core()).await?, false)
            }
            judged => (judged?, is_checked),
        };
        self.tools.figures.ran(&judged);
        Ok(CaseOutcome { reference, ..CaseOutcome::new(number, judged.outcome, is_checked) })
    }

    /// Runs the program on a sample, the test with this place in the revision, and checks its
    /// output.
    async fn run_sample(
        &self,
        judging_cells: &mut JudgingCells,
        number: u32,
        place: u32,
        revision: Option<&Revision>,
        slot: &Slot,
    ) -> Result<Judged, Interruption> {
        let tests = revision.map(|it| it.revised.content.tests.as_slice());
        let index = (place as usize).checked_sub(1);
        let test = tests.zip(index).and_then(|(tests, index)| tests.get(index));
        let test = test.ok_or_else(|| Fault::Program {
            program: "the problem".to_owned(),
            detail: format!("it has no test {place}"),
        })?;
        let data = fetch_test(&self.tools.library, number, test).await.map_err(Fault::from)?;
        let judged = judging_cells.judge(&data, slot.core()).await;
        judged.map_err(|fault| Interruption::Test { test: test.name.clone(), fault })
    }

    /// Adds an event, to be recorded later.
    fn add(&mut self, event: RunEvent) {
        self.unrecorded.push(event);
    }

    /// The number of failed attempts, including those that are not recorded yet.
    fn failures(&self) -> u32 {
        let is_failure =
            |event: &&RunEvent| matches!(event, RunEvent::AttemptFailed { detail: Some(_) });
        self.state.failures + self.unrecorded.iter().filter(is_failure).count() as u32
    }

    /// Records the events if the last ones were recorded a while ago.
    async fn record_progress(&mut self) -> Result<(), Interruption> {
        if self.recorded_at.elapsed() >= PROGRESS_INTERVAL {
            self.record().await?;
        }
        Ok(())
    }

    async fn record(&mut self) -> Result<(), Interruption> {
        self.write(None).await
    }

    /// Records the events, and finishes the work in the same step (INV-6).
    async fn finish(&mut self) -> Result<(), Interruption> {
        self.write(Some(self.receipt.clone())).await
    }

    async fn write(&mut self, complete: Option<WorkReceipt>) -> Result<(), Interruption> {
        if self.unrecorded.is_empty() {
            return Ok(());
        }
        let events = std::mem::take(&mut self.unrecorded);
        events.iter().for_each(|event| self.state.apply(event));
        let expected = Version(self.state.version.0 - events.len() as u64);
        let batch = batch(&self.stored, expected, events, complete);
        append(self.runs, &batch).await?;
        self.recorded_at = Instant::now();
        Ok(())
    }
}

fn compiled(attempt: u32, compilation: &Compilation) -> Compiled {
    Compiled {
        attempt,
        ok: compilation.artifact.is_some(),
        log: compilation.log.clone(),
        truncated: compilation.truncated,
        time_ms: u64::try_from(compilation.cpu.as_millis()).unwrap_or(u64::MAX),
    }
}
