use std::time::Duration;

use bytes::Bytes;

use crate::{Ended, Execution, MemorySource};

/// A message for a program, and the limits until its answer is complete.
///
/// A program takes any number of turns. It reads messages from its descriptor 3 and writes answers
/// to its descriptor 4, so that its standard output is free. A message is passed on as it is; an
/// answer is its length, in 4 bytes with the lowest first, and that many bytes.
#[derive(Debug, Clone)]
pub struct Turn {
    /// The program to start. Its limits apply to all its turns together, except those on outputs,
    /// which apply to each turn. `None` for the program of the last turn, if it
    /// [goes on](Answered::goes_on).
    pub start: Option<Execution>,
    /// What the program reads.
    pub message: Bytes,
    /// Processor time of this turn, summed over all threads and processes.
    pub cpu: Duration,
    /// Wall time of this turn.
    pub wall: Duration,
    /// The longest answer, in bytes.
    pub answer_bytes: u64,
    /// Whether the program ends with this turn.
    pub is_last: bool,
}

/// How a turn ended, and what it used. The figures are those of this turn alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// What ended the turn.
    pub reply: TurnReply,
    /// Whether the program can take another turn. If not, nothing of it is left. A program does not
    /// go on without an answer, or if it left processes or files behind.
    pub goes_on: bool,
    /// Processor time used, summed over all threads and processes.
    pub cpu: Duration,
    /// Wall time.
    pub wall: Duration,
    /// Peak memory, in bytes; `memory_source` says what it counts.
    pub memory_bytes: u64,
    /// Where `memory_bytes` comes from.
    pub memory_source: MemorySource,
    /// What was written to standard output, up to its limit.
    pub stdout: Bytes,
    /// What was written to standard error, up to its limit.
    pub stderr: Bytes,
    /// Whether standard error exceeded its limit.
    pub stderr_truncated: bool,
}

/// What ended a turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TurnReply {
    /// This answer.
    Answer(Bytes),
    /// The program closed its end, or wrote more than one answer.
    Spoiled,
    /// The program's end before it answered, or a limit.
    Ended(Ended),
}
