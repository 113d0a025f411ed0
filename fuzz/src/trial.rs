//! Tries inputs and measures them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_gettime};
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use crate::targets::Target;

/// The processor time that an input may take for each 64 KiB of its length, rounded up.
const TIME_MAX: Duration = Duration::from_millis(100);
const TIME_MAX_BYTES: usize = 64 * 1024;
/// How often a slow input is tried before it counts.
const TRIES: usize = 3;
/// The time between two progress messages.
const SAY_EVERY: Duration = Duration::from_secs(30);

/// The result of one input.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    InTime(Duration),
    Slow(Duration),
    Panic,
}

/// Tries inputs for this long. Keeps those that failed, and returns their number.
pub(crate) fn fuzz(
    target: Target,
    seed: u64,
    time: Duration,
    found: &Path,
) -> std::io::Result<usize> {
    let began = Instant::now();
    let (mut inputs, mut failures, mut slowest) = (0_u64, 0, Duration::ZERO);
    let mut said = began;
    while began.elapsed() < time {
        let input = make(target, seed, inputs);
        let failure = match run(target, &input) {
            Outcome::InTime(took) => {
                slowest = slowest.max(took);
                None
            }
            Outcome::Slow(took) => Some(format!("takes {} ms", took.as_millis())),
            Outcome::Panic => Some("panics".to_owned()),
        };
        if let Some(failure) = failure {
            failures += 1;
            std::fs::create_dir_all(found)?;
            let path = found.join(format!("{}-{seed}-{inputs}", target.name()));
            std::fs::write(&path, &input)?;
            eprintln!("fuzz: {} ({} bytes) {failure}", path.display(), input.len());
        }
        inputs += 1;
        if said.elapsed() > SAY_EVERY {
            said = Instant::now();
            eprintln!("fuzz: {}: {inputs} inputs, slowest {slowest:.1?}", target.name());
        }
    }
    let seconds = began.elapsed().as_secs();
    println!(
        "{}: {inputs} inputs in {seconds} s, {failures} failures, slowest other {slowest:.1?}",
        target.name()
    );
    Ok(failures)
}

/// The input that the seed and its number determine.
fn make(target: Target, seed: u64, number: u64) -> Vec<u8> {
    let mut random = StdRng::seed_from_u64(seed.wrapping_mul(1_000_003).wrapping_add(number));
    target.make(&mut random)
}

/// Tries the input in a file with these targets.
pub(crate) fn again(targets: &[Target], path: &Path) -> std::io::Result<()> {
    let input = std::fs::read(path)?;
    for target in targets {
        println!("{}: {} bytes, {:?}", target.name(), input.len(), run(*target, &input));
    }
    Ok(())
}

fn run(target: Target, input: &[u8]) -> Outcome {
    let allowed = TIME_MAX * input.len().div_ceil(TIME_MAX_BYTES).max(1) as u32;
    let mut fastest = Duration::MAX;
    for _ in 0..TRIES {
        let began = processor_time();
        if catch_unwind(AssertUnwindSafe(|| target.read(input))).is_err() {
            return Outcome::Panic;
        }
        fastest = fastest.min(processor_time().saturating_sub(began));
        if fastest <= allowed {
            return Outcome::InTime(fastest);
        }
    }
    Outcome::Slow(fastest)
}

/// The processor time that this thread has used.
fn processor_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("threads have a clock").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Like the program, for a few inputs and without checking the time.
    #[test]
    fn no_input_makes_a_panic() {
        for target in Target::ALL {
            for number in 0..60 {
                let input = make(target, 1, number);
                assert_eq!(input, make(target, 1, number), "{target:?}");
                target.read(&input);
            }
        }
    }

    /// The inputs reach deep into the readers: some of them are accepted.
    #[test]
    fn some_inputs_are_read_whole() {
        for target in Target::ALL {
            let good = (0..400).filter(|number| target.read(&make(target, 1, *number))).count();
            assert!(good > 0, "{target:?}");
        }
    }
}
