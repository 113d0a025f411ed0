//! Times near the limit. Measurements have errors, from interrupts, cold caches and page faults. A
//! run that ends slightly over the limit is repeated once before it counts, so that the same
//! program gets the same verdict every time.

use std::time::Duration;

use sandbox::{Ended, Outcome};

/// The margin is the limit divided by this. On an idle machine, repeated runs of one program differ
/// by less.
const MARGIN_SHARE: u32 = 20;
/// The smallest margin: one delay of the machine costs this much, even with a short limit.
const MARGIN_MIN: Duration = Duration::from_millis(30);
/// The largest margin. Endless loops are common, and each uses the whole margin.
const MARGIN_MAX: Duration = Duration::from_millis(500);
/// A run that the wall clock ended after this share of its CPU limit did not sleep: the machine was
/// too busy to run it.
const BUSY_PERCENT: u32 = 90;

/// How far a run may exceed its CPU limit before it is ended.
pub(super) fn margin(limit: Duration) -> Duration {
    (limit / MARGIN_SHARE).clamp(MARGIN_MIN, MARGIN_MAX)
}

/// Whether a run must be repeated before it counts: it ended within the margin, or it had used
/// almost all its CPU time when its wall time ran out.
pub(super) fn is_near(outcome: &Outcome, limit: Duration) -> bool {
    match outcome.ended {
        Ended::CpuLimit => false,
        Ended::WallLimit => outcome.cpu >= limit * BUSY_PERCENT / 100,
        // A run that was watched for longer, and exceeded the margin, is certainly too slow.
        _ => outcome.cpu > limit && outcome.cpu <= limit + margin(limit),
    }
}

/// The run that counts, from a test's run and its repetition if there was one.
///
/// A second run within the limit counts as it is. Two runs over the limit count as a CPU limit,
/// with the shorter time (INV-4: our clock decides, even if the program was allowed to finish).
pub(super) fn run_that_counts(first: Outcome, second: Option<Outcome>, limit: Duration) -> Outcome {
    let Some(second) = second else { return over(first, limit) };
    if !is_near(&second, limit) && !is_out_of_time(second.ended) {
        return second;
    }
    let (first, second) = (over(first, limit), over(second, limit));
    let time = |outcome: &Outcome| match outcome.ended {
        Ended::WallLimit => outcome.wall,
        _ => outcome.cpu,
    };
    if time(&second) < time(&first) { second } else { first }
}

/// A run that used more than the limit exceeded its time, however it ended.
fn over(mut outcome: Outcome, limit: Duration) -> Outcome {
    if outcome.cpu > limit && outcome.ended != Ended::WallLimit {
        outcome.ended = Ended::CpuLimit;
    }
    outcome
}

fn is_out_of_time(ended: Ended) -> bool {
    matches!(ended, Ended::CpuLimit | Ended::WallLimit)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use sandbox::MemorySource;

    use super::*;

    const LIMIT: Duration = Duration::from_millis(1_000);
    const DONE: Ended = Ended::Exited { code: 0 };

    fn ran(ended: Ended, cpu_ms: u64) -> Outcome {
        Outcome {
            ended,
            cpu: Duration::from_millis(cpu_ms),
            wall: Duration::from_millis(cpu_ms + 500),
            memory_bytes: 0,
            memory_source: MemorySource::Cgroup,
            stdout: Bytes::new(),
            stderr: Bytes::new(),
            stderr_truncated: false,
            peer_ended: false,
            busy: Duration::ZERO,
        }
    }

    #[test]
    fn the_margin_grows_with_the_limit_between_two_bounds() {
        let margin = |ms| margin(Duration::from_millis(ms)).as_millis();
        assert_eq!([100, 600, 1_000, 10_000, 60_000].map(margin), [30, 30, 50, 500, 500]);
    }

    #[test]
    fn only_what_may_have_been_bad_luck_is_run_again() {
        for (outcome, near) in [
            (ran(DONE, 999), false),
            (ran(DONE, 1_000), false),
            (ran(DONE, 1_001), true),
            (ran(Ended::Exited { code: 1 }, 1_049), true),
            (ran(Ended::Signaled { signal: 11 }, 1_010), true),
            (ran(Ended::OutputLimit, 1_010), true),
            // Past the margin there is no doubt.
            (ran(Ended::CpuLimit, 1_050), false),
            (ran(Ended::WallLimit, 3), false),
            (ran(Ended::WallLimit, 899), false),
            (ran(Ended::WallLimit, 900), true),
        ] {
            assert_eq!(is_near(&outcome, LIMIT), near, "{outcome:?}");
        }
    }

    #[test]
    fn the_second_run_counts_if_it_is_within_the_limit() {
        let failed = Ended::Exited { code: 1 };
        for (first, second, ended, cpu_ms) in [
            (ran(DONE, 700), None, DONE, 700),
            (ran(Ended::CpuLimit, 1_050), None, Ended::CpuLimit, 1_050),
            (ran(Ended::WallLimit, 3), None, Ended::WallLimit, 3),
            (ran(DONE, 1_010), Some(ran(DONE, 990)), DONE, 990),
            (ran(DONE, 1_010), Some(ran(failed, 990)), failed, 990),
            (ran(DONE, 1_010), Some(ran(DONE, 1_020)), Ended::CpuLimit, 1_010),
            (ran(DONE, 1_020), Some(ran(DONE, 1_010)), Ended::CpuLimit, 1_010),
            (ran(failed, 1_020), Some(ran(Ended::CpuLimit, 1_050)), Ended::CpuLimit, 1_020),
            (ran(Ended::WallLimit, 950), Some(ran(DONE, 960)), DONE, 960),
            (ran(Ended::WallLimit, 950), Some(ran(Ended::WallLimit, 910)), Ended::WallLimit, 910),
        ] {
            let counted = run_that_counts(first.clone(), second.clone(), LIMIT);
            let figures = (counted.ended, counted.cpu.as_millis());
            assert_eq!(figures, (ended, cpu_ms), "{first:?} {second:?}");
        }
    }
}
