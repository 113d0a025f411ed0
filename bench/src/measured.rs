//! A measured sandbox, and test programs in its cells.

use std::sync::Arc;
use std::time::{Duration, Instant};

use evaluator::judge::{Cells, Compiler, Executable, Source, Start};
use sandbox::{
    Cell, CellPath, CellSpec, Execution, Language, Languages, Limits, Outcome, Sandbox,
    SandboxError,
};

use super::{CORE, Mode, failed};
use assay::config::Config;
use assay::languages::open_languages;
use assay::{Exit, Failure};

/// Maximum number of cells that are closed concurrently.
const CLOSING_MAX: usize = 4;

/// A sandbox to measure.
pub(super) struct Measured {
    pub(super) mode: Mode,
    pub(super) cells: Arc<Cells>,
    pub(super) languages: Arc<Languages>,
}

/// A compiled test program.
pub(super) struct Compiled {
    pub(super) source: Arc<Source>,
    pub(super) executable: Executable,
}

/// A program in its own cell, with the command that runs it.
pub(super) struct Loaded<'a> {
    pub(super) measured: &'a Measured,
    pub(super) cell: Cell,
    pub(super) command: Execution,
}

impl Measured {
    pub(super) async fn open(config: &Config, mode: Mode) -> Result<Self, Failure> {
        if mode == Mode::Native && !nix::unistd::geteuid().is_root() {
            let message = "only root has native cells without a user namespace";
            return Err(Failure::new(Exit::Usage, message));
        }
        let failed =
            |error: SandboxError| Failure::of(Exit::Usage, &format!("opening {mode}"), &error);
        let sandbox = sandbox::resolve(&mode.config(&config.sandbox)).map_err(failed)?;
        let cells = Arc::new(Cells::new(sandbox, CLOSING_MAX));
        let measured = Self { mode, cells, languages: open_languages(config)? };
        // The test programs are written in C, so nothing can be measured without it.
        match measured.sandbox().toolchain(measured.language("c")?).await {
            Ok(_) => Ok(measured),
            Err(error) => {
                measured.close().await;
                Err(failed(error))
            }
        }
    }

    pub(super) fn sandbox(&self) -> &dyn Sandbox {
        self.cells.sandbox().as_ref()
    }

    pub(super) fn language(&self, id: &str) -> Result<&Arc<Language>, Failure> {
        let missing = || Failure::new(Exit::Usage, format!("the language {id} is unknown"));
        self.languages.get(id).ok_or_else(missing)
    }

    /// Compiles a test program; never uses an earlier result.
    pub(super) async fn compile(&self, language: &str, source: &str) -> Result<Compiled, Failure> {
        let language = Arc::clone(self.language(language)?);
        let source = Source::single(&language, source);
        let compiler = Compiler::new(Arc::clone(&self.cells));
        let compiled = compiler.compile(&source, Some(CORE)).await.map_err(failed)?;
        let artifact = compiled.artifact.ok_or_else(|| {
            let message = format!("{} did not compile our program: {}", language.id, compiled.log);
            Failure::new(Exit::JudgeError, message)
        })?;
        let start = Start::Language(source.layout.clone());
        let executable = Executable { language, start, artifact };
        Ok(Compiled { source: Arc::new(source), executable })
    }

    /// Loads a program into a new cell, to be run with these arguments.
    pub(super) async fn load(
        &self,
        program: &Compiled,
        limits: Limits,
        arguments: &[&str],
    ) -> Result<Loaded<'_>, Failure> {
        let spec = CellSpec::run(&program.executable.language, &limits);
        let cell = self.cells.prepare(&spec).await.map_err(failed)?;
        self.load_into(cell, program, limits, arguments).await
    }

    /// Loads a program into a cell that may have run others.
    pub(super) async fn load_into(
        &self,
        mut cell: Cell,
        program: &Compiled,
        limits: Limits,
        arguments: &[&str],
    ) -> Result<Loaded<'_>, Failure> {
        let executable = &program.executable;
        for file in executable.artifact.files.iter() {
            let path = CellPath::program(&file.path).map_err(failed)?;
            cell.put(&path, file.bytes.clone(), file.executable).await.map_err(failed)?;
        }
        // As in judging, the runtime's own limit excludes its allowance.
        let allowance_bytes = executable.language.allowances.memory_mib << 20;
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        let memory_bytes = limits.memory_bytes.saturating_sub(allowance_bytes);
        let argv = executable.argv(memory_bytes, &arguments);
        let command = Execution::new(argv, limits).on_core(CORE);
        Ok(Loaded { measured: self, cell, command })
    }

    /// Waits until all cells are destroyed, then shuts the sandbox down.
    pub(super) async fn close(self) {
        self.cells.drained().await;
        self.sandbox().shutdown().await;
    }
}

impl Loaded<'_> {
    /// Runs the program. Returns the outcome, and the time from the request to the outcome as seen
    /// by this process.
    pub(super) async fn run(&mut self) -> Result<(Outcome, Duration), Failure> {
        let started = Instant::now();
        let outcome = self.cell.execute(&self.command).await.map_err(failed)?;
        Ok((outcome, started.elapsed()))
    }

    /// Runs a program that must succeed.
    pub(super) async fn succeed(&mut self) -> Result<(Outcome, Duration), Failure> {
        let (outcome, elapsed) = self.run().await?;
        match outcome.ended.is_success() {
            true => Ok((outcome, elapsed)),
            false => {
                let mode = self.measured.mode;
                let message = format!("{mode}: the test program {}", outcome.ended);
                Err(Failure::new(Exit::JudgeError, message))
            }
        }
    }

    /// Destroys the cell in the background.
    pub(super) async fn retire(self) {
        self.measured.cells.retire(self.cell).await;
    }
}
