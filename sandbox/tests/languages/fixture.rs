//! A language's two cells: one for compiling and one for running.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sandbox::{
    Cell, CellPath, CellSpec, Execution, Language, LanguageId, Layout, Limits, Outcome, Outputs,
    Sandbox,
};

/// A mebibyte.
pub(crate) const MIB: u64 = 1 << 20;

/// The problem's memory limit, in bytes.
const MEMORY_BYTES: u64 = 96 * MIB;

/// Processor time for programs that end by themselves or at the memory limit.
pub(crate) const CPU: Duration = Duration::from_secs(8);

/// Wall time; generous because the machine may be busy.
const WALL_MAX: Duration = Duration::from_secs(60);

/// The largest artifact, in bytes.
const ARTIFACT_BYTES_MAX: u64 = 64 * MIB;

pub(crate) struct Fixture {
    pub(crate) sandbox: Arc<dyn Sandbox>,
    pub(crate) language: Arc<Language>,
    compiling: Cell,
    running: Cell,
}

/// Files that run, by their names in the program area.
pub(crate) type Files = Vec<(String, Bytes)>;

/// The result of compiling.
pub(crate) struct Compiled {
    /// The step that failed, or the last one.
    pub(crate) outcome: Outcome,
    /// Wall time of all steps.
    pub(crate) wall: Duration,
    /// Processor time of all steps.
    pub(crate) cpu: Duration,
    /// The files, if every step succeeded.
    pub(crate) artifact: Option<Files>,
}

impl Compiled {
    /// The compiler's output on both streams.
    pub(crate) fn said(&self) -> String {
        let said = [self.outcome.stdout.as_ref(), self.outcome.stderr.as_ref()].concat();
        String::from_utf8_lossy(&said).into_owned()
    }
}

impl Fixture {
    pub(crate) async fn open(sandbox: Arc<dyn Sandbox>, language: Arc<Language>) -> Self {
        let limits = language.run_limits(CPU, MEMORY_BYTES, MIB);
        let compiling = sandbox.prepare(&CellSpec::compile(&language)).await;
        let running = sandbox.prepare(&CellSpec::run(&language, &limits)).await;
        Self {
            compiling: compiling.expect("a cell to compile in"),
            running: running.expect("a cell to run in"),
            sandbox,
            language,
        }
    }

    pub(crate) async fn close(self) {
        self.compiling.close().await.expect("the cell closes");
        self.running.close().await.expect("the cell closes");
    }

    /// The memory limit of every run, in bytes.
    pub(crate) fn memory_bytes_max(&self) -> u64 {
        self.limits(CPU).memory_bytes
    }

    fn limits(&self, cpu: Duration) -> Limits {
        Limits { wall: WALL_MAX, ..self.language.run_limits(cpu, MEMORY_BYTES, MIB) }
    }

    /// Compiles a source in the language's cell. A judge uses a cell for each source, but these
    /// sources are trusted.
    pub(crate) async fn compile(&mut self, source: &str) -> Compiled {
        self.compile_within(self.language.compile_limits().cpu, source).await
    }

    /// The same, with a different limit of processor time.
    pub(crate) async fn compile_within(&mut self, cpu: Duration, source: &str) -> Compiled {
        let layout = Layout::single(&self.language);
        self.compile_files(cpu, &layout, &[(&layout.main, source)]).await
    }

    /// Compiles a program of several files.
    pub(crate) async fn compile_files(
        &mut self,
        cpu: Duration,
        layout: &Layout,
        files: &[(&str, &str)],
    ) -> Compiled {
        let Self { language, compiling: cell, .. } = self;
        let limits = Limits { cpu, wall: WALL_MAX, ..language.compile_limits() };
        for (name, text) in files {
            let path = CellPath::work(name).expect("a plain name");
            let text = Bytes::copy_from_slice(text.as_bytes());
            cell.put(&path, text, false).await.expect("it fits");
        }
        let (mut wall, mut cpu) = (Duration::ZERO, Duration::ZERO);
        let mut last = None;
        for step in language.compile_steps(layout) {
            let execution = Execution::new(step, limits).keeping();
            let outcome = cell.execute(&execution).await.expect("the compiler can be started");
            wall += outcome.wall;
            cpu += outcome.cpu;
            let done = outcome.ended.is_success();
            last = Some(outcome);
            if !done {
                break;
            }
        }
        let outcome = last.expect("every language has a compile step");
        let names = match language.outputs(layout) {
            Outputs::File(name) => vec![name],
            Outputs::Sources => files.iter().map(|(name, _)| (*name).to_owned()).collect(),
        };
        let artifact = if outcome.ended.is_success() {
            let mut artifact = Files::new();
            for name in names {
                let path = CellPath::work(&name).expect("a plain name");
                artifact.push((name, cell.get(&path, ARTIFACT_BYTES_MAX).await.expect("a file")));
            }
            let support = language.support.iter();
            artifact.extend(support.map(|(name, text)| (name.clone(), text.clone().into())));
            Some(artifact)
        } else {
            None
        };
        // Clears the cell for the next source.
        let clear = Execution::new(vec!["true".to_owned()], limits);
        cell.execute(&clear).await.expect("the cell is cleared");
        Compiled { outcome, wall, cpu, artifact }
    }

    /// Compiles a program that must compile.
    pub(crate) async fn build(&mut self, source: &str) -> Result<Files, String> {
        let compiled = self.compile(source).await;
        let said =
            || format!("it does not compile: {:?} {}", compiled.outcome.ended, compiled.said());
        compiled.artifact.clone().ok_or_else(said)
    }

    /// Runs an artifact in the cell for all of the language's examples.
    pub(crate) async fn run(
        &mut self,
        artifact: Files,
        stdin: &'static str,
        cpu: Duration,
    ) -> Outcome {
        let layout = Layout::single(&self.language);
        self.run_files(artifact, &layout, stdin, cpu).await
    }

    /// The same for a program of several files.
    pub(crate) async fn run_files(
        &mut self,
        artifact: Files,
        layout: &Layout,
        stdin: &'static str,
        cpu: Duration,
    ) -> Outcome {
        for (name, content) in artifact {
            let path = CellPath::program(&name).expect("a plain name");
            self.running.put(&path, content, true).await.expect("it fits");
        }
        let argv = self.language.run_argv(MEMORY_BYTES, layout);
        let run = Execution::new(argv, self.limits(cpu));
        let run = run.with_stdin(Bytes::from_static(stdin.as_bytes()));
        self.running.execute(&run).await.expect("an outcome")
    }
}

/// A line of the table at the end.
pub(crate) struct Line {
    language: LanguageId,
    sandbox: &'static str,
    pub(crate) version: String,
    pub(crate) compile: Duration,
    pub(crate) compile_cpu: Duration,
    pub(crate) wall: Duration,
    pub(crate) memory_bytes: u64,
}

impl Line {
    pub(crate) const HEAD: &str = "| language | sandbox | compile ms | cpu ms | hello ms | peak MiB | version |\n\
                                   |---|---|---|---|---|---|---|";

    pub(crate) fn of(language: &LanguageId, sandbox: &'static str) -> Self {
        Self {
            language: language.clone(),
            sandbox,
            version: String::new(),
            compile: Duration::ZERO,
            compile_cpu: Duration::ZERO,
            wall: Duration::ZERO,
            memory_bytes: 0,
        }
    }
}

impl fmt::Display for Line {
    #[expect(clippy::cast_precision_loss, reason = "to one digit")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { language, sandbox, version, compile, compile_cpu, wall, memory_bytes } = self;
        let (compile, compile_cpu) = (compile.as_millis(), compile_cpu.as_millis());
        let wall = wall.as_secs_f64() * 1000.0;
        let peak = *memory_bytes as f64 / MIB as f64;
        let version = version.lines().next().unwrap_or_default();
        write!(
            f,
            "| {language} | {sandbox} | {compile} | {compile_cpu} | {wall:.1} | {peak:.1} | {version} |"
        )
    }
}
