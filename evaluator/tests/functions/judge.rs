//! Judges functions given as text.

use std::env;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use domain::Verdict;
use domain::function::{Declaration, Signature};
use domain::problem::Limits;
use domain::submission::{Shown, TestOutcome};
use evaluator::judge::{
    Cells, Checking, Compiler, Executable, JudgingCells, ProblemPrograms, Program, Source, Start,
    TestData,
};
use sandbox::{Adapter, Languages, NativeConfig, SandboxConfig};
use serde_json::Value as Json;

/// A judge that needs only a sandbox.
pub(crate) struct Judge {
    cells: Arc<Cells>,
    compiler: Compiler,
    languages: Arc<Languages>,
}

/// A function or class, with cases: inputs and what they should give.
pub(crate) struct Problem {
    pub(crate) signature: Signature,
    pub(crate) cases: Vec<(Json, Json)>,
    pub(crate) limits: Limits,
}

impl Problem {
    /// A problem with a declaration in TOML.
    pub(crate) fn new(declaration: &str, cases: &[(Json, Json)]) -> Self {
        let declaration: Declaration = toml::from_str(declaration).unwrap();
        let limits = Limits { time_ms: 3_000, output_kib: 1_024, ..Limits::default() };
        Self { signature: declaration.read().unwrap(), cases: cases.to_vec(), limits }
    }
}

impl Judge {
    pub(crate) fn new(adapter: Adapter) -> Self {
        let rootfs = env::var_os("ASSAY_TEST_ROOTFS").map(PathBuf::from);
        let rootfs = Some(rootfs.expect("ASSAY_TEST_ROOTFS is set by scripts/test"));
        let native = NativeConfig { rootfs, ..NativeConfig::default() };
        let config = SandboxConfig { adapter, native, ..SandboxConfig::default() };
        let sandbox = sandbox::resolve(&config).unwrap();
        let cells = Arc::new(Cells::new(sandbox, 4));
        let compiler = Compiler::new(Arc::clone(&cells));
        Self { cells, compiler, languages: config.languages().unwrap() }
    }

    /// The id of the language of files with this extension.
    pub(crate) fn language_of(&self, extension: &str) -> String {
        let language = self.languages.by_extension(extension);
        language.unwrap_or_else(|| panic!("no language has .{extension}")).id.to_string()
    }

    /// The outcome of each case, or the messages of the compiler.
    pub(crate) async fn judge(
        &self,
        problem: &Problem,
        language: &str,
        text: &str,
    ) -> Result<Vec<TestOutcome>, String> {
        let language = self.languages.get(language).unwrap();
        let source = Source::of_function(language, problem.signature.clone(), text)
            .map_err(|error| error.to_string())?;
        let compilation = self.compiler.compile(&source, None).await.unwrap();
        let artifact = compilation.artifact.ok_or(compilation.log)?;
        let start = Start::Language(source.layout.clone());
        let executable = Executable { language: Arc::clone(&source.language), start, artifact };
        let program = Program {
            source: Arc::new(source),
            executable,
            limits: problem.limits,
            watched_ms: None,
        };
        let checking = Checking::Tokens(domain::checker::TokenOptions::default());
        let programs = Arc::new(ProblemPrograms::of(checking));
        let mut cells = JudgingCells::set_up(&self.cells, program, programs).await.unwrap();
        let mut outcomes = vec![];
        for (number, (input, answer)) in (1..).zip(&problem.cases) {
            let bytes = |json: &Json| Bytes::from(json.to_string());
            let data = TestData::new(number, bytes(input), bytes(answer));
            let test = TestData { sample: true, ..data };
            outcomes.push(cells.judge(&test, None).await.unwrap().outcome);
        }
        cells.tear_down().await;
        Ok(outcomes)
    }

    pub(crate) async fn shutdown(self) {
        self.cells.sandbox().shutdown().await;
    }
}

/// What is shown of an outcome.
pub(crate) fn shown(outcome: &TestOutcome) -> &Shown {
    outcome.shown.as_ref().unwrap()
}

/// The verdicts in short: `AC WA RE TLE MLE OLE CE`.
pub(crate) fn in_short(outcomes: &[TestOutcome]) -> String {
    let short = |outcome: &TestOutcome| match outcome.verdict {
        Verdict::Accepted => "AC",
        Verdict::WrongAnswer => "WA",
        Verdict::RuntimeError => "RE",
        Verdict::TimeLimitExceeded => "TLE",
        Verdict::MemoryLimitExceeded => "MLE",
        Verdict::OutputLimitExceeded => "OLE",
        _ => "?",
    };
    outcomes.iter().map(short).collect::<Vec<_>>().join(" ")
}
