//! A grader of the problem: reads the results of a group's children, prints the group's result.

use domain::Verdict;
use domain::grading::{GraderCall, GroupGrade};
use domain::problem::ValidationLimits;
use sandbox::{CellSpec, Ended, Execution};

use super::executable::Executable;
use super::validator::{excerpt, run_limits};
use super::{Cells, Fault};

/// Runs a grader in its own cell.
///
/// # Errors
/// If the sandbox or the grader failed.
pub async fn grade(
    cells: &Cells,
    grader: &Executable,
    call: &GraderCall,
    core: Option<u32>,
) -> Result<GroupGrade, Fault> {
    let limits = run_limits(grader, &ValidationLimits::default());
    let mut cell = cells.prepare(&CellSpec::run(&grader.language, &limits)).await?;
    grader.install(&mut cell).await?;
    let argv = grader.argv(limits.memory_bytes, &call.flags);
    let execution =
        Execution::new(argv, limits).with_stdin(lines(&call.results).into()).dropping_excess();
    let outcome = cell.execute(&Execution { core, ..execution }).await;
    cells.retire(cell).await;
    let outcome = outcome?;
    let failed = |detail: String| {
        let said = excerpt(&outcome.stderr).map(|said| format!(": {said}")).unwrap_or_default();
        Fault::Program { program: "the grader".to_owned(), detail: format!("{detail}{said}") }
    };
    if outcome.ended != (Ended::Exited { code: 0 }) {
        return Err(failed(format!("it {}", outcome.ended)));
    }
    let printed = String::from_utf8_lossy(&outcome.stdout);
    read(&printed).ok_or_else(|| {
        let printed = excerpt(&outcome.stdout).unwrap_or_default();
        failed(format!("it printed no verdict and score: {printed:?}"))
    })
}

/// One line for each result: its code and its score.
fn lines(results: &[GroupGrade]) -> String {
    results.iter().map(|result| format!("{} {}\n", code(result.verdict), result.score)).collect()
}

/// The format's code for a verdict. The format has fewer codes than there are verdicts.
fn code(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Accepted => "AC",
        Verdict::WrongAnswer | Verdict::PresentationError | Verdict::Partial => "WA",
        Verdict::TimeLimitExceeded => "TLE",
        Verdict::RuntimeError | Verdict::CompileError => "RTE",
        Verdict::MemoryLimitExceeded => "MLE",
        Verdict::OutputLimitExceeded => "OLE",
        Verdict::JudgeError => "JE",
    }
}

fn read(said: &str) -> Option<GroupGrade> {
    let mut words = said.split_whitespace();
    let verdict = match words.next()? {
        "AC" => Verdict::Accepted,
        "WA" => Verdict::WrongAnswer,
        "RTE" => Verdict::RuntimeError,
        "TLE" => Verdict::TimeLimitExceeded,
        "MLE" => Verdict::MemoryLimitExceeded,
        "OLE" => Verdict::OutputLimitExceeded,
        _ => return None,
    };
    let score = words.next()?.parse().ok().filter(|score: &f64| score.is_finite())?;
    words.next().is_none().then_some(GroupGrade { verdict, score })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_grader_reads_and_writes() {
        let grade = |verdict, score| GroupGrade { verdict, score };
        let results = [grade(Verdict::Accepted, 7.5), grade(Verdict::MemoryLimitExceeded, 0.0)];
        assert_eq!(lines(&results), "AC 7.5\nMLE 0\n");
        for (verdict, word) in [
            (Verdict::Accepted, "AC"),
            (Verdict::WrongAnswer, "WA"),
            (Verdict::PresentationError, "WA"),
            (Verdict::Partial, "WA"),
            (Verdict::TimeLimitExceeded, "TLE"),
            (Verdict::RuntimeError, "RTE"),
            (Verdict::MemoryLimitExceeded, "MLE"),
            (Verdict::OutputLimitExceeded, "OLE"),
            (Verdict::CompileError, "RTE"),
            (Verdict::JudgeError, "JE"),
        ] {
            assert_eq!(code(verdict), word);
        }
        for word in ["AC", "WA", "TLE", "RTE", "MLE", "OLE"] {
            let read = read(&format!("{word} 1\n")).map(|grade| code(grade.verdict));
            assert_eq!(read, Some(word));
        }
        assert_eq!(read("AC 12.5\n"), Some(grade(Verdict::Accepted, 12.5)));
        assert_eq!(read("WA 0"), Some(grade(Verdict::WrongAnswer, 0.0)));
        for wrong in ["", "AC", "AC x", "OK 1", "AC 1 2", "AC nan", "JE 0"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
