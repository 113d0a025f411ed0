//! Metrics of an evaluator.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::judge::{Compilation, Judged};
use crate::slots::Slots;

/// How long damaged work is shown after it was found. Longer than a lease.
const DAMAGE_SHOWN: Duration = Duration::from_secs(10 * 60);

/// Counters since the evaluator's start.
#[derive(Debug)]
pub struct Figures {
    slots: Arc<Slots>,
    tests: AtomicU64,
    reruns: AtomicU64,
    programs_cpu_us: AtomicU64,
    compilers_cpu_us: AtomicU64,
    fault: Mutex<Option<String>>,
    damaged_work: Mutex<Option<(Instant, String)>>,
}

impl Figures {
    pub(crate) fn new(slots: Arc<Slots>) -> Self {
        let [tests, reruns, programs_cpu_us, compilers_cpu_us] = Default::default();
        let (fault, damaged_work) = Default::default();
        Self { slots, tests, reruns, programs_cpu_us, compilers_cpu_us, fault, damaged_work }
    }

    /// The number of programs that can run at the same time.
    pub fn slots(&self) -> usize {
        self.slots.count()
    }

    /// The number of slots in which nothing runs.
    pub fn slots_free(&self) -> usize {
        self.slots.free()
    }

    /// The number of tests run.
    pub fn tests(&self) -> u64 {
        self.tests.load(Ordering::Relaxed)
    }

    /// The number of tests repeated because they had ended near their limit.
    pub fn reruns(&self) -> u64 {
        self.reruns.load(Ordering::Relaxed)
    }

    /// CPU time of submitted programs on tests.
    pub fn programs_cpu(&self) -> Duration {
        Duration::from_micros(self.programs_cpu_us.load(Ordering::Relaxed))
    }

    /// CPU time of compilers.
    pub fn compilers_cpu(&self) -> Duration {
        Duration::from_micros(self.compilers_cpu_us.load(Ordering::Relaxed))
    }

    /// Why this machine could not judge in its last try; `None` if it could.
    pub fn fault(&self) -> Option<String> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What is wrong with work that was passed over lately, if any was.
    pub fn damaged_work(&self) -> Option<String> {
        let damaged = self.damaged_work.lock().unwrap_or_else(PoisonError::into_inner).clone();
        damaged.filter(|(found_at, _)| found_at.elapsed() < DAMAGE_SHOWN).map(|(_, what)| what)
    }

    /// Damaged work is found again whenever its lease expires.
    pub(crate) fn found_damaged_work(&self, what: String) {
        let found = Some((Instant::now(), what));
        *self.damaged_work.lock().unwrap_or_else(PoisonError::into_inner) = found;
    }

    pub(crate) fn tried(&self, fault: Option<String>) {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    pub(crate) fn ran(&self, judged: &Judged) {
        self.tests.fetch_add(1, Ordering::Relaxed);
        self.reruns.fetch_add(u64::from(judged.reruns), Ordering::Relaxed);
        self.programs_cpu_us.fetch_add(micros(judged.cpu), Ordering::Relaxed);
    }

    pub(crate) fn compiled(&self, compilation: &Compilation) {
        if compilation.fresh {
            self.compilers_cpu_us.fetch_add(micros(compilation.cpu), Ordering::Relaxed);
        }
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
