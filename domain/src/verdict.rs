//! Verdicts, and the rules that lead to them.

use serde::{Deserialize, Serialize};

use crate::checker::Comparison;

/// What a run, or a submission, is found to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Verdict {
    /// Right, within the limits.
    Accepted,
    /// It printed something else.
    WrongAnswer,
    /// It printed the right words with the wrong space between them, where space matters.
    PresentationError,
    /// It took too long.
    TimeLimitExceeded,
    /// It used too much memory.
    MemoryLimitExceeded,
    /// It printed or wrote too much.
    OutputLimitExceeded,
    /// It crashed, or said that it failed.
    RuntimeError,
    /// It did not compile.
    CompileError,
    /// Scored problems only: some points, not all.
    Partial,
    /// Our fault, never the author's.
    JudgeError,
}

impl Verdict {
    /// Those that a test can get, but for our own failure.
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

/// Who ended a run. A verdict is decided from this, never guessed from an exit code (INV-4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum RunEnd {
    /// The program itself.
    Exit {
        /// Its exit code.
        code: i32,
    },
    /// A signal that we did not send.
    Signal {
        /// Its number.
        signal: i32,
    },
    /// Our clock of cpu time.
    CpuClock,
    /// Our clock of real time.
    WallClock,
    /// The memory limit: the kernel's OOM killer, or a peak above the limit.
    MemoryLimit,
    /// Our cap on what it prints.
    OutputCap,
    /// The limit on the size of a file it writes.
    FileLimit,
}

impl RunEnd {
    /// The verdict where the end alone decides it; `None` after a clean exit, where the output does.
    pub fn verdict(self) -> Option<Verdict> {
        match self {
            Self::Exit { code: 0 } => None,
            Self::Exit { .. } | Self::Signal { .. } => Some(Verdict::RuntimeError),
            Self::CpuClock | Self::WallClock => Some(Verdict::TimeLimitExceeded),
            Self::MemoryLimit => Some(Verdict::MemoryLimitExceeded),
            Self::OutputCap | Self::FileLimit => Some(Verdict::OutputLimitExceeded),
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
    fn inv_4_the_end_decides_and_not_the_code() {
        let cases = [
            (RunEnd::Exit { code: 0 }, None),
            (RunEnd::Exit { code: 1 }, Some(Verdict::RuntimeError)),
            // 137 and 152 are what a shell makes of SIGKILL and SIGXCPU; a program may exit with them.
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
