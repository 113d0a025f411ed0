//! Applies a problem's checker: compares outputs, or runs validators in their cells.

use std::sync::Arc;

use bytes::Bytes;
use domain::grading::CheckerScore;
use domain::submission::Feedback;
use domain::verdict::RunEnd;
use domain::{Verdict, checker};
use sandbox::Cell;

use super::validator::{Files, Validated, ValidatorCell, ValidatorVerdict};
use super::{Cells, Checking, Fault, ProblemPrograms, TestData};

/// The result of one run.
pub(super) struct Found {
    pub(super) end: RunEnd,
    pub(super) verdict: Verdict,
    pub(super) message: Option<String>,
    pub(super) score: Option<CheckerScore>,
    pub(super) feedback: Feedback,
    pub(super) next_pass: Option<Bytes>,
}

/// The result of checking an output that does not come from a submission's run.
#[derive(Debug, Clone, PartialEq)]
pub struct OutputVerdict {
    /// The checker's verdict.
    pub verdict: Verdict,
    /// The checker's message, or else the feedback of a validator.
    pub message: Option<String>,
}

/// A checker, with a cell for each validator.
#[derive(Debug)]
pub struct OutputChecker {
    cells: Arc<Cells>,
    problem_programs: Arc<ProblemPrograms>,
    /// In the order in which they run; created on first use.
    pub(super) validators: Vec<ValidatorCell>,
}

impl OutputChecker {
    /// A checker without cells.
    pub fn new(cells: &Arc<Cells>, problem_programs: Arc<ProblemPrograms>) -> Self {
        Self { cells: Arc::clone(cells), problem_programs, validators: vec![] }
    }

    pub(super) fn problem_programs(&self) -> &Arc<ProblemPrograms> {
        &self.problem_programs
    }

    /// Judges an existing output.
    ///
    /// # Errors
    /// If the sandbox or a program of the problem failed.
    pub async fn judge_output(
        &mut self,
        test: &TestData,
        output: &Bytes,
        core: Option<u32>,
    ) -> Result<OutputVerdict, Fault> {
        let found = self.check(test, &test.input, &[], output, core).await?;
        Ok(OutputVerdict {
            verdict: found.verdict,
            message: found.message.or(found.feedback.judge).or(found.feedback.team),
        })
    }

    pub(super) async fn check(
        &mut self,
        test: &TestData,
        input: &Bytes,
        kept: &[(String, Bytes)],
        output: &Bytes,
        core: Option<u32>,
    ) -> Result<Found, Fault> {
        let end = RunEnd::Exit { code: 0 };
        let compared = |comparison: &checker::Comparison| {
            Found::plain(end, Verdict::from(comparison), comparison.message())
        };
        let problem_programs = Arc::clone(&self.problem_programs);
        let validators = match &problem_programs.checking {
            Checking::Tokens(options) => {
                let options = test.tokens.as_ref().unwrap_or(options);
                return Ok(compared(&checker::compare(output, &test.answer, options)));
            }
            Checking::Lines(rule) => {
                return Ok(compared(&checker::compare_lines(output, &test.answer, *rule)));
            }
            Checking::Programs(validators) => validators.programs.len(),
        };
        let files = Files { input, answer: &test.answer, output, kept };
        let mut found = Found::plain(end, Verdict::Accepted, None);
        for place in 0..validators {
            let validator = self.validator(place, None).await?;
            let validated = validator.check(test, &files, core).await?;
            if found.add(validated, validator)? != Verdict::Accepted {
                break;
            }
        }
        Ok(found)
    }

    /// The validator at this index, in its cell. Cells are created in order. If `beside` is given,
    /// the first can be linked with that cell.
    pub(super) async fn validator(
        &mut self,
        place: usize,
        mut beside: Option<&mut Cell>,
    ) -> Result<&mut ValidatorCell, Fault> {
        let problem_programs = Arc::clone(&self.problem_programs);
        let Checking::Programs(validators) = &problem_programs.checking else {
            unreachable!("only programs have places")
        };
        while self.validators.len() <= place {
            let next = self.validators.len();
            let cell = ValidatorCell::set_up(&self.cells, validators, next, beside.take()).await?;
            self.validators.push(cell);
        }
        Ok(&mut self.validators[place])
    }

    /// The interactor's cell, if it was created.
    pub(super) fn linked(&mut self) -> Option<&mut Cell> {
        match &self.problem_programs.checking {
            Checking::Programs(validators) if validators.validation.interactive => {
                self.validators.first_mut().map(|interactor| &mut interactor.cell)
            }
            _ => None,
        }
    }

    /// The number of validators.
    pub(super) fn validators(&self) -> usize {
        match &self.problem_programs.checking {
            Checking::Programs(validators) => validators.programs.len(),
            Checking::Tokens(_) | Checking::Lines(_) => 0,
        }
    }

    /// Destroys the cells in the background.
    pub async fn tear_down(self) {
        for validator in self.validators {
            self.cells.retire(validator.cell).await;
        }
    }
}

impl Found {
    pub(super) fn plain(end: RunEnd, verdict: Verdict, message: Option<String>) -> Self {
        Self { end, verdict, message, score: None, feedback: Feedback::default(), next_pass: None }
    }

    /// Adds the result of one validator; all before it accepted. Returns the verdict so far.
    pub(super) fn add(
        &mut self,
        validated: Validated,
        by: &ValidatorCell,
    ) -> Result<Verdict, Fault> {
        let Validated { verdict, score, feedback, next_pass } = validated;
        self.verdict = match verdict {
            ValidatorVerdict::Accepted => Verdict::Accepted,
            ValidatorVerdict::Rejected(verdict) => verdict,
            ValidatorVerdict::Failed(reason) => return Err(by.fault(reason)),
        };
        self.score = if self.verdict == Verdict::Accepted { score.or(self.score) } else { None };
        self.next_pass = next_pass;
        self.feedback.judge = joined(self.feedback.judge.take(), feedback.judge);
        self.feedback.team = joined(self.feedback.team.take(), feedback.team);
        Ok(self.verdict)
    }
}

fn joined(one: Option<String>, other: Option<String>) -> Option<String> {
    match (one, other) {
        (Some(one), Some(other)) => Some(format!("{one}\n{other}")),
        (one, other) => one.or(other),
    }
}
