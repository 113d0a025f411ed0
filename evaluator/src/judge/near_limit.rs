//! Times near the limit. A measurement has an error of its own: an interrupt, a cache that a neighbour
//! emptied, a page that had to be read. What ends a little over the limit is run once more before it
//! counts, so that the same program does not get one verdict today and another tomorrow.

use std::time::Duration;

use sandbox::{Ended, Outcome};

/// The share of the limit that a run gets beyond it. Repeated runs of one program differ by less than
/// this on a machine that does nothing else.
const MARGIN_SHARE: u32 = 20;
/// The least margin: what one bad moment of the machine costs, however short the limit.
const MARGIN_MIN: Duration = Duration::from_millis(30);
/// The largest margin: endless loops are common, and each costs the margin.
const MARGIN_MAX: Duration = Duration::from_millis(500);
/// A run that our clock of real time ended after this share of its cpu limit did not sleep: the machine
/// was too busy to let it run.
const BUSY_PERCENT: u32 = 90;

/// How far past its limit a run may go.
pub(super) fn margin(limit: Duration) -> Duration {
    (limit / MARGIN_SHARE).clamp(MARGIN_MIN, MARGIN_MAX)
}

/// Whether a run has to be done again before it counts: it ended within the margin, or had all but
/// used up its cpu time when its real time ran out.
pub(super) fn is_near(outcome: &Outcome, limit: Duration) -> bool {
    match outcome.ended {
        Ended::CpuLimit => false,
        Ended::WallLimit => outcome.cpu >= limit * BUSY_PERCENT / 100,
        // One that was watched for longer is slow for sure.
        _ => outcome.cpu > limit && outcome.cpu <= limit + margin(limit),
    }
}

/// What counts of a test's run, and of its second run where there was one.
///
/// A second run within the limit counts as it is. Two runs over the limit are one that our clock
/// ended, with the shorter time (INV-4: the clock is ours, even where the program was allowed to
/// finish).
pub(super) fn settle(first: Outcome, second: Option<Outcome>, limit: Duration) -> Outcome {
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

/// A run that used more than the limit was out of time, however it ended.
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
            let settled = settle(first.clone(), second.clone(), LIMIT);
            let figures = (settled.ended, settled.cpu.as_millis());
            assert_eq!(figures, (ended, cpu_ms), "{first:?} {second:?}");
        }
    }
}
