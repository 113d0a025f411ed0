//! Programs that are data: their text states the result and the run time of each test.

use std::time::Duration;

use domain::Verdict;

use crate::dice::Dice;

/// Tests that a program has a result for.
pub(crate) const TESTS_MAX: u64 = 5;

/// A program's behaviour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Program {
    pub(crate) compiles: bool,
    /// What it does on test 1, 2, …
    pub(crate) runs: Vec<Run>,
}

/// What a program does on one test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) end: End,
    pub(crate) time: Duration,
}

/// How a run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Right,
    Wrong,
    Crash,
    Endless,
    Hungry,
}

/// The ends with their names in the text and the verdicts that they must get.
const ENDS: [(&str, End, Verdict); 5] = [
    ("right", End::Right, Verdict::Accepted),
    ("wrong", End::Wrong, Verdict::WrongAnswer),
    ("crash", End::Crash, Verdict::RuntimeError),
    ("endless", End::Endless, Verdict::TimeLimitExceeded),
    ("hungry", End::Hungry, Verdict::MemoryLimitExceeded),
];

impl Program {
    pub(crate) fn random(dice: &mut Dice) -> Self {
        let slowest_ms = dice.pick(&[5, 80, 900]);
        let runs = (0..TESTS_MAX).map(|_| {
            let (_, end, _) = if dice.falls(850) { ENDS[0] } else { dice.pick(&ENDS) };
            Run { end, time: dice.time(0..=slowest_ms) }
        });
        let runs = runs.collect();
        Self { compiles: dice.falls(900), runs }
    }

    /// The program's text, as submitted. It depends only on number and behaviour.
    pub(crate) fn text(&self, number: usize) -> String {
        let mut text = format!("program {number}\ncompiles {}\n", self.compiles);
        for run in &self.runs {
            let (name, ..) =
                ENDS.iter().find(|(_, end, _)| *end == run.end).expect("all are there");
            text += &format!("{name} {}\n", run.time.as_millis());
        }
        text
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines().skip(1);
        let compiles = lines.next()?.strip_prefix("compiles ")?.parse().ok()?;
        let runs = lines.map(|line| {
            let (name, time_ms) = line.split_once(' ')?;
            let (_, end, _) = ENDS.iter().find(|(it, ..)| *it == name)?;
            Some(Run { end: *end, time: Duration::from_millis(time_ms.parse().ok()?) })
        });
        Some(Self { compiles, runs: runs.collect::<Option<_>>()? })
    }

    /// The verdict that it must get on a problem with this number of tests.
    pub(crate) fn verdict(&self, tests: usize) -> Verdict {
        if !self.compiles {
            return Verdict::CompileError;
        }
        let failed = self.runs.iter().take(tests).find(|run| run.end != End::Right);
        let of = |end| ENDS.iter().find(|(_, it, _)| *it == end).map(|(.., verdict)| *verdict);
        failed.and_then(|run| of(run.end)).unwrap_or(Verdict::Accepted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_its_text() {
        let mut dice = Dice::new(1);
        for number in 0..200 {
            let program = Program::random(&mut dice);
            assert_eq!(Program::parse(&program.text(number)), Some(program));
        }
    }

    #[test]
    fn the_first_failure_is_the_verdict() {
        let run = |end| Run { end, time: Duration::ZERO };
        let runs = [End::Right, End::Crash, End::Wrong].map(run).to_vec();
        let program = Program { compiles: true, runs };
        assert_eq!(program.verdict(1), Verdict::Accepted);
        assert_eq!(program.verdict(2), Verdict::RuntimeError);
        assert_eq!(program.verdict(3), Verdict::RuntimeError);
        assert_eq!(Program { compiles: false, ..program }.verdict(1), Verdict::CompileError);
    }
}
