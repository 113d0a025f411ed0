//! Function problems: calls the submitted function with one case after the other, and compares what
//! it returns. The expected values never enter the cell (INV-12).

use std::time::Duration;

use bytes::Bytes;
use domain::Verdict;
use domain::function::{Answer, Arguments, NoAnswer};
use domain::verdict::RunEnd;
use sandbox::{Answered, Cell, Ended, Execution, Limits, Outcome, Turn, TurnReply};
use serde_json::Value as Json;

use super::calls::Calls;
use super::{Fault, TestData};

/// How long a runtime may take to start before it loads the submission. This does not count as the
/// submission's time.
const START_MAX: Duration = Duration::from_secs(10);
/// The processor time of all turns of one program together, as a backstop.
const ALL_TURNS_MAX: Duration = Duration::from_secs(3_600);
/// Bytes of a reply besides the value and its texts.
const REPLY_FRAME_BYTES: u64 = 16;
/// The reply of a driver that has started, or has loaded the submission.
const HERE: &[u8] = &[4, 0];

/// A program that waits for its next turn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waiting {
    /// The time that it took to load the submission. It counts in every case.
    load: Duration,
}

/// One call of the submission.
#[derive(Debug)]
pub(super) struct Called {
    pub(super) outcome: Outcome,
    pub(super) said: Said,
    /// Whether the program had called no other case before.
    pub(super) is_first: bool,
}

impl Called {
    /// Whether the case must be called again in a new program before it counts: its program may have
    /// ended because of what an earlier case left in it.
    pub(super) fn is_doubtful(&self) -> bool {
        let ended = self.outcome.ended;
        let is_own = matches!(ended, Ended::CpuLimit | Ended::WallLimit | Ended::OutputLimit);
        !self.is_first && matches!(self.said, Said::Nothing) && !is_own
    }
}

/// What the driver says about a case.
#[derive(Debug)]
pub(super) enum Said {
    /// The submission returned this.
    Value(Bytes),
    /// It threw an error, with this trace.
    Threw(String),
    /// It returned something that is not of the declared type.
    Misfit(String),
    /// Nothing, or something that no driver says.
    Nothing,
}

/// A case, ready to be sent.
#[derive(Debug)]
pub(super) struct Case {
    arguments: Arguments,
    /// `None` if it is not known what the case should give.
    expected: Option<Answer>,
    message: Bytes,
}

/// The result of a case.
#[derive(Debug)]
pub(super) struct CaseResult {
    pub(super) end: RunEnd,
    pub(super) verdict: Verdict,
    /// Why, if the verdict does not say it.
    pub(super) note: Option<String>,
    /// What was returned, as JSON.
    pub(super) result: Option<Json>,
}

impl Calls {
    /// Reads a test's data.
    pub(super) fn case(&self, test: &TestData, is_checked: bool) -> Result<Case, Fault> {
        let fault = |what: &str, detail: String| Fault::Program {
            program: format!("the {what} of the test"),
            detail,
        };
        let json = |what: &str, bytes: &Bytes| {
            serde_json::from_slice::<Json>(bytes).map_err(|error| fault(what, error.to_string()))
        };
        let arguments = self
            .signature
            .read_arguments(&json("input", &test.input)?)
            .map_err(|mismatch| fault("input", mismatch.to_string()))?;
        let expected = match is_checked {
            true => {
                let json = json("answer", &test.answer)?;
                let read = self.signature.read_answer(&arguments, &json);
                Some(read.map_err(|mismatch| fault("answer", mismatch.to_string()))?)
            }
            false => None,
        };
        let message = framed(&self.signature.message(&arguments));
        Ok(Case { arguments, expected, message })
    }

    /// Calls the submission with a case, in the program that waits for its turn or else in a new
    /// one.
    pub(super) async fn call(
        &self,
        cell: &mut Cell,
        waiting: &mut Option<Waiting>,
        case: &Case,
        start: &Execution,
    ) -> Result<Called, Fault> {
        let limits = start.limits;
        let turn = |message: Bytes, is_last: bool| Turn {
            start: None,
            message,
            cpu: limits.cpu,
            wall: limits.wall,
            answer_bytes: limits.stdout_bytes + REPLY_FRAME_BYTES,
            is_last,
        };
        let program = Execution {
            talks: true,
            limits: Limits { cpu: ALL_TURNS_MAX, ..limits },
            ..start.clone()
        };
        if !self.isolation.goes_on() {
            let turn = Turn { start: Some(program), ..turn(case.message.clone(), true) };
            return Ok(called(cell.turn(&turn).await?, Duration::ZERO, true));
        }
        let is_first = waiting.is_none();
        if is_first {
            let (cpu, wall) = (START_MAX, START_MAX * 2);
            let start = Turn { start: Some(program), cpu, wall, ..turn(Bytes::new(), false) };
            let started = cell.turn(&start).await?;
            if !is_here(&started) {
                return Ok(called(started, Duration::ZERO, true));
            }
            let loaded = cell.turn(&turn(framed(&[]), false)).await?;
            if !is_here(&loaded) {
                return Ok(called(loaded, Duration::ZERO, true));
            }
            *waiting = Some(Waiting { load: loaded.cpu });
        }
        let load = waiting.map_or(Duration::ZERO, |waiting| waiting.load);
        let left = limits.cpu.saturating_sub(load).max(Duration::from_millis(1));
        let answered = cell.turn(&Turn { cpu: left, ..turn(case.message.clone(), false) }).await?;
        if !answered.goes_on {
            *waiting = None;
        }
        Ok(called(answered, load, is_first))
    }

    /// The result of a case.
    pub(super) fn rule(&self, case: &Case, ended: RunEnd, said: &Said) -> CaseResult {
        let ends = |end: RunEnd, verdict: Verdict, note: Option<String>| CaseResult {
            end,
            verdict,
            note,
            result: None,
        };
        if let Some(verdict) = ended.verdict() {
            return ends(ended, verdict, None);
        }
        match said {
            Said::Value(bytes) => match self.signature.read_reply(&case.arguments, bytes) {
                Ok(answer) => {
                    let expected = case.expected.as_ref();
                    let holds =
                        expected.is_none_or(|expected| self.signature.holds(expected, &answer));
                    let verdict = if holds { Verdict::Accepted } else { Verdict::WrongAnswer };
                    let result = self.signature.write_answer(&case.arguments, &answer);
                    CaseResult { result: Some(result), ..ends(RunEnd::Returned, verdict, None) }
                }
                Err(outside @ NoAnswer::Length { .. }) => {
                    let note = Some(outside.to_string());
                    ends(RunEnd::Returned, Verdict::WrongAnswer, note)
                }
                Err(malformed @ NoAnswer::Malformed(_)) => {
                    let note = Some(malformed.to_string());
                    ends(RunEnd::NoAnswer, Verdict::RuntimeError, note)
                }
            },
            Said::Misfit(why) => {
                let note = Some(format!("what it returned is not of the declared type: {why}"));
                ends(RunEnd::Returned, Verdict::WrongAnswer, note)
            }
            Said::Threw(_) => ends(RunEnd::Threw, Verdict::RuntimeError, None),
            Said::Nothing => {
                let note = "the program ended before the function returned".to_owned();
                ends(RunEnd::NoAnswer, Verdict::RuntimeError, Some(note))
            }
        }
    }
}

/// A message with its length.
fn framed(message: &[u8]) -> Bytes {
    let length = u32::try_from(message.len()).expect("a test's input is smaller");
    [&length.to_le_bytes()[..], message].concat().into()
}

fn is_here(answered: &Answered) -> bool {
    answered.goes_on && answered.reply == TurnReply::Answer(Bytes::from_static(HERE))
}

fn called(answered: Answered, load: Duration, is_first: bool) -> Called {
    let (ended, said) = match &answered.reply {
        TurnReply::Answer(bytes) => (Ended::Exited { code: 0 }, said(bytes)),
        TurnReply::Spoiled => (Ended::Exited { code: 0 }, Said::Nothing),
        TurnReply::Ended(ended) => (*ended, Said::Nothing),
    };
    let stderr = match &said {
        Said::Threw(trace) => [answered.stderr.as_ref(), trace.as_bytes()].concat().into(),
        _ => answered.stderr,
    };
    let outcome = Outcome {
        ended,
        cpu: answered.cpu + load,
        wall: answered.wall,
        peer_ended: false,
        busy: Duration::ZERO,
        memory_bytes: answered.memory_bytes,
        memory_source: answered.memory_source,
        stdout: answered.stdout,
        stderr,
        stderr_truncated: answered.stderr_truncated,
    };
    Called { outcome, said, is_first }
}

/// A driver's reply. It may come from the submission itself.
fn said(bytes: &Bytes) -> Said {
    let [kind, body @ .., 0] = &bytes[..] else { return Said::Nothing };
    let text = || {
        let (length, rest) = body.split_first_chunk::<4>()?;
        let text = rest.get(..u32::from_le_bytes(*length) as usize)?;
        Some(String::from_utf8_lossy(text).into_owned())
    };
    match kind {
        0 => Said::Value(bytes.slice(1..bytes.len() - 1)),
        1 => text().map_or(Said::Nothing, Said::Threw),
        3 => text().map_or(Said::Nothing, Said::Misfit),
        _ => Said::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_driver_says_is_nothing() {
        let said = |bytes: &'static [u8]| said(&Bytes::from_static(bytes));
        assert!(matches!(said(&[0, 7, 0]), Said::Value(body) if body[..] == [7]));
        assert!(matches!(said(&[0, 0]), Said::Value(body) if body.is_empty()));
        assert!(matches!(said(&[1, 1, 0, 0, 0, b'e', 9, 0]), Said::Threw(text) if text == "e"));
        assert!(matches!(said(&[3, 1, 0, 0, 0, b'e', 0]), Said::Misfit(text) if text == "e"));
        for bytes in [&b""[..], &[0], &[0, 7, 1], &[1, 9, 0, 0, 0, b'e', 0], &[4, 0], &[9, 0]] {
            assert!(matches!(said(bytes), Said::Nothing), "{bytes:?}");
        }
    }
}
