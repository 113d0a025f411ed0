//! Checks test data with the package's own validators.

use bytes::Bytes;
use domain::Verdict;
use domain::problem::Checker;
use evaluator::judge::{
    InputValidators, InputVerdict, Materials, executable, fetch_files, fetch_test,
};
use problem_package::{InputCase, Package};
use supervision::error_chain;

use super::progress::Progress;
use super::tested::Tested;
use super::{Finding, PackageReport, Verifier};
use crate::local_judge::Tools;

impl Verifier {
    /// Runs every input validator on every input.
    pub(super) async fn validate_inputs(&self, package: &Package, report: &mut PackageReport) {
        let validation = &package.input_validation;
        // The inputs that some validator rejected; needed for inputs that must be rejected.
        let mut rejected = vec![false; validation.cases.len()];
        let runs = validation.cases.len() * validation.programs.len();
        let progress = Progress::begin(package.slug.as_str(), runs, "inputs");
        for (place, program) in validation.programs.iter().enumerate() {
            let Tools { compiler, languages, .. } = self.tools.as_ref();
            let made = executable(program, &package.blobs, compiler, languages, None).await;
            let set_up = match made {
                Ok(made) => {
                    let cells = &self.tools.cells;
                    let limits = &validation.limits;
                    InputValidators::set_up(cells, made, validation.accepts_with, limits).await
                }
                Err(fault) => Err(fault),
            };
            let mut validator = match set_up {
                Ok(validator) => validator,
                Err(fault) => {
                    report.problems.push(Finding::of(&program.name, error_chain(&fault)));
                    continue;
                }
            };
            for (case, rejected) in validation.cases.iter().zip(&mut rejected) {
                progress.step(format!("{} on {}", program.name, case.path));
                match validate_input(&mut validator, package, case, place).await {
                    Ok(InputVerdict::Valid) => {}
                    Ok(InputVerdict::Invalid(_)) if !case.valid => *rejected = true,
                    Ok(InputVerdict::Invalid(said)) => {
                        let message = format!("is rejected by {}: {said}", program.name);
                        report.problems.push(Finding::of(&case.path, message));
                    }
                    // A validator that hangs on one input may hang on all, so it gets no other.
                    Ok(InputVerdict::TimedOut(after)) => {
                        let message = format!(
                            "was not validated within {after:?} by {}, which gets no further input",
                            program.name
                        );
                        report.problems.push(Finding::of(&case.path, message));
                        break;
                    }
                    Err(fault) => {
                        report.problems.push(Finding::of(&case.path, fault));
                        break;
                    }
                }
            }
            validator.tear_down().await;
        }
        for (case, rejected) in validation.cases.iter().zip(rejected) {
            if !case.valid && !rejected {
                let message = "no input validator rejects it";
                report.problems.push(Finding::of(&case.path, message));
            }
        }
    }

    /// Runs the checker on answers, and on outputs with a known verdict.
    pub(super) async fn validate_outputs(&self, tested: &Tested, report: &mut PackageReport) {
        let package = &tested.package;
        if let Checker::Programs(validation) = &package.content.checker
            && (validation.interactive || validation.passes > 1)
        {
            return;
        }
        let mut output_checker = tested.judge.output_checker();
        let outputs = package.content.tests.len() + package.output_cases.len();
        let progress = Progress::begin(package.slug.as_str(), outputs, "outputs");
        for (test, data) in package.content.tests.iter().zip(&tested.judge.tests) {
            if test.is_static {
                continue;
            }
            let file = format!("data/{}.ans", test.name);
            progress.step(format!("the checker on {file}"));
            // An answer's content is between the package and its validator, unless the format
            // requires it to be accepted as an output. In that case it is among the cases below.
            match output_checker.judge_output(data, &data.answer, None).await {
                Ok(found) if found.verdict == Verdict::Accepted => {}
                Ok(found) => report.warnings.push(Finding::of(file, rejection(found.message))),
                Err(fault) => report.problems.push(Finding::of(file, error_chain(&fault))),
            }
        }
        for case in &package.output_cases {
            progress.step(format!("the checker on {}", case.path));
            let judged = async {
                let test = fetch_test(&package.blobs, 0, &case.test).await?;
                let output = package.blobs.bytes(&case.output.digest).await?;
                output_checker.judge_output(&test, &output, None).await
            };
            let message = match judged.await {
                Ok(found) => match (found.verdict == Verdict::Accepted, case.accepted) {
                    (true, false) => "is accepted, but should be rejected".to_owned(),
                    (false, true) => rejection(found.message),
                    _ => continue,
                },
                Err(fault) => error_chain(&fault),
            };
            report.problems.push(Finding::of(&case.path, message));
        }
        output_checker.tear_down().await;
    }
}

async fn validate_input(
    validator: &mut InputValidators,
    package: &Package,
    case: &InputCase,
    place: usize,
) -> Result<InputVerdict, String> {
    let fetch = async {
        let input: Bytes = package.blobs.bytes(&case.input.digest).await?;
        Ok((input, fetch_files(&package.blobs, &case.files).await?))
    };
    let fetched: Result<_, evaluator::judge::MaterialError> = fetch.await;
    let (input, files) = fetched.map_err(|error| error_chain(&error))?;
    let args = case.args.get(place).map(Vec::as_slice).unwrap_or_default();
    validator.validate(&input, &files, args, None).await.map_err(|fault| error_chain(&fault))
}

fn rejection(message: Option<String>) -> String {
    match message {
        Some(message) => format!("is rejected by the checker: {message}"),
        None => "is rejected by the checker".to_owned(),
    }
}
