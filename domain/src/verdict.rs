//! Verdicts, and the rules that lead to them.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::checker::Comparison;

/// The verdict of a test, a group or a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Verdict {
    /// The output was accepted, within the limits.
    Accepted,
    /// The output is wrong.
    WrongAnswer,
    /// Only the format of the output is wrong, and the format matters.
    PresentationError,
    /// The program exceeded its time limit.
    TimeLimitExceeded,
    /// The program exceeded its memory limit.
    MemoryLimitExceeded,
    /// The program exceeded its output limit, or the limit on the size of a file.
    OutputLimitExceeded,
    /// The program crashed, or exited with a code other than 0.
    RuntimeError,
    /// The program did not compile.
    CompileError,
    /// Scored problems only: some points, but not all.
    Partial,
    /// The judge failed. This is never the author's fault.
    JudgeError,
}

impl Verdict {
    /// The verdicts that a test can get, except `JudgeError`.
    pub const OF_TESTS: [Self; 7] = [
        Self::Accepted,
        Self::WrongAnswer,
        Self::PresentationError,
        Self::TimeLimitExceeded,
        Self::MemoryLimitExceeded,
        Self::OutputLimitExceeded,
        Self::RuntimeError,
    ];
}

impl fmt::Display for Verdict {
    /// The verdict's name in events and in the API.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Accepted => "ACCEPTED",
            Self::WrongAnswer => "WRONG_ANSWER",
            Self::PresentationError => "PRESENTATION_ERROR",
            Self::TimeLimitExceeded => "TIME_LIMIT_EXCEEDED",
            Self::MemoryLimitExceeded => "MEMORY_LIMIT_EXCEEDED",
            Self::OutputLimitExceeded => "OUTPUT_LIMIT_EXCEEDED",
            Self::RuntimeError => "RUNTIME_ERROR",
            Self::CompileError => "COMPILE_ERROR",
            Self::Partial => "PARTIAL",
            Self::JudgeError => "JUDGE_ERROR",
        })
    }
}

/// What ended a run. The verdict is decided from this, never guessed from an exit code (INV-4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum RunEnd {
    /// The program exited.
    Exit {
        /// The exit code.
        code: i32,
    },
    /// A signal that we did not send.
    Signal {
        /// The signal's number.
        signal: i32,
    },
    /// Our limit on CPU time.
    CpuClock,
    /// Our limit on wall-clock time.
    WallClock,
    /// The memory limit: the kernel's OOM killer, or a peak above the limit.
    MemoryLimit,
    /// Our limit on the program's output.
    OutputCap,
    /// The limit on the size of a file that the program writes.
    FileLimit,
    /// The submitted function returned something.
    Returned,
    /// The submitted function threw an error.
    Threw,
    /// The program ended, or spoilt its conversation, before the submitted function returned.
    NoAnswer,
}

impl RunEnd {
    /// The verdict that follows from the end alone; `None` after a clean exit or a return, where the
    /// output or the value decides.
    pub fn verdict(self) -> Option<Verdict> {
        match self {
            Self::Exit { code: 0 } | Self::Returned => None,
            Self::Exit { .. } | Self::Signal { .. } | Self::Threw | Self::NoAnswer => {
                Some(Verdict::RuntimeError)
            }
            Self::CpuClock | Self::WallClock => Some(Verdict::TimeLimitExceeded),
            Self::MemoryLimit => Some(Verdict::MemoryLimitExceeded),
            Self::OutputCap | Self::FileLimit => Some(Verdict::OutputLimitExceeded),
        }
    }
}

impl fmt::Display for RunEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exit { code } => write!(f, "exited with {code}"),
            Self::Signal { signal } => write!(f, "crashed with signal {signal}"),
            Self::CpuClock => f.write_str("used too much CPU time"),
            Self::WallClock => f.write_str("took too long"),
            Self::MemoryLimit => f.write_str("used too much memory"),
            Self::Returned => f.write_str("returned"),
            Self::Threw => f.write_str("threw an error"),
            Self::NoAnswer => f.write_str("ended without an answer"),
            Self::OutputCap => f.write_str("printed too much"),
            Self::FileLimit => f.write_str("wrote too much to a file"),
        }
    }
}

impl From<&Comparison> for Verdict {
    fn from(comparison: &Comparison) -> Self {
        match comparison {
            Comparison::Equal => Self::Accepted,
            Comparison::SpaceDiffers { .. } => Self::PresentationError,
            Comparison::Differs { .. } => Self::WrongAnswer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_is_printed_as_it_is_stored() {
        let others = [Verdict::CompileError, Verdict::Partial, Verdict::JudgeError];
        for verdict in Verdict::OF_TESTS.into_iter().chain(others) {
            assert_eq!(serde_json::to_value(verdict).unwrap(), verdict.to_string());
        }
    }

    #[test]
    fn inv_4_the_end_decides_and_not_the_code() {
        let cases = [
            (RunEnd::Exit { code: 0 }, None),
            (RunEnd::Exit { code: 1 }, Some(Verdict::RuntimeError)),
            // A shell reports SIGKILL and SIGXCPU as 137 and 152, but a program may exit with them.
            (RunEnd::Exit { code: 137 }, Some(Verdict::RuntimeError)),
            (RunEnd::Exit { code: 152 }, Some(Verdict::RuntimeError)),
            (RunEnd::Signal { signal: 9 }, Some(Verdict::RuntimeError)),
            (RunEnd::Signal { signal: 11 }, Some(Verdict::RuntimeError)),
            (RunEnd::CpuClock, Some(Verdict::TimeLimitExceeded)),
            (RunEnd::WallClock, Some(Verdict::TimeLimitExceeded)),
            (RunEnd::MemoryLimit, Some(Verdict::MemoryLimitExceeded)),
            (RunEnd::OutputCap, Some(Verdict::OutputLimitExceeded)),
            (RunEnd::FileLimit, Some(Verdict::OutputLimitExceeded)),
        ];
        for (end, verdict) in cases {
            assert_eq!(end.verdict(), verdict, "{end:?}");
        }
    }
}
