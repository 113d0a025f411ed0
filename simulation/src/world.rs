//! The state of one simulation: its random numbers, how often each fault happens, and its story.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::dice::Dice;
use crate::{Figures, Sabotage};

/// The state that everything in one simulation shares.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) weather: Weather,
    pub(crate) sabotage: Option<Sabotage>,
    dice: Mutex<Dice>,
    stormy: AtomicBool,
    began: Instant,
    story: Mutex<Story>,
}

/// How often each fault happens: probabilities per mille, unless a field says otherwise.
#[derive(Debug)]
pub(crate) struct Weather {
    lost: u64,
    late: u64,
    twice: u64,
    slow: u64,
    /// Travel time of a message, in milliseconds.
    way_ms: RangeInclusive<u64>,
    wake_lost: u64,
    wake_late: u64,
    pub(crate) lease_lost: u64,
    pub(crate) cell_lost: u64,
    pub(crate) crash: u64,
    pub(crate) stop: u64,
    pub(crate) pause: u64,
    /// How many times the stores' clock is set.
    pub(crate) clock_jumps: u64,
}

/// What happens to a message to a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It arrives, and so does its answer.
    Answered,
    /// It never arrives.
    Lost,
    /// It arrives, but its answer does not.
    AnswerLost,
    /// It arrives after this delay, when the sender no longer waits for the answer.
    Late(Duration),
    /// It arrives, and again after this delay.
    Twice(Duration),
}

/// The travel time of a message, what happens to it, and the travel time of its answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Journey {
    pub(crate) there: Duration,
    pub(crate) fate: Fate,
    pub(crate) back: Duration,
}

#[derive(Debug, Default)]
struct Story {
    lines: Option<Vec<String>>,
    digest: u64,
    violations: Vec<String>,
    figures: Figures,
}

/// Travel time of a slow message, in milliseconds.
const SLOW_MS: RangeInclusive<u64> = 500..=6_000;
/// Delay of a late or repeated message, in milliseconds.
const LATE_MS: RangeInclusive<u64> = 1..=9_000;

impl Weather {
    fn of(dice: &mut Dice) -> Self {
        Self {
            lost: dice.pick(&[0, 10, 40, 100]),
            late: dice.pick(&[0, 5, 20, 50]),
            twice: dice.pick(&[0, 10, 50]),
            slow: dice.pick(&[0, 5, 25]),
            way_ms: 0..=dice.pick(&[1, 5, 30, 200]),
            wake_lost: dice.pick(&[0, 100, 1_000]),
            wake_late: dice.pick(&[0, 200]),
            lease_lost: dice.pick(&[0, 0, 10, 50]),
            cell_lost: dice.pick(&[0, 0, 10, 60]),
            crash: dice.pick(&[0, 500, 900]),
            stop: dice.pick(&[0, 200]),
            pause: dice.pick(&[0, 300]),
            clock_jumps: dice.pick(&[0, 0, 2, 5]),
        }
    }
}

impl World {
    pub(crate) fn new(seed: u64, sabotage: Option<Sabotage>, traced: bool) -> Self {
        let mut dice = Dice::new(seed);
        let weather = Weather::of(&mut dice);
        let story = Story { lines: traced.then(Vec::new), ..Story::default() };
        Self {
            weather,
            sabotage,
            dice: Mutex::new(dice),
            stormy: AtomicBool::new(true),
            began: Instant::now(),
            story: Mutex::new(story),
        }
    }

    pub(crate) fn dice(&self) -> MutexGuard<'_, Dice> {
        self.dice.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether faults still happen.
    pub(crate) fn is_stormy(&self) -> bool {
        self.stormy.load(Ordering::Relaxed)
    }

    pub(crate) fn calm_down(&self) {
        self.stormy.store(false, Ordering::Relaxed);
    }

    /// Whether a fault with this probability, per mille, happens now.
    pub(crate) fn strikes(&self, per_mille: u64) -> bool {
        self.is_stormy() && self.dice().falls(per_mille)
    }

    pub(crate) fn journey(&self) -> Journey {
        let (weather, mut dice) = (&self.weather, self.dice());
        if !self.is_stormy() {
            let [there, back] = [0, 0].map(|_| dice.time(0..=2));
            return Journey { there, fate: Fate::Answered, back };
        }
        let slow = [0, 0].map(|_| dice.falls(weather.slow));
        let [there, back] = slow.map(|slow| match slow {
            true => dice.time(SLOW_MS),
            false => dice.time(weather.way_ms.clone()),
        });
        let late = dice.time(LATE_MS);
        let fate = if dice.falls(weather.lost) {
            dice.pick(&[Fate::Lost, Fate::AnswerLost])
        } else if dice.falls(weather.late) {
            Fate::Late(late)
        } else if dice.falls(weather.twice) {
            Fate::Twice(late)
        } else {
            Fate::Answered
        };
        Journey { there, fate, back }
    }

    /// The delay of a wake-up; `None` when it is lost.
    pub(crate) fn wake_up(&self) -> Option<Duration> {
        let (weather, mut dice) = (&self.weather, self.dice());
        match self.is_stormy() {
            true if dice.falls(weather.wake_lost) => None,
            true if dice.falls(weather.wake_late) => Some(dice.time(SLOW_MS)),
            _ => Some(Duration::ZERO),
        }
    }

    /// Adds a step to the story and its digest. Two runs of a seed must have the same digest.
    pub(crate) fn add_step(&self, who: &str, what: fmt::Arguments<'_>) {
        let line = format!("{:>9} {who:<14} {what}", self.began.elapsed().as_millis());
        let mut story = self.story();
        for byte in line.bytes() {
            // Fowler, Noll and Vo's hash, in its 1a form.
            story.digest = (story.digest ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3);
        }
        story.figures.effects += 1;
        if let Some(lines) = &mut story.lines {
            lines.push(line);
        }
    }

    pub(crate) fn violate(&self, violation: String) {
        self.story().violations.push(violation);
    }

    pub(crate) fn count(&self, count: impl FnOnce(&mut Figures)) {
        count(&mut self.story().figures);
    }

    /// The story, its digest, the violations and the figures.
    pub(crate) fn end(&self) -> (Vec<String>, u64, Vec<String>, Figures) {
        let mut story = std::mem::take(&mut *self.story());
        story.figures.simulated = self.began.elapsed();
        (story.lines.unwrap_or_default(), story.digest, story.violations, story.figures)
    }

    fn story(&self) -> MutexGuard<'_, Story> {
        self.story.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
