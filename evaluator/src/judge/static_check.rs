//! Static validators: they check the files of a submission without running it.

use std::time::Duration;

use bytes::Bytes;
use domain::Verdict;
use domain::problem::{Protocol, Validation, ValidationLimits};
use domain::submission::{Feedback, TestOutcome};
use domain::verdict::RunEnd;
use sandbox::Execution;

use super::executable::put_files;
use super::validator::{Files, ValidatorCell, ValidatorVerdict, Validators};
use super::{Cells, Fault, Judged, ProblemPrograms, Source, TestData};

const NAME: &str = "static_validator";

/// Runs the static validator on a program's files.
pub(super) async fn judge(
    cells: &Cells,
    source: &Source,
    problem_programs: &ProblemPrograms,
    test: &TestData,
    core: Option<u32>,
) -> Result<Judged, Fault> {
    let missing = || Fault::Program {
        program: NAME.to_owned(),
        detail: "the problem has no static validator".to_owned(),
    };
    let program = problem_programs.static_validator.clone().ok_or_else(missing)?;
    let validators = Validators {
        programs: [program].into(),
        names: [NAME.to_owned()].into(),
        validation: Validation {
            programs: vec![],
            protocol: Protocol::Kattis,
            interactive: false,
            passes: 1,
            limits: ValidationLimits::default(),
        },
        is_scored: true,
    };
    let mut validator = ValidatorCell::set_up(cells, &validators, 0, None).await?;
    let empty = Bytes::new();
    let files = Files { input: &empty, answer: &empty, output: &empty, kept: &[] };
    validator.lay_out(&files).await?;
    put_files(&mut validator.cell, &source.files).await?;
    let entry_point = source.layout.entry_point.as_ref().unwrap_or(&source.layout.main);
    let language = source.language.id.as_str();
    let execution = validator.static_execution(language, entry_point, &test.validator_args);
    let outcome = validator.cell.execute(&Execution { core, ..execution }).await?;
    let validated = validator.read(&outcome).await?;
    let verdict = match validated.verdict {
        ValidatorVerdict::Accepted => Verdict::Accepted,
        ValidatorVerdict::Rejected(verdict) => verdict,
        ValidatorVerdict::Failed(reason) => return Err(validator.fault(reason)),
    };
    cells.retire(validator.cell).await;
    let has_feedback = validated.feedback != Feedback::default();
    Ok(Judged {
        outcome: TestOutcome {
            number: test.number,
            verdict,
            end: Some(RunEnd::Exit { code: 0 }),
            time_ms: 0,
            memory_kib: 0,
            score: validated.score,
            feedback: has_feedback.then_some(validated.feedback),
            shown: None,
        },
        reruns: 0,
        cpu: Duration::ZERO,
    })
}
