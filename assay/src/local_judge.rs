//! Judges one submission on a problem's tests, for commands that judge without a server.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::grading::{CustomGrades, Grade, Rubric, Survey, TestResult};
use domain::problem::{ProblemLanguage, RevisionContent};
use domain::submission::{Feedback, TestOutcome};
use domain::{LanguageId, Verdict};
use evaluator::judge::{
    Cells, Compiler, Executable, Fault, Judged, JudgingCells, Materials, OutputChecker,
    ProblemPrograms, Program, Source, Start, TestData, fetch_files, fetch_test, grade,
};
use problem_package::SampleSubmission;
use sandbox::{Language, Languages, Sandbox};
use supervision::error_chain;

/// Maximum number of cells that are destroyed concurrently.
const CLOSING_MAX: usize = 4;

/// The tools for judging, independent of the problem.
#[derive(Debug)]
pub(crate) struct Tools {
    pub(crate) cells: Arc<Cells>,
    pub(crate) compiler: Compiler,
    pub(crate) languages: Arc<Languages>,
}

impl Tools {
    /// Tools that judge in this sandbox.
    pub(crate) fn new(sandbox: Arc<dyn Sandbox>, languages: Arc<Languages>) -> Self {
        let cells = Arc::new(Cells::new(sandbox, CLOSING_MAX));
        let compiler = Compiler::new(Arc::clone(&cells));
        Self { cells, compiler, languages }
    }

    /// Waits until all cells are destroyed, then shuts the sandbox down.
    pub(crate) async fn close(&self) {
        self.cells.drained().await;
        self.cells.sandbox().shutdown().await;
    }
}

/// A problem that is ready to judge.
#[derive(Debug)]
pub(crate) struct LocalJudge {
    pub(crate) tools: Arc<Tools>,
    pub(crate) content: RevisionContent,
    materials: Arc<dyn Materials>,
    pub(crate) problem_programs: Arc<ProblemPrograms>,
    pub(crate) rubric: Rubric,
    pub(crate) tests: Vec<TestData>,
}

/// The result of judging a submission.
#[derive(Debug)]
pub(crate) struct LocalResult {
    pub(crate) outcomes: BTreeMap<u32, TestOutcome>,
    pub(crate) grade: Grade,
    /// Details of the verdict: the compiler's output, or the cause of a judge error.
    pub(crate) detail: String,
}

/// What is known about a submission after some of its tests.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known<'a> {
    /// The outcomes, by test number.
    pub(crate) outcomes: &'a BTreeMap<u32, TestOutcome>,
    /// The results of the package's graders.
    pub(crate) graded: &'a CustomGrades,
    /// The state of the test groups that follows from both.
    pub(crate) survey: &'a Survey,
}

impl Known<'_> {
    /// The part of the outcomes that the grade depends on.
    pub(crate) fn results(&self) -> BTreeMap<u32, TestResult> {
        results(self.outcomes)
    }

    /// The number of the first test without an outcome.
    pub(crate) fn first_left(&self) -> Option<u32> {
        let mut numbers = (1..).zip(&self.survey.states).map(|(number, _)| number);
        numbers.find(|number| !self.outcomes.contains_key(number))
    }
}

/// Time limits of a run, in milliseconds of CPU time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    pub(crate) limit_ms: u64,
    /// How long a slow run is watched, to measure by how much it exceeds the limit.
    pub(crate) watched_ms: Option<u64>,
}

impl LocalJudge {
    /// Compiles the problem's programs and fetches its tests.
    pub(crate) async fn open(
        tools: &Arc<Tools>,
        content: RevisionContent,
        materials: Arc<dyn Materials>,
    ) -> Result<Self, Fault> {
        let Tools { compiler, languages, .. } = tools.as_ref();
        let problem_programs =
            ProblemPrograms::prepare(&content, materials.as_ref(), compiler, languages, None)
                .await?;
        let mut tests = Vec::with_capacity(content.tests.len());
        for (number, test) in (1..).zip(&content.tests) {
            // The user has the package, so nothing is hidden.
            let data = fetch_test(materials.as_ref(), number, test).await?;
            tests.push(TestData { full_feedback: true, ..data });
        }
        let rubric = content.rubric();
        let tools = Arc::clone(tools);
        Ok(Self {
            tools,
            content,
            materials,
            problem_programs: Arc::new(problem_programs),
            rubric,
            tests,
        })
    }

    /// Checks outputs that exist already.
    pub(crate) fn output_checker(&self) -> OutputChecker {
        OutputChecker::new(&self.tools.cells, Arc::clone(&self.problem_programs))
    }

    /// Judges a package's submission on the tests that `next` returns, one by one, until it returns
    /// none.
    pub(crate) async fn judge(
        &self,
        submission: &SampleSubmission,
        clock: Clock,
        core: Option<u32>,
        next: impl Fn(Known<'_>) -> Option<u32>,
    ) -> LocalResult {
        let limit = self.content.limits.source_bytes;
        let bytes: usize = submission.files.iter().map(|file| file.bytes.len()).sum();
        if bytes as u64 > limit {
            let detail = format!("it has {bytes} bytes; at most {limit} may be submitted");
            return LocalResult::without_tests(Verdict::CompileError, detail);
        }
        match self.source(submission).await {
            Ok(Ok(source)) => self.judge_source(source, clock, core, next).await,
            Ok(Err(detail)) => LocalResult::without_tests(Verdict::CompileError, detail),
            Err(fault) => LocalResult::without_tests(Verdict::JudgeError, error_chain(&fault)),
        }
    }

    /// Judges a program on the tests that `next` returns.
    pub(crate) async fn judge_source(
        &self,
        source: Source,
        clock: Clock,
        core: Option<u32>,
        next: impl Fn(Known<'_>) -> Option<u32>,
    ) -> LocalResult {
        match self.try_judge(source, clock, core, next).await {
            Ok(trial) => trial,
            Err(fault) => LocalResult::without_tests(Verdict::JudgeError, error_chain(&fault)),
        }
    }

    async fn try_judge(
        &self,
        source: Source,
        clock: Clock,
        core: Option<u32>,
        next: impl Fn(Known<'_>) -> Option<u32>,
    ) -> Result<LocalResult, Fault> {
        let tools = &self.tools;
        let compilation = tools.compiler.compile(&source, core).await?;
        let Some(artifact) = compilation.artifact else {
            return Ok(LocalResult::without_tests(Verdict::CompileError, compilation.log));
        };
        let start = Start::Language(source.layout.clone());
        let executable = Executable { language: Arc::clone(&source.language), start, artifact };
        let mut limits = self.content.limits;
        limits.time_ms = clock.limit_ms;
        let source = Arc::new(source);
        let program = Program { source, executable, limits, watched_ms: clock.watched_ms };
        let mut judging_cells =
            JudgingCells::set_up(&tools.cells, program.clone(), Arc::clone(&self.problem_programs))
                .await?;
        let (mut outcomes, mut graded) = (BTreeMap::new(), CustomGrades::new());
        let mut detail = String::new();
        let survey = loop {
            let survey = match self.survey(&outcomes, &mut graded, core).await {
                Ok(survey) => survey,
                Err(fault) => {
                    judging_cells.tear_down().await;
                    let grade =
                        LocalResult::without_tests(Verdict::JudgeError, String::new()).grade;
                    return Ok(LocalResult { outcomes, grade, detail: error_chain(&fault) });
                }
            };
            let known = Known { outcomes: &outcomes, graded: &graded, survey: &survey };
            let Some(number) = next(known) else { break survey };
            let test = &self.tests[number as usize - 1];
            let judged = judging_cells.judge(test, core).await;
            let outcome = match judged.map(|judged| self.checked(judged)) {
                Ok(Ok(outcome)) => outcome,
                Ok(Err(fault)) | Err(fault @ (Fault::Program { .. } | Fault::Material(_))) => {
                    failed(number, error_chain(&fault))
                }
                Err(fault @ Fault::Sandbox(_)) => {
                    // The cell may be unusable; the other tests get a new one.
                    let fresh = JudgingCells::set_up(
                        &tools.cells,
                        program.clone(),
                        Arc::clone(&self.problem_programs),
                    );
                    std::mem::replace(&mut judging_cells, fresh.await?).tear_down().await;
                    failed(number, error_chain(&fault))
                }
            };
            if outcome.verdict == Verdict::JudgeError && detail.is_empty() {
                let why = outcome.feedback.as_ref().and_then(|feedback| feedback.judge.as_deref());
                detail = format!("{}: {}", self.name(number), why.unwrap_or_default());
            }
            // The slowest test has reached the maximum that can be measured.
            if clock.watched_ms.is_some_and(|watched_ms| outcome.time_ms >= watched_ms) {
                judging_cells.stop_watching();
            }
            outcomes.insert(number, outcome);
        };
        judging_cells.tear_down().await;
        let grade = self.grade(&outcomes, &graded, survey);
        Ok(LocalResult { outcomes, grade, detail })
    }

    /// A test's name in the package.
    pub(crate) fn name(&self, number: u32) -> &str {
        &self.content.tests[number as usize - 1].name
    }

    /// The submission with the problem's snippets and files, or the reason why it is not a program.
    async fn source(&self, submission: &SampleSubmission) -> Result<Result<Source, String>, Fault> {
        let id = &submission.language;
        let (language, offer) = match self.offered(id) {
            Ok(found) => found,
            Err(detail) => return Ok(Err(detail)),
        };
        let is_text = offer.has_snippets() || self.content.signature.is_some();
        if let Some(text) = submission.source().filter(|_| is_text) {
            return self.text(id, text).await;
        }
        let included = fetch_files(self.materials.as_ref(), &self.content.included(id)).await?;
        let files = submission.files.iter();
        let files = files.map(|file| (file.path.clone(), file.bytes.clone())).collect();
        let source = Source::of_files(language, files, submission.entry_point.clone(), &included);
        Ok(source.map_err(|error| error.to_string()))
    }

    /// A submitted text with the problem's snippets and files, or the reason why it is not a
    /// program.
    pub(crate) async fn text(
        &self,
        id: &LanguageId,
        text: &str,
    ) -> Result<Result<Source, String>, Fault> {
        let (language, offer) = match self.offered(id) {
            Ok(found) => found,
            Err(detail) => return Ok(Err(detail)),
        };
        let included = fetch_files(self.materials.as_ref(), &self.content.included(id)).await?;
        let source = Source::submitted(language, &self.content, &offer, text, &included);
        Ok(source.map_err(|error| error.to_string()))
    }

    fn offered(&self, id: &LanguageId) -> Result<(&Arc<Language>, ProblemLanguage), String> {
        let language = self.tools.languages.get(id.as_str());
        let language = language.ok_or_else(|| format!("the language {id} is unknown"))?;
        let offer = self.content.language(id);
        Ok((language, offer.ok_or_else(|| format!("the problem does not accept {id}"))?))
    }

    /// A test's outcome; fails if its validator gave an invalid score.
    fn checked(&self, judged: Judged) -> Result<TestOutcome, Fault> {
        match self.rubric.objection(judged.outcome.number, judged.outcome.result()) {
            None => Ok(judged.outcome),
            Some(detail) => Err(Fault::Program { program: "the validator".to_owned(), detail }),
        }
    }

    /// Surveys these outcomes after running every grader that can be run.
    async fn survey(
        &self,
        outcomes: &BTreeMap<u32, TestOutcome>,
        graded: &mut CustomGrades,
        core: Option<u32>,
    ) -> Result<Survey, Fault> {
        let results = results(outcomes);
        loop {
            let survey = self.rubric.survey(&results, graded);
            let is_judged =
                || outcomes.values().all(|outcome| outcome.verdict != Verdict::JudgeError);
            let Some(call) = survey.grader.as_ref().filter(|_| is_judged()) else {
                return Ok(survey);
            };
            let missing = || Fault::Program {
                program: "the grader".to_owned(),
                detail: "the problem has none".to_owned(),
            };
            let grader = self.problem_programs.grader.as_ref().ok_or_else(missing)?;
            graded.insert(call.group, grade(&self.tools.cells, grader, call, core).await?);
        }
    }

    /// The grade of these outcomes. If tests are missing, it is provisional: the verdict if all of
    /// them are accepted, and no score.
    fn grade(
        &self,
        outcomes: &BTreeMap<u32, TestOutcome>,
        graded: &CustomGrades,
        survey: Survey,
    ) -> Grade {
        let without = |verdict| LocalResult::without_tests(verdict, String::new()).grade;
        let verdicts = || outcomes.values().map(|outcome| outcome.verdict);
        if verdicts().any(|verdict| verdict == Verdict::JudgeError) {
            return without(Verdict::JudgeError);
        }
        let so_far = || self.rubric.completed(&results(outcomes), graded, Verdict::Accepted);
        survey.grade.or_else(so_far).unwrap_or_else(|| {
            without(verdicts().find(|it| *it != Verdict::Accepted).unwrap_or(Verdict::Accepted))
        })
    }
}

fn results(outcomes: &BTreeMap<u32, TestOutcome>) -> BTreeMap<u32, TestResult> {
    outcomes.iter().map(|(number, outcome)| (*number, outcome.result())).collect()
}

impl LocalResult {
    fn without_tests(verdict: Verdict, detail: String) -> Self {
        let grade = Grade {
            verdict,
            root: verdict,
            score: None,
            groups: vec![],
            out_of_range: vec![],
            points_decide: false,
        };
        Self { outcomes: BTreeMap::new(), grade, detail }
    }

    /// CPU time of the slowest test, in milliseconds.
    pub(crate) fn time_ms(&self) -> u64 {
        self.outcomes.values().map(|outcome| outcome.time_ms).max().unwrap_or(0)
    }

    /// Memory of the largest test, in KiB.
    pub(crate) fn memory_kib(&self) -> u64 {
        self.outcomes.values().map(|outcome| outcome.memory_kib).max().unwrap_or(0)
    }
}

/// The outcome of a test that could not be judged.
fn failed(number: u32, why: String) -> TestOutcome {
    TestOutcome {
        number,
        verdict: Verdict::JudgeError,
        end: None,
        time_ms: 0,
        memory_kib: 0,
        score: None,
        feedback: Some(Feedback { judge: Some(why), team: None }),
        shown: None,
    }
}
