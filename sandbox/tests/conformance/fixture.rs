//! The environment of the cases: a sandbox, the probe compiled inside it, and cells that are
//! checked after each run.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use sandbox::{
    Cell, CellPath, CellSpec, Ended, Execution, Language, Languages, Layout, Limits, Outcome,
    Sandbox, SandboxError,
};

use crate::case::{AMPLE, Case, GRACE, MIB, Mode, Program};

/// The probe's parts. Concatenated in this order, they are one source.
pub(crate) const PROBE: &[&str] = &[
    include_str!("probes/probe.h"),
    include_str!("probes/time.c"),
    include_str!("probes/memory.c"),
    include_str!("probes/processes.c"),
    include_str!("probes/filesystem.c"),
    include_str!("probes/output.c"),
    include_str!("probes/link.c"),
    include_str!("probes/turns.c"),
    include_str!("probes/kernel.c"),
    include_str!("probes/main.c"),
];

/// The largest file fetched from a compile cell, in bytes.
const ARTIFACT_BYTES_MAX: u64 = 64 << 20;

pub(crate) struct Fixture {
    pub(crate) sandbox: Arc<dyn Sandbox>,
    pub(crate) mode: Mode,
    languages: Languages,
    probe: Bytes,
    open: AtomicUsize,
}

impl Fixture {
    pub(crate) async fn new(sandbox: Arc<dyn Sandbox>, mode: Mode) -> Result<Self, SandboxError> {
        let open = AtomicUsize::new(0);
        let languages = Languages::builtin();
        let mut fixture = Self { sandbox, mode, languages, probe: Bytes::new(), open };
        let language = fixture.language("c");
        let mut cell = fixture.sandbox.prepare(&CellSpec::compile(language)).await?;
        let limits = language.compile_limits();
        let outcome = compile(&mut cell, language, PROBE.concat().as_bytes(), &limits).await?;
        assert!(outcome.ended.is_success(), "{}", String::from_utf8_lossy(&outcome.stderr));
        let artifact = CellPath::work(&language.artifact)?;
        fixture.probe = cell.get(&artifact, ARTIFACT_BYTES_MAX).await?;
        cell.close().await?;
        Ok(fixture)
    }

    /// A language, by an extension of its sources.
    pub(crate) fn language(&self, extension: &str) -> &Arc<Language> {
        self.languages.by_extension(extension).expect("the cases only use languages there are")
    }

    /// The number of cells that the cases have open.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    /// A fresh cell with the probe in it, large enough for these limits.
    pub(crate) async fn slot(&self, limits: &Limits) -> Slot<'_> {
        self.slot_of(&CellSpec::run(self.language("c"), limits)).await
    }

    pub(crate) async fn slot_of(&self, spec: &CellSpec) -> Slot<'_> {
        let counted = self.counted();
        let cell = self.sandbox.prepare(spec).await.expect("a cell");
        self.slot_in(cell, counted).await
    }

    /// Two cells whose programs can talk to each other.
    pub(crate) async fn pair(&self, limits: &Limits) -> [Slot<'_>; 2] {
        let mut one = self.slot(limits).await;
        let spec = CellSpec::run(self.language("c"), limits);
        let counted = self.counted();
        let cell = self.sandbox.prepare_beside(&spec, &mut one.cell).await.expect("a cell");
        let other = self.slot_in(cell, counted).await;
        [one, other]
    }

    fn counted(&self) -> Counted<'_> {
        self.open.fetch_add(1, Ordering::SeqCst);
        Counted(&self.open)
    }

    async fn slot_in<'a>(&'a self, mut cell: Cell, counted: Counted<'a>) -> Slot<'a> {
        let probe = CellPath::program("probe").expect("a plain name");
        cell.put(&probe, self.probe.clone(), true).await.expect("the probe fits");
        let mut slot = Slot { cell, fresh: String::new(), _counted: counted };
        slot.fresh = slot.inventory().await;
        slot
    }

    /// Runs a case, in the shared cell if it may. Panics if the case fails.
    pub(crate) async fn judge<'a>(&'a self, case: &Case, shared: &mut Option<Slot<'a>>) {
        let outcome = match case.program {
            Program::Steps(steps) => return steps(self).await,
            Program::Probe(words) => {
                let own = case.own_cell || !fits(&case.limits, &AMPLE);
                let taken = if own { None } else { shared.take() };
                let mut slot = match taken {
                    Some(slot) => slot,
                    None => self.slot(&wide_enough(&case.limits)).await,
                };
                let execution = command(words, case.limits).with_stdin(case.stdin.clone());
                let outcome = slot.execute(&execution).await;
                // Check the cell in any case, so that a failure reports everything.
                slot.expect_fresh().await;
                if own {
                    slot.close().await;
                } else {
                    *shared = Some(slot);
                }
                outcome
            }
            Program::Source { language, text } => self.run_source(case, language, text).await,
            Program::Compile { language, source } => {
                let language = self.language(language);
                let (mut slot, outcome) =
                    self.compile_in_slot(language, &source(), &case.limits).await;
                // Check the cell only now, because the files of a compile step are kept for the
                // next one.
                slot.run(&["exit", "0"], AMPLE).await;
                slot.expect_fresh().await;
                slot.close().await;
                outcome
            }
        };
        if let Some(objection) = case.objection(self.mode, &outcome) {
            panic!("{objection}");
        }
    }

    /// Compiles in a compile cell, and leaves that open.
    pub(crate) async fn compile_in_slot(
        &self,
        language: &Arc<Language>,
        source: &[u8],
        limits: &Limits,
    ) -> (Slot<'_>, Outcome) {
        let mut slot = self.slot_of(&CellSpec::compile(language)).await;
        let outcome = compile(&mut slot.cell, language, source, limits).await.expect("a compiler");
        (slot, outcome)
    }

    async fn run_source(&self, case: &Case, language: &str, text: &str) -> Outcome {
        let language = self.language(language);
        let (mut slot, compiled) =
            self.compile_in_slot(language, text.as_bytes(), &language.compile_limits()).await;
        expect_end(&compiled, Ended::Exited { code: 0 });
        let artifact = CellPath::work(&language.artifact).expect("a plain name");
        let artifact = slot.cell.get(&artifact, ARTIFACT_BYTES_MAX).await.expect("an artifact");
        slot.close().await;

        // A limit below a problem's minimum is used as it is, without the runtime's allowance.
        let allowance_bytes = language.allowances.memory_mib << 20;
        let whole = if case.limits.memory_bytes < MIB { 0 } else { allowance_bytes };
        let limits = Limits {
            memory_bytes: case.limits.memory_bytes + whole,
            processes: language.allowances.processes,
            ..case.limits
        };
        let mut slot = self.slot_of(&CellSpec::run(language, &wide_enough(&limits))).await;
        let program = CellPath::program(&language.artifact).expect("a plain name");
        slot.cell.put(&program, artifact, true).await.expect("it fits");
        for (name, text) in &language.support {
            let support = CellPath::program(name).expect("a plain name");
            slot.cell.put(&support, text.clone().into(), false).await.expect("it fits");
        }
        let run = Execution::new(
            language.run_argv(case.limits.memory_bytes, &Layout::single(language)),
            limits,
        )
        .with_stdin(case.stdin.clone());
        let outcome = slot.execute(&run).await;
        slot.expect_fresh().await;
        slot.close().await;
        outcome
    }
}

/// The limits of a cell for a case and for the check after it.
fn wide_enough(limits: &Limits) -> Limits {
    Limits {
        memory_bytes: limits.memory_bytes.max(AMPLE.memory_bytes),
        processes: limits.processes.max(AMPLE.processes),
        file_bytes: limits.file_bytes.max(AMPLE.file_bytes),
        ..*limits
    }
}

fn fits(limits: &Limits, cell: &Limits) -> bool {
    limits.memory_bytes <= cell.memory_bytes
        && limits.processes <= cell.processes
        && limits.file_bytes <= cell.file_bytes
}

/// Runs a language's compile steps on a source. Returns the last step's outcome.
async fn compile(
    cell: &mut Cell,
    language: &Language,
    source: &[u8],
    limits: &Limits,
) -> Result<Outcome, SandboxError> {
    cell.put(&CellPath::work(&language.source)?, Bytes::copy_from_slice(source), false).await?;
    let mut last = None;
    for step in language.compile_steps(&Layout::single(language)) {
        let outcome = cell.execute(&Execution::new(step, *limits).keeping()).await?;
        let failed = !outcome.ended.is_success();
        last = Some(outcome);
        if failed {
            break;
        }
    }
    Ok(last.expect("every language here has a compile step"))
}

struct Counted<'a>(&'a AtomicUsize);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A cell in use. Fields are dropped in order, so the cell's destruction has begun before the cell
/// counts as closed.
pub(crate) struct Slot<'a> {
    pub(crate) cell: Cell,
    /// The inventory before anything ran.
    fresh: String,
    _counted: Counted<'a>,
}

impl Slot<'_> {
    pub(crate) async fn execute(&mut self, execution: &Execution) -> Outcome {
        self.cell.execute(execution).await.expect("an outcome")
    }

    /// Runs the probe with these words.
    pub(crate) async fn run(&mut self, words: &[&str], limits: Limits) -> Outcome {
        self.execute(&command(words, limits)).await
    }

    /// Runs the probe with these words and keeps its files.
    pub(crate) async fn run_keeping(&mut self, words: &[&str], limits: Limits) -> Outcome {
        self.execute(&command(words, limits).keeping()).await
    }

    /// Checks that the cell is like a fresh one, so that no program affects the next.
    pub(crate) async fn expect_fresh(&mut self) {
        let now = self.inventory().await;
        assert_eq!(now, self.fresh, "the cell is not like a fresh one");
    }

    async fn inventory(&mut self) -> String {
        let outcome = self.run(&["inventory"], AMPLE).await;
        expect(&outcome, |outcome| {
            let text = String::from_utf8_lossy(&outcome.stdout);
            let clean = "processes 0\nfiles 0\nareas 3\nipc 0\nsockets 0\ndescriptors 0\nmounts ";
            outcome.ended.is_success() && text.starts_with(clean) && outcome.wall < GRACE
        });
        String::from_utf8_lossy(&outcome.stdout).into_owned()
    }

    pub(crate) async fn close(self) {
        let Self { cell, _counted, .. } = self;
        cell.close().await.expect("the cell closes");
    }
}

/// The command that runs the probe with these words.
pub(crate) fn command(words: &[&str], limits: Limits) -> Execution {
    let words = std::iter::once("/box/probe").chain(words.iter().copied());
    Execution::new(words.map(str::to_owned).collect(), limits)
}

/// Fails, showing the outcome, unless it has the expected property.
#[track_caller]
pub(crate) fn expect(outcome: &Outcome, holds: impl FnOnce(&Outcome) -> bool) {
    let brief = Outcome {
        stdout: outcome.stdout.slice(..outcome.stdout.len().min(2000)),
        stderr: outcome.stderr.slice(..outcome.stderr.len().min(2000)),
        ..outcome.clone()
    };
    assert!(holds(outcome), "{brief:#?}");
}

/// Fails unless the run ended in this way.
#[track_caller]
pub(crate) fn expect_end(outcome: &Outcome, ended: Ended) {
    expect(outcome, |outcome| outcome.ended == ended);
}

/// Fails unless an operation was refused with this error.
#[track_caller]
pub(crate) fn expect_error<T: Debug>(
    result: Result<T, SandboxError>,
    is: impl FnOnce(&SandboxError) -> bool,
) {
    match result {
        Err(error) if is(&error) => {}
        other => panic!("{other:#?}"),
    }
}
