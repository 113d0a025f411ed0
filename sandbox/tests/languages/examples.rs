//! The six examples of a language's definition.

use std::time::Duration;

use sandbox::{Ended, Examples, Outcome};

use crate::workbench::{Line, Workbench};

/// Processor time of the example that never ends: enough for every runtime to start.
const LOOP_CPU: Duration = Duration::from_millis(700);

/// What ended by itself, but badly.
fn is_runtime_error(ended: Ended) -> bool {
    !ended.is_success() && matches!(ended, Ended::Exited { .. } | Ended::Signaled { .. })
}

pub(crate) async fn run(bench: &mut Workbench, line: &mut Line, failures: &mut Vec<String>) {
    let toolchain = bench.sandbox.toolchain(&bench.language).await.expect("a toolchain");
    line.version = toolchain.version;
    if line.version.is_empty() {
        failures.push("the probe says nothing".to_owned());
    }
    let Examples { hello, sum, endless, hog, crash, broken } = bench.language.examples.clone();
    let mut check =
        |name: &str, outcome: Result<Outcome, String>, holds: &dyn Fn(&Outcome) -> bool| {
            let failure = match outcome {
                Ok(outcome) if holds(&outcome) => return None,
                Ok(outcome) => brief(&outcome),
                Err(failure) => failure,
            };
            failures.push(format!("{name}: {failure}"));
            Some(())
        };

    let compiled = bench.compile(&hello).await;
    line.compile = compiled.outcome.wall;
    let outcome = match compiled.artifact.clone() {
        Some(artifact) => {
            let first = bench.run(artifact.clone(), "").await;
            // The first run reads the runtime from disk.
            let second = bench.run(artifact, "").await;
            (line.wall, line.memory_bytes) = (second.wall, second.memory_bytes);
            Ok(if first.ended.is_success() { second } else { first })
        }
        None => Err(compiled.said()),
    };
    check("hello", outcome, &|it| it.ended.is_success() && it.stdout == "hello\n");

    let outcome = example(bench, &sum, "20 22\n", None).await;
    check("sum", outcome, &|it| it.ended.is_success() && it.stdout == "42\n");

    let outcome = example(bench, &endless, "", Some(LOOP_CPU)).await;
    check("loop", outcome, &|it| it.ended == Ended::CpuLimit);

    let memory_bytes_max = bench.memory_bytes_max();
    let outcome = example(bench, &hog, "", None).await;
    // A runtime that gives up before the limit would be a runtime error of the program's.
    let hogged = |it: &Outcome| {
        it.ended == Ended::MemoryLimit && it.memory_bytes >= memory_bytes_max / 10 * 9
    };
    check("hog", outcome, &hogged);

    let outcome = example(bench, &crash, "", None).await;
    check("crash", outcome, &|it| is_runtime_error(it.ended));

    let compiled = bench.compile(&broken).await;
    let refused = matches!(compiled.outcome.ended, Ended::Exited { code } if code != 0);
    if !refused || compiled.said().trim().is_empty() {
        let ended = compiled.outcome.ended;
        failures.push(format!("broken: {ended:?}, {:?}", compiled.said()));
    }
}

async fn example(
    bench: &mut Workbench,
    source: &str,
    stdin: &'static str,
    cpu: Option<Duration>,
) -> Result<Outcome, String> {
    let artifact = bench.build(source).await?;
    Ok(match cpu {
        Some(cpu) => bench.run_for(artifact, stdin, cpu).await,
        None => bench.run(artifact, stdin).await,
    })
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
