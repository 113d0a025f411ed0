//! The output of judging: the result of one test.

use std::time::Duration;

use domain::submission::TestOutcome;

/// The result of a test.
#[derive(Debug)]
pub struct Judged {
    /// The outcome to record.
    pub outcome: TestOutcome,
    /// How many times the program was run again because it had ended near its limit.
    pub reruns: u32,
    /// CPU time of all runs.
    pub cpu: Duration,
}
