//! Runs seeds of the simulated service: see `docs/simulation.md`.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use simulation::{Figures, Outcome, Sabotage, run};

/// The environment variable with the number of seeds to run.
const SEEDS: &str = "ASSAY_SIMULATION_SEEDS";
/// The number of seeds to run without that variable.
const SEEDS_BY_DEFAULT: u64 = 400;
/// The environment variable with the one seed to run, and print its story.
const SEED: &str = "ASSAY_SIMULATION_SEED";
/// The number of seeds within which a deliberate bug must be found.
const FOUND_WITHIN: u64 = 500;
/// Number of seeds that are run twice, to check that both runs are the same.
const SEEDS_RUN_TWICE: u64 = 25;

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} must be a number, not {text:?}")))
}

#[test]
fn no_seed_violates_an_invariant() {
    if let Some(seed) = number(SEED) {
        let outcome = run(seed, None, true);
        outcome.story.iter().for_each(|line| println!("{line}"));
        println!("{:#?}", outcome.figures);
        return assert_holds(&outcome);
    }
    let count = number(SEEDS).unwrap_or(SEEDS_BY_DEFAULT);
    let began = Instant::now();
    let outcomes = run_all(0..count, None, false);
    let total = outcomes.iter().fold(Figures::default(), |total, it| total.and(&it.figures));
    let took = began.elapsed();
    println!("{} seeds in {took:.1?}, {:.1?} each: {total:?}", outcomes.len(), took / count as u32);
    outcomes.iter().for_each(assert_holds);
}

/// Panics with the command that reproduces the violation.
fn assert_holds(outcome: &Outcome) {
    let Outcome { seed, violations, .. } = outcome;
    assert!(
        violations.is_empty(),
        "seed {seed} violates: {violations:#?}\n\
         reproduce it: {SEED}={seed} cargo test -p simulation --test seeds no_seed -- --nocapture"
    );
}

#[test]
fn the_same_seed_goes_the_same_way() {
    for seed in 0..SEEDS_RUN_TWICE {
        let (one, two) = (run(seed, None, true), run(seed, None, true));
        let differs = one.story.iter().zip(&two.story).find(|(a, b)| a != b);
        assert_eq!(differs, None, "seed {seed}");
        assert_eq!((one.digest, one.figures), (two.digest, two.figures), "seed {seed}");
        assert!(one.figures.effects > 0);
    }
}

#[test]
fn a_removed_fence_is_found() {
    assert_found(Sabotage::FenceRemoved);
}

#[test]
fn work_finished_in_a_step_of_its_own_is_found() {
    assert_found(Sabotage::CompleteNotAtomic);
}

#[test]
fn a_checkpoint_before_its_views_is_found() {
    assert_found(Sabotage::CheckpointBeforeViews);
}

fn assert_found(sabotage: Sabotage) {
    let outcomes = run_all(0..FOUND_WITHIN, Some(sabotage), true);
    let found = outcomes.iter().find(|outcome| !outcome.violations.is_empty());
    let found =
        found.unwrap_or_else(|| panic!("{sabotage:?}: not found within {FOUND_WITHIN} seeds"));
    let (seed, first) = (found.seed, &found.violations[0]);
    println!("{sabotage:?} was found within {} seeds, by seed {seed}: {first}", seed + 1);
}

/// Runs these seeds and returns their outcomes in order. With `stop_at_first` it stops after the
/// first violation, when all earlier seeds have run too. It uses all processors only if the number
/// of seeds was given, to not disturb other tests.
fn run_all(seeds: Range<u64>, sabotage: Option<Sabotage>, stop_at_first: bool) -> Vec<Outcome> {
    let (next, stopped) = (AtomicU64::new(seeds.start), AtomicBool::new(false));
    let work = || {
        let mut outcomes = Vec::new();
        while !stopped.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                break;
            }
            let outcome = run(seed, sabotage, false);
            stopped.fetch_or(stop_at_first && !outcome.violations.is_empty(), Ordering::Relaxed);
            outcomes.push(outcome);
        }
        outcomes
    };
    let threads = match number(SEEDS) {
        Some(_) => std::thread::available_parallelism().map_or(1, usize::from),
        None => 1,
    };
    let mut outcomes: Vec<Outcome> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    outcomes.sort_by_key(|outcome| outcome.seed);
    outcomes
}
