//! Submissions.

use domain::grading::GroupOutcome;
use domain::submission::{AbandonReason, Provenance, SubmissionReceived, TestOutcome};
use domain::{
    Digest, Event, LanguageId, Login, Recorded, RejudgeId, Slug, StreamId, SubmissionId, Verdict,
};
use serde::{Deserialize, Serialize};

use super::{RejudgedSince, VerdictStack};
use crate::{Collection, Micros, View};

/// Where a submission stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SubmissionState {
    /// It waits for an evaluator.
    Queued,
    /// An evaluator has it and compiles.
    Compiling,
    /// Its tests are run.
    Running,
    /// It has a verdict.
    Judged,
}

impl SubmissionState {
    /// As documents hold it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "QUEUED",
            Self::Compiling => "COMPILING",
            Self::Running => "RUNNING",
            Self::Judged => "JUDGED",
        }
    }
}

/// A submission with all its attempts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SubmissionView {
    /// Its identity.
    pub id: SubmissionId,
    /// The position at which it was received: short, and what people quote.
    pub number: i64,
    /// Who handed it in.
    pub author: Login,
    /// What it is to solve.
    pub problem: Slug,
    /// The revision it is judged against.
    pub revision: u32,
    /// What it is written in.
    pub language: LanguageId,
    /// The source's name in the blob store.
    pub source: Digest,
    /// The source's size.
    pub source_bytes: u64,
    /// Where it stands.
    pub state: SubmissionState,
    /// The verdict that counts: the topmost of `verdicts`.
    pub verdict: Option<Verdict>,
    /// Its own verdict, and those of rejudges.
    pub verdicts: VerdictStack,
    /// Every attempt of its own judging, first to last.
    pub judgements: Vec<JudgementView>,
    /// When it was received.
    pub created_at: Micros,
    /// Since when the verdict counts.
    pub judged_at: Option<Micros>,
    /// The last event that changed it.
    pub position: i64,
    /// How many events its stream has.
    pub version: i64,
}

/// One attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JudgementView {
    /// Counts from 1.
    pub attempt: u32,
    /// The worker's name.
    pub evaluator: String,
    /// How many tests there are.
    pub tests_total: u32,
    /// How compiling went.
    pub compile: Option<CompileView>,
    /// By number.
    pub tests: Vec<TestOutcome>,
    /// What it was found to be.
    pub verdict: Option<Verdict>,
    /// Scored problems only.
    pub score: Option<f64>,
    /// What each test group came to.
    pub groups: Vec<GroupOutcome>,
    /// Of the slowest test.
    pub time_ms: Option<u64>,
    /// Of the largest test, in KiB.
    pub memory_kib: Option<u64>,
    /// What the verdict depended on.
    pub provenance: Option<Provenance>,
    /// Why it ended without a verdict.
    pub abandoned: Option<AbandonReason>,
    /// When an evaluator took it.
    pub started_at: Micros,
    /// When it ended, either way.
    pub finished_at: Option<Micros>,
}

/// How compiling went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompileView {
    /// Whether there was a program to run.
    pub ok: bool,
    /// What the compiler said.
    pub log: String,
    /// Whether it said more.
    pub truncated: bool,
    /// Cpu time it took.
    pub time_ms: u64,
}

impl View for SubmissionView {
    const COLLECTION: Collection = Collection {
        name: "submissions",
        schema: 3,
        indexes: &[
            &["number"],
            &["author", "number"],
            &["problem", "number"],
            &["author", "problem", "number"],
            &["state", "number"],
        ],
    };

    fn key(&self) -> String {
        self.id.to_string()
    }
}

impl SubmissionView {
    /// The submission that these events of its stream, from the first, tell of.
    pub fn fold(events: &[Recorded]) -> Option<Self> {
        let (first, rest) = events.split_first()?;
        let mut view = match &first.event {
            Event::SubmissionReceived(received) => Self::new(received, first),
            _ => return None,
        };
        rest.iter().for_each(|recorded| view.evolve(recorded));
        Some(view)
    }

    /// The same, with what rejudges had found of it at the same moment.
    pub fn fold_rejudged(events: &[Recorded], rejudged: Option<RejudgedSince>) -> Option<Self> {
        let mut view = Self::fold(events)?;
        if let Some(RejudgedSince { position, rejudged, .. }) = rejudged {
            view.position = view.position.max(position);
            view.verdicts.rejudged = rejudged;
            view.count_topmost();
        }
        Some(view)
    }

    /// A submission just received.
    pub fn new(received: &SubmissionReceived, recorded: &Recorded) -> Self {
        Self {
            id: received.submission,
            number: stored(recorded.position.0),
            author: received.author.clone(),
            problem: received.problem.clone(),
            revision: received.revision,
            language: received.language.clone(),
            source: received.source,
            source_bytes: received.source_bytes,
            state: SubmissionState::Queued,
            verdict: None,
            verdicts: VerdictStack::default(),
            judgements: vec![],
            created_at: recorded.recorded_at.into(),
            judged_at: None,
            position: stored(recorded.position.0),
            version: stored(recorded.version.0),
        }
    }

    /// The submission after a later event of its stream.
    pub fn evolve(&mut self, recorded: &Recorded) {
        let at = Micros::from(recorded.recorded_at);
        self.position = stored(recorded.position.0);
        self.version = stored(recorded.version.0);
        match &recorded.event {
            Event::JudgingStarted(started) => {
                self.state = SubmissionState::Compiling;
                self.judgements.push(JudgementView {
                    attempt: started.attempt,
                    evaluator: started.evaluator.clone(),
                    tests_total: started.tests,
                    compile: None,
                    tests: vec![],
                    verdict: None,
                    score: None,
                    groups: vec![],
                    time_ms: None,
                    memory_kib: None,
                    provenance: None,
                    abandoned: None,
                    started_at: at,
                    finished_at: None,
                });
            }
            Event::Compiled(compiled) => {
                self.state = SubmissionState::Running;
                if let Some(judgement) = self.judgements.last_mut() {
                    judgement.compile = Some(CompileView {
                        ok: compiled.ok,
                        log: compiled.log.clone(),
                        truncated: compiled.truncated,
                        time_ms: compiled.time_ms,
                    });
                }
            }
            Event::TestsJudged(judged) => {
                if let Some(judgement) = self.judgements.last_mut() {
                    judgement.tests.extend(judged.outcomes.iter().cloned());
                    judgement.tests.sort_by_key(|outcome| outcome.number);
                }
            }
            Event::JudgingFinished(finished) => {
                self.finish(finished.verdict, at);
                if let Some(judgement) = self.judgements.last_mut() {
                    judgement.verdict = Some(finished.verdict);
                    judgement.score = finished.score;
                    judgement.groups = finished.groups.clone();
                    judgement.time_ms = Some(finished.time_ms);
                    judgement.memory_kib = Some(finished.memory_kib);
                    judgement.provenance = Some(finished.provenance.clone());
                    judgement.finished_at = Some(at);
                }
            }
            Event::AttemptAbandoned(abandoned) => {
                self.state = SubmissionState::Queued;
                if let Some(judgement) = self.judgements.last_mut() {
                    judgement.abandoned = Some(abandoned.reason.clone());
                    judgement.finished_at = Some(at);
                }
            }
            Event::SubmissionAbandoned(_) => self.finish(Verdict::JudgeError, at),
            _ => {}
        }
    }

    /// A rejudge found this, and was applied. Its stream goes on as it is.
    pub fn apply_rejudge(&mut self, rejudge: RejudgeId, verdict: Verdict, recorded: &Recorded) {
        self.position = stored(recorded.position.0);
        self.verdicts.apply(rejudge, verdict, recorded.recorded_at.into());
        self.count_topmost();
    }

    /// That rejudge was reverted.
    pub fn revert_rejudge(&mut self, rejudge: RejudgeId, recorded: &Recorded) {
        self.position = stored(recorded.position.0);
        self.verdicts.revert(rejudge);
        self.count_topmost();
    }

    /// Takes on the verdicts of rejudges from what is known of the same submission elsewhere.
    pub fn take_rejudged(&mut self, known: VerdictStack) {
        self.verdicts.rejudged = known.rejudged;
        self.count_topmost();
    }

    /// An event that any submission may be in. Hearing of the same again changes nothing.
    pub fn hear_of_rejudge(&mut self, recorded: &Recorded) {
        let StreamId::Rejudge(id) = recorded.stream else { return };
        match &recorded.event {
            Event::RejudgeApplied(applied) => {
                let found = applied.found.iter().find(|found| found.submission == self.id);
                let known = self.verdicts.rejudged.iter().any(|it| it.rejudge == id);
                if let (Some(found), false) = (found, known) {
                    self.apply_rejudge(id, found.verdict, recorded);
                }
            }
            Event::RejudgeReverted(_) => self.revert_rejudge(id, recorded),
            _ => {}
        }
    }

    /// The judgement of its own that counts: the last with a verdict, else the one under way.
    pub fn judgement(&self) -> Option<&JudgementView> {
        let judged = self.judgements.iter().rfind(|judgement| judgement.verdict.is_some());
        judged.or(self.judgements.last())
    }

    fn finish(&mut self, verdict: Verdict, at: Micros) {
        self.state = SubmissionState::Judged;
        self.verdicts.judge(verdict, at);
        self.count_topmost();
    }

    fn count_topmost(&mut self) {
        let counting = self.verdicts.counting();
        self.verdict = counting.map(|counting| counting.verdict);
        self.judged_at = counting.map(|counting| counting.since);
    }
}

/// Positions and versions as every document store can hold them.
pub(super) fn stored(count: u64) -> i64 {
    i64::try_from(count).expect("a log has fewer than 2^63 events")
}
