//! What goes wrong, in which order, and for how long: all of it follows from a seed.

use std::collections::BTreeMap;
use std::time::Duration;

/// Settings of a run, as variables. Without them it is short, and the same each time.
const SEED: (&str, u64) = ("ASSAY_CHAOS_SEED", 1);
const FAULTS: (&str, u64) = ("ASSAY_CHAOS_FAULTS", Fault::ALL.len() as u64);
const SUBMISSIONS: (&str, u64) = ("ASSAY_CHAOS_SUBMISSIONS", 300);

/// How long what lasts is to last.
const HOLD_MS: std::ops::Range<u64> = 200..4_000;
/// How much later what is slow arrives, each piece.
const LATENESS_MS: std::ops::Range<u64> = 5..60;

/// One kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    /// `kill -9`, and started again.
    KillApi,
    KillEvaluator,
    KillProjector,
    KillRedis,
    KillMongo,
    /// Stands still for longer than leases last, and goes on.
    FreezeApi,
    FreezeEvaluator,
    FreezeProjector,
    /// Every connection is reset.
    CutRedis,
    CutMongo,
    /// And no new ones are taken for a while.
    RefuseRedis,
    RefuseMongo,
    /// Everything arrives late.
    SlowRedis,
    SlowMongo,
    /// Requests arrive, answers do not, and then the connections are reset.
    MuteRedis,
    MuteMongo,
    /// Not a byte can be written any more.
    FillDiskOfRedis,
    FillDiskOfMongo,
    /// The primary gives up, and is elected again.
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

/// A fault, and the load around it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Phase {
    pub(super) fault: Fault,
    /// How many more programs are handed in.
    pub(super) submissions: usize,
    /// How many of them are acknowledged before it goes wrong.
    pub(super) before: usize,
    /// How long it lasts.
    pub(super) hold: Duration,
    /// How late things are, where they are late.
    pub(super) lateness: Duration,
    /// Which of several is hit.
    pub(super) which: usize,
}

/// A whole run.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) seed: u64,
    pub(super) phases: Vec<Phase>,
}

impl Plan {
    /// The plan that the variables ask for: every kind of fault in turn, in an order of its own each
    /// time around.
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

    /// How many submissions there are.
    pub(super) fn submissions(&self) -> usize {
        self.phases.iter().map(|phase| phase.submissions).sum()
    }

    /// How often each kind of fault comes.
    pub(super) fn by_kind(&self) -> BTreeMap<Fault, usize> {
        let mut counts = BTreeMap::new();
        for phase in &self.phases {
            *counts.entry(phase.fault).or_default() += 1;
        }
        counts
    }
}

/// Numbers that follow from a seed (SplitMix64).
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
