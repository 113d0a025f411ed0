//! The six examples of a language's definition.

use std::collections::HashMap;
use std::time::Duration;

use sandbox::{Ended, Examples, Outcome};

use crate::fixture::{CPU, Files, Fixture, Line};

/// Processor time for the example that never ends, beyond the runtime's start.
const LOOP_CPU: Duration = Duration::from_millis(300);

/// Artifacts by their source. All sandboxes run what the first one built; `sum` and `broken` test
/// that each can compile.
pub(crate) type Built = HashMap<String, Files>;

/// Whether the program ended by itself, with an error.
fn is_runtime_error(ended: Ended) -> bool {
    !ended.is_success() && matches!(ended, Ended::Exited { .. } | Ended::Signaled { .. })
}

pub(crate) async fn run(
    fixture: &mut Fixture,
    built: &mut Built,
    line: &mut Line,
    failures: &mut Vec<String>,
) {
    let toolchain = fixture.sandbox.toolchain(&fixture.language).await.expect("a toolchain");
    line.version = toolchain.version;
    if line.version.is_empty() {
        failures.push("the probe prints nothing".to_owned());
    }
    let Examples { hello, sum, endless, hog, crash, broken } = fixture.language.examples.clone();
    let mut check =
        |name: &str, outcome: Result<Outcome, String>, holds: &dyn Fn(&Outcome) -> bool| {
            match outcome {
                Ok(outcome) if holds(&outcome) => {}
                Ok(outcome) => failures.push(format!("{name}: {}", brief(&outcome))),
                Err(failure) => failures.push(format!("{name}: {failure}")),
            }
        };

    let compiled = fixture.compile(&sum).await;
    (line.compile, line.compile_cpu) = (compiled.wall, compiled.cpu);
    let outcome = match compiled.artifact.clone() {
        Some(artifact) => Ok(fixture.run(artifact, "20 22\n", CPU).await),
        None => Err(compiled.said()),
    };
    check("sum", outcome, &|it| it.ended.is_success() && it.stdout == "42\n");

    let first = run_built(fixture, built, &hello, CPU).await;
    // The first run reads the runtime from disk.
    let second = run_built(fixture, built, &hello, CPU).await;
    let mut start_cpu = Duration::ZERO;
    if let Ok(outcome) = &second {
        (line.wall, line.memory_bytes) = (outcome.wall, outcome.memory_bytes);
        start_cpu = outcome.cpu;
    }
    for outcome in [first, second] {
        check("hello", outcome, &|it| it.ended.is_success() && it.stdout == "hello\n");
    }

    let outcome = run_built(fixture, built, &endless, start_cpu + LOOP_CPU).await;
    check("loop", outcome, &|it| it.ended == Ended::CpuLimit);

    let memory_bytes_max = fixture.memory_bytes_max();
    let outcome = run_built(fixture, built, &hog, CPU).await;
    // A runtime that gives up before the limit would turn this into a runtime error.
    let hogged = |it: &Outcome| {
        it.ended == Ended::MemoryLimit && it.memory_bytes >= memory_bytes_max / 10 * 9
    };
    check("hog", outcome, &hogged);

    let outcome = run_built(fixture, built, &crash, CPU).await;
    check("crash", outcome, &|it| is_runtime_error(it.ended));

    let compiled = fixture.compile(&broken).await;
    let refused = matches!(compiled.outcome.ended, Ended::Exited { code } if code != 0);
    if !refused || compiled.said().trim().is_empty() {
        let ended = compiled.outcome.ended;
        failures.push(format!("broken: {ended:?}, {:?}", compiled.said()));
    }
}

/// Runs a program that an earlier sandbox may have built.
async fn run_built(
    fixture: &mut Fixture,
    built: &mut Built,
    source: &str,
    cpu: Duration,
) -> Result<Outcome, String> {
    let artifact = match built.get(source) {
        Some(artifact) => artifact.clone(),
        None => fixture.build(source).await?,
    };
    built.insert(source.to_owned(), artifact.clone());
    Ok(fixture.run(artifact, "", cpu).await)
}

fn brief(outcome: &Outcome) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(&bytes[..bytes.len().min(600)]).into_owned();
    format!(
        "{:?} after {:?} of {:?}, {} KiB, stdout {:?}, stderr {:?}",
        outcome.ended,
        outcome.cpu,
        outcome.wall,
        outcome.memory_bytes >> 10,
        text(&outcome.stdout),
        text(&outcome.stderr)
    )
}
