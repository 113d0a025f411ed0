//! Programs given as text, judged in native cells.

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
    Bench, Cells, Compilation, Compiler, Executable, Fault, Judged, Program, Referees, Source,
    Start, TestData,
};
use sandbox::{Languages, SandboxConfig};

/// A judge with nothing but a sandbox.
#[derive(Debug)]
pub struct Judge {
    pub cells: Arc<Cells>,
    pub compiler: Compiler,
    pub languages: Arc<Languages>,
}

/// What a problem's validators are, as far as tests vary it.
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
    /// One in Python, by the Kattis format, with little time.
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

    /// One that talks with the submission.
    pub fn interactor(text: &'a str) -> Self {
        Self { interactive: true, ..Self::python(text) }
    }
}

impl Judge {
    pub fn new() -> Self {
        Self::with(&SandboxConfig::default())
    }

    /// One with another sandbox.
    pub fn with(config: &SandboxConfig) -> Self {
        let sandbox = sandbox::resolve(config).unwrap();
        let cells = Arc::new(Cells::new(sandbox, 4));
        let compiler = Compiler::new(Arc::clone(&cells));
        Self { cells, compiler, languages: config.languages().unwrap() }
    }

    /// What validators a revision names, compiled.
    pub async fn referees(&self, validators: &Validators<'_>) -> Result<Referees, Fault> {
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
        Referees::prepare(&content, &blobs, &self.compiler, &self.languages, None).await
    }

    /// Those of a problem whose outputs are compared token by token.
    pub async fn comparing_tokens(&self) -> Result<Referees, Fault> {
        let content = RevisionContent::default();
        Referees::prepare(&content, &BTreeMap::new(), &self.compiler, &self.languages, None).await
    }

    /// Judges a program on one test.
    pub async fn judge(
        &self,
        submission: (&str, &str),
        limits: Limits,
        referees: Referees,
        test: &TestData,
    ) -> Result<Judged, Fault> {
        let mut bench = self.bench(submission, limits, referees).await?;
        let judged = bench.judge(test, None).await;
        bench.tear_down().await;
        judged
    }

    /// Makes a program ready to be judged.
    pub async fn bench(
        &self,
        (language, text): (&str, &str),
        limits: Limits,
        referees: Referees,
    ) -> Result<Bench, Fault> {
        let language = self.languages.get(language).unwrap();
        let source = Source::single(language, text);
        let compilation = self.compiler.compile(&source, None).await?;
        self.bench_of(source, compilation, limits, referees).await
    }

    /// The same for one that is compiled.
    pub async fn bench_of(
        &self,
        source: Source,
        compilation: Compilation,
        limits: Limits,
        referees: Referees,
    ) -> Result<Bench, Fault> {
        let language = &source.language;
        let artifact = compilation.artifact.unwrap_or_else(|| panic!("{}", compilation.log));
        let start = Start::Language(source.layout.clone());
        let executable = Executable { language: Arc::clone(language), start, artifact };
        let program = Program { source: Arc::new(source), executable, limits, watched_ms: None };
        Bench::set_up(&self.cells, program, Arc::new(referees)).await
    }

    /// Leaves nothing behind.
    pub async fn shutdown(self) {
        self.cells.sandbox().shutdown().await;
    }
}
