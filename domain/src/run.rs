//! Runs of a program on its author's own inputs or on a problem's samples. They are not in the log.

use serde::{Deserialize, Serialize};

use crate::submission::{Compiled, Shown, TestOutcome};
use crate::verdict::RunEnd;
use crate::{Digest, LanguageId, Login, RunId, Slug, Verdict, Version};

/// Maximum number of cases of a run.
pub const CASES_MAX: usize = 10;
/// Maximum size of an own input, in bytes.
pub const INPUT_BYTES_MAX: usize = 64 << 10;

/// Maximum size of the beginning of an output stream or an answer that is kept of a case, in bytes.
pub const SHOWN_BYTES_MAX: usize = 64 << 10;

/// A program to run, as its author asked for it. It never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRequest {
    /// The run's id.
    pub run: RunId,
    /// The account that asked for it. Nobody else sees the run.
    pub author: Login,
    /// The problem whose limits, snippets and files apply; `None` for a program of its own.
    pub problem: Option<RunProblem>,
    /// The programming language of the source.
    pub language: LanguageId,
    /// The source code.
    pub source: String,
    /// What the program runs on, in order.
    pub cases: Vec<RunCase>,
}

/// The revision of a problem that a run uses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunProblem {
    /// The problem.
    pub slug: Slug,
    /// The number of the revision.
    pub revision: u32,
}

/// One execution of the program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum RunCase {
    /// The author's own input. Its answer is what the problem's reference solution prints.
    Own {
        /// The program's standard input.
        input: String,
    },
    /// A sample of the problem.
    Sample {
        /// The test's number in the revision, from 1.
        test: u32,
        /// The digest of the test's input.
        input: Digest,
        /// The digest of the test's answer.
        answer: Digest,
    },
}

impl RunRequest {
    /// Whether this is the same request again. The revision is ignored: the problem may have been
    /// revised between two tries, which the author cannot know.
    pub fn is_repeated_by(&self, again: &Self) -> bool {
        let slug = |request: &Self| request.problem.as_ref().map(|problem| problem.slug.clone());
        let own = |request: &Self| -> Vec<RunCase> {
            let is_own = |case: &&RunCase| matches!(case, RunCase::Own { .. });
            request.cases.iter().filter(is_own).cloned().collect()
        };
        self.author == again.author
            && slug(self) == slug(again)
            && self.language == again.language
            && self.source == again.source
            && own(self) == own(again)
    }
}

/// What happened to a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum RunEvent {
    /// An evaluator started an attempt. The results of earlier attempts are discarded.
    Started {
        /// The attempt's number, from 1.
        attempt: u32,
        /// The evaluator's worker name.
        evaluator: String,
    },
    /// Compilation ended, successfully or not.
    Compiled(Compiled),
    /// The program ended on one case.
    CaseEnded {
        /// The result.
        outcome: CaseOutcome,
    },
    /// The attempt ended without a result.
    AttemptFailed {
        /// What went wrong; `None` if the evaluator shut down, which is no failure.
        detail: Option<String>,
    },
    /// Every case has ended, or the program did not compile.
    Finished {},
    /// No evaluator could run the program.
    Abandoned {
        /// The error of the last failed attempt, or why there is none.
        detail: String,
    },
}

impl RunEvent {
    /// Whether nothing happens after this.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Finished {} | Self::Abandoned { .. })
    }
}

/// The result of one case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseOutcome {
    /// The case's number, from 1.
    pub number: u32,
    /// The checker's verdict if the answer is known. If not, the verdict that follows from how the
    /// run ended, and `None` if the program ended well.
    pub verdict: Option<Verdict>,
    /// What ended the run.
    pub end: Option<RunEnd>,
    /// CPU time, in milliseconds.
    pub time_ms: u64,
    /// Peak memory, in KiB.
    pub memory_kib: u64,
    /// What the program printed.
    pub shown: Shown,
    /// What the reference solution did on an own input; `None` if the problem has no reference
    /// solution, or this evaluator cannot run it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<ReferenceRun>,
}

/// What the reference solution did on an own input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ReferenceRun {
    /// It ended well, and its output is the answer.
    Answered {
        /// The beginning of the answer.
        answer: String,
        /// Whether there is more of it.
        truncated: bool,
    },
    /// It failed, so no answer is known. The input is probably invalid.
    Failed {
        /// The verdict that a submission would get.
        verdict: Verdict,
    },
}

impl CaseOutcome {
    /// The result of a case from the outcome of its run. `is_checked` tells whether an answer was
    /// known.
    pub fn new(number: u32, outcome: TestOutcome, is_checked: bool) -> Self {
        let verdict = match is_checked {
            true => Some(outcome.verdict),
            false => outcome.end.and_then(RunEnd::verdict),
        };
        let nothing = || Shown {
            result: None,
            stdout: String::new(),
            stderr: String::new(),
            truncated: false,
            checker: None,
        };
        Self {
            number,
            verdict,
            end: outcome.end,
            time_ms: outcome.time_ms,
            memory_kib: outcome.memory_kib,
            shown: outcome.shown.unwrap_or_else(nothing),
            reference: None,
        }
    }
}

/// The state of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RunPhase {
    /// It waits for an evaluator.
    #[default]
    Queued,
    /// An evaluator is compiling the program.
    Compiling,
    /// The program is running.
    Running,
    /// It has ended.
    Finished,
    /// No evaluator could run the program.
    Abandoned,
}

/// A run folded from its events.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RunState {
    /// The number of events.
    pub version: Version,
    /// Its current state.
    pub phase: RunPhase,
    /// How many attempts were started.
    pub attempts: u32,
    /// How many attempts failed.
    pub failures: u32,
    /// Why the last attempt failed, or why the run was abandoned.
    pub failure: Option<String>,
    /// The evaluator of the attempt in progress.
    pub holder: Option<String>,
    /// The result of compiling, in the latest attempt.
    pub compiled: Option<Compiled>,
    /// The cases that have ended in the latest attempt, in order.
    pub outcomes: Vec<CaseOutcome>,
}

impl RunState {
    /// The state after these events.
    pub fn of<'a>(events: impl IntoIterator<Item = &'a RunEvent>) -> Self {
        events.into_iter().fold(Self::default(), |mut state, event| {
            state.apply(event);
            state
        })
    }

    /// Whether nothing happens any more.
    pub fn is_final(&self) -> bool {
        matches!(self.phase, RunPhase::Finished | RunPhase::Abandoned)
    }

    /// Applies the next event.
    pub fn apply(&mut self, event: &RunEvent) {
        self.version = self.version.next();
        match event {
            RunEvent::Started { attempt, evaluator } => {
                self.phase = RunPhase::Compiling;
                self.attempts = *attempt;
                self.holder = Some(evaluator.clone());
                self.compiled = None;
                self.outcomes.clear();
            }
            RunEvent::Compiled(compiled) => {
                self.phase = RunPhase::Running;
                self.compiled = Some(compiled.clone());
            }
            RunEvent::CaseEnded { outcome } => self.outcomes.push(outcome.clone()),
            RunEvent::AttemptFailed { detail } => {
                self.phase = RunPhase::Queued;
                self.holder = None;
                self.failures += u32::from(detail.is_some());
                self.failure = detail.clone().or(self.failure.take());
            }
            RunEvent::Finished {} => {
                self.phase = RunPhase::Finished;
                self.holder = None;
            }
            RunEvent::Abandoned { detail } => {
                self.phase = RunPhase::Abandoned;
                self.holder = None;
                self.failure = Some(detail.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn outcome(end: RunEnd, verdict: Verdict) -> TestOutcome {
        TestOutcome {
            number: 7,
            verdict,
            end: Some(end),
            time_ms: 1,
            memory_kib: 1,
            score: None,
            feedback: None,
            shown: None,
        }
    }

    fn ended(number: u32) -> RunEvent {
        let outcome = outcome(RunEnd::Exit { code: 0 }, Verdict::Accepted);
        RunEvent::CaseEnded { outcome: CaseOutcome::new(number, outcome, false) }
    }

    fn started(attempt: u32) -> RunEvent {
        RunEvent::Started { attempt, evaluator: format!("judge-{attempt}") }
    }

    #[test]
    fn without_an_answer_only_the_end_of_the_run_gives_a_verdict() {
        let well = outcome(RunEnd::Exit { code: 0 }, Verdict::Accepted);
        assert_eq!(CaseOutcome::new(1, well.clone(), false).verdict, None);
        assert_eq!(CaseOutcome::new(1, well, true).verdict, Some(Verdict::Accepted));
        let slow = outcome(RunEnd::CpuClock, Verdict::TimeLimitExceeded);
        let slow = CaseOutcome::new(2, slow, false);
        assert_eq!((slow.number, slow.verdict), (2, Some(Verdict::TimeLimitExceeded)));
    }

    #[test]
    fn a_new_attempt_starts_over_and_failures_are_counted() {
        let failed =
            |detail: Option<&str>| RunEvent::AttemptFailed { detail: detail.map(Into::into) };
        let mut state = RunState::of(&[started(1), ended(1), failed(Some("no room"))]);
        assert_eq!((state.phase, state.failures), (RunPhase::Queued, 1));
        assert_eq!(state.holder, None);
        for event in [started(2), failed(None), started(3), ended(1), ended(2)] {
            state.apply(&event);
        }
        assert_eq!((state.attempts, state.failures, state.outcomes.len()), (3, 1, 2));
        assert_eq!(state.failure.as_deref(), Some("no room"));
        assert_eq!(state.holder.as_deref(), Some("judge-3"));
        assert!(!state.is_final());
        state.apply(&RunEvent::Finished {});
        assert_eq!((state.is_final(), state.version), (true, Version(9)));
    }

    #[test]
    fn events_survive_their_text() {
        for event in [started(1), ended(1), RunEvent::Finished {}] {
            let text = serde_json::to_string(&event).unwrap();
            assert_eq!(serde_json::from_str::<RunEvent>(&text).unwrap(), event, "{text}");
        }
    }

    #[test]
    fn a_request_is_repeated_whatever_the_revision_is() {
        let request = RunRequest {
            run: Uuid::from_u128(1).into(),
            author: "ada".parse().unwrap(),
            problem: Some(RunProblem { slug: "sum".parse().unwrap(), revision: 1 }),
            language: "python3".parse().unwrap(),
            source: "print(1)".to_owned(),
            cases: vec![RunCase::Own { input: "1".to_owned() }],
        };
        let mut again = request.clone();
        again.problem = Some(RunProblem { slug: "sum".parse().unwrap(), revision: 2 });
        assert!(request.is_repeated_by(&again));
        again.cases = vec![RunCase::Own { input: "2".to_owned() }];
        assert!(!request.is_repeated_by(&again));
    }
}
