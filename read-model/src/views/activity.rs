//! What accounts do: submissions per day and per language; and how the accepted submissions of each
//! problem are distributed over time and memory.

use domain::submission::{JudgingFinished, SubmissionReceived};
use domain::{LanguageId, Login, Recorded, Slug, SubmissionId, TrialId, Verdict};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::VerdictStack;
use crate::{Collection, View};

/// The submissions of an account that were received on one day, UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivityView {
    /// The account.
    pub login: Login,
    /// The day.
    pub day: Date,
    /// Number of submissions.
    pub submissions: i64,
    /// Number of those that are accepted.
    pub accepted: i64,
}

/// The submissions of an account in one language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LanguageUseView {
    /// The account.
    pub login: Login,
    /// The language.
    pub language: LanguageId,
    /// Number of submissions.
    pub submissions: i64,
    /// Number of those that are accepted.
    pub accepted: i64,
}

/// The resources that a judgement measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measured {
    /// Cpu time of the slowest test, in milliseconds.
    pub time_ms: i64,
    /// Peak memory of the largest test, in KiB.
    pub memory_kib: i64,
}

/// What the accepted submissions to a problem in one language took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DistributionView {
    /// The problem.
    pub problem: Slug,
    /// The language.
    pub language: LanguageId,
    /// Their cpu times, in milliseconds.
    pub times: Histogram,
    /// Their memory, in KiB.
    pub memories: Histogram,
}

/// How often values occur. Values that share a bucket differ by less than an eighth, so a histogram
/// has at most 488 buckets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Histogram {
    /// The buckets with values, and how many values each has, in ascending order.
    buckets: Vec<(u32, i64)>,
}

/// How a submission is counted, so that a changed verdict can replace it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountedView {
    /// The submission.
    pub submission: SubmissionId,
    /// Its author.
    pub author: Login,
    /// Its problem.
    pub problem: Slug,
    /// Its language.
    pub language: LanguageId,
    /// The day on which it was received, UTC.
    pub day: Date,
    /// Its verdicts; the topmost is counted.
    pub verdicts: VerdictStack,
    /// What its own judging measured.
    pub own: Option<Measured>,
    /// What is counted in the distribution; `None` unless the submission is accepted.
    pub distributed: Option<Measured>,
}

/// What a trial measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialMeasuredView {
    /// The trial.
    pub trial: String,
    /// What it measured.
    pub measured: Measured,
}

impl From<&JudgingFinished> for Measured {
    fn from(finished: &JudgingFinished) -> Self {
        let stored = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        Self { time_ms: stored(finished.time_ms), memory_kib: stored(finished.memory_kib) }
    }
}

impl ActivityView {
    /// The key for an account and a day.
    pub fn key_of(login: &Login, day: Date) -> String {
        format!("{login}/{day}")
    }
}

impl LanguageUseView {
    /// The key for an account and a language.
    pub fn key_of(login: &Login, language: &LanguageId) -> String {
        format!("{login}/{language}")
    }
}

impl DistributionView {
    /// A distribution without submissions.
    pub fn new(problem: Slug, language: LanguageId) -> Self {
        Self { problem, language, times: Histogram::default(), memories: Histogram::default() }
    }

    /// The key for a problem and a language.
    pub fn key_of(problem: &Slug, language: &LanguageId) -> String {
        format!("{problem}/{language}")
    }

    /// Counts a submission once more or, with -1, once less.
    pub fn add(&mut self, measured: Measured, change: i64) {
        self.times.add(measured.time_ms, change);
        self.memories.add(measured.memory_kib, change);
    }
}

impl Histogram {
    /// Counts a value once more or, with -1, once less.
    pub fn add(&mut self, value: i64, change: i64) {
        let bucket = bucket_of(value);
        match self.buckets.binary_search_by_key(&bucket, |(bucket, _)| *bucket) {
            Ok(place) => {
                self.buckets[place].1 += change;
                if self.buckets[place].1 <= 0 {
                    self.buckets.remove(place);
                }
            }
            Err(place) if change > 0 => self.buckets.insert(place, (bucket, change)),
            Err(_) => {}
        }
    }

    /// The share of values, in percent, that are not less than this one, to the accuracy of the
    /// buckets; `None` without values.
    pub fn at_least(&self, value: i64) -> Option<f64> {
        let bucket = bucket_of(value);
        let sum = |least: u32| -> i64 {
            let counted = self.buckets.iter().filter(|(bucket, _)| *bucket >= least);
            counted.map(|(_, count)| count).sum()
        };
        let all = sum(0);
        (all > 0).then(|| 100.0 * sum(bucket) as f64 / all as f64)
    }
}

/// Eight buckets for each power of two; below 16, each value has its own.
fn bucket_of(value: i64) -> u32 {
    let value = value.max(0).unsigned_abs();
    if value < 8 {
        return value as u32;
    }
    let exponent = value.ilog2();
    (exponent - 2) * 8 + ((value >> (exponent - 3)) & 7) as u32
}

impl CountedView {
    /// A submission that has just been received.
    pub fn new(received: &SubmissionReceived, recorded: &Recorded) -> Self {
        Self {
            submission: received.submission,
            author: received.author.clone(),
            problem: received.problem.clone(),
            language: received.language.clone(),
            day: recorded.recorded_at.to_zoned(TimeZone::UTC).date(),
            verdicts: VerdictStack::default(),
            own: None,
            distributed: None,
        }
    }

    /// Whether the verdict that counts is `ACCEPTED`.
    pub fn is_accepted(&self) -> bool {
        self.verdicts.counting().is_some_and(|counting| counting.verdict == Verdict::Accepted)
    }

    /// The trial whose verdict counts; `None` if the submission's own judging does.
    pub fn counting_trial(&self) -> Option<TrialId> {
        let rejudged = self.verdicts.rejudged.last()?;
        Some(TrialId { rejudge: rejudged.rejudge, submission: self.submission })
    }
}

impl View for ActivityView {
    const COLLECTION: Collection = Collection { name: "activity", schema: 1, indexes: &[] };

    fn key(&self) -> String {
        Self::key_of(&self.login, self.day)
    }
}

impl View for LanguageUseView {
    const COLLECTION: Collection = Collection { name: "language_use", schema: 1, indexes: &[] };

    fn key(&self) -> String {
        Self::key_of(&self.login, &self.language)
    }
}

impl View for DistributionView {
    const COLLECTION: Collection = Collection { name: "distributions", schema: 1, indexes: &[] };

    fn key(&self) -> String {
        Self::key_of(&self.problem, &self.language)
    }
}

impl View for CountedView {
    const COLLECTION: Collection = Collection { name: "counted", schema: 1, indexes: &[] };

    fn key(&self) -> String {
        self.submission.to_string()
    }
}

impl View for TrialMeasuredView {
    const COLLECTION: Collection = Collection { name: "trials_measured", schema: 1, indexes: &[] };

    fn key(&self) -> String {
        self.trial.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_in_one_bucket_differ_by_less_than_an_eighth() {
        let mut least = 0;
        for value in 0..100_000 {
            if bucket_of(value) > bucket_of(least) {
                assert_eq!(bucket_of(value), bucket_of(least) + 1, "{value}");
                least = value;
            }
            assert!(8 * (value - least) <= least, "{least} and {value} share a bucket");
        }
        assert_eq!(bucket_of(i64::MAX), 487);
        assert_eq!(bucket_of(-1), 0);
    }

    #[test]
    fn a_histogram_counts_the_values_that_are_not_less() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.at_least(5), None);
        for value in [10, 20, 20, 1_000] {
            histogram.add(value, 1);
        }
        let shares = [10, 20, 1_000, 2_000].map(|value| histogram.at_least(value).unwrap());
        assert_eq!(shares, [100.0, 75.0, 25.0, 0.0]);
        histogram.add(10, -1);
        histogram.add(20, -1);
        histogram.add(7, -1);
        assert_eq!(histogram.at_least(1_000), Some(50.0));
        histogram.add(20, -1);
        histogram.add(1_000, -1);
        assert_eq!(histogram, Histogram::default());
    }
}
