//! Judges programs given as text in native cells.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use domain::Digest;
use domain::grading::{Grading, Objective};
use domain::problem::{
    BlobRef, Checker, Limits, PackagedProgram, ProgramFile, Protocol, RevisionContent, Validation,
    ValidationLimits,
};
use evaluator::judge::{
    Cells, Compilation, Compiler, Executable, Fault, Judged, JudgingCells, ProblemPrograms,
    Program, Source, Start, TestData,
};
use sandbox::{Languages, SandboxConfig};

/// A judge that needs only a sandbox.
#[derive(Debug)]
pub struct Judge {
    pub cells: Arc<Cells>,
    pub compiler: Compiler,
    pub languages: Arc<Languages>,
}

/// The validators of a problem, with the properties that tests vary.
#[derive(Debug, Clone)]
pub struct Validators<'a> {
    pub programs: Vec<(&'a str, &'a str)>,
    pub protocol: Protocol,
    pub interactive: bool,
    pub passes: u32,
    pub scored: bool,
    pub limits: ValidationLimits,
}

impl<'a> Validators<'a> {
    /// A Python validator with the Kattis protocol and a short time limit.
    pub fn python(text: &'a str) -> Self {
        Self {
            programs: vec![("python3", text)],
            protocol: Protocol::Kattis,
            interactive: false,
            passes: 1,
            scored: true,
            limits: ValidationLimits { time_ms: 1_000, memory_kib: 128 * 1024, output_kib: 1024 },
        }
    }

    /// A Python interactor.
    pub fn interactor(text: &'a str) -> Self {
        Self { interactive: true, ..Self::python(text) }
    }
}

impl Judge {
    pub fn new() -> Self {
        Self::with(&SandboxConfig::default())
    }

    /// A judge with another sandbox.
    pub fn with(config: &SandboxConfig) -> Self {
        let sandbox = sandbox::resolve(config).unwrap();
        let cells = Arc::new(Cells::new(sandbox, 4));
        let compiler = Compiler::new(Arc::clone(&cells));
        Self { cells, compiler, languages: config.languages().unwrap() }
    }

    /// Compiles the validators.
    pub async fn problem_programs(
        &self,
        validators: &Validators<'_>,
    ) -> Result<ProblemPrograms, Fault> {
        let mut blobs = BTreeMap::new();
        let programs = validators.programs.iter().map(|(language, text)| {
            let bytes = Bytes::copy_from_slice(text.as_bytes());
            let content = BlobRef { digest: Digest::of(&bytes), bytes: bytes.len() as u64 };
            blobs.insert(content.digest, bytes);
            let name = self.languages.get(language).unwrap().source.clone();
            PackagedProgram {
                name: format!("validators/{name}"),
                language: Some(language.parse().unwrap()),
                files: vec![ProgramFile { path: name, content, executable: false }],
            }
        });
        let objective = validators.scored.then_some(Objective::Max);
        let content = RevisionContent {
            checker: Checker::Programs(Validation {
                programs: programs.collect(),
                protocol: validators.protocol,
                interactive: validators.interactive,
                passes: validators.passes,
                limits: validators.limits,
            }),
            grading: Grading { objective, ..RevisionContent::default().grading },
            ..RevisionContent::default()
        };
        ProblemPrograms::prepare(&content, &blobs, &self.compiler, &self.languages, None).await
    }

    /// The programs of a problem that compares outputs token by token.
    pub async fn comparing_tokens(&self) -> Result<ProblemPrograms, Fault> {
        let content = RevisionContent::default();
        ProblemPrograms::prepare(&content, &BTreeMap::new(), &self.compiler, &self.languages, None)
            .await
    }

    /// Judges a program on one test.
    pub async fn judge(
        &self,
        submission: (&str, &str),
        limits: Limits,
        problem_programs: ProblemPrograms,
        test: &TestData,
    ) -> Result<Judged, Fault> {
        let mut judging_cells = self.judging_cells(submission, limits, problem_programs).await?;
        let judged = judging_cells.judge(test, None).await;
        judging_cells.tear_down().await;
        judged
    }

    /// Judges a compiled program on one test of a problem that compares outputs token by token.
    pub async fn judge_compiled(
        &self,
        source: Source,
        compilation: Compilation,
        test: &TestData,
    ) -> Result<Judged, Fault> {
        let limits = Limits { time_ms: 10_000, ..Limits::default() };
        let problem_programs = self.comparing_tokens().await?;
        let mut judging_cells =
            self.judging_cells_of(source, compilation, limits, problem_programs).await?;
        let judged = judging_cells.judge(test, None).await;
        judging_cells.tear_down().await;
        judged
    }

    /// Compiles a program, and puts it in a cell.
    pub async fn judging_cells(
        &self,
        (language, text): (&str, &str),
        limits: Limits,
        problem_programs: ProblemPrograms,
    ) -> Result<JudgingCells, Fault> {
        let language = self.languages.get(language).unwrap();
        let source = Source::single(language, text);
        let compilation = self.compiler.compile(&source, None).await?;
        self.judging_cells_of(source, compilation, limits, problem_programs).await
    }

    /// Puts a compiled program in a cell.
    pub async fn judging_cells_of(
        &self,
        source: Source,
        compilation: Compilation,
        limits: Limits,
        problem_programs: ProblemPrograms,
    ) -> Result<JudgingCells, Fault> {
        let language = &source.language;
        let artifact = compilation.artifact.unwrap_or_else(|| panic!("{}", compilation.log));
        let start = Start::Language(source.layout.clone());
        let executable = Executable { language: Arc::clone(language), start, artifact };
        let program = Program { source: Arc::new(source), executable, limits, watched_ms: None };
        JudgingCells::set_up(&self.cells, program, Arc::new(problem_programs)).await
    }

    /// Destroys the sandbox's cells.
    pub async fn shutdown(self) {
        self.cells.sandbox().shutdown().await;
    }
}
