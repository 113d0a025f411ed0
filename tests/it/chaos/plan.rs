//! The faults of a run, their order and durations; all of it follows from a seed.

use std::collections::BTreeMap;
use std::time::Duration;

/// Environment variables of a run and their defaults. By default a run is short, and always the
/// same.
const SEED: (&str, u64) = ("ASSAY_CHAOS_SEED", 1);
const FAULTS: (&str, u64) = ("ASSAY_CHAOS_FAULTS", Fault::ALL.len() as u64);
const SUBMISSIONS: (&str, u64) = ("ASSAY_CHAOS_SUBMISSIONS", 300);

/// The range of a fault's duration, in milliseconds.
const HOLD_MS: std::ops::Range<u64> = 200..4_000;
/// The range of the delay of each chunk on a slow network, in milliseconds.
const LATENESS_MS: std::ops::Range<u64> = 5..60;

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    /// `kill -9`, then a restart.
    KillApi,
    KillEvaluator,
    KillProjector,
    KillRedis,
    KillMongo,
    /// Paused for longer than the leases, then resumed.
    FreezeApi,
    FreezeEvaluator,
    FreezeProjector,
    /// All connections are reset.
    CutRedis,
    CutMongo,
    /// All connections are reset, and new ones are refused for a while.
    RefuseRedis,
    RefuseMongo,
    /// All data is delayed.
    SlowRedis,
    SlowMongo,
    /// Requests arrive, but answers do not; then all connections are reset.
    MuteRedis,
    MuteMongo,
    /// The disk is full.
    FillDiskOfRedis,
    FillDiskOfMongo,
    /// The primary steps down, and is elected again.
    StepDownMongo,
}

impl Fault {
    const ALL: [Self; 19] = [
        Self::KillApi,
        Self::KillEvaluator,
        Self::KillProjector,
        Self::KillRedis,
        Self::KillMongo,
        Self::FreezeApi,
        Self::FreezeEvaluator,
        Self::FreezeProjector,
        Self::CutRedis,
        Self::CutMongo,
        Self::RefuseRedis,
        Self::RefuseMongo,
        Self::SlowRedis,
        Self::SlowMongo,
        Self::MuteRedis,
        Self::MuteMongo,
        Self::FillDiskOfRedis,
        Self::FillDiskOfMongo,
        Self::StepDownMongo,
    ];
}

/// A fault, and the submissions during it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Phase {
    pub(super) fault: Fault,
    /// The number of further submissions.
    pub(super) submissions: usize,
    /// How many of them are acknowledged before the fault.
    pub(super) before: usize,
    /// The duration of the fault.
    pub(super) hold: Duration,
    /// The delay of each chunk, for slow networks.
    pub(super) lateness: Duration,
    /// Selects one of several evaluators.
    pub(super) which: usize,
}

/// The plan of a run.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) seed: u64,
    pub(super) phases: Vec<Phase>,
}

impl Plan {
    /// The plan from the environment variables. All kinds of faults occur in each round, each time
    /// in another order.
    pub(super) fn from_environment() -> Self {
        let [seed, faults, submissions] = [SEED, FAULTS, SUBMISSIONS].map(|(name, default)| {
            let value = std::env::var(name).ok();
            value.map_or(default, |text| {
                text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}"))
            })
        });
        Self::new(seed, usize::try_from(faults).unwrap(), usize::try_from(submissions).unwrap())
    }

    fn new(seed: u64, faults: usize, submissions: usize) -> Self {
        let mut dice = Dice(seed);
        let mut kinds = Vec::new();
        while kinds.len() < faults {
            let mut round = Fault::ALL;
            for index in (1..round.len()).rev() {
                round.swap(index, dice.below(index + 1));
            }
            kinds.extend(round);
        }
        let phases = (0..faults).map(|number| {
            let share = submissions * (number + 1) / faults - submissions * number / faults;
            Phase {
                fault: kinds[number],
                submissions: share,
                before: dice.below(share / 2 + 1),
                hold: dice.millis(HOLD_MS),
                lateness: dice.millis(LATENESS_MS),
                which: dice.below(usize::MAX),
            }
        });
        Self { seed, phases: phases.collect() }
    }

    /// The total number of submissions.
    pub(super) fn submissions(&self) -> usize {
        self.phases.iter().map(|phase| phase.submissions).sum()
    }

    /// The number of faults of each kind.
    pub(super) fn by_kind(&self) -> BTreeMap<Fault, usize> {
        let mut counts = BTreeMap::new();
        for phase in &self.phases {
            *counts.entry(phase.fault).or_default() += 1;
        }
        counts
    }
}

/// Pseudorandom numbers from a seed (SplitMix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.roll() % limit as u64).unwrap()
    }

    fn millis(&mut self, range: std::ops::Range<u64>) -> Duration {
        Duration::from_millis(range.start + self.roll() % (range.end - range.start))
    }
}
